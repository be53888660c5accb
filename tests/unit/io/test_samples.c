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
  assert_ok(dsm_samples_write(samples, block, x, evaluations, NULL));
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

/* trap 25: samples that do not divide evenly are neither lost nor there twice. */
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
  assert_fails(dsm_samples_finish(path), DSM_IO, "3 of 5 blocks are missing, the first is 0");
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

static void a_file_tells_the_step_of_its_model(void **state) {
  (void)state;
  const char *path = in_folder("step.h5");
  int64_t step = -1;
  assert_fails(dsm_samples_step(path, &step), DSM_NOT_FOUND, "step.h5");
  write_all(path);
  assert_ok(dsm_samples_step(path, &step));
  assert_int_equal(step, 1000);
  unlink(path);
  write_bytes(path, "measurements", 12);
  assert_fails(dsm_samples_step(path, &step), DSM_BAD_DATA, "step.h5");
  unlink(path);
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

/* ---- fields -------------------------------------------------------------------------------------------- */

enum { DRAWS = 2, TERMS = 3 };

static const dsm_samples_field fields[] = {
    {"latents", DSM_FIELD_FLOAT32, {3, {HEIGHT, WIDTH, CHANNELS, 1, 1}}, 3, "x at the last time", false},
    {"nll", DSM_FIELD_FLOAT64, {0, {0}}, 0, "nats", false},
    {"draws", DSM_FIELD_FLOAT64, {4, {DRAWS, HEIGHT, WIDTH, CHANNELS, 1}}, 3, "of the posterior", false},
    {"terms", DSM_FIELD_INT32, {1, {TERMS, 1, 1, 1, 1}}, 0, NULL, false},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static dsm_samples_info info_with_fields(bool samples) {
  dsm_samples_info info = make_info();
  if (!samples) info.sample = (dsm_shape){0};
  info.fields = FIELDS;
  info.field = fields;
  info.input = "data.h5:/samples, rows 0 to 22";
  return info;
}

static void write_block_with_fields(dsm_samples *samples, bool with_samples, uint64_t block) {
  float x[BLOCK * SIZE], latents[BLOCK * SIZE];
  double nll[BLOCK], draws[BLOCK * DRAWS * SIZE];
  int32_t terms[BLOCK * TERMS], evaluations[BLOCK] = {0};
  fill_block(block, x);
  for (int i = 0; i < BLOCK * SIZE; i++) latents[i] = -x[i];
  for (int i = 0; i < BLOCK; i++) {
    nll[i] = 1e-9 + (double)(block * BLOCK) + i; /* more digits than float32 has */
    for (int k = 0; k < DRAWS; k++)
      for (int j = 0; j < SIZE; j++) draws[(i * DRAWS + k) * SIZE + j] = 0.5 * k + (double)x[i * SIZE + j];
    for (int j = 0; j < TERMS; j++) terms[i * TERMS + j] = 10 * ((int)block * BLOCK + i) + j;
  }
  assert_ok(dsm_samples_write(samples, block, with_samples ? x : NULL, evaluations,
                              (const void *const[]){latents, nll, draws, terms}));
}

static void create_with_fields(const char *path, bool samples, uint64_t expected_missing) {
  const dsm_samples_info info = info_with_fields(samples);
  uint64_t missing;
  assert_ok(dsm_samples_create(path, &info, &missing));
  assert_int_equal(missing, expected_missing);
}

static void expect_text(hid_t object, const char *name, const char *expected) {
  char text[128] = "";
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  assert_true(attribute >= 0);
  hid_t type = H5Aget_type(attribute);
  assert_true(H5Tget_size(type) < sizeof text && H5Aread(attribute, type, text) >= 0);
  assert_string_equal(text, expected);
  H5Tclose(type);
  H5Aclose(attribute);
}

static void expect_shape(hid_t file, const char *name, const char *labels, int rank,
                         const hsize_t *expected) {
  hsize_t n[6];
  char *label[6];
  hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
  assert_int_equal(H5Sget_simple_extent_dims(space, n, NULL), rank);
  for (int i = 0; i < rank; i++) assert_int_equal(n[i], expected[i]);
  H5Sclose(space);
  assert_int_equal(H5Aexists(dataset, "DIMENSION_LABELS") > 0, labels != NULL);
  if (labels) {
    hid_t attribute = H5Aopen(dataset, "DIMENSION_LABELS", H5P_DEFAULT), type = H5Aget_type(attribute);
    space = H5Aget_space(attribute);
    assert_int_equal(H5Sget_simple_extent_npoints(space), rank);
    assert_true(H5Aread(attribute, type, label) >= 0);
    for (int i = 0; i < rank; i++) assert_int_equal(label[i][0], labels[i]);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, label);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
  }
  H5Dclose(dataset);
}

static void check_fields(const char *path, bool samples) {
  float latents[COUNT][CHANNELS][HEIGHT][WIDTH];
  double nll[COUNT];
  double draws[COUNT][DRAWS][CHANNELS][HEIGHT][WIDTH];
  int32_t terms[COUNT][TERMS];
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(file >= 0);
  assert_int_equal(H5Lexists(file, "samples", H5P_DEFAULT) > 0, samples);
  expect_text(file, "input", "data.h5:/samples, rows 0 to 22");
  expect_shape(file, "latents", "NCHW", 4, (hsize_t[]){COUNT, CHANNELS, HEIGHT, WIDTH});
  expect_shape(file, "nll", NULL, 1, (hsize_t[]){COUNT});
  expect_shape(file, "draws", "NKCHW", 5, (hsize_t[]){COUNT, DRAWS, CHANNELS, HEIGHT, WIDTH});
  expect_shape(file, "terms", NULL, 2, (hsize_t[]){COUNT, TERMS});
  hid_t dataset = H5Dopen2(file, "nll", H5P_DEFAULT);
  expect_text(dataset, "description", "nats");
  H5Dclose(dataset);
  read_dataset(file, "latents", H5T_NATIVE_FLOAT, latents);
  read_dataset(file, "nll", H5T_NATIVE_DOUBLE, nll);
  read_dataset(file, "draws", H5T_NATIVE_DOUBLE, draws);
  read_dataset(file, "terms", H5T_NATIVE_INT32, terms);
  H5Fclose(file);
  for (size_t i = 0; i < COUNT; i++) {
    assert_true(nll[i] == 1e-9 + (double)i);
    for (size_t j = 0; j < TERMS; j++) assert_int_equal(terms[i][j], 10 * i + j);
    for (size_t c = 0; c < CHANNELS; c++)
      for (size_t p = 0; p < HEIGHT * WIDTH; p++) {
        const float x = value(i, p / WIDTH, p % WIDTH, c);
        assert_true(latents[i][c][p / WIDTH][p % WIDTH] == -x);
        for (int k = 0; k < DRAWS; k++)
          assert_true(draws[i][k][c][p / WIDTH][p % WIDTH] == 0.5 * k + (double)x);
      }
  }
}

static void fields_lie_beside_the_samples_or_in_their_place(void **state) {
  (void)state;
  for (int samples = 0; samples < 2; samples++) {
    const char *path = in_folder("fields.h5"), *mixed = in_folder("fields-mixed.h5");
    create_with_fields(path, samples, BLOCKS);
    dsm_samples *one = open_samples(path), *two;
    for (uint64_t b = 0; b < BLOCKS; b++) write_block_with_fields(one, samples, b);
    dsm_samples_close(&one);
    assert_ok(dsm_samples_finish(path));
    check_fields(path, samples);

    create_with_fields(mixed, samples, BLOCKS); /* cut off, gone on with, two writers */
    one = open_samples(mixed);
    write_block_with_fields(one, samples, 3);
    dsm_samples_close(&one);
    create_with_fields(mixed, samples, BLOCKS - 1);
    one = open_samples(mixed);
    two = open_samples(mixed);
    for (uint64_t b = BLOCKS; b-- > 0;)
      if (b != 3) write_block_with_fields(b % 2 ? one : two, samples, b);
    dsm_samples_close(&one);
    dsm_samples_close(&two);
    assert_ok(dsm_samples_finish(mixed));
    assert_true(same_bytes(path, mixed));
  }
}

static void fields_belong_to_the_request(void **state) {
  (void)state;
  char partial[600];
  const char *path = in_folder("field-request.h5");
  snprintf(partial, sizeof partial, "%s.partial", path);
  for (int change = 0; change < 7; change++) {
    dsm_samples_field other[FIELDS];
    dsm_samples_info info = info_with_fields(true);
    uint64_t missing;
    memcpy(other, fields, sizeof other);
    info.field = other;
    unlink(partial);
    create_with_fields(path, true, BLOCKS);
    dsm_samples *samples = open_samples(path);
    write_block_with_fields(samples, true, 0);
    dsm_samples_close(&samples);
    create_with_fields(path, true, BLOCKS - 1);
    switch (change) {
    case 0:
      info.fields--;
      break;
    case 1:
      other[1].name = "bits";
      break;
    case 2:
      other[3].type = DSM_FIELD_FLOAT32; /* as wide */
      break;
    case 3:
      other[0].row = DSM_SHAPE(WIDTH, HEIGHT, CHANNELS);
      break;
    case 4:
      other[2].sample_axes = 0;
      break;
    case 5:
      info.input = "data.h5:/samples, rows 1 to 23";
      break;
    case 6:
      info.input = NULL;
      break;
    }
    assert_ok(dsm_samples_create(path, &info, &missing));
    assert_int_equal(missing, BLOCKS);
  }
}

static void names_that_say_two_things_are_refused(void **state) {
  (void)state;
  const float label[COUNT] = {0};
  const dsm_samples_condition condition = {"/nll", true, 1, label};
  dsm_samples_field other[2] = {fields[1], fields[3]};
  dsm_samples_info info = info_with_fields(false);
  uint64_t missing;
  info.conditions = 1;
  info.condition = &condition;
  assert_fails(dsm_samples_create(in_folder("names.h5"), &info, &missing), DSM_BAD_CONFIG,
               "rename the dataset");
  info = info_with_fields(false);
  info.field = other;
  info.fields = 2;
  static const char *const bad[] = {"samples", "complete", "terms", "a/b", "a b", ""};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    other[0].name = bad[k];
    assert_fails(dsm_samples_create(in_folder("names.h5"), &info, &missing), DSM_INTERNAL,
                 "cannot be a field");
  }
  info.fields = 0;
  assert_fails(dsm_samples_create(in_folder("names.h5"), &info, &missing), DSM_INTERNAL, "0 fields");
}

