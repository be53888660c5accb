#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "dsmpi/hdf5_lock.h"
#include "fixture.h"

enum { ROWS = 97, CHANNELS = 3, PIXELS = 5, SAMPLE = CHANNELS * PIXELS };

static const file_spec layouts[] = {
    {.rank = 3, .dims = {ROWS, CHANNELS, PIXELS}},
    {.rank = 3, .dims = {ROWS, CHANNELS, PIXELS}, .chunk = {10, 2, 5}, .gzip = 1, .shuffle = true},
    {.rank = 3, .dims = {ROWS, CHANNELS, PIXELS}, .chunk = {ROWS, 1, 1}}};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static dsm_dataset *open_layout(int layout, const char *rows) {
  dsm_dataset *d;
  assert_ok(dsm_dataset_open(fixture_file("a.h5", &layouts[layout], NULL), "x", "N C X", rows, &d));
  return d;
}

static dsm_normalization no_change(void) {
  dsm_normalization n;
  assert_ok(dsm_normalization_create(CHANNELS, &n));
  return n;
}

/* Batches `first step` ... + steps - 1 as `ranks` uneven loaders deliver them. */
static void load(dsm_dataset *d, const dsm_normalization *n, uint64_t batch, uint64_t ranks, int64_t start,
                 int steps, int depth, uint64_t window, float *x) {
  for (uint64_t r = 0; r < ranks; r++) {
    uint64_t first = batch * r / ranks, count = batch * (r + 1) / ranks - first;
    dsm_loader_params p = {batch, first, count, 42, window, start, depth, NULL, NULL};
    dsm_loader *l;
    assert_ok(dsm_loader_create(d, n, &p, &l));
    for (int s = 0; s < steps; s++) {
      const float *part;
      assert_ok(dsm_loader_next(l, &part));
      memcpy(x + ((uint64_t)s * batch + first) * SAMPLE, part, count * SAMPLE * sizeof *x);
    }
    assert_true(dsm_loader_waited(l) >= 0);
    dsm_loader_destroy(&l);
    assert_null(l);
  }
}

/* trap 11: a job that goes on meets the data that the unbroken one meets. */
static void any_split_depth_and_start_gives_the_same_samples(void **state) {
  (void)state;
  enum { BATCH = 13, STEPS = 24 }; /* more than three epochs */
  static const uint64_t windows[] = {1, 20 * SAMPLE * 4, 1 << 20};
  for (int layout = 0; layout < LAYOUTS; layout++)
    for (int w = 0; w < 3; w++) {
      dsm_dataset *d = open_layout(layout, "3:-4");
      dsm_normalization n = no_change();
      static float whole[STEPS * BATCH * SAMPLE], part[STEPS * BATCH * SAMPLE];
      load(d, &n, BATCH, 1, 0, STEPS, 1, windows[w], whole);
      static const struct {
        uint64_t ranks;
        int depth;
        int64_t start;
      } ways[] = {{1, 4, 0}, {2, 1, 0}, {3, 2, 0}, {5, 3, 7}, {13, 2, 20}, {20, 1, 3}, {1, 2, 23}};
      for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int steps = STEPS - (int)ways[i].start;
        load(d, &n, BATCH, ways[i].ranks, ways[i].start, steps, ways[i].depth, windows[w], part);
        assert_memory_equal(part, whole + ways[i].start * BATCH * SAMPLE,
                            (size_t)steps * BATCH * SAMPLE * sizeof *part);
      }
      dsm_normalization_destroy(&n);
      dsm_dataset_close(&d);
    }
}

static void trap_18_every_epoch_delivers_every_row_once(void **state) {
  (void)state;
  for (int layout = 0; layout < LAYOUTS; layout++) {
    dsm_dataset *d = open_layout(layout, "");
    dsm_normalization n = no_change();
    float *x = malloc(2 * ROWS * SAMPLE * sizeof *x),
          *expected = fixture_expected(&layouts[layout], "NCX", NULL);
    load(d, &n, ROWS, 4, 0, 2, 2, 30 * SAMPLE * 4, x);
    for (int epoch = 0; epoch < 2; epoch++) {
      int seen[ROWS] = {0};
      for (size_t i = 0; i < ROWS; i++)
        for (size_t r = 0; r < ROWS; r++)
          if (!memcmp(x + ((size_t)epoch * ROWS + i) * SAMPLE, expected + r * SAMPLE, SAMPLE * sizeof *x))
            seen[r]++;
      for (int r = 0; r < ROWS; r++) assert_int_equal(seen[r], 1);
    }
    free(x);
    free(expected);
    dsm_normalization_destroy(&n);
    dsm_dataset_close(&d);
  }
}

