/* Functions of one element on every instruction set, against libm in double, over all of float: every 8191st
 * bit pattern (524,000 numbers of both signs, from denormal to NAN) and the special values. */
#include <float.h>
#include "operands.h"

/* Largest error: `units` in the last place of the exact result, plus `absolute`. */
static const struct tolerance {
  dsm_unary f;
  const char *name;
  double units, absolute;
} tolerances[DSM_UNARY_COUNT] = {
    {DSM_UNARY_EXP, "exp", 1.5, 0},
    {DSM_UNARY_LOG, "log", 1.5, 0},
    {DSM_UNARY_SQRT, "sqrt", 0.5001, 0}, /* the processor's, correctly rounded */
    {DSM_UNARY_RECIPROCAL, "reciprocal", 0.5001, 0},
    {DSM_UNARY_SIN, "sin", 1.5, 0},
    {DSM_UNARY_COS, "cos", 1.5, 0},
    {DSM_UNARY_TANH, "tanh", 3, 0}, /* 1 - 2 / (e^2x + 1) just above 0.625 */
    {DSM_UNARY_SIGMOID, "sigmoid", 3, 0},
    {DSM_UNARY_SILU, "silu", 3.5, 1.5e-36}, /* below -87, where it is less than that, 0 stands for it */
    /* these two go through zero by cancellation of terms of size 1 */
    {DSM_UNARY_SILU_D1, "silu_d1", 4, 2e-7},
    {DSM_UNARY_SILU_D2, "silu_d2", 4, 2e-7},
};

enum { STEP = 8191, SPECIALS = 12, COUNT = UINT32_MAX / STEP + 1 + SPECIALS };
static float *x, *y, *exact;

static double unit_in_last_place(float value) {
  const float size = fabsf(value);
  if (size >= FLT_MAX) return (double)FLT_MAX * FLT_EPSILON / 2;
  return (double)nextafterf(size, INFINITY) - (double)size;
}

static void check_function(const dsm_kernels *k, const struct tolerance *t) {
  dsm_kernels ref;
  dsm_kernels_ref(&ref, 1);
  ref.unary(&ref, t->f, exact, x, COUNT);
  k->unary(k, t->f, y, x, COUNT);
  double worst = 0;
  for (size_t i = 0; i < COUNT; i++) {
    if (isnan(exact[i]) && isnan(y[i])) continue;
    if (exact[i] == y[i]) continue;
    const double unit = unit_in_last_place(exact[i]), error = fabs((double)y[i] - (double)exact[i]);
    /* `exact` is itself rounded, by up to half a unit */
    const double units = fmax(0, error - t->absolute) / unit + (t->units < 1 ? 0 : 0.5);
    if (!(units <= t->units)) {
      fail_msg("%s, %s: f(%.9g) = %.9g, not %.9g: %.1f units in the last place", k->instructions, t->name,
               x[i], y[i], exact[i], units);
    }
    worst = fmax(worst, units);
  }
  print_message("  %-7s %-11s %.2f units\n", k->instructions, t->name, worst);
}

static void functions_are_as_exact_as_stated(void **state) {
  (void)state;
  static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
  for (int s = 0; s < 4; s++) {
    dsm_kernels k;
    if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
    for (int f = 0; f < DSM_UNARY_COUNT; f++) check_function(&k, &tolerances[f]);
  }
  dsm_trail_clear();
}

/* The value of a number must not depend on its place in the vector, else cutting would change bits. */
static void functions_give_the_same_bits_at_every_place(void **state) {
  (void)state;
  static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
  for (int s = 0; s < 4; s++) {
    dsm_kernels k;
    if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
    for (int f = 0; f < DSM_UNARY_COUNT; f++) {
      k.unary(&k, (dsm_unary)f, y, x, COUNT);
      for (size_t i = 0; i + 37 < COUNT; i += 997) {
        float again[37];
        k.unary(&k, (dsm_unary)f, again, x + i, 1 + i % 37);
        assert_memory_equal(again, y + i, (1 + i % 37) * sizeof *y);
      }
    }
  }
  dsm_trail_clear();
}

static int setup(void **state) {
  (void)state;
  static const float special[SPECIALS] = {0,        -0.0f,  INFINITY, -INFINITY, NAN, FLT_MIN,
                                          -FLT_MIN, 1e-45f, FLT_MAX,  -FLT_MAX,  1,   -1};
  if (DSM_ALLOC(COUNT, &x) != DSM_OK || DSM_ALLOC(COUNT, &y) != DSM_OK || DSM_ALLOC(COUNT, &exact) != DSM_OK)
    return -1;
  for (size_t i = 0; i < COUNT - SPECIALS; i++) {
    const uint32_t bits = (uint32_t)i * STEP;
    memcpy(x + i, &bits, sizeof bits);
  }
  memcpy(x + COUNT - SPECIALS, special, sizeof special);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  free(x);
  free(y);
  free(exact);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions_are_as_exact_as_stated),
      cmocka_unit_test(functions_give_the_same_bits_at_every_place),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
