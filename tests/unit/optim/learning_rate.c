/* Learning rates against the definition in optim.h, value by value. */
#include "optim_test.h"

static double rate(int schedule, int64_t warmup, int64_t steps, int64_t step) {
  dsm_config c;
  memset(&c, 0, sizeof c);
  c.optimizer.lr = 2e-4;
  c.optimizer.schedule = schedule;
  c.optimizer.warmup = warmup;
  c.train.steps = steps;
  return dsm_learning_rate(&c, step);
}

static void golden_values(void **state) {
  (void)state;
  static const struct {
    int schedule;
    int64_t warmup, steps, step;
    double expected;
  } rows[] = {
      {DSM_LR_CONSTANT, 0, 100, 0, 2e-4},
      {DSM_LR_CONSTANT, 0, 100, 99, 2e-4},
      {DSM_LR_CONSTANT, 5000, 10000, 0, 4e-8}, /* not 0: step 0 learns */
      {DSM_LR_CONSTANT, 5000, 10000, 2499, 1e-4},
      {DSM_LR_CONSTANT, 5000, 10000, 4999, 2e-4},
      {DSM_LR_CONSTANT, 5000, 10000, 5000, 2e-4},
      {DSM_LR_COSINE, 0, 100, 0, 2e-4},
      {DSM_LR_COSINE, 0, 100, 25, 1.7071067811865476e-4},
      {DSM_LR_COSINE, 0, 100, 50, 1e-4},
      {DSM_LR_COSINE, 0, 100, 100, 0},
      {DSM_LR_COSINE, 0, 100, 150, 0}, /* beyond the end it does not rise again */
      {DSM_LR_COSINE, 20, 100, 0, 1e-5},
      {DSM_LR_COSINE, 20, 100, 19, 2e-4},
      {DSM_LR_COSINE, 20, 100, 20, 2e-4},
      {DSM_LR_COSINE, 20, 100, 60, 1e-4},
      {DSM_LR_COSINE, 20, 100, 80, 2.9289321881345254e-5},
      {DSM_LR_COSINE, 100, 100, 100, 2e-4}, /* nothing but warm-up */
      {DSM_LR_INVERSE_SQRT, 100, 10000, 49, 1e-4},
      {DSM_LR_INVERSE_SQRT, 100, 10000, 99, 2e-4},
      {DSM_LR_INVERSE_SQRT, 100, 10000, 399, 1e-4},
      {DSM_LR_INVERSE_SQRT, 100, 10000, 9999, 2e-5},
      {DSM_LR_INVERSE_SQRT, 0, 10000, 0, 2e-4},
      {DSM_LR_INVERSE_SQRT, 0, 10000, 3, 1e-4},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double got = rate(rows[i].schedule, rows[i].warmup, rows[i].steps, rows[i].step);
    if (fabs(got - rows[i].expected) > 1e-14 * 2e-4) {
      print_error("row %zu: %.17g, expected %.17g\n", i, got, rows[i].expected);
      fail();
    }
  }
}

/* 17: step / warm-up is 0 in the first step, and all that is compared later is one step late. Here it is (step + 1) / warm-up. */
static void trap_17_the_first_step_of_a_warm_up_learns(void **state) {
  (void)state;
  for (int schedule = DSM_LR_CONSTANT; schedule <= DSM_LR_INVERSE_SQRT; schedule++)
    for (int64_t warmup = 1; warmup <= 5000; warmup *= 10) {
      assert_true(rate(schedule, warmup, 10000, 0) > 0);
      assert_true(fabs(rate(schedule, warmup, 10000, 0) * (double)warmup / 2e-4 - 1) < 1e-12);
      assert_true(fabs(rate(schedule, warmup, 10000, warmup - 1) / 2e-4 - 1) < 1e-12);
    }
}

static void warm_up_rises_and_meets_the_schedule(void **state) {
  (void)state;
  for (int schedule = DSM_LR_CONSTANT; schedule <= DSM_LR_INVERSE_SQRT; schedule++) {
    for (int64_t step = 1; step < 50; step++)
      assert_true(rate(schedule, 50, 1000, step) > rate(schedule, 50, 1000, step - 1));
    for (int64_t step = 50; step < 1000; step++)
      assert_true(rate(schedule, 50, 1000, step) <= rate(schedule, 50, 1000, step - 1));
    assert_close(rate(schedule, 50, 1000, 50), 2e-4, 0.01, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(golden_values),
      cmocka_unit_test(trap_17_the_first_step_of_a_warm_up_learns),
      cmocka_unit_test(warm_up_rises_and_meets_the_schedule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
