#include "io_test.h"

#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

static small_model model;

static int set_up(void **state) {
  small_model_create(&model, 4);
  return make_test_folder(state);
}
static int tear_down(void **state) {
  small_model_destroy(&model);
  return remove_test_folder(state);
}

static void what_is_written_comes_back_bit_for_bit(void **state) {
  (void)state;
  const char *path = in_folder("whole.h5");
  dsm_checkpoint header;
  dsm_checkpoint_arrays arrays;
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  assert_int_equal(count_names(".tmp"), 0);
  assert_ok(dsm_checkpoint_read_header(path, &header));
  assert_true(small_model_same_header(&model.header, &header));
  small_model_empty_arrays(&model, &arrays);
  assert_ok(dsm_checkpoint_read_arrays(path, &arrays));
  assert_true(small_model_same_arrays(&model.arrays, &arrays));
  small_model_free_arrays(&arrays);
  dsm_checkpoint_destroy(&header);
  dsm_checkpoint_destroy(&header);
}

static void arrays_not_wanted_are_not_read(void **state) {
  (void)state;
  const char *path = in_folder("some.h5");
  dsm_checkpoint_arrays arrays;
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  small_model_empty_arrays(&model, &arrays);
  dsm_checkpoint_arrays some = {.table = arrays.table, .averages = 1, .rates = model.rates + 1};
  some.average[0] = arrays.average[1];
  assert_ok(dsm_checkpoint_read_arrays(path, &some));
  assert_memory_equal(arrays.average[1], model.arrays.average[1],
                      dsm_parameters_count(arrays.table) * sizeof(double));
  const double other = 0.5;
  some.rates = &other;
  assert_fails(dsm_checkpoint_read_arrays(path, &some), DSM_BAD_CONFIG, "0.5; there are: 0.999, 0.9999");
  small_model_free_arrays(&arrays);
}

/* A run that follows its losses cannot go on from a checkpoint without their state; one that does not needs none. */
static void a_state_of_times_is_read_where_it_is_wanted(void **state) {
  (void)state;
  const char *path = in_folder("times.h5");
  double times[6];
  dsm_checkpoint_arrays without = model.arrays, wanted = {.table = model.arrays.table};
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  assert_ok(dsm_checkpoint_read_arrays(path, &wanted));
  wanted.times = times;
  wanted.times_count = 5;
  assert_fails(dsm_checkpoint_read_arrays(path, &wanted), DSM_BAD_DATA, "times");
  without.times = NULL;
  assert_ok(dsm_checkpoint_write(path, &model.header, &without, NULL));
  wanted.times_count = 6;
  assert_fails(dsm_checkpoint_read_arrays(path, &wanted), DSM_BAD_DATA, "times");
}

/* Files of before the label of times and the averages of the noise scale were kept. */
static void an_older_checkpoint_says_nothing_of_what_came_later(void **state) {
  (void)state;
  const char *path = in_folder("label.h5");
  dsm_checkpoint header;
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(H5Adelete(file, "time_label") >= 0);
  assert_true(H5Adelete(file, "noise_square") >= 0);
  assert_true(H5Adelete(file, "noise_trace") >= 0);
  assert_true(H5Fclose(file) >= 0);
  assert_ok(dsm_checkpoint_read_header(path, &header));
  assert_string_equal(header.time_label, "");
  assert_true(header.noise_square == 0 && header.noise_trace == 0);
  dsm_checkpoint_destroy(&header);
}

static void rates_are_listed_ascending(void **state) {
  (void)state;
  double rates[DSM_AVERAGES_MAX];
  size_t count;
  dsm_checkpoint_arrays arrays = model.arrays;
  const double three[] = {0.9999, 1.0 / 3, 0.999}; /* one that no short decimal is */
  arrays.averages = 3;
  arrays.rates = three;
  arrays.average[2] = arrays.average[0];
  assert_ok(dsm_checkpoint_write(in_folder("rates.h5"), &model.header, &arrays, NULL));
  assert_ok(dsm_checkpoint_rates(in_folder("rates.h5"), rates, &count));
  assert_int_equal(count, 3);
  assert_true(rates[0] == 1.0 / 3 && rates[1] == 0.999 && rates[2] == 0.9999);
}