/* Slabs read in one epoch of the rows `range` of 4,000, in chunks of 100, windows of 1,000 rows. */
static uint64_t slabs_an_epoch(const char *range) {
  enum { BATCH = 16 };
  dsm_dataset *d;
  dsm_normalization n;
  dsm_loader *l;
  const float *x;
  assert_ok(dsm_dataset_open(fixture_path("big.h5"), "x", "N X", range, &d));
  assert_ok(dsm_normalization_create(1, &n));
  dsm_dataset_set_cache(d, 1); /* the loader asks for what it needs */
  dsm_loader_params p = {BATCH, 0, BATCH, 1, 10 * 100 * 4096, 0, 1, NULL, NULL};
  assert_ok(dsm_loader_create(d, &n, &p, &l));
  assert_int_equal(d->slab_rows, 100);
  /* The reader is at most one batch ahead, so that it ends inside the epoch, behind the last of its chunks.
   */
  for (uint64_t i = 0; i < d->info.rows / BATCH - 2; i++) assert_ok(dsm_loader_next(l, &x));
  dsm_loader_destroy(&l);
  assert_true(dsm__slab_cache_capacity(d->cache) <= 14);
  uint64_t slabs = d->slabs_read;
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
  return slabs;
}

static void each_chunk_is_read_once_an_epoch(void **state) {
  (void)state;
  file_spec spec = {.type = H5T_STD_U8LE, .rank = 2, .dims = {4000, 4096}, .chunk = {100, 4096}};
  double *values = calloc((size_t)4000 * 4096, sizeof *values);
  fixture_file("big.h5", &spec, values);
  free(values);
  assert_int_equal(slabs_an_epoch(""), 40);
  assert_int_equal(slabs_an_epoch("150:"), 39); /* from within a chunk */
  assert_int_equal(slabs_an_epoch("99:-99"), 40);
}

/* Contiguous rows of two bytes: a file of 30,000 is one slab, read once; the values are those of single reads. */
static void short_rows_come_out_of_slabs(void **state) {
  (void)state;
  enum { MANY = 30000, BATCH = 100, EPOCHS = 2 };
  file_spec spec = {.type = H5T_STD_U8LE, .rank = 2, .dims = {MANY, 2}};
  double *values = malloc((size_t)MANY * 2 * sizeof *values);
  for (size_t i = 0; i < 2 * MANY; i++) values[i] = (double)(i / 2 * 7 % 251) + (double)(i % 2);
  fixture_file("short.h5", &spec, values);
  dsm_dataset *d, *one_by_one;
  dsm_normalization n;
  dsm_loader *l;
  dsm_order *o;
  const float *x;
  assert_ok(dsm_dataset_open(fixture_path("short.h5"), "x", "N C", "", &d));
  assert_ok(dsm_dataset_open(fixture_path("short.h5"), "x", "N C", "", &one_by_one));
  assert_ok(dsm_normalization_create(2, &n));
  dsm_loader_params p = {BATCH, 0, BATCH, 1, 1 << 20, 0, 1, NULL, NULL};
  assert_ok(dsm_loader_create(d, &n, &p, &l));
  assert_ok(dsm_order_create(MANY, MANY, MANY, 1, &o));
  for (uint64_t i = 0; i < EPOCHS * MANY / BATCH; i++) {
    uint64_t row[BATCH];
    float expected[2 * BATCH];
    assert_ok(dsm_loader_next(l, &x));
    for (uint64_t j = 0; j < BATCH; j++) row[j] = dsm_order_row(o, i * BATCH + j);
    assert_ok(dsm_dataset_read(one_by_one, row, BATCH, expected));
    assert_memory_equal(x, expected, sizeof expected);
    assert_true(expected[0] == (float)values[2 * row[0]]);
  }
  dsm_loader_destroy(&l);
  assert_int_equal(d->slabs_read, 1);
  assert_int_equal(one_by_one->slabs_read, 0);
  dsm_order_destroy(&o);
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
  dsm_dataset_close(&one_by_one);
  free(values);
}

