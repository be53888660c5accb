#include <math.h>
#include <stdlib.h>

#include "fixture.h"

/* Sums in float64 over 10^4 values of size 100: 1e-12 is 100 times the rounding. */
static const double tolerance = 1e-12;

static void assert_close(double got, double wanted, double relative) {
  if (!(fabs(got - wanted) <= relative * fmax(1, fabs(wanted)))) fail_msg("%.17g, not %.17g", got, wanted);
}

static void compute(dsm_dataset *d, bool backwards, dsm_channel_statistics *joined) {
  size_t c = d->channels;
  dsm_channel_statistics *parts = calloc(DSM_STATISTICS_PARTS * c, sizeof *parts);
  for (int i = 0; i < DSM_STATISTICS_PARTS; i++) {
    int p = backwards ? DSM_STATISTICS_PARTS - 1 - i : i;
    assert_ok(dsm_statistics_part(d, p, parts + (size_t)p * c));
  }
  dsm_statistics_join(parts, c, joined);
  free(parts);
}

static void joined_parts_equal_a_direct_sum(void **state) {
  (void)state;
  static const uint64_t rows[] = {1, 7, 64, 65, 1000};
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    file_spec spec = {.rank = 3, .dims = {rows[r], 3, 7}};
    const float *x = fixture_expected(&spec, "NCX", NULL);
    dsm_channel_statistics s[3];
    dsm_dataset *d;
    size_t n = rows[r] * 7;
    assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, NULL), "x", "N C X", "", &d));
    compute(d, false, s);
    for (size_t c = 0; c < 3; c++) {
      double mean = 0, m2 = 0, min = INFINITY, max = -INFINITY;
      for (size_t i = 0; i < n; i++) mean += x[3 * i + c] / (double)n;
      for (size_t i = 0; i < n; i++) {
        double v = x[3 * i + c];
        m2 += (v - mean) * (v - mean);
        min = fmin(min, v);
        max = fmax(max, v);
      }
      assert_int_equal(s[c].count, n);
      assert_close(s[c].mean, mean, tolerance);
      assert_close(s[c].m2, m2, tolerance);
      assert_true(s[c].min == min && s[c].max == max);
    }
    dsm_dataset_close(&d);
    free((void *)x);
  }
}

static void the_result_does_not_depend_on_who_computed_what(void **state) {
  (void)state;
  file_spec spec = {.rank = 2, .dims = {777, 5}, .chunk = {100, 5}};
  dsm_channel_statistics a[5], b[5];
  dsm_dataset *d, *e;
  const char *path = fixture_file("a.h5", &spec, NULL);
  assert_ok(dsm_dataset_open(path, "x", "", "", &d));
  assert_ok(dsm_dataset_open(path, "x", "", "", &e));
  dsm_dataset_set_cache(e, 3000);
  compute(d, false, a);
  compute(e, true, b);
  assert_memory_equal(a, b, sizeof a);
  dsm_dataset_close(&d);
  dsm_dataset_close(&e);
}

static void only_the_chosen_rows_count(void **state) {
  (void)state;
  double values[100];
  for (int i = 0; i < 100; i++) values[i] = i < 20 ? 1e6 : i;
  file_spec spec = {.rank = 1, .dims = {100}};
  dsm_channel_statistics s;
  dsm_dataset *d;
  assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, values), "x", "", "20:", &d));
  compute(d, false, &s);
  assert_true(s.count == 80 && s.min == 20 && s.max == 99);
  assert_close(s.mean, 59.5, tolerance);
  dsm_dataset_close(&d);
}

static void a_bad_value_is_named_by_row_and_channel(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *name;
  } bad[] = {
      {NAN, "NaN"}, {INFINITY, "infinity"}, {-INFINITY, "-infinity"}, {1e300, "too large for float32"}};
  for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
    double values[30 * 2 * 4] = {0};
    file_spec spec = {.type = H5T_IEEE_F64LE, .rank = 3, .dims = {30, 2, 4}};
    dsm_channel_statistics s[2];
    dsm_dataset *d;
    dsm_status status = DSM_OK;
    values[(23 * 2 + 1) * 4 + 3] = bad[b].value;
    assert_ok(dsm_dataset_open(fixture_file("bad.h5", &spec, values), "x", "N C X", "10:", &d));
    for (int p = 0; p < DSM_STATISTICS_PARTS && status == DSM_OK; p++) status = dsm_statistics_part(d, p, s);
    assert_fails(status, DSM_BAD_DATA, bad[b].name);
    assert_fails(status, DSM_BAD_DATA, "row 23, channel 1, pixel 3");
    assert_fails(status, DSM_BAD_DATA, "bad.h5");
    dsm_dataset_close(&d);
  }
}

