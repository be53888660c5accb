/* Whether a loss still changes: lines of known slope under noise of known size. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "report/scale.h"
#include "report/trend.h"

enum { ROWS = 400 };

/* loss = 1 + fall * (1 - i / ROWS) + noise * normal */
static dsm__trend trend_of(double fall, double noise, uint64_t seed) {
  double step[ROWS], loss[ROWS];
  float normal[ROWS];
  for (size_t i = 0; i < ROWS; i++) {
    /* sum of 12 uniforms from a linear congruence: normal enough, and the same everywhere */
    double sum = -6;
    for (int k = 0; k < 12; k++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      sum += (double)(seed >> 11) / 9007199254740992.0;
    }
    normal[i] = (float)sum;
  }
  for (size_t i = 0; i < ROWS; i++) {
    step[i] = 10.0 * (double)(i + 1);
    loss[i] = 1 + fall * (1 - (double)i / ROWS) + noise * (double)normal[i];
  }
  return dsm__trend_of(step, loss, ROWS);
}

static void a_straight_fall_is_measured(void **state) {
  (void)state;
  const dsm__trend t = trend_of(1, 0, 1);
  assert_int_equal(t.direction, DSM__FALLS);
  assert_int_equal(t.lines, ROWS / 4);
  assert_true(t.from == 3010 && t.to == 4000);
  assert_true(fabs(t.change + 99.0 / ROWS) < 1e-12);
}

static void noise_alone_is_level_in_nearly_all_logs(void **state) {
  (void)state;
  int level = 0;
  for (uint64_t seed = 1; seed <= 200; seed++) level += trend_of(0, 0.1, seed).direction == DSM__LEVEL;
  /* two standard errors: 95 %, and its own scatter of 1.5 % three times */
  assert_in_range(level, 180, 200);
}

static void a_fall_within_the_scatter_of_lines_is_found(void **state) {
  (void)state;
  int found = 0;
  /* 0.1 over the quarter; its standard error is 0.05 sqrt(12 / 100) = 0.017 */
  for (uint64_t seed = 1; seed <= 100; seed++) found += trend_of(0.4, 0.05, seed).direction == DSM__FALLS;
  assert_in_range(found, 98, 100);
}

static void a_rise_is_told(void **state) {
  (void)state;
  assert_int_equal(trend_of(-1, 0.01, 3).direction, DSM__RISES);
}

static void less_than_a_hundredth_is_level(void **state) {
  (void)state;
  assert_int_equal(trend_of(0.03, 0, 4).direction, DSM__LEVEL); /* 0.75 % over the quarter, beyond doubt */
}

static void few_lines_and_gaps_tell_nothing(void **state) {
  (void)state;
  const double step[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, gaps[] = {9, NAN, 8, 7, NAN, 6, 5, 4, 3};
  assert_int_equal(dsm__trend_of(step, gaps, 9).direction, DSM__UNKNOWN);
  assert_int_equal(dsm__trend_of(step, gaps, 0).direction, DSM__UNKNOWN);
  const double eight[] = {9, NAN, 8, 7, 6.5, 6, 5, 4, 3};
  assert_int_equal(dsm__trend_of(step, eight, 9).direction, DSM__FALLS);
}

static void smoothing_leaves_a_line_as_it_is(void **state) {
  (void)state;
  double x[50], sum[51], count[51], smooth[50];
  for (int i = 0; i < 50; i++) x[i] = 3 - 0.5 * i;
  dsm__smooth(x, 50, 7, sum, count, smooth);
  for (int i = 0; i < 50; i++) assert_true(fabs(smooth[i] - x[i]) < 1e-12);
  x[20] = NAN;
  dsm__smooth(x, 50, 1, sum, count, smooth);
  assert_true(isnan(smooth[20]) && fabs(smooth[21] - (x[21] + x[22]) / 2) < 1e-12);
}

static void ticks_are_round_and_inside(void **state) {
  (void)state;
  static const double limits[][2] = {{0, 1},       {-3.7, 12}, {1e-7, 2e-7}, {0, 5e6},
                                     {0.37, 0.38}, {5, 5},     {0, 0},       {1e-3, 1e3}};
  for (size_t k = 0; k < sizeof limits / sizeof *limits; k++)
    for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
      double tick[DSM__TICKS_MAX], step[DSM__TICKS_MAX];
      const dsm__scale s = dsm__scale_of(limits[k][0], limits[k][1], 0.05, logarithmic, 0, 100);
      const size_t n = dsm__ticks(&s, 6, tick, step);
      assert_in_range(n, 2, 13);
      for (size_t i = 0; i < n; i++) {
        const double at = dsm__scale_at(&s, tick[i]), figures = tick[i] / step[i];
        assert_true(at > -1e-6 && at < 100 + 1e-6);
        assert_true(i == 0 || tick[i] > tick[i - 1]);
        assert_true(fabs(figures - round(figures)) < 1e-6);
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_straight_fall_is_measured),
      cmocka_unit_test(noise_alone_is_level_in_nearly_all_logs),
      cmocka_unit_test(a_fall_within_the_scatter_of_lines_is_found),
      cmocka_unit_test(a_rise_is_told),
      cmocka_unit_test(less_than_a_hundredth_is_level),
      cmocka_unit_test(few_lines_and_gaps_tell_nothing),
      cmocka_unit_test(smoothing_leaves_a_line_as_it_is),
      cmocka_unit_test(ticks_are_round_and_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
