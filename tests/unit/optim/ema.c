/* Moving averages: their short memory at first, and their precision later. */
#include "optim_test.h"

static void decay_begins_short_and_ends_at_the_rate(void **state) {
  (void)state;
  assert_close(dsm_ema_decay(0.9999, 1), 2.0 / 11, 1e-15, 1);
  assert_close(dsm_ema_decay(0.9999, 2), 3.0 / 12, 1e-15, 1);
  assert_close(dsm_ema_decay(0.9999, 990), 991.0 / 1000, 1e-15, 1);
  assert_true(dsm_ema_decay(0.9999, 89989) < 0.9999); /* (1 + n) / (10 + n) reaches 0.9999 at n = 89990 */
  assert_close(dsm_ema_decay(0.9999, 89990), 0.9999, 1e-15, 1);
  assert_true(dsm_ema_decay(0.9999, 1000000) == 0.9999);
  assert_true(dsm_ema_decay(0.1, 1) == 0.1);
  assert_true(dsm_ema_decay(0, 5) == 0);
}

static void averages_start_at_the_first_parameters(void **state) {
  (void)state;
  fixture *f = fixture_create();
  f->config.optimizer.ema = (dsm_real_list){.count = 3, .value = {0.5, 0.9, 0.9999}};
  fixture_start(f);
  dsm_optimizer_state s = dsm_optimizer_state_of(f->optimizer);
  assert_int_equal(s.averages, 3);
  for (size_t a = 0; a < 3; a++) {
    assert_true(s.rates[a] == f->config.optimizer.ema.value[a]);
    for (int i = 0; i < COUNT; i++) assert_true(s.average[a][i] == f->w[i]);
  }
  fixture_destroy(f);
}

static void averages_follow_the_recursion(void **state) {
  (void)state;
  fixture *f = fixture_create();
  f->config.optimizer.ema = (dsm_real_list){.count = 2, .value = {0.5, 0.9999}};
  fixture_start(f);
  double expected[2][COUNT];
  for (int i = 0; i < COUNT; i++) expected[0][i] = expected[1][i] = f->w[i];
  for (int n = 1; n <= 50; n++) {
    float gradient[COUNT];
    for (unsigned i = 0; i < COUNT; i++) gradient[i] = some((unsigned)n * 31 + i);
    assert_int_equal(dsm_optimizer_step(f->optimizer, f->w, gradient, 1, NULL), DSM_OK);
    for (int a = 0; a < 2; a++) {
      double warm = (1.0 + n) / (10.0 + n), rate = a == 0 ? 0.5 : 0.9999, decay = warm < rate ? warm : rate;
      for (int i = 0; i < COUNT; i++) expected[a][i] = decay * expected[a][i] + (1 - decay) * f->w[i];
    }
  }
  dsm_optimizer_state s = dsm_optimizer_state_of(f->optimizer);
  for (int a = 0; a < 2; a++)
    for (int i = 0; i < COUNT; i++) assert_close(s.average[a][i], expected[a][i], 1e-13, 1);
  fixture_destroy(f);
}

/* w = 1 + delta while the average is near 1: an increment is 1e-4 * delta = 1e-10, far below float's 6e-8. In
 * float32 the average would never move; in float64 it arrives at 1 + delta (1 - 0.9999^n). */
static void a_hundred_thousand_tiny_increments_are_not_lost(void **state) {
  (void)state;
  enum { STEPS = 100000 };
  float w = 1 + 0x1p-20f, m = 0, v = 0;
  const double delta = 0x1p-20, expected = delta * (1 - pow(0.9999, STEPS));
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  double average = 1, *const averages[] = {&average};
  const double decay = 0.9999;
  /* a gradient of 0 leaves w alone */
  const dsm_adamw_step step = {.eps = 1,
                               .correction1 = 1,
                               .correction2 = 1,
                               .averages = 1,
                               .average = averages,
                               .average_decay = &decay};
  float single = 1;
  for (int n = 0; n < STEPS; n++) {
    k.adamw(&k, &w, &m, &v, &(const float){0}, &step, 1);
    single += (float)(1 - 0.9999) * (w - single);
  }
  /* each step rounds by at most 1.1e-16 and the recursion forgets over 1e4 of them: 1.1e-12 of 1, that
   * is 1.2e-6 of delta */
  assert_close(average - 1, expected, 2e-6, delta);
  assert_true(single == 1); /* so float32 would not have done */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decay_begins_short_and_ends_at_the_rate),
      cmocka_unit_test(averages_start_at_the_first_parameters),
      cmocka_unit_test(averages_follow_the_recursion),
      cmocka_unit_test(a_hundred_thousand_tiny_increments_are_not_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
