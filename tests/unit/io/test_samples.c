#include "io_test.h"

#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  COUNT = 23,
  BLOCK = 5,
  BLOCKS = 5,
  HEIGHT = 4,
  WIDTH = 3,
  CHANNELS = 2,
  SIZE = HEIGHT * WIDTH * CHANNELS
};

static dsm_samples_info make_info(void) {
  return (dsm_samples_info){.count = COUNT,
                            .block = BLOCK,
                            .sample = DSM_SHAPE(HEIGHT, WIDTH, CHANNELS),
                            .seed = 7,
                            .axes = "N C H W",
                            .sampler = "ancestral, 1000 steps, variance large",
                            .evaluations = 1000,
                            .config = "train:\n  seed: 1\n",
                            .checkpoint = "run/checkpoints/step-00001000.h5",
                            .step = 1000,
                            .program = "dsmpi 0.1.0"};
}

static float value(size_t sample, size_t y, size_t x, size_t c) {
  return (float)(sample * 1000 + y * 100 + x * 10 + c);
}

/* Samples of a block, channels last; a full block, so that what is beyond the last sample would be seen in
 * the file. */
static void fill_block(uint64_t block, float *x) {
  for (size_t i = 0; i < BLOCK; i++)
    for (size_t p = 0; p < HEIGHT * WIDTH; p++)
      for (size_t c = 0; c < CHANNELS; c++) *x++ = value(block * BLOCK + i, p / WIDTH, p % WIDTH, c);
}

static void write_block(dsm_samples *samples, uint64_t block) {
  float x[BLOCK * SIZE];
  int32_t evaluations[BLOCK];
  fill_block(block, x);
  for (int i = 0; i < BLOCK; i++) evaluations[i] = (int32_t)block * BLOCK + i + 100;
  assert_false(dsm_samples_done(samples, block));
  assert_ok(dsm_samples_write(samples, block, x, evaluations));
  assert_true(dsm_samples_done(samples, block));
}

static dsm_samples *open_samples(const char *path) {
  dsm_samples *samples;
  assert_ok(dsm_samples_open(path, &samples));
  return samples;
}

static void create(const char *path, uint64_t expected_missing) {
  const dsm_samples_info info = make_info();
  uint64_t missing;
  assert_ok(dsm_samples_create(path, &info, &missing));
  assert_int_equal(missing, expected_missing);
}

static void write_all(const char *path) {
  create(path, BLOCKS);
  dsm_samples *samples = open_samples(path);
  for (uint64_t b = 0; b < BLOCKS; b++) write_block(samples, b);
  dsm_samples_close(&samples);
  assert_null(samples);
  dsm_samples_close(&samples);
  assert_ok(dsm_samples_finish(path));
}

static bool exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

static void read_dataset(hid_t file, const char *name, hid_t type, void *values) {
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  assert_true(dataset >= 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
}

static void a_finished_file_has_all_samples_in_order_of_channels_first(void **state) {
  (void)state;
  const char *path = in_folder("all.h5");
  float x[COUNT][CHANNELS][HEIGHT][WIDTH];
  int64_t index[COUNT];
  int32_t evaluations[COUNT];
  double mean;
  int64_t largest;
  unsigned char complete[BLOCKS];
  write_all(path);
  assert_false(exists(in_folder("all.h5.partial")));
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(file >= 0);
  read_dataset(file, "samples", H5T_NATIVE_FLOAT, x);
  read_dataset(file, "index", H5T_NATIVE_INT64, index);
  read_dataset(file, "evaluations", H5T_NATIVE_INT32, evaluations);
  read_dataset(file, "complete", H5T_NATIVE_UCHAR, complete);
  H5Fclose(file);
  assert_ok(dsm_samples_evaluations(path, &mean, &largest));
  assert_true(mean == 100 + (COUNT - 1) / 2.0);
  assert_int_equal(largest, 100 + COUNT - 1);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(index[i], i);
    assert_int_equal(evaluations[i], 100 + i);
    for (size_t c = 0; c < CHANNELS; c++)
      for (size_t p = 0; p < HEIGHT * WIDTH; p++)
        assert_true(x[i][c][p / WIDTH][p % WIDTH] == value(i, p / WIDTH, p % WIDTH, c));
  }
  for (size_t b = 0; b < BLOCKS; b++) assert_int_equal(complete[b], 1);
}

