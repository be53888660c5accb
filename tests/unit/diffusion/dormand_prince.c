/* The solver of ordinary differential equations, on circles: x'' = -w^2 x, each state with a frequency of
 * its own, whose solution turns by the angle w (t - from). */
#include "check.h"

#include "diffusion/dormand_prince.h"

enum { N = 5 };

typedef struct circles {
  double w[N];
  int calls;
  int64_t done;
} circles;

static void velocity(void *self, const double *t, const double *x, double *k) {
  circles *c = self;
  (void)t;
  c->calls++;
  for (int i = 0; i < N; i++) {
    k[2 * i] = -c->w[i] * x[2 * i + 1];
    k[2 * i + 1] = c->w[i] * x[2 * i];
  }
}

static dsm_status progress(void *self, int64_t done, int64_t all) {
  circles *c = self;
  assert_true(done >= c->done && done <= all);
  c->done = done;
  return DSM_OK;
}

static dsm__ode ode_of(circles *c, double from, double to, double tolerance) {
  return (dsm__ode){.n = N,
                    .m = 2,
                    .from = from,
                    .to = to,
                    .rtol = tolerance,
                    .atol = tolerance,
                    .steps = 10000,
                    .name = "the test",
                    .self = c,
                    .velocity = velocity,
                    .progress = progress};
}

static void start(circles *c, double *x) {
  *c = (circles){.w = {0.1, 1, -2, 5, 0}};
  for (int i = 0; i < N; i++) x[2 * i] = 1, x[2 * i + 1] = 0;
}

/* Largest distance from the solution after `span`. */
static double error_at(const circles *c, const double *x, double span) {
  double worst = 0;
  for (int i = 0; i < N; i++)
    worst = fmax(worst, hypot(x[2 * i] - cos(c->w[i] * span), x[2 * i + 1] - sin(c->w[i] * span)));
  return worst;
}

/* The error of a step, at most the tolerance, falls with h^5: so does the number of steps grow with
 * tolerance^(-1/5), and the error of the end, some 20 of them, stays near the tolerance. */
static void the_error_follows_the_tolerance_both_ways(void **state) {
  (void)state;
  static const double ways[][2] = {{0, 2}, {2, 0}, {-3, -1}, {0.5, -1.5}};
  for (size_t r = 0; r < sizeof ways / sizeof *ways; r++)
    for (double tolerance = 1e-3; tolerance > 1e-11; tolerance /= 10) {
      double x[2 * N];
      int32_t needed[N];
      circles c;
      start(&c, x);
      dsm__ode ode = ode_of(&c, ways[r][0], ways[r][1], tolerance);
      assert_int_equal(dsm__dormand_prince(&ode, x, needed), DSM_OK);
      const double error = error_at(&c, x, ways[r][1] - ways[r][0]);
      if (r < 2)
        print_message("%g to %g, tolerance %.0e: error %.1e, %d to %d evaluations\n", ways[r][0], ways[r][1],
                      tolerance, error, needed[4], needed[3]);
      assert_true(error < 20 * tolerance);
      assert_true(needed[3] > needed[0]); /* what turns fast needs more steps */
      assert_int_equal(needed[3], c.calls);
      assert_int_equal(c.done, 1000);
    }
}

static void forwards_and_back_is_where_it_was(void **state) {
  (void)state;
  double x[2 * N];
  circles c;
  start(&c, x);
  dsm__ode up = ode_of(&c, 0, 3, 1e-8), down = ode_of(&c, 3, 0, 1e-8);
  assert_int_equal(dsm__dormand_prince(&up, x, NULL), DSM_OK);
  assert_true(error_at(&c, x, 0) > 0.1);
  c.done = 0;
  assert_int_equal(dsm__dormand_prince(&down, x, NULL), DSM_OK);
  assert_true(error_at(&c, x, 0) < 20 * 2e-8);
}

/* A neighbour that needs many steps, or sits elsewhere in the block, changes no bit. */
static void states_do_not_meet(void **state) {
  (void)state;
  double x[2 * N], y[2 * N];
  int32_t needed[N], again[N];
  circles c, other;
  start(&c, x);
  start(&other, y);
  other.w[3] = 40;
  other.w[0] = c.w[1];
  other.w[1] = c.w[0];
  dsm__ode ode = ode_of(&c, 0, 2, 1e-6), changed = ode_of(&other, 0, 2, 1e-6);
  assert_int_equal(dsm__dormand_prince(&ode, x, needed), DSM_OK);
  assert_int_equal(dsm__dormand_prince(&changed, y, again), DSM_OK);
  assert_memory_equal(x, y + 2, 2 * sizeof *x);
  assert_memory_equal(x + 2, y, 2 * sizeof *x);
  assert_memory_equal(x + 4, y + 4, 2 * sizeof *x);
  assert_int_equal(needed[2], again[2]);
  assert_true(again[3] > needed[3]);
}

static dsm_status stop(void *self, int64_t done, int64_t all) {
  (void)self;
  (void)done;
  (void)all;
  DSM_FAIL(DSM_STOPPED, "enough");
}

static void it_ends_where_it_should_not_go_on(void **state) {
  (void)state;
  double x[2 * N];
  circles c;
  start(&c, x);
  dsm__ode ode = ode_of(&c, 0, 2, 1e-6);
  ode.steps = 3;
  assert_refused(dsm__dormand_prince(&ode, x, NULL), "the test has not arrived after sampler.steps = 3");
  start(&c, x);
  ode.steps = 100;
  x[0] = NAN;
  assert_refused(dsm__dormand_prince(&ode, x, NULL), "however small its steps");
  start(&c, x);
  ode.progress = stop;
  assert_int_equal(dsm__dormand_prince(&ode, x, NULL), DSM_STOPPED);
  dsm_trail_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_error_follows_the_tolerance_both_ways),
      cmocka_unit_test(forwards_and_back_is_where_it_was),
      cmocka_unit_test(states_do_not_meet),
      cmocka_unit_test(it_ends_where_it_should_not_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
