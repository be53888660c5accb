/* Disks that fill up: a limit on the size of files at many places, and, where the test may mount one, a small
 * tmpfs. */
#include "io_test.h"

#include <errno.h>
#include <hdf5.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static small_model model;

/* ---- a disk that breaks at the n-th operation ---------------------------------------------------------- */

/* These stand in for those of the C library, in HDF5 too. From operation `breaks_at` on, if not 0, all fail
 * that would reach a disk (files that have no name do not). */
static int operations, breaks_at;
/* At operation `breaks_at` this file is removed instead, by somebody else. */
static const char *removed;

static bool broken(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0 || info.st_nlink == 0) return false;
  operations++;
  if (breaks_at == 0 || operations < breaks_at) return false;
  if (removed) {
    unlink(removed);
    return false;
  }
  errno = EIO;
  return true;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  if (broken(fd)) return -1;
  if (size > 3) size -= size / 3; /* and no write is ever done at once */
  return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fsync(int fd) {
  return broken(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

static bool fail_next_flush;
int fdatasync(int fd) {
  if (!fail_next_flush) return (int)syscall(SYS_fdatasync, fd);
  fail_next_flush = false;
  errno = EIO;
  return -1;
}

static int set_up(void **state) {
  signal(SIGXFSZ, SIG_IGN); /* then writing beyond the limit is EFBIG */
  small_model_create(&model, 64);
  return make_test_folder(state);
}
static int tear_down(void **state) {
  small_model_destroy(&model);
  return remove_test_folder(state);
}

static void limit_files(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What HDF5 could not close would crash the program when the library ends. */
static void nothing_is_open(void) {
  assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

/* Writes step + 1 over `path`, which has the step of the model, and must fail. */
static void fails_and_keeps_the_old(const char *path, const char *reason) {
  dsm_checkpoint later = model.header, header;
  dsm_checkpoint_arrays arrays;
  later.step++;
  dsm_status status = dsm_checkpoint_write(path, &later, &model.arrays, NULL);
  breaks_at = 0;
  limit_files(RLIM_INFINITY);
  assert_fails(status, DSM_IO, reason);
  assert_non_null(strstr(dsm_trail_message(), "needed"));
  assert_non_null(strstr(dsm_trail_message(), "free"));
  assert_non_null(strstr(dsm_trail_message(), path));
  nothing_is_open();
  assert_ok(dsm_checkpoint_read_header(path, &header));
  assert_true(header.step == model.header.step);
  dsm_checkpoint_destroy(&header);
  small_model_empty_arrays(&model, &arrays);
  assert_ok(dsm_checkpoint_read_arrays(path, &arrays));
  assert_true(small_model_same_arrays(&model.arrays, &arrays));
  small_model_free_arrays(&arrays);
}

static void a_disk_that_breaks_at_any_moment_leaves_the_old_checkpoint(void **state) {
  (void)state;
  char path[512];
  snprintf(path, sizeof path, "%s", in_folder("broken.h5"));
  operations = 0;
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  const int all = operations;
  assert_true(all > 20);
  for (int n = 1; n < all; n++) { /* the last is the flush of the folder, after the renaming */
    operations = 0;
    breaks_at = n;
    fails_and_keeps_the_old(path, "Input/output error");
    assert_int_equal(count_names("broken.h5"), 1);
  }
  print_message("%d operations\n", all);
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL)); /* nothing is broken for later */
}

/* Whatever moment it is: that the file is not found is then no missing input. */
static void a_checkpoint_removed_while_it_is_written_is_a_failure_of_writing(void **state) {
  (void)state;
  char path[512], temporary[600];
  snprintf(path, sizeof path, "%s", in_folder("removed.h5"));
  assert_ok(dsm_temporary_name(path, temporary, sizeof temporary));
  operations = 0;
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  const int all = operations;
  removed = temporary;
  for (int n = 1; n < all - 1; n += 5) { /* the last two flush file and folder */
    operations = 0;
    breaks_at = n;
    fails_and_keeps_the_old(path, "No such file or directory");
  }
  removed = NULL;
}

static void a_limit_on_the_size_of_files_is_told_before_the_kernel_acts(void **state) {
  (void)state;
  char path[512];
  struct stat info;
  snprintf(path, sizeof path, "%s", in_folder("limited.h5"));
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  assert_int_equal(stat(path, &info), 0);
  for (int i = 0; i < 4; i++) {
    limit_files((rlim_t)(info.st_size * i / 4));
    fails_and_keeps_the_old(path, "File too large");
    assert_int_equal(count_names("limited.h5"), 1);
  }
}

static const dsm_samples_info samples_info = {.count = 10000, .block = 10, .sample = {3, {8, 8, 1, 1, 1}}};

static void samples_and_pictures_fail_cleanly_too(void **state) {
  (void)state;
  uint64_t missing;
  limit_files(100000);
  dsm_status status = dsm_samples_create(in_folder("limited.samples"), &samples_info, &missing);
  limit_files(RLIM_INFINITY);
  assert_fails(status, DSM_IO, "File too large");
  for (int n = 1;; n++) {
    operations = 0;
    breaks_at = n;
    status = dsm_samples_create(in_folder("limited.samples"), &samples_info, &missing);
    const bool reached = operations >= n;
    breaks_at = 0;
    nothing_is_open();
    if (!reached) break;
    assert_fails(status, DSM_IO, "Input/output error");
    if (count_names("limited.samples") != 0) break; /* the flush of the folder, after the renaming */
  }
  assert_true(operations > 5);
  assert_int_equal(count_names(".tmp"), 0);

  dsm_picture picture;
  assert_ok(dsm_picture_create(100, 100, (const unsigned char[]){1, 2, 3}, &picture));
  for (int n = 1; n <= 2; n++) {
    operations = 0;
    breaks_at = n;
    status = dsm_picture_write(&picture, in_folder("limited.png"));
    breaks_at = 0;
    assert_fails(status, DSM_IO, "Input/output error");
    assert_int_equal(count_names("limited.png"), 0);
  }
  dsm_picture_destroy(&picture);
}

static const int32_t evaluations[10];

/* The mark is the last thing written: data, index, evaluations, mark. */
static void a_block_whose_writing_broke_off_is_missing(void **state) {
  (void)state;
  uint64_t missing;
  dsm_samples *samples;
  float *x = calloc(10 * 64, sizeof *x);
  const char *path = in_folder("cut.samples");
  assert_ok(dsm_samples_create(path, &samples_info, &missing));
  assert_ok(dsm_samples_open(path, &samples));
  dsm_status status = DSM_IO;
  int n = 0;
  while (status != DSM_OK) {
    assert_ok(dsm_samples_create(path, &samples_info, &missing));
    assert_int_equal(missing, 1000);
    assert_false(dsm_samples_done(samples, 0));
    operations = 0;
    breaks_at = ++n;
    status = dsm_samples_write(samples, 0, x, evaluations, NULL);
    breaks_at = 0;
  }
  assert_true(n > 4);
  dsm_samples_close(&samples);
  assert_ok(dsm_samples_create(path, &samples_info, &missing));
  assert_int_equal(missing, 999);
  free(x);
}

static void blocks_that_never_reached_the_disk_count_as_missing(void **state) {
  (void)state;
  uint64_t missing;
  dsm_samples *samples;
  float *x = calloc(10 * 64, sizeof *x);
  const char *path = in_folder("late.samples");
  assert_ok(dsm_samples_create(path, &samples_info, &missing));
  assert_int_equal(missing, 1000);
  assert_ok(dsm_samples_open(path, &samples));
  assert_ok(dsm_samples_write(samples, 3, x, evaluations, NULL));
  dsm_samples_close(&samples);
  assert_ok(dsm_samples_open(path, &samples));
  assert_ok(dsm_samples_write(samples, 4, x, evaluations, NULL));
  assert_true(dsm_samples_done(samples, 4));
  fail_next_flush = true;
  dsm_samples_close(&samples);
  assert_ok(dsm_samples_create(path, &samples_info, &missing));
  assert_int_equal(missing, 999); /* block 3 alone is done */
  free(x);
}

/* In a mount name space of this process alone: nobody else sees the small disk, and it goes with the process.
 */
static bool mount_small_disk(const char *path, const char *options) {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", path, "tmpfs", 0, options) == 0;
}

static void a_full_disk_is_told_with_the_bytes_and_harms_nothing(void **state) {
  (void)state;
  char disk[512], path[600], filler[600];
  snprintf(disk, sizeof disk, "%s", in_folder("disk"));
  assert_int_equal(mkdir(disk, 0700), 0);
  if (!mount_small_disk(disk, "size=256k")) {
    print_message("needs the right to mount a tmpfs\n");
    skip();
  }
  snprintf(path, sizeof path, "%s/step-00000001.h5", disk);
  snprintf(filler, sizeof filler, "%s/filler", disk);
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  char *zeros = calloc(1, 130000);
  write_bytes(filler, zeros, 130000);
  free(zeros);
  fails_and_keeps_the_old(path, "No space left on device");
  int64_t *steps;
  size_t count;
  assert_ok(dsm_checkpoint_list(disk, &steps, &count));
  assert_int_equal(count, 1);
  free(steps);

  uint64_t missing;
  snprintf(path, sizeof path, "%s/samples.h5", disk);
  assert_fails(dsm_samples_create(path, &samples_info, &missing), DSM_IO, "2.7 MB needed");
  assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_disk_that_breaks_at_any_moment_leaves_the_old_checkpoint),
      cmocka_unit_test(a_checkpoint_removed_while_it_is_written_is_a_failure_of_writing),
      cmocka_unit_test(a_limit_on_the_size_of_files_is_told_before_the_kernel_acts),
      cmocka_unit_test(samples_and_pictures_fail_cleanly_too),
      cmocka_unit_test(a_block_whose_writing_broke_off_is_missing),
      cmocka_unit_test(blocks_that_never_reached_the_disk_count_as_missing),
      cmocka_unit_test(a_full_disk_is_told_with_the_bytes_and_harms_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