static void any_order_from_any_writers_gives_the_same_bytes(void **state) {
  (void)state;
  const char *path = in_folder("mixed.h5");
  write_all(in_folder("straight.h5"));
  create(path, BLOCKS);
  dsm_samples *one = open_samples(path), *two = open_samples(path);
  write_block(two, 4);
  write_block(one, 2);
  write_block(two, 0);
  write_block(one, 3);
  assert_false(dsm_samples_done(one, 0)); /* what others do is not seen */
  write_block(two, 1);
  dsm_samples_close(&one);
  dsm_samples_close(&two);
  assert_ok(dsm_samples_finish(path));
  assert_true(same_bytes(path, in_folder("straight.h5")));
}

static void a_restart_finds_the_missing_blocks(void **state) {
  (void)state;
  const char *path = in_folder("restart.h5");
  create(path, BLOCKS);
  dsm_samples *samples = open_samples(path);
  write_block(samples, 1);
  write_block(samples, 4);
  dsm_samples_close(&samples);
  assert_fails(dsm_samples_finish(path), DSM_INTERNAL, "3 of 5 blocks are missing, the first is 0");
  create(path, 3);
  samples = open_samples(path);
  for (uint64_t b = 0; b < BLOCKS; b++) {
    assert_int_equal(dsm_samples_done(samples, b), b == 1 || b == 4);
    if (!dsm_samples_done(samples, b)) write_block(samples, b);
  }
  dsm_samples_close(&samples);
  create(path, 0);
  assert_ok(dsm_samples_finish(path));
  write_all(in_folder("unbroken.h5"));
  assert_true(same_bytes(path, in_folder("unbroken.h5")));
}

static void another_request_replaces_a_partial_file(void **state) {
  (void)state;
  char path[512], partial[600];
  snprintf(path, sizeof path, "%s", in_folder("request.h5"));
  snprintf(partial, sizeof partial, "%s.partial", path);
  for (int change = 0; change < 8; change++) {
    dsm_samples_info info = make_info();
    uint64_t missing;
    unlink(partial);
    create(path, BLOCKS);
    dsm_samples *samples = open_samples(path);
    write_block(samples, 0);
    dsm_samples_close(&samples);
    create(path, BLOCKS - 1);
    switch (change) {
    case 0:
      info.count++;
      break;
    case 1:
      info.block = 6;
      break;
    case 2:
      info.seed++;
      break;
    case 3:
      info.sampler[0] = 'A';
      break;
    case 4:
      info.step++;
      break;
    case 5:
      info.config = "train:\n  seed: 2\n";
      break;
    case 6:
      info.sample = DSM_SHAPE(WIDTH, HEIGHT, CHANNELS);
      break;
    case 7: /* a damaged file */
      assert_int_equal(truncate(partial, 3000), 0);
      break;
    }
    assert_ok(dsm_samples_create(path, &info, &missing));
    assert_int_equal(missing, (info.count - 1) / info.block + 1);
  }
}

static void a_finished_file_stays_until_the_next_is_complete(void **state) {
  (void)state;
  const char *path = in_folder("again.h5");
  size_t size, size_now;
  write_all(path);
  unsigned char *before = read_bytes(path, &size);
  create(path, BLOCKS);
  unsigned char *now = read_bytes(path, &size_now);
  assert_int_equal(size, size_now);
  assert_memory_equal(before, now, size);
  free(before);
  free(now);
}

static void a_file_of_somebody_else_is_left_alone(void **state) {
  (void)state;
  const dsm_samples_info info = make_info();
  const char *path = in_folder("data.h5");
  uint64_t missing;
  size_t size;
  write_bytes(path, "measurements", 12);
  assert_fails(dsm_samples_create(path, &info, &missing), DSM_IO, "is not a samples file");
  unsigned char *bytes = read_bytes(path, &size);
  assert_int_equal(size, 12);
  assert_memory_equal(bytes, "measurements", 12);
  free(bytes);
  unlink(path);
}

