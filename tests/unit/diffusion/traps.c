/* Mistakes that are in published code, one regression test each; the numbers are those of the list they come from. */
#include "check.h"

/* 5: sigma^2 = 1 - exp(2 log alpha) in float32 is 3 % off at t = 1e-5 of the VP SDE, and in float64 still loses six
 * digits. */
static void trap_5_one_minus_an_exponential_cancels_at_small_times(void **state) {
  (void)state;
  dsm_process *p = process_named(DSM_PROCESS_VP), *sub = process_named(DSM_PROCESS_SUBVP);
  const double t = 1e-5, y = 19.9 * t * t / 2 + 0.1 * t,
               sigma2 = y * (1 - y / 2 * (1 - y / 3)); /* the next term: y^3 / 24 */
  assert_close(dsm_process_sigma(p, t), sqrt(sigma2), 1e-14, 0);
  assert_close(dsm_process_sigma(sub, t), sigma2, 1e-14, 0);
  /* the trap: the plain form keeps ten digits at best */
  assert_true(fabs(1 - exp(-y) - sigma2) > 1e-12 * sigma2);
  const float single = 1 - expf((float)-y);
  assert_true(fabs((double)single - sigma2) > 0.01 * sigma2);
  dsm_process_destroy(&p);
  dsm_process_destroy(&sub);
}

/* 6: what is stored as the logarithm of a variance must not be rooted as a variance. */
static void trap_6_logarithms_of_variances_are_not_variances(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(1000);
  for (double t = 1; t <= 1000; t++) {
    const dsm_log_variances v = dsm_process_log_variances(p, t - 1, t);
    const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
    assert_close(exp(v.large), q.large, 1e-12, 0);
    assert_close(exp(v.small), t > 1 ? q.small : dsm_process_posterior(p, 1, 2).small, 1e-12, 0);
    assert_true(v.small < 0 && v.large < 0); /* the root of either is not a number */
    assert_true(exp(v.small / 2) > 0 && exp(v.small / 2) < 1);
  }
  dsm_process_destroy(&p);
}

/* 22: 999 t, t (N - 1) and the integer t are all in use as what the network sees of the time: which one it was is known by
 * a text that goes into the checkpoint. */
static void trap_22_the_convention_of_labels_has_a_name(void **state) {
  (void)state;
  static const char *const texts[PROCESSES] = {
      [DSM_PROCESS_DDPM] = "999 (t - 1) / (T - 1)",
      [DSM_PROCESS_VP] = "999 t",
      [DSM_PROCESS_VE] = "999 t",
      [DSM_PROCESS_SUBVP] = "999 t",
      [DSM_PROCESS_SMLD] = "999 (t - 1) / (T - 1)",
      [DSM_PROCESS_EDM] = "999 ln(sigma / sigma_min) / ln(sigma_max / sigma_min)",
      [DSM_PROCESS_FLOW] = "999 t",
      [DSM_PROCESS_SINGLE] = "0",
  };
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    assert_string_equal(dsm_process_label_text(p), texts[name]);
    for (int i = 0; i < 100; i++) { /* and the text says what is done */
      const double t = time_at(p, i, 100), last = dsm_process_last(p), low = 0.01, high = 50;
      const double label = texts[name][0] == '0'            ? 0
                           : strstr(texts[name], "(t - 1)") ? 999 * (t - 1) / (last - 1)
                           : strstr(texts[name], "ln")      ? 999 * log(t / low) / log(high / low)
                                                            : 999 * t;
      assert_close(dsm_process_label(p, t), label, 1e-12, 1e-10);
    }
    dsm_process_destroy(&p);
  }
  /* 1000 steps: the integers of the published networks, which count from 0 */
  dsm_process *p = ddpm_of(1000);
  for (int t = 1; t <= 1000; t++) assert_true(dsm_process_label(p, t) == t - 1);
  dsm_process_destroy(&p);
}

/* 23: NCSN numbers its noise levels from the largest down, the tables of the SDE papers from the smallest up. Here noise
 * rises with t, and with the label, in every process. */
static void trap_23_noise_rises_with_time_in_every_process(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    if (name == DSM_PROCESS_SINGLE) continue;
    dsm_process *p = process_named(name);
    for (int i = 1; i < 100; i++) {
      const double before = time_at(p, i - 1, 100), t = time_at(p, i, 100);
      assert_true(dsm_process_sigma(p, t) / dsm_process_alpha(p, t) >
                  dsm_process_sigma(p, before) / dsm_process_alpha(p, before));
      assert_true(dsm_process_label(p, t) > dsm_process_label(p, before));
    }
    dsm_process_destroy(&p);
  }
  dsm_process *p = process_named(DSM_PROCESS_SMLD);
  assert_close(dsm_process_sigma(p, 1), 0.01, 1e-15, 0);
  assert_close(dsm_process_sigma(p, 1000), 50, 1e-12, 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trap_5_one_minus_an_exponential_cancels_at_small_times),
      cmocka_unit_test(trap_6_logarithms_of_variances_are_not_variances),
      cmocka_unit_test(trap_22_the_convention_of_labels_has_a_name),
      cmocka_unit_test(trap_23_noise_rises_with_time_in_every_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
