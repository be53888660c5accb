#include "io_test.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

static void touch(const char *name) {
  write_bytes(in_folder(name), "x", 1);
}
static bool exists(const char *name) {
  struct stat info;
  return lstat(in_folder(name), &info) == 0;
}

static void assert_steps(const char *folder, size_t n, const int64_t *expected) {
  int64_t *steps;
  size_t count;
  assert_ok(dsm_checkpoint_list(folder, &steps, &count));
  assert_int_equal(count, n);
  if (n) assert_memory_equal(steps, expected, n * sizeof *steps);
  free(steps);
}

static void paths_sort_as_steps_do(void **state) {
  (void)state;
  char path[64];
  assert_string_equal(dsm_checkpoint_path("run/checkpoints", 1000, path, sizeof path),
                      "run/checkpoints/step-00001000.h5");
  assert_string_equal(dsm_checkpoint_path("c", 123456789, path, sizeof path), "c/step-123456789.h5");
}

static void a_missing_folder_has_no_checkpoints(void **state) {
  (void)state;
  assert_steps(in_folder("nowhere"), 0, NULL);
  assert_ok(dsm_checkpoint_prune(in_folder("nowhere"), 3, 0));
  touch("file");
  int64_t *steps;
  size_t count;
  assert_fails(dsm_checkpoint_list(in_folder("file"), &steps, &count), DSM_IO, "Not a directory");
}

static void only_regular_files_of_the_exact_name_are_listed(void **state) {
  (void)state;
  const char *const foreign[] = {"step-1.h5",
                                 "step-000000005.h5",
                                 "step-00000006.h5x",
                                 "step--0000007.h5",
                                 "step-00000008.hdf5",
                                 "Step-00000009.h5",
                                 "step-00000010",
                                 "step-+0000011.h5",
                                 "step-00000012.h5.bak",
                                 "notes.txt",
                                 "step-99999999999999999999999.h5"};
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) touch(foreign[i]);
  touch("step-00000002.h5");
  touch("step-123456789.h5");
  touch("step-00000000.h5");
  assert_int_equal(mkdir(in_folder("step-00000020.h5"), 0700), 0);
  assert_int_equal(mkfifo(in_folder("step-00000021.h5"), 0600), 0);
  assert_int_equal(symlink(in_folder("step-00000002.h5"), in_folder("step-00000022.h5")), 0);
  touch("step-00000023.h5.tmp-somewhere-1");
  assert_steps(test_folder, 3, (const int64_t[]){123456789, 2, 0});

  assert_ok(dsm_checkpoint_prune(test_folder, 2, 0));
  assert_steps(test_folder, 2, (const int64_t[]){123456789, 2});
  assert_ok(dsm_checkpoint_prune(test_folder, 0, 0)); /* never the newest */
  assert_steps(test_folder, 1, (const int64_t[]){123456789});
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) assert_true(exists(foreign[i]));
  assert_true(exists("step-00000020.h5") && exists("step-00000021.h5") && exists("step-00000022.h5"));
}

static void those_for_good_are_not_deleted(void **state) {
  (void)state;
  const int64_t steps[] = {1010, 1020, 1025, 1030, 1040, 1050};
  char name[32];
  for (size_t i = 0; i < 6; i++) {
    snprintf(name, sizeof name, "step-%08lld.h5", (long long)steps[i]);
    touch(name);
  }
  assert_ok(dsm_checkpoint_prune(test_folder, 1, 20)); /* the newest is that of the test before */
  assert_steps(test_folder, 3, (const int64_t[]){123456789, 1040, 1020});
}

static pid_t dead_process(void) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  return child;
}

static void leftovers_of_dead_runs_alone_are_removed(void **state) {
  (void)state;
  char host[128] = "", dead[256], alive[256], strange[256];
  gethostname(host, sizeof host - 1);
  snprintf(dead, sizeof dead, "step-00000031.h5.tmp-%s-%ld", host, (long)dead_process());
  snprintf(alive, sizeof alive, "step-00000031.h5.tmp-%s-%ld", host, (long)getpid());
  snprintf(strange, sizeof strange, "other.h5.tmp-%s-%ld", host, (long)dead_process());
  const char *const kept[] = {alive,
                              strange,
                              "step-00000032.h5.tmp-elsewhere-77",
                              "step-00000033.h5.tmp-x",
                              "step-00000034.h5.tmp",
                              "step-00000035.h5.tmp--12"};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) touch(kept[i]);
  touch(dead);
  touch("step-00000036.h5.tmp-elsewhere-78");
  const time_t yesterday = time(NULL) - 86400;
  assert_int_equal(
      utime(in_folder("step-00000036.h5.tmp-elsewhere-78"), &(struct utimbuf){yesterday, yesterday}), 0);
  assert_ok(dsm_checkpoint_prune(test_folder, 1, 0));
  assert_false(exists(dead));
  assert_false(exists("step-00000036.h5.tmp-elsewhere-78"));
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) assert_true(exists(kept[i]));
}

/* Of one name: that of the file that is written now. */
static void writing_removes_what_dead_writers_of_the_file_left(void **state) {
  (void)state;
  char host[128] = "", dead[256], of_another[256];
  gethostname(host, sizeof host - 1);
  snprintf(dead, sizeof dead, "picture.png.tmp-%s-%ld", host, (long)dead_process());
  snprintf(of_another, sizeof of_another, "picture.png.old.tmp-%s-%ld", host, (long)dead_process());
  touch(dead);
  touch(of_another);
  assert_ok(dsm_file_write(in_folder("picture.png"), "whole", 5));
  assert_false(exists(dead));
  assert_true(exists(of_another));
  assert_int_equal(count_names("picture.png"), 2);
  assert_ok(dsm_file_append(in_folder("picture.png"), " and more"));
  assert_ok(dsm_remove_leftovers(test_folder, ""));
  assert_int_equal(count_names("picture.png"), 1);
  size_t size;
  unsigned char *bytes = read_bytes(in_folder("picture.png"), &size);
  assert_int_equal(size, strlen("whole and more"));
  assert_memory_equal(bytes, "whole and more", size);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_sort_as_steps_do),
      cmocka_unit_test(a_missing_folder_has_no_checkpoints),
      cmocka_unit_test(only_regular_files_of_the_exact_name_are_listed),
      cmocka_unit_test(those_for_good_are_not_deleted),
      cmocka_unit_test(leftovers_of_dead_runs_alone_are_removed),
      cmocka_unit_test(writing_removes_what_dead_writers_of_the_file_left),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
