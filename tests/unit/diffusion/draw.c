/* Times and noise of training samples: functions of (seed, step, sample) with the right laws. */
#include "check.h"

enum { N = 24, D = 10 };

static void draws_do_not_depend_on_how_the_batch_is_cut(void **state) {
  (void)state;
  static const size_t cuts[] = {1, 2, 3, 4, 6, 8, 12};
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
    double t[N], t_cut[N];
    float eps[N * D], eps_cut[N * D];
    dsm_objective_draw(p, 3, 17, 1000, N, D, t, eps);
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
      for (size_t i = 0; i < N; i += cuts[c])
        dsm_objective_draw(p, 3, 17, 1000 + i, cuts[c], D, t_cut + i, eps_cut + i * D);
      assert_memory_equal(t, t_cut, sizeof t);
      assert_memory_equal(eps, eps_cut, sizeof eps);
    }
    dsm_process_destroy(&p);
  }
}

static void seed_step_and_sample_all_matter(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  double t[4];
  float eps[4][D];
  dsm_objective_draw(p, 3, 17, 1000, 1, D, &t[0], eps[0]);
  dsm_objective_draw(p, 4, 17, 1000, 1, D, &t[1], eps[1]);
  dsm_objective_draw(p, 3, 18, 1000, 1, D, &t[2], eps[2]);
  dsm_objective_draw(p, 3, 17, 1001, 1, D, &t[3], eps[3]);
  for (int a = 0; a < 4; a++)
    for (int b = 0; b < a; b++) {
      assert_true(t[a] != t[b]);
      assert_memory_not_equal(eps[a], eps[b], sizeof eps[a]);
    }
  dsm_process_destroy(&p);
}

static void times_are_uniform_over_their_range(void **state) {
  (void)state;
  enum { MANY = 100000 };
  static double t[MANY];
  static float eps[MANY];
  dsm_process *p = ddpm_of(50);
  dsm_objective_draw(p, 1, 0, 0, MANY, 1, t, eps);
  int count[51] = {0};
  for (int i = 0; i < MANY; i++) {
    assert_true(t[i] == floor(t[i]) && t[i] >= 1 && t[i] <= 50);
    count[(int)t[i]]++;
  }
  for (int k = 1; k <= 50; k++) assert_close(count[k], MANY / 50.0, 0, 4.5 * sqrt(MANY / 50.0));
  dsm_process_destroy(&p);

  p = process_of(DSM_PROCESS_VP, 0, 0);
  dsm_objective_draw(p, 1, 0, 0, MANY, 1, t, eps);
  double sum = 0, squares = 0, smallest = 1, largest = 0, noise = 0;
  for (int i = 0; i < MANY; i++) {
    sum += t[i];
    squares += t[i] * t[i];
    smallest = fmin(smallest, t[i]);
    largest = fmax(largest, t[i]);
    noise += (double)(eps[i] * eps[i]);
  }
  assert_true(smallest > 1e-5 && smallest < 2e-4 && largest < 1 && largest > 1 - 2e-4);
  assert_close(sum / MANY, 0.500005, 0, 4.5 * sqrt(1.0 / 12 / MANY));
  assert_close(squares / MANY, 1.0 / 3, 0, 4.5 * sqrt(4.0 / 45 / MANY) + 1e-5);
  assert_close(noise / MANY, 1, 0, 4.5 * sqrt(2.0 / MANY));
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_do_not_depend_on_how_the_batch_is_cut),
      cmocka_unit_test(seed_step_and_sample_all_matter),
      cmocka_unit_test(times_are_uniform_over_their_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
