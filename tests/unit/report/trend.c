/* Whether a loss still changes: curves of known shape under noise of known size, and a log of a training. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "report/scale.h"
#include "report/student.h"
#include "report/trend.h"

enum { ROWS = 400, SHORT = 32, DRAWS = 200 };

/* Sum of 12 uniforms from a linear congruence: normal enough, and the same everywhere. */
static double normal(uint64_t *seed) {
  double sum = -6;
  for (int k = 0; k < 12; k++) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    sum += (double)(*seed >> 11) / 9007199254740992.0;
  }
  return sum;
}

/* The trend of loss = f(t) (1 + noise * normal), t = i / rows. */
typedef double shape(double t);
static dsm__trend trend_of(shape *f, size_t rows, double noise, uint64_t seed) {
  double step[ROWS], loss[ROWS];
  for (size_t i = 0; i < rows; i++) {
    step[i] = 10.0 * (double)(i + 1);
    loss[i] = f((double)i / (double)rows) * (1 + noise * normal(&seed));
  }
  return dsm__trend_of(step, loss, rows);
}

/* How many of DRAWS logs have that direction. */
static int count(shape *f, size_t rows, double noise, dsm__direction direction) {
  int found = 0;
  for (uint64_t seed = 1; seed <= DRAWS; seed++)
    found += trend_of(f, rows, noise, seed).direction == direction;
  return found;
}

static double flat(double t) {
  (void)t;
  return 1;
}
static double fall(double t) {
  return 2 - t;
}
static double gentle_fall(double t) {
  return 1.4 - 0.4 * t;
}
static double tiny_fall(double t) {
  return 1.03 - 0.03 * t;
}
static double rise(double t) {
  return 1 + t;
}
static double power_law(double t) {
  return pow(t + 1.0 / SHORT, -0.3);
}
static double doubled(double t) {
  return t < 0.6 ? 1 : 2;
}
static double valley(double t) { /* 1, 0.5, 1 over the last quarter */
  return t < 0.75 ? 1 : 0.5 + 4 * fabs(t - 0.875);
}
static double last_far_off(double t) {
  return t > 1 - 1.5 / SHORT ? 90 : 1;
}
static double collapsed(double t) {
  return t < 0.3 ? 1 - 2.2 * t : 4.3;
}

