/* What is computed from all rows of a samples file before it is finished: rows read back as they were
 * written, tables beside them, and the same bytes however often it is done. */
#include "io_test.h"

#include <hdf5.h>

enum { COUNT = 11, BLOCK = 4, BLOCKS = 3, TERMS = 3, TIMES = 5 };

static const dsm_samples_field fields[] = {{"nll", DSM_FIELD_FLOAT64, {0, {1, 1, 1, 1, 1}}, 0, "nats", false},
                                           {"vb", DSM_FIELD_FLOAT32, {1, {TERMS, 1, 1, 1, 1}}, 0, NULL, false},
                                           {"times", DSM_FIELD_INT32, {1, {TERMS, 1, 1, 1, 1}}, 0, NULL, false}};
static const dsm_samples_table tables[] = {{"term_t", TIMES, "t"}, {"term_vb", TIMES, "mean of vb, nats"}};

static double nll_of(uint64_t i) {
  return 1e-9 + (double)i; /* more digits than float32 has */
}

static void create(const char *path, uint64_t expected_missing) {
  const dsm_samples_info info = {.count = COUNT,
                                 .block = BLOCK,
                                 .sampler = "bound",
                                 .fields = 3,
                                 .field = fields,
                                 .tables = 2,
                                 .table = tables};
  uint64_t missing;
  assert_ok(dsm_samples_create(path, &info, &missing));
  assert_int_equal(missing, expected_missing);
}

static void write_blocks(const char *path, uint64_t from, uint64_t to) {
  dsm_samples *samples;
  assert_ok(dsm_samples_open(path, &samples));
  for (uint64_t block = from; block < to; block++) {
    double nll[BLOCK];
    float vb[BLOCK * TERMS];
    int32_t times[BLOCK * TERMS], evaluations[BLOCK] = {0};
    for (uint64_t i = 0; i < BLOCK; i++) {
      nll[i] = nll_of(block * BLOCK + i);
      for (uint64_t k = 0; k < TERMS; k++) {
        vb[i * TERMS + k] = (float)(block * BLOCK + i) + 0.25f * (float)k;
        times[i * TERMS + k] = (int32_t)(100 * (block * BLOCK + i) + k);
      }
    }
    assert_ok(dsm_samples_write(samples, block, NULL, evaluations, (const void *const[]){nll, vb, times}));
  }
  dsm_samples_close(&samples);
}

static void write_tables(const char *path) {
  const double t[TIMES] = {1, 2, 3, 4, 5}, vb[TIMES] = {0.5, -1e-9, 1e300, 3, 4};
  assert_ok(dsm_samples_write_table(path, "term_t", t, TIMES));
  assert_ok(dsm_samples_write_table(path, "term_vb", vb, TIMES));
}

static void rows_are_read_back_in_any_part(void **state) {
  (void)state;
  const char *path = in_folder("rows.h5");
  create(path, BLOCKS);
  write_blocks(path, 0, BLOCKS);
  for (uint64_t first = 0; first < COUNT; first++)
    for (uint64_t n = 0; first + n <= COUNT; n++) {
      double nll[COUNT], vb[COUNT * TERMS], times[COUNT * TERMS];
      assert_ok(dsm_samples_read(path, "nll", first, n, nll));
      assert_ok(dsm_samples_read(path, "vb", first, n, vb));
      assert_ok(dsm_samples_read(path, "times", first, n, times));
      for (uint64_t i = 0; i < n; i++) {
        assert_true(nll[i] == nll_of(first + i));
        for (uint64_t k = 0; k < TERMS; k++) {
          assert_true(vb[i * TERMS + k] == (double)(first + i) + 0.25 * (double)k);
          assert_true(times[i * TERMS + k] == (double)(100 * (first + i) + k));
        }
      }
    }
  double x;
  assert_fails(dsm_samples_read(path, "unknown", 0, 1, &x), DSM_INTERNAL, "no field 'unknown'");
  assert_fails(dsm_samples_read(in_folder("absent.h5"), "nll", 0, 1, &x), DSM_NOT_FOUND, "absent.h5");
}

static void tables_lie_beside_the_rows(void **state) {
  (void)state;
  const char *path = in_folder("tables.h5"), *again = in_folder("tables-again.h5");
  create(path, BLOCKS);
  write_blocks(path, 0, BLOCKS);
  write_tables(path);
  assert_ok(dsm_samples_finish(path));
  double vb[TIMES];
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "term_vb", H5P_DEFAULT);
  assert_true(set >= 0 && H5Aexists(set, "description") > 0);
  assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, vb) >= 0);
  H5Dclose(set);
  H5Fclose(file);
  assert_true(vb[0] == 0.5 && vb[1] == -1e-9 && vb[2] == 1e300);

  create(again, BLOCKS); /* cut off after the tables, gone on with */
  write_blocks(again, 0, 2);
  write_tables(again);
  create(again, 1);
  write_blocks(again, 2, 3);
  write_tables(again);
  assert_ok(dsm_samples_finish(again));
  assert_true(same_bytes(path, again));
}

static void a_table_that_was_not_asked_for_is_refused(void **state) {
  (void)state;
  const char *path = in_folder("no-table.h5");
  const double x[TIMES + 1] = {0};
  create(path, BLOCKS);
  assert_fails(dsm_samples_write_table(path, "term_x", x, TIMES), DSM_BAD_DATA, "term_x");
  assert_fails(dsm_samples_write_table(path, "term_vb", x, TIMES + 1), DSM_BAD_DATA, "another type or shape");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_read_back_in_any_part),
      cmocka_unit_test(tables_lie_beside_the_rows),
      cmocka_unit_test(a_table_that_was_not_asked_for_is_refused),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