static void samples_arrive_normalised(void **state) {
  (void)state;
  dsm_dataset *d = open_layout(0, "");
  dsm_normalization n = no_change(), plain = no_change();
  float x[10 * SAMPLE], y[10 * SAMPLE];
  for (size_t c = 0; c < CHANNELS; c++) {
    n.shift[c] = (double)c + 1;
    n.scale[c] = 2 * (double)c + 3;
  }
  load(d, &plain, 10, 1, 0, 1, 1, 1 << 20, x);
  load(d, &n, 10, 1, 0, 1, 1, 1 << 20, y);
  dsm_normalize_values(&n, x, 10 * PIXELS);
  assert_memory_equal(x, y, sizeof x);
  dsm_normalization_destroy(&n);
  dsm_normalization_destroy(&plain);
  dsm_dataset_close(&d);
}

static void a_bad_value_stops_the_step_that_needs_it(void **state) {
  (void)state;
  double values[ROWS * SAMPLE] = {0};
  values[50 * SAMPLE + 2 * PIXELS + 1] = NAN;
  dsm_dataset *d;
  dsm_normalization n = no_change();
  assert_ok(dsm_dataset_open(fixture_file("nan.h5", &layouts[0], values), "x", "N C X", "", &d));
  dsm_loader_params p = {10, 0, 10, 7, 1 << 20, 0, 8, NULL, NULL};
  dsm_loader *l;
  const float *x;
  dsm_status status = DSM_OK;
  int steps = 0;
  /* the step whose batch holds row 50 */
  dsm_order *o;
  assert_ok(dsm_order_create(ROWS, ROWS, ROWS, 7, &o));
  uint64_t position = 0;
  while (dsm_order_row(o, position) != 50) position++;
  dsm_order_destroy(&o);
  assert_ok(dsm_loader_create(d, &n, &p, &l));
  while ((status = dsm_loader_next(l, &x)) == DSM_OK) steps++;
  assert_fails(status, DSM_BAD_DATA, "nan.h5");
  assert_fails(status, DSM_BAD_DATA, "row 50, channel 2, pixel 1 is NaN");
  assert_non_null(strstr(dsm_trail(), "loader.c"));
  assert_int_equal(steps, position / 10);
  dsm_trail_clear();
  assert_fails(dsm_loader_next(l, &x), DSM_BAD_DATA, "row 50"); /* and again */
  dsm_loader_destroy(&l);
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
}

static void a_loader_may_end_before_it_is_used(void **state) {
  (void)state;
  dsm_dataset *d = open_layout(1, "");
  dsm_normalization n = no_change();
  dsm_loader_params p = {50, 10, 0, 7, 1 << 20, 0, 3, NULL, NULL};
  dsm_loader *l;
  const float *x = NULL;
  for (int i = 0; i < 20; i++) {
    p.count = (uint64_t)i;
    assert_ok(dsm_loader_create(d, &n, &p, &l));
    if (i % 3 == 0) assert_ok(dsm_loader_next(l, &x));
    if (i % 3 == 0) assert_non_null(x); /* also for a rank without samples */
    dsm_loader_destroy(&l);
  }
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
}

static void impossible_loaders_are_refused(void **state) {
  (void)state;
  dsm_dataset *d = open_layout(0, "");
  dsm_normalization n = no_change(), other;
  static const dsm_loader_params bad[] = {{0, 0, 0, 1, 1, 0, 1, NULL, NULL},
                                          {10, 5, 6, 1, 1, 0, 1, NULL, NULL},
                                          {10, 11, 0, 1, 1, 0, 1, NULL, NULL},
                                          {10, 0, 10, 1, 1, -1, 1, NULL, NULL},
                                          {10, 0, 10, 1, 1, 0, 0, NULL, NULL}};
  dsm_loader *l;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_fails(dsm_loader_create(d, &n, &bad[i], &l), DSM_INTERNAL, "loader");
    assert_null(l);
  }
  assert_ok(dsm_normalization_create(CHANNELS + 1, &other));
  dsm_loader_params p = {10, 0, 10, 1, 1, 0, 1, NULL, NULL};
  assert_fails(dsm_loader_create(d, &other, &p, &l), DSM_BAD_DATA, "3 channels");
  dsm_normalization_destroy(&other);
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
}