/* h5dump and PyTorch see the shapes (out, in, kernel...); the values are those of the transposed array. */
static void datasets_have_the_names_and_shapes_of_pytorch(void **state) {
  (void)state;
  const char *path = in_folder("torch.h5");
  float values[4 * 2 * 3 * 3];
  hsize_t n[8];
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t dataset = H5Dopen2(file, "/model/down.0.conv1.weight", H5P_DEFAULT), space = H5Dget_space(dataset);
  assert_int_equal(H5Sget_simple_extent_dims(space, n, NULL), 4);
  assert_true(n[0] == 4 && n[1] == 2 && n[2] == 3 && n[3] == 3);
  assert_true(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  for (size_t o = 0; o < 4; o++)
    for (size_t k = 0; k < 9; k++)
      for (size_t i = 0; i < 2; i++)
        assert_memory_equal(&values[(o * 2 + i) * 9 + k], &model.arrays.w[(o * 9 + k) * 2 + i],
                            sizeof(float));
  H5Sclose(space);
  H5Dclose(dataset);
  assert_true(H5Lexists(file, "/ema/0.9999/time.linear.weight", H5P_DEFAULT) > 0);
  assert_true(H5Lexists(file, "/optimizer/m", H5P_DEFAULT) > 0);
  H5Fclose(file);
}

/* More than one chunk of 8 MiB, a last one that is short, and an axis beyond a chunk. */
static void arrays_of_many_chunks_come_back(void **state) {
  (void)state;
  small_model big = {.rates = {0.9}};
  dsm_parameters *table;
  dsm_checkpoint_arrays arrays;
  assert_ok(dsm_parameters_create(&table));
  assert_ok(dsm_parameters_add(table, "tall", DSM_SHAPE(3000, 1001), true, DSM_INIT_FAN_AVG, 1, NULL));
  assert_ok(dsm_parameters_add(table, "wide", DSM_SHAPE(2, 1200000), true, DSM_INIT_FAN_AVG, 1, NULL));
  big.arrays.table = table;
  big.arrays.averages = 1;
  small_model_empty_arrays(&big, &big.arrays);
  dsm_parameters_init(table, 3, big.arrays.w);
  dsm_parameters_init(table, 4, big.arrays.m);
  dsm_parameters_init(table, 5, big.arrays.v);
  for (size_t i = 0; i < dsm_parameters_count(table); i++) big.arrays.average[0][i] = big.arrays.w[i] / 3.0;
  assert_ok(dsm_checkpoint_write(in_folder("big.h5"), &model.header, &big.arrays, NULL));
  small_model_empty_arrays(&big, &arrays);
  assert_ok(dsm_checkpoint_read_arrays(in_folder("big.h5"), &arrays));
  assert_true(small_model_same_arrays(&big.arrays, &arrays));
  small_model_free_arrays(&arrays);
  small_model_free_arrays(&big.arrays);
  dsm_parameters_destroy(&table);
  unlink(in_folder("big.h5"));
}

/* Reads into a table of one parameter. */
static dsm_status read_as(const char *path, const char *name, dsm_shape shape, size_t entries) {
  dsm_parameters *table;
  float *w;
  assert_ok(dsm_parameters_create(&table));
  for (size_t i = 0; i < entries; i++) {
    const dsm_parameter *p = dsm_parameters_entry(model.arrays.table, i);
    assert_ok(dsm_parameters_add(table, p->name, p->shape, true, DSM_INIT_ONE, 0, NULL));
  }
  if (name) assert_ok(dsm_parameters_add(table, name, shape, true, DSM_INIT_ONE, 0, NULL));
  w = calloc(dsm_parameters_count(table), sizeof *w);
  dsm_status status = dsm_checkpoint_read_arrays(path, &(dsm_checkpoint_arrays){.table = table, .w = w});
  free(w);
  dsm_parameters_destroy(&table);
  return status;
}

static void a_checkpoint_of_another_model_is_refused_naming_the_difference(void **state) {
  (void)state;
  const char *path = in_folder("other.h5");
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  assert_ok(read_as(path, NULL, DSM_SHAPE(1), 4));
  assert_fails(read_as(path, "new.weight", DSM_SHAPE(3, 3), 4), DSM_BAD_CONFIG,
               "no parameter \"new.weight\" (3, 3)");
  assert_fails(read_as(path, NULL, DSM_SHAPE(1), 3), DSM_BAD_CONFIG, "\"norm.weight\" is not in the model");
  assert_fails(read_as(path, "norm.weight", DSM_SHAPE(8), 3), DSM_BAD_CONFIG,
               "\"norm.weight\" has shape (4) in the file and (8) in the model");
  assert_non_null(strstr(dsm_trail_message(), path));
}

static void what_is_no_checkpoint_is_refused_with_the_reason(void **state) {
  (void)state;
  dsm_checkpoint h;
  assert_fails(dsm_checkpoint_read_header(in_folder("absent.h5"), &h), DSM_NOT_FOUND, "absent.h5");
  assert_fails(dsm_checkpoint_read_header(test_folder, &h), DSM_BAD_DATA, "not a regular file");
  assert_int_equal(mkfifo(in_folder("pipe.h5"), 0600), 0);
  assert_fails(dsm_checkpoint_read_header(in_folder("pipe.h5"), &h), DSM_BAD_DATA, "not a regular file");
  write_bytes(in_folder("empty.h5"), "", 0);
  assert_fails(dsm_checkpoint_read_header(in_folder("empty.h5"), &h), DSM_BAD_DATA, "not an HDF5 file");
  write_bytes(in_folder("text.h5"), "no HDF5", 7);
  assert_fails(dsm_checkpoint_read_header(in_folder("text.h5"), &h), DSM_BAD_DATA, "not an HDF5 file");
  H5Fclose(H5Fcreate(in_folder("foreign.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  assert_fails(dsm_checkpoint_read_header(in_folder("foreign.h5"), &h), DSM_BAD_DATA, "format_version");
}

/* Changes a checkpoint through HDF5 itself, as somebody else could. */
static hid_t open_to_change(const char *path) {
  assert_ok(dsm_checkpoint_write(path, &model.header, &model.arrays, NULL));
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

static void a_later_format_is_refused(void **state) {
  (void)state;
  const char *path = in_folder("later.h5");
  dsm_checkpoint h;
  const int64_t version = DSM_CHECKPOINT_VERSION + 1;
  hid_t file = open_to_change(path), attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
  H5Awrite(attribute, H5T_NATIVE_INT64, &version);
  H5Aclose(attribute);
  H5Fclose(file);
  assert_fails(dsm_checkpoint_read_header(path, &h), DSM_BAD_DATA, "format 2");
}

static void links_to_elsewhere_and_wrong_types_are_refused(void **state) {
  (void)state;
  const char *path = in_folder("links.h5");
  dsm_checkpoint_arrays arrays;
  small_model_empty_arrays(&model, &arrays);
  hid_t file = open_to_change(path);
  H5Ldelete(file, "/model/norm.weight", H5P_DEFAULT);
  H5Lcreate_soft("/model/down.0.conv1.bias", file, "/model/norm.weight", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  assert_fails(dsm_checkpoint_read_arrays(path, &arrays), DSM_BAD_DATA, "not followed");

  file = open_to_change(path);
  H5Ldelete(file, "/model/norm.weight", H5P_DEFAULT);
  H5Lcreate_external("/etc/passwd", "/x", file, "/model/norm.weight", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  assert_fails(dsm_checkpoint_read_arrays(path, &arrays), DSM_BAD_DATA, "not followed");

  file = open_to_change(path);
  H5Ldelete(file, "/model/norm.weight", H5P_DEFAULT);
  const hsize_t n = 4;
  hid_t space = H5Screate_simple(1, &n, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(creation, "/etc/passwd", 0, 16);
  H5Dclose(
      H5Dcreate2(file, "/model/norm.weight", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  H5Pclose(creation);
  H5Fclose(file);
  assert_fails(dsm_checkpoint_read_arrays(path, &arrays), DSM_BAD_DATA, "elsewhere");

  file = open_to_change(path);
  H5Ldelete(file, "/model/norm.weight", H5P_DEFAULT);
  H5Dclose(
      H5Dcreate2(file, "/model/norm.weight", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(file);
  assert_fails(dsm_checkpoint_read_arrays(path, &arrays), DSM_BAD_DATA,
               "\"norm.weight\" has values of another type");
  H5Sclose(space);
  small_model_free_arrays(&arrays);
}

static void only_regular_files_are_replaced(void **state) {
  (void)state;
  write_bytes(in_folder("target.txt"), "precious", 8);
  assert_int_equal(symlink(in_folder("target.txt"), in_folder("link.h5")), 0);
  assert_fails(dsm_checkpoint_write(in_folder("link.h5"), &model.header, &model.arrays, NULL), DSM_IO,
               "symbolic link");
  assert_int_equal(mkdir(in_folder("folder.h5"), 0700), 0);
  assert_fails(dsm_checkpoint_write(in_folder("folder.h5"), &model.header, &model.arrays, NULL), DSM_IO,
               "a folder");
  assert_fails(dsm_checkpoint_write(in_folder("no/such.h5"), &model.header, &model.arrays, NULL), DSM_IO,
               "No such file or directory");
  size_t size;
  unsigned char *bytes = read_bytes(in_folder("target.txt"), &size);
  assert_memory_equal(bytes, "precious", 8);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_comes_back_bit_for_bit),
      cmocka_unit_test(arrays_not_wanted_are_not_read),
      cmocka_unit_test(a_state_of_times_is_read_where_it_is_wanted),
      cmocka_unit_test(an_older_checkpoint_says_nothing_of_what_came_later),
      cmocka_unit_test(rates_are_listed_ascending),
      cmocka_unit_test(datasets_have_the_names_and_shapes_of_pytorch),
      cmocka_unit_test(arrays_of_many_chunks_come_back),
      cmocka_unit_test(a_checkpoint_of_another_model_is_refused_naming_the_difference),
      cmocka_unit_test(what_is_no_checkpoint_is_refused_with_the_reason),
      cmocka_unit_test(a_later_format_is_refused),
      cmocka_unit_test(links_to_elsewhere_and_wrong_types_are_refused),
      cmocka_unit_test(only_regular_files_are_replaced),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