static void vectors_and_volumes_have_their_axes_and_labels(void **state) {
  (void)state;
  static const struct {
    int rank;
    size_t n[DSM_MAX_RANK];
    const char *axes, *labels;
  } rows[] = {{1, {7}, "", "NC"},
              {1, {7}, "N C", "NC"},
              {2, {9, 1}, "N T C", "NCT"},
              {3, {4, 5, 3}, "N Y X C", "NCYX"},
              {3, {4, 5, 1}, "N H W", "NCHW"},
              {3, {4, 5, 1}, "nonsense", "NCHW"},
              {4, {2, 3, 4, 5}, "", "NCZYX"}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const char *path = in_folder("axes.h5");
    dsm_samples_info info = make_info();
    uint64_t missing;
    hsize_t n[6];
    char *labels[6];
    info.sample = dsm__shape_make(rows[r].rank, rows[r].n);
    snprintf(info.axes, sizeof info.axes, "%s", rows[r].axes);
    assert_ok(dsm_samples_create(path, &info, &missing));
    hid_t file = H5Fopen(in_folder("axes.h5.partial"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t dataset = H5Dopen2(file, "samples", H5P_DEFAULT), space = H5Dget_space(dataset);
    assert_int_equal(H5Sget_simple_extent_dims(space, n, NULL), rows[r].rank + 1);
    assert_int_equal(n[0], COUNT);
    assert_int_equal(n[1], rows[r].n[rows[r].rank - 1]);
    for (int i = 2; i <= rows[r].rank; i++) assert_int_equal(n[i], rows[r].n[i - 2]);
    hid_t attribute = H5Aopen(dataset, "DIMENSION_LABELS", H5P_DEFAULT), type = H5Aget_type(attribute);
    hid_t label_space = H5Aget_space(attribute);
    assert_true(H5Tis_variable_str(type) > 0);
    assert_int_equal(H5Sget_simple_extent_npoints(label_space), rows[r].rank + 1);
    assert_true(H5Aread(attribute, type, labels) >= 0);
    for (int i = 0; i <= rows[r].rank; i++) {
      assert_int_equal(labels[i][0], rows[r].labels[i]);
      assert_int_equal(labels[i][1], 0);
    }
    H5Dvlen_reclaim(type, label_space, H5P_DEFAULT, labels);
    H5Sclose(label_space);
    H5Tclose(type);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
  }
}

static void impossible_requests_and_places_are_refused(void **state) {
  (void)state;
  dsm_samples_info info = make_info();
  dsm_samples *samples;
  uint64_t missing;
  info.count = UINT64_MAX / 8;
  assert_fails(dsm_samples_create(in_folder("huge.h5"), &info, &missing), DSM_USAGE, "ask for fewer");
  info.count = 0;
  assert_fails(dsm_samples_create(in_folder("none.h5"), &info, &missing), DSM_INTERNAL, "0 samples");
  info.count = 1;
  assert_int_equal(symlink("/etc/passwd", in_folder("link.h5")), 0);
  assert_fails(dsm_samples_create(in_folder("link.h5"), &info, &missing), DSM_IO, "symbolic link");
  assert_fails(dsm_samples_open(in_folder("none.h5"), &samples), DSM_NOT_FOUND, "none.h5.partial");
  assert_null(samples);
  assert_fails(dsm_samples_finish(in_folder("none.h5")), DSM_NOT_FOUND, "none.h5.partial");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_finished_file_has_all_samples_in_order_of_channels_first),
      cmocka_unit_test(any_order_from_any_writers_gives_the_same_bytes),
      cmocka_unit_test(a_restart_finds_the_missing_blocks),
      cmocka_unit_test(another_request_replaces_a_partial_file),
      cmocka_unit_test(a_finished_file_stays_until_the_next_is_complete),
      cmocka_unit_test(a_file_of_somebody_else_is_left_alone),
      cmocka_unit_test(vectors_and_volumes_have_their_axes_and_labels),
      cmocka_unit_test(impossible_requests_and_places_are_refused),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