static void reading_goes_beside_other_use_of_hdf5(void **state) {
  (void)state;
  dsm_dataset *d = open_layout(1, "");
  dsm_dataset_set_cache(d, 1); /* every step reads through HDF5 */
  dsm_normalization n = no_change();
  dsm_loader_params p = {16, 0, 16, 7, 1, 0, 4, NULL, NULL};
  dsm_loader *l;
  const float *x;
  char path[400];
  strcpy(path, fixture_path("beside.h5"));
  assert_ok(dsm_loader_create(d, &n, &p, &l));
  for (int i = 0; i < 40; i++) {
    dsm_hdf5_lock();
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    assert_true(H5Fclose(file) >= 0);
    dsm_hdf5_unlock();
    assert_ok(dsm_loader_next(l, &x));
  }
  dsm_loader_destroy(&l);
  dsm_normalization_destroy(&n);
  dsm_dataset_close(&d);
}

/* ---- conditions ---------------------------------------------------------------------------------------- */

static void add_dataset(hid_t file, const char *name, hid_t type, int rank, hsize_t rows, hsize_t chunk,
                        const double *values) {
  const hsize_t dims[2] = {rows, 2}, chunks[2] = {chunk, 2};
  hid_t space = H5Screate_simple(rank, dims, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  if (chunk) H5Pset_chunk(creation, rank, chunks);
  hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  assert_true(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(set);
  H5Pclose(creation);
  H5Sclose(space);
}

/* Sample i is (i); its label i % 4 in an integer column, its energies (i, 5 - 2 i) in chunks. */
static const char *conditional_file(void) {
  static const file_spec spec = {.rank = 2, .dims = {ROWS, 1}};
  double x[ROWS], label[ROWS], energy[2 * ROWS];
  for (int i = 0; i < ROWS; i++) {
    x[i] = i;
    label[i] = i % 4;
    energy[2 * i] = i;
    energy[2 * i + 1] = 5 - 2 * i;
  }
  const char *path = fixture_file("conditional.h5", &spec, x);
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  add_dataset(file, "labels", H5T_STD_I64BE, 1, ROWS, 0, label);
  add_dataset(file, "energies", H5T_NATIVE_DOUBLE, 2, ROWS, 10, energy);
  add_dataset(file, "short", H5T_NATIVE_DOUBLE, 1, ROWS - 1, 0, x);
  label[50] = 1.5;
  add_dataset(file, "broken", H5T_NATIVE_DOUBLE, 1, ROWS, 0, label);
  H5Fclose(file);
  return path;
}

static dsm_config conditions_of(const char *names, int64_t classes) {
  dsm_config config;
  dsm_config_defaults(&config);
  strcpy(config.data.conditions, names);
  config.data.classes.count = 1 + (strchr(names, ',') != NULL);
  config.data.classes.value[0] = classes;
  return config;
}

static void conditions_come_with_their_samples(void **state) {
  (void)state;
  enum { BATCH = 10, STEPS = 25, U = 4 + 2 };
  const char *path = conditional_file();
  dsm_config config = conditions_of("/labels, energies", -1);
  dsm_dataset *d;
  dsm_condition_data *c;
  dsm_normalization n, conditions;
  assert_ok(dsm_dataset_open(path, "x", "", "5:-8", &d));
  assert_ok(dsm_condition_data_open(path, "5:-8", dsm_dataset_info_of(d), &config, &c));
  assert_int_equal(config.data.classes.value[0], 4); /* counted */
  assert_int_equal(config.data.condition_columns.value[1], 2);
  assert_int_equal(dsm_condition_data_layout(c)->width, U);
  assert_int_equal(dsm_condition_data_rows(c), ROWS - 13);
  assert_ok(dsm_normalization_create(1, &n));
  assert_ok(dsm_condition_data_normalization(c, &conditions));
  const double middle = (5 + ROWS - 9) / 2.0, deviation = sqrt(((ROWS - 13.0) * (ROWS - 13.0) - 1) / 12);
  for (int k = 0; k < 4; k++) assert_true(conditions.shift[k] == 0 && conditions.scale[k] == 1);
  assert_true(fabs(conditions.shift[4] - middle) < 1e-9 && fabs(conditions.scale[4] - deviation) < 1e-9);
  assert_true(conditions.min[5] == 5 - 2 * (ROWS - 9) && conditions.max[5] == -5);
  for (uint64_t first = 0; first < BATCH; first += BATCH / 2) {
    dsm_loader_params p = {BATCH, first, BATCH / 2, 7, 64, 3, 2, c, &conditions};
    dsm_loader *l;
    assert_ok(dsm_loader_create(d, &n, &p, &l));
    for (int s = 0; s < STEPS; s++) {
      const float *x;
      assert_ok(dsm_loader_next(l, &x));
      const float *u = dsm_loader_conditions(l);
      for (int i = 0; i < BATCH / 2; i++) {
        const int row = (int)x[i];
        assert_true(row >= 5 && row < ROWS - 8);
        for (int k = 0; k < 4; k++) assert_true(u[i * U + k] == (row % 4 == k ? 1 : 0));
        assert_true(fabs(u[i * U + 4] - (row - middle) / deviation) < 1e-5);
        assert_true(fabs(u[i * U + 5] + (row - middle) / deviation) < 1e-5);
      }
    }
    dsm_loader_destroy(&l);
  }
  dsm_normalization_destroy(&conditions);
  dsm_normalization_destroy(&n);
  dsm_condition_data_close(&c);
  assert_null(c);
  dsm_dataset_close(&d);
}

static void conditions_that_do_not_fit_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t classes;
    dsm_status status;
    const char *said;
  } bad[] = {{"colours", 0, DSM_NOT_FOUND, "colours"},      {"short", 0, DSM_BAD_DATA, "96 rows"},
             {"energies", 3, DSM_BAD_DATA, "2 columns"},    {"energies", -1, DSM_BAD_DATA, "2 columns"},
             {"broken", -1, DSM_BAD_DATA, "row 50 is 1.5"}, {"x", 0, DSM_OK, NULL},
             {"a, a", 0, DSM_BAD_CONFIG, "twice"}};
  const char *path = conditional_file();
  dsm_dataset *d;
  assert_ok(dsm_dataset_open(path, "x", "", "", &d));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    dsm_config config = conditions_of(bad[i].name, bad[i].classes);
    dsm_condition_data *c;
    const dsm_status status = dsm_condition_data_open(path, "", dsm_dataset_info_of(d), &config, &c);
    if (bad[i].status == DSM_OK)
      assert_ok(status);
    else
      assert_fails(status, bad[i].status, bad[i].said);
    dsm_condition_data_close(&c);
  }
  /* the values are looked at by whoever reads them */
  dsm_config config = conditions_of("labels", 3);
  dsm_condition_data *c;
  dsm_normalization n;
  float raw[ROWS];
  uint64_t row[2] = {2, 3};
  assert_ok(dsm_condition_data_open(path, "", dsm_dataset_info_of(d), &config, &c));
  assert_fails(dsm_condition_data_read(c, row, 2, raw), DSM_BAD_DATA, "row 3 is 3");
  assert_fails(dsm_condition_data_normalization(c, &n), DSM_BAD_DATA, "row 3 is 3");
  dsm_normalization_destroy(&n);
  dsm_condition_data_close(&c);
  dsm_dataset_close(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_split_depth_and_start_gives_the_same_samples),
      cmocka_unit_test(trap_18_every_epoch_delivers_every_row_once),
      cmocka_unit_test(each_chunk_is_read_once_an_epoch),
      cmocka_unit_test(short_rows_come_out_of_slabs),
      cmocka_unit_test(samples_arrive_normalised),
      cmocka_unit_test(a_bad_value_stops_the_step_that_needs_it),
      cmocka_unit_test(a_loader_may_end_before_it_is_used),
      cmocka_unit_test(impossible_loaders_are_refused),
      cmocka_unit_test(reading_goes_beside_other_use_of_hdf5),
      cmocka_unit_test(conditions_come_with_their_samples),
      cmocka_unit_test(conditions_that_do_not_fit_are_refused),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