/* Files are not believed: of the text that names the fields anything may stand there. */
static void a_list_of_fields_that_is_none_is_told(void **state) {
  (void)state;
  static const char *const texts[] = {"nll",
                                      "nll float64",
                                      "nll real 0",
                                      "nll float64 1",
                                      "nll float64 0 0",
                                      "nll float64 0 -1",
                                      "nll float64 0 9223372036854775807 2",
                                      "nll float64 0 1 1 1 1 1 1",
                                      "nll float64 0\n\n",
                                      "gone float64 0",
                                      "nll float32 0",
                                      "nll float64 0 4"};
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    const char *path = in_folder("forged.h5");
    create_with_fields(path, false, BLOCKS);
    hid_t file = H5Fopen(in_folder("forged.h5.partial"), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Adelete(file, "fields");
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(texts[k]) + 1);
    hid_t attribute = H5Acreate2(file, "fields", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attribute >= 0 && H5Awrite(attribute, type, texts[k]) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
    dsm_samples *samples = NULL;
    assert_fails(dsm_samples_open(path, &samples), DSM_BAD_DATA, "forged.h5");
    unlink(in_folder("forged.h5.partial"));
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
  assert_fails(dsm_samples_open(in_folder("none.h5"), &samples), DSM_IO, "none.h5.partial");
  assert_null(samples);
  assert_fails(dsm_samples_finish(in_folder("none.h5")), DSM_IO, "none.h5.partial");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_finished_file_has_all_samples_in_order_of_channels_first),
      cmocka_unit_test(any_order_from_any_writers_gives_the_same_bytes),
      cmocka_unit_test(a_restart_finds_the_missing_blocks),
      cmocka_unit_test(another_request_replaces_a_partial_file),
      cmocka_unit_test(a_finished_file_stays_until_the_next_is_complete),
      cmocka_unit_test(a_file_tells_the_step_of_its_model),
      cmocka_unit_test(a_file_of_somebody_else_is_left_alone),
      cmocka_unit_test(vectors_and_volumes_have_their_axes_and_labels),
      cmocka_unit_test(fields_lie_beside_the_samples_or_in_their_place),
      cmocka_unit_test(fields_belong_to_the_request),
      cmocka_unit_test(names_that_say_two_things_are_refused),
      cmocka_unit_test(a_list_of_fields_that_is_none_is_told),
      cmocka_unit_test(impossible_requests_and_places_are_refused),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