static void normalised_values_have_the_wanted_moments_and_come_back(void **state) {
  (void)state;
  file_spec spec = {.rank = 2, .dims = {200, 3}};
  double values[600];
  /* large shift and small spread; whole numbers; a constant that is not exact in binary */
  for (int i = 0; i < 200; i++) {
    values[3 * i] = 101325 + fixture_value((size_t)i) / 64;
    values[3 * i + 1] = fixture_value((size_t)i) - 60;
    values[3 * i + 2] = 0.1f;
  }
  for (int kind = DSM_NORMALIZE_NONE; kind <= DSM_NORMALIZE_RANGE; kind++)
    for (int per_channel = 0; per_channel < 2; per_channel++) {
      dsm_channel_statistics s[3];
      dsm_normalization n;
      dsm_dataset *d;
      uint64_t row[200];
      float x[600], y[600];
      assert_ok(dsm_dataset_open(fixture_file("a.h5", &spec, values), "x", "", "", &d));
      compute(d, false, s);
      assert_ok(dsm_normalization_from(s, 3, kind, per_channel, &n));
      for (size_t i = 0; i < 200; i++) row[i] = i;
      assert_ok(dsm_dataset_read(d, row, 200, x));
      memcpy(y, x, sizeof x);
      dsm_normalize_values(&n, y, 200);
      for (int c = 0; c < 3; c++) {
        double mean = 0, square = 0, min = INFINITY, max = -INFINITY, low, high;
        for (int i = 0; i < 200; i++) {
          mean += y[3 * i + c] / 200.;
          square += (double)y[3 * i + c] * y[3 * i + c] / 200;
          min = fmin(min, y[3 * i + c]);
          max = fmax(max, y[3 * i + c]);
        }
        dsm_normalized_range(&n, (size_t)c, &low, &high);
        assert_close(low, min, 1e-6); /* float32 */
        assert_close(high, max, 1e-6);
        if (!per_channel || kind == DSM_NORMALIZE_NONE) continue;
        if (c == 2)
          assert_true(min == 0 && max == 0);
        else if (kind == DSM_NORMALIZE_RANGE)
          assert_true(fabs(min + 1) < 1e-6 && fabs(max - 1) < 1e-6);
        else
          assert_true(fabs(mean) < 1e-6 && fabs(square - 1) < 1e-6);
      }
      dsm_denormalize_values(&n, y, 200);
      for (int i = 0; i < 600; i++) {
        /* half a unit of float32 of the normalised value times the scale, and of the value itself */
        double room = 1.2e-7 * (fabs(x[i]) + 4 * n.scale[i % 3]);
        assert_true(fabs(y[i] - x[i]) <= room);
      }
      if (!per_channel && kind != DSM_NORMALIZE_NONE)
        assert_true(n.shift[0] == n.shift[2] && n.scale[0] == n.scale[2]);
      dsm_normalization_destroy(&n);
      dsm_dataset_close(&d);
    }
}

static void channel_counts_have_a_bound(void **state) {
  (void)state;
  dsm_normalization n = {0};
  assert_fails(dsm_normalization_create(0, &n), DSM_BAD_DATA, "0 channels");
  assert_fails(dsm_normalization_create(DSM_CHANNELS_MAX + 1, &n), DSM_BAD_DATA, "1048577");
  dsm_normalization_destroy(&n);
  assert_ok(dsm_normalization_create(DSM_CHANNELS_MAX, &n));
  assert_true(n.scale[DSM_CHANNELS_MAX - 1] == 1 && n.shift[0] == 0 && n.max[5] == INFINITY);
  dsm_normalization_destroy(&n);
  assert_null(n.shift);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(joined_parts_equal_a_direct_sum),
      cmocka_unit_test(the_result_does_not_depend_on_who_computed_what),
      cmocka_unit_test(only_the_chosen_rows_count),
      cmocka_unit_test(a_bad_value_is_named_by_row_and_channel),
      cmocka_unit_test(normalised_values_have_the_wanted_moments_and_come_back),
      cmocka_unit_test(channel_counts_have_a_bound),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
