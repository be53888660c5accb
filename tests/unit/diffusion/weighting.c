/* Weights against their tables, and the smallest loss that an exact score reaches on Gaussian data. */
#include "check.h"

#include "dsmpi/random.h"

static void weights_are_those_of_the_papers(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
    for (int i = 1; i <= 1000; i += 9) {
      double t = i * dsm_process_last(p) / 1000, sigma = dsm_process_sigma(p, t);
      assert_close(dsm_weighting_value(DSM_WEIGHT_SIMPLE, p, t, 784), 1.0 / 784, 1e-15, 0);
      assert_close(dsm_weighting_value(DSM_WEIGHT_SIGMA2, p, t, 784), 0.5, 0, 0);
      assert_close(dsm_weighting_value(DSM_WEIGHT_LIKELIHOOD, p, t, 784),
                   dsm_process_diffusion2(p, t) / (2 * sigma * sigma), 1e-14, 0);
    }
    dsm_process_destroy(&p);
  }
  /* ddpm: beta_t / (2 (1 - alpha-bar_t)), which is 1/2 at t = 1 */
  dsm_process *p = ddpm_of(1000);
  assert_close(dsm_weighting_value(DSM_WEIGHT_LIKELIHOOD, p, 1, 3), 0.5, 1e-12, 0);
  assert_close(dsm_weighting_value(DSM_WEIGHT_LIKELIHOOD, p, 1000, 3), 0.02 / (2 * (1 - 4.03582977e-5)), 1e-9,
               0);
  dsm_process_destroy(&p);
}

/* Table of weights on other losses: "simple" is SNR on x0 and SNR / (SNR + 1) on v. */
static void simple_weight_on_other_losses_is_the_signal_to_noise_ratio(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  for (int i = 1; i <= 100; i++) {
    double t = i / 100.0, alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
    double of_x0 = dsm_prediction_reading(DSM_PREDICT_X0, p, t).eps_f;
    double of_v = dsm_prediction_reading(DSM_PREDICT_V, p, t).eps_f;
    double snr = alpha * alpha / (sigma * sigma), weight = dsm_weighting_value(DSM_WEIGHT_SIMPLE, p, t, 1);
    assert_close(weight * of_x0 * of_x0, snr, 1e-12, 0);
    assert_close(weight * of_v * of_v, snr / (snr + 1), 1e-12, 0);
  }
  dsm_process_destroy(&p);
}

/* Data N(0, s0^2), exact score: the loss (1/2) E (s + eps/sigma)^2 of one dimension is
 * (1/sigma^2 - 1/(s0^2 + sigma^2)) / 2, the constant between denoising and explicit score matching
 * (Vincent 2011). s0 = 2, sigma = 1/2: 1.882353. */
static void exact_score_reaches_the_known_minimum(void **state) {
  (void)state;
  enum { SAMPLES = 256, D = 4096 };
  static float clean[D], eps[D], x[D], value[D], eps_hat[D];
  const double s0 = 2, sigma = 0.5, minimum = 1.8823529411764706;
  dsm_process *p = process_of(DSM_PROCESS_VE, 0, 0);
  double t = log(sigma / 0.01) / log(50 / 0.01), sum = 0;
  assert_close(dsm_process_sigma(p, t), sigma, 1e-14, 0);
  for (uint64_t i = 0; i < SAMPLES; i++) {
    dsm_random_normal((dsm_random_key){5, DSM_STREAM_DATA, 0, i}, 0, D, clean);
    dsm_random_normal((dsm_random_key){5, DSM_STREAM_NOISE, 0, i}, 0, D, eps);
    for (int j = 0; j < D; j++) {
      x[j] = (float)(s0 * (double)clean[j] + sigma * (double)eps[j]);
      value[j] = (float)(-(double)x[j] / (s0 * s0 + sigma * sigma));
    }
    dsm_prediction_convert(DSM_PREDICT_SCORE, DSM_PREDICT_EPS, 1, sigma, x, value, eps_hat, D);
    for (int j = 0; j < D; j++) sum += pow((double)eps[j] - (double)eps_hat[j], 2);
  }
  double mean = sum / SAMPLES / D, weight = dsm_weighting_value(DSM_WEIGHT_SIGMA2, p, t, D);
  /* the sigma^2 of the weighting is taken out again; squares of normals: relative error sqrt(2 / 2^20) = 0.14
   * % */
  assert_close(weight * mean / (sigma * sigma), minimum, 4 * sqrt(2.0 / SAMPLES / D), 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_are_those_of_the_papers),
      cmocka_unit_test(simple_weight_on_other_losses_is_the_signal_to_noise_ratio),
      cmocka_unit_test(exact_score_reaches_the_known_minimum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