static void students_quantiles_are_those_of_tables(void **state) {
  (void)state;
  static const double known[][3] = {{0.975, 1, 12.7062}, {0.95, 2, 2.91999},   {0.975, 6, 2.44691},
                                    {0.95, 10, 1.81246}, {0.995, 30, 2.75},    {0.975, 1000, 1.96234},
                                    {0.5, 3, 0},         {0.975, 0.2, 12.7062}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_true(fabs(dsm__student(known[i][0], known[i][1]) - known[i][2]) < 2e-4);
  /* not whole: between its neighbours */
  const double t = dsm__student(0.975, 3.5);
  assert_true(t < 3.1824 && t > 2.7764);
}

static void a_straight_fall_is_measured(void **state) {
  (void)state;
  const dsm__trend t = trend_of(fall, ROWS, 0, 1);
  assert_int_equal(t.direction, DSM__FALLS);
  assert_int_equal(t.lines, ROWS / 4);
  assert_true(t.from == 3010 && t.to == 4000);
  assert_true(fabs(t.change + 99.0 / ROWS) < 1e-12);
}

static void noise_alone_gives_few_false_alarms(void **state) {
  (void)state;
  for (size_t rows = SHORT; rows <= ROWS; rows = rows == SHORT ? 100 : 4 * rows) {
    /* 2.5 % by the line; 1 % by the line and 1 % by the comparison; twice their own scatter of 1.1 % and 1 % */
    assert_in_range(count(flat, rows, 0.1, DSM__FALLS), 0, (int)(0.05 * DRAWS));
    assert_in_range(count(flat, rows, 0.1, DSM__RISES), 0, (int)(0.04 * DRAWS));
    /* and it hides a fall of 2 % mostly: the standard error of the change is 3.5 % and more */
    assert_in_range(count(flat, rows, 0.1, DSM__LEVEL), 0, (int)(0.06 * DRAWS));
  }
}

static void a_level_loss_is_told_where_its_scatter_allows(void **state) {
  (void)state;
  assert_in_range(count(flat, ROWS, 0.015, DSM__LEVEL), (int)(0.85 * DRAWS), DRAWS);
  assert_in_range(count(flat, SHORT, 0.003, DSM__LEVEL), (int)(0.85 * DRAWS), DRAWS);
  assert_int_equal(count(flat, SHORT, 0, DSM__LEVEL), DRAWS);
}

static void a_fall_within_the_scatter_of_lines_is_found(void **state) {
  (void)state;
  /* 10 % over the quarter; its standard error is 5 % sqrt(12 / 100) = 1.7 % */
  assert_in_range(count(gentle_fall, ROWS, 0.05, DSM__FALLS), (int)(0.98 * DRAWS), DRAWS);
}

static void a_fall_of_a_power_law_is_never_level(void **state) {
  (void)state;
  assert_in_range(count(power_law, SHORT, 0.1, DSM__LEVEL), 0, (int)(0.01 * DRAWS));
  assert_in_range(count(power_law, SHORT, 0.1, DSM__RISES), 0, (int)(0.03 * DRAWS));
  assert_in_range(count(power_law, SHORT, 0.01, DSM__FALLS), (int)(0.9 * DRAWS), DRAWS);
}

static void a_rise_is_told(void **state) {
  (void)state;
  assert_int_equal(count(rise, ROWS, 0.01, DSM__RISES), DRAWS);
}

static void a_loss_that_has_risen_and_stays_is_told(void **state) {
  (void)state;
  assert_int_equal(count(doubled, SHORT, 0.1, DSM__RISES), DRAWS);
  assert_int_equal(count(collapsed, SHORT, 0.05, DSM__RISES), DRAWS);
  assert_int_equal(count(doubled, ROWS, 0.1, DSM__RISES), DRAWS);
  const dsm__trend t = trend_of(doubled, ROWS, 0, 1);
  assert_true(fabs(t.above - 1) < 1e-12 && t.best < 0.6 * 10 * ROWS);
}

static void what_is_no_line_is_not_level(void **state) {
  (void)state;
  for (double noise = 0; noise < 0.02; noise += 0.01) {
    assert_int_equal(count(valley, SHORT, noise, DSM__LEVEL), 0);
    assert_int_equal(count(valley, ROWS, noise, DSM__LEVEL), 0);
    assert_int_equal(count(last_far_off, SHORT, noise, DSM__LEVEL), 0);
  }
}

static void less_than_a_hundredth_is_level(void **state) {
  (void)state;
  assert_int_equal(trend_of(tiny_fall, ROWS, 0, 4).direction,
                   DSM__LEVEL); /* 0.75 % over the quarter, beyond doubt */
}

static void few_lines_and_gaps_tell_nothing(void **state) {
  (void)state;
  const double step[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, gaps[] = {9, NAN, 8, 7, NAN, 6, 5, 4, 3};
  assert_int_equal(dsm__trend_of(step, gaps, 9).direction, DSM__UNKNOWN);
  assert_int_equal(dsm__trend_of(step, gaps, 0).direction, DSM__UNKNOWN);
  const double eight[] = {9, NAN, 8, 7, 6.5, 6, 5, 4, 3};
  assert_int_equal(dsm__trend_of(step, eight, 9).direction, DSM__FALLS);
}

/* Later lines without a loss, as where every step is skipped, change nothing. */
static void lines_without_a_loss_at_the_end_do_not_count(void **state) {
  (void)state;
  double step[80], loss[80];
  for (int i = 0; i < 80; i++) {
    step[i] = i;
    loss[i] = i < 40 ? 2 - 0.02 * i : NAN;
  }
  const dsm__trend t = dsm__trend_of(step, loss, 80);
  assert_int_equal(t.direction, DSM__FALLS);
  assert_true(t.from == 30 && t.to == 39 && fabs(t.change + 0.02 * 9) < 1e-12);
}

/* ---- with a held-out loss ------------------------------------------------------------------------------ */

/* A training of pictures over 6,500 steps with a rate that decays, logged every 100; held out at the last step of each
 * thousand, and at the end. */
static const double logged[] = {
    0.16804,  0.066083, 0.055679, 0.052952, 0.049324, 0.049044, 0.052239, 0.047987, 0.047664, 0.044561,
    0.045209, 0.043433, 0.046685, 0.043826, 0.043299, 0.04487,  0.044999, 0.043022, 0.042646, 0.043882,
    0.041164, 0.042542, 0.043016, 0.041871, 0.041704, 0.04151,  0.041132, 0.041351, 0.042418, 0.038234,
    0.038801, 0.040997, 0.039599, 0.038885, 0.040124, 0.041137, 0.038644, 0.038806, 0.038939, 0.038877,
    0.040754, 0.038555, 0.039298, 0.038422, 0.040044, 0.039847, 0.039366, 0.037889, 0.038211, 0.037744,
    0.038829, 0.039621, 0.037199, 0.03934,  0.037718, 0.038019, 0.03712,  0.037044, 0.03647,  0.035933,
    0.036734, 0.036932, 0.036733, 0.037636, 0.038753};
enum { LOGGED = sizeof logged / sizeof *logged };
static const double evaluated[] = {0.043859, 0.041033, 0.039631, 0.038737, 0.038131, 0.037803, 0.037739};

static dsm__convergence of_pictures(size_t rows, bool held_out) {
  double step[LOGGED], held[LOGGED];
  for (size_t i = 0; i < rows; i++) {
    step[i] = 100.0 * (double)(i + 1);
    held[i] = (i + 1) % 10 == 0 ? evaluated[(i + 1) / 10 - 1] : i == LOGGED - 1 ? evaluated[6] : (double)NAN;
  }
  return dsm__convergence_of(step, logged, held_out ? held : NULL, rows);
}

static void a_training_that_still_gains_is_not_level_at_any_length(void **state) {
  (void)state;
  for (size_t rows = 1; rows <= LOGGED; rows++) {
    const dsm__convergence c = of_pictures(rows, true);
    assert_true(c.direction == DSM__FALLS || c.direction == DSM__UNKNOWN);
    if (rows >= 50) assert_int_equal(c.direction, DSM__FALLS);
    assert_true(of_pictures(rows, false).direction != DSM__LEVEL);
  }
}

/* A log of 100 lines with a training loss and, each tenth line, one held out. */
static dsm__convergence both(shape *train, shape *held_out, double noise, double held_out_noise,
                             uint64_t seed) {
  double step[100], loss[100], held[100];
  for (int i = 0; i < 100; i++) {
    const double t = i / 100.0;
    step[i] = i + 1;
    loss[i] = train(t) * (1 + noise * normal(&seed));
    held[i] = i % 10 == 9 ? held_out(t) * (1 + held_out_noise * normal(&seed)) : (double)NAN;
  }
  return dsm__convergence_of(step, loss, held_out == NULL ? NULL : held, 100);
}

static double settled(double t) {
  return 1 + exp(-12 * t);
}
static double by_heart(double t) {
  return 1 + (t - 0.4) * (t - 0.4);
}

static void the_held_out_loss_comes_first(void **state) {
  (void)state;
  int level = 0, falls = 0, rises = 0;
  for (uint64_t seed = 1; seed <= DRAWS; seed++) {
    level += both(settled, settled, 0.05, 0.001, seed).direction == DSM__LEVEL;
    falls += both(settled, gentle_fall, 0.01, 0.001, seed).direction == DSM__FALLS;
    rises += both(settled, by_heart, 0.01, 0.001, seed).direction == DSM__RISES;
  }
  /* the training loss alone cannot tell, and may give its false alarms */
  assert_in_range(level, (int)(0.85 * DRAWS), DRAWS);
  assert_in_range(falls, (int)(0.95 * DRAWS), DRAWS);
  assert_int_equal(rises, DRAWS);
  assert_int_equal(both(gentle_fall, settled, 0.01, 0.001, 1).direction, DSM__UNKNOWN);
  assert_int_equal(both(doubled, gentle_fall, 0.01, 0.001, 1).direction, DSM__RISES);
  assert_int_equal(both(settled, settled, 0.001, 0.05, 1).direction, DSM__UNKNOWN); /* scatters too much */
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
      cmocka_unit_test(students_quantiles_are_those_of_tables),
      cmocka_unit_test(a_straight_fall_is_measured),
      cmocka_unit_test(noise_alone_gives_few_false_alarms),
      cmocka_unit_test(a_level_loss_is_told_where_its_scatter_allows),
      cmocka_unit_test(a_fall_within_the_scatter_of_lines_is_found),
      cmocka_unit_test(a_fall_of_a_power_law_is_never_level),
      cmocka_unit_test(a_rise_is_told),
      cmocka_unit_test(a_loss_that_has_risen_and_stays_is_told),
      cmocka_unit_test(what_is_no_line_is_not_level),
      cmocka_unit_test(less_than_a_hundredth_is_level),
      cmocka_unit_test(few_lines_and_gaps_tell_nothing),
      cmocka_unit_test(lines_without_a_loss_at_the_end_do_not_count),
      cmocka_unit_test(a_training_that_still_gains_is_not_level_at_any_length),
      cmocka_unit_test(the_held_out_loss_comes_first),
      cmocka_unit_test(smoothing_leaves_a_line_as_it_is),
      cmocka_unit_test(ticks_are_round_and_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
