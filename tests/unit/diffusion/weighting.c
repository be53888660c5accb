/* Weights against their tables, and the smallest loss that an exact score reaches on Gaussian data. */
#include "check.h"

#include "dsmpi/random.h"

static double weight(int weighting, const dsm_process *p, double t, size_t d) {
  const dsm_objective_settings settings = objective_of(DSM_PREDICT_EPS, weighting);
  return dsm_weighting_value(&settings, p, t, d);
}

static void weights_are_those_of_the_papers(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (int i = 0; i < 1000; i += 9) {
      double t = time_at(p, i, 1000), sigma = dsm_process_sigma(p, t);
      assert_close(weight(DSM_WEIGHT_SIMPLE, p, t, 784), 1.0 / 784, 1e-15, 0);
      assert_close(weight(DSM_WEIGHT_SIGMA2, p, t, 784), 0.5, 0, 0);
      if (isinf(dsm_process_diffusion2(p, t))) continue; /* the end of flow */
      assert_close(weight(DSM_WEIGHT_LIKELIHOOD, p, t, 784),
                   dsm_process_diffusion2(p, t) / (2 * sigma * sigma), 1e-14, 0);
    }
    dsm_process_destroy(&p);
  }
  /* ddpm: beta_t / (2 (1 - alpha-bar_t)), which is 1/2 at t = 1 */
  dsm_process *p = ddpm_of(1000);
  assert_close(weight(DSM_WEIGHT_LIKELIHOOD, p, 1, 3), 0.5, 1e-12, 0);
  assert_close(weight(DSM_WEIGHT_LIKELIHOOD, p, 1000, 3), 0.02 / (2 * (1 - 4.03582977e-5)), 1e-9, 0);
  dsm_process_destroy(&p);
}

/* The bound of Ho et al., fixed-large variance. */
static void vlb_has_the_published_values(void **state) {
  (void)state;
  static const struct {
    double t, weight;
  } rows[] = {{1, 0.50005}, {2, 0.272692}, {500, 0.00550343}, {1000, 0.0102045}};
  dsm_process *p = ddpm_of(1000);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_close(weight(DSM_WEIGHT_VLB, p, rows[i].t, 784), rows[i].weight, 3e-6, 0);
  dsm_process_destroy(&p);
}

/* KL(N(mu, v) || N(mu_hat, var)) = |mu - mu_hat|^2 / (2 var) + terms without the network, as weight on mu, on eps
 * and, for the small variance, on x0. */
static void vlb_is_the_divergence_of_a_step_in_all_three_forms(void **state) {
  (void)state;
  static const int names[] = {DSM_PROCESS_DDPM, DSM_PROCESS_SMLD};
  for (size_t n = 0; n < 2; n++) {
    dsm_process *p = process_of(names[n], DSM_SCHEDULE_COSINE, 1000);
    for (double t = 1; t <= 1000; t += 3)
      for (int variance = DSM_VARIANCE_SMALL; variance <= DSM_VARIANCE_LARGE; variance++) {
        dsm_objective_settings settings = objective_of(DSM_PREDICT_MU, DSM_WEIGHT_VLB);
        settings.vlb_variance = variance;
        const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
        const double small = t > 1 ? q.small : dsm_process_posterior(p, 1, 2).small;
        const double var = variance == DSM_VARIANCE_LARGE ? q.large : small;
        const double alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
        const double input = dsm_prediction_reading(&settings, p, t).input;
        assert_close(dsm_weighting_of_output(&settings, p, t, 5) * input * input, 1 / (2 * var), 1e-9, 0);
        if (names[n] == DSM_PROCESS_DDPM) {
          const double beta = dsm_process_diffusion2(p, t);
          assert_close(dsm_weighting_value(&settings, p, t, 5),
                       beta * beta / (2 * var * (1 - beta) * sigma * sigma), 1e-9, 0);
        }
        settings.prediction = DSM_PREDICT_X0;
        if (variance == DSM_VARIANCE_SMALL && t > 1) { /* (SNR_{t-1} - SNR_t) / 2 */
          const double alpha_s = dsm_process_alpha(p, t - 1), sigma_s = dsm_process_sigma(p, t - 1);
          const double before = pow(alpha_s / sigma_s, 2), now = pow(alpha / sigma, 2);
          assert_close(dsm_weighting_of_output(&settings, p, t, 5), (before - now) / 2, 1e-9, 1e-15 * before);
        }
      }
    dsm_process_destroy(&p);
  }
}

/* With the variance of the posterior, the steps of a fine ladder add up to half the integral of g^2 / sigma^2: the
 * likelihood weight is the limit. */
static void likelihood_is_the_limit_of_vlb(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(100000);
  dsm_objective_settings settings = objective_of(DSM_PREDICT_EPS, DSM_WEIGHT_VLB);
  for (double t = 1000; t <= 100000; t += 1000) {
    settings.vlb_variance = DSM_VARIANCE_LARGE;
    const double expected = weight(DSM_WEIGHT_LIKELIHOOD, p, t, 1);
    /* apart by beta <= 2e-4, and by the ratio of the variances, beta (alpha/sigma)^2 */
    assert_close(dsm_weighting_value(&settings, p, t, 1), expected, 3e-4, 0);
    settings.vlb_variance = DSM_VARIANCE_SMALL;
    assert_close(dsm_weighting_value(&settings, p, t, 1), expected, 2e-3, 0);
  }
  dsm_process_destroy(&p);
}

/* The table of weights on the losses of eps, x0 and v, in a variance-preserving process. */
static void weights_on_other_losses_are_those_of_the_table(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  for (int i = 1; i <= 100; i++) {
    const double t = i / 100.0, alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
    const double snr = alpha * alpha / (sigma * sigma), gamma = 5, sd = 0.5, ratio = sigma / alpha;
    const struct {
      int weighting;
      double on_eps, on_x0, on_v;
    } rows[] = {
        {DSM_WEIGHT_SIMPLE, 1, snr, snr / (snr + 1)},
        {DSM_WEIGHT_MIN_SNR, fmin(snr, gamma) / snr, fmin(snr, gamma), fmin(snr, gamma) / (snr + 1)},
        {DSM_WEIGHT_SOFT_MIN_SNR, gamma / (snr + gamma), snr * gamma / (snr + gamma),
         snr / (snr + 1) * gamma / (snr + gamma)},
        {DSM_WEIGHT_EDM, (ratio * ratio + sd * sd) / (sd * sd),
         (ratio * ratio + sd * sd) / pow(ratio * sd, 2),
         (ratio * ratio + sd * sd) / (sd * sd) * snr / (snr + 1)},
        {DSM_WEIGHT_OUTPUT, 1, 1, 1},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
      static const int predictions[] = {DSM_PREDICT_EPS, DSM_PREDICT_X0, DSM_PREDICT_V};
      const double expected[] = {rows[r].on_eps, rows[r].on_x0, rows[r].on_v};
      for (size_t k = 0; k < 3; k++) {
        dsm_objective_settings settings = objective_of(predictions[k], rows[r].weighting);
        settings.sigma_data = sd;
        assert_close(dsm_weighting_of_output(&settings, p, t, 1), expected[k], 1e-12, 0);
        assert_close(dsm_weighting_of_output(&settings, p, t, 7), expected[k] / 7, 1e-12, 0);
        const double k_eps = pow(dsm_prediction_reading(&settings, p, t).eps_f, 2);
        assert_close(dsm_weighting_value(&settings, p, t, 1) * k_eps, expected[k], 1e-12, 0);
      }
    }
    /* k-diffusion's soft min-SNR on the F of edm, (s sd)^2 / (s^2 + sd^2)^2, with gamma = 1 / sd^2 */
    dsm_objective_settings soft = objective_of(DSM_PREDICT_EDM, DSM_WEIGHT_SOFT_MIN_SNR);
    soft.sigma_data = sd;
    soft.min_snr_gamma = 1 / (sd * sd);
    assert_close(dsm_weighting_of_output(&soft, p, t, 1), pow(ratio * sd / (ratio * ratio + sd * sd), 2),
                 1e-12, 0);
  }
  dsm_process_destroy(&p);
}

/* At t = 1 of flow, alpha = 0: on eps some weights are infinite, on the output all are finite and the limit from
 * below. */
static void weights_of_the_output_are_finite_where_nothing_of_the_data_is_left(void **state) {
  (void)state;
  static const int predictions[] = {DSM_PREDICT_X0, DSM_PREDICT_V, DSM_PREDICT_FLOW, DSM_PREDICT_EDM};
  static const int weightings[] = {DSM_WEIGHT_SIMPLE,       DSM_WEIGHT_SIGMA2, DSM_WEIGHT_MIN_SNR,
                                   DSM_WEIGHT_SOFT_MIN_SNR, DSM_WEIGHT_EDM,    DSM_WEIGHT_OUTPUT};
  dsm_process *p = process_named(DSM_PROCESS_FLOW);
  for (size_t a = 0; a < sizeof predictions / sizeof *predictions; a++)
    for (size_t b = 0; b < sizeof weightings / sizeof *weightings; b++) {
      const dsm_objective_settings settings = objective_of(predictions[a], weightings[b]);
      assert_int_equal(dsm_weighting_check(&settings, p), DSM_OK);
      assert_close(dsm_weighting_of_output(&settings, p, 1, 3),
                   dsm_weighting_of_output(&settings, p, 1 - 1e-9, 3), 1e-8, 1e-8);
    }
  /* flow matching: weight 1 on the velocity at all times */
  const dsm_objective_settings matching = objective_of(DSM_PREDICT_FLOW, DSM_WEIGHT_OUTPUT);
  for (int i = 1; i <= 10; i++) {
    const dsm_reading r = dsm_prediction_reading(&matching, p, i / 10.0);
    assert_true(dsm_weighting_of_output(&matching, p, i / 10.0, 1) == 1 && r.f_x0 == -1 && r.f_eps == 1);
  }
  dsm_process_destroy(&p);
}

static void weights_that_do_not_exist_are_refused(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    const dsm_objective_settings vlb = objective_of(DSM_PREDICT_X0, DSM_WEIGHT_VLB);
    const dsm_objective_settings likelihood = objective_of(DSM_PREDICT_X0, DSM_WEIGHT_LIKELIHOOD);
    if (!dsm_process_discrete(p))
      assert_refused(dsm_weighting_check(&vlb, p), "use likelihood, which is its limit");
    else
      assert_int_equal(dsm_weighting_check(&vlb, p), DSM_OK);
    if (name == DSM_PROCESS_FLOW)
      assert_refused(dsm_weighting_check(&likelihood, p), "infinite");
    else
      assert_int_equal(dsm_weighting_check(&likelihood, p), DSM_OK);
    dsm_process_destroy(&p);
  }
  /* 1 / sigma^2 on x0 at a level of 1e-25 */
  dsm_config config = config_of(DSM_PROCESS_VE, 0, 0);
  config.process.sigma_min = 1e-25;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  const dsm_objective_settings simple = objective_of(DSM_PREDICT_X0, DSM_WEIGHT_SIMPLE),
                               output = objective_of(DSM_PREDICT_X0, DSM_WEIGHT_OUTPUT);
  assert_refused(dsm_weighting_check(&simple, p), "beyond float32");
  assert_int_equal(dsm_weighting_check(&output, p), DSM_OK);
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
    for (int j = 0; j < D; j++) eps_hat[j] = (float)(-sigma * (double)value[j]);
    for (int j = 0; j < D; j++) sum += pow((double)eps[j] - (double)eps_hat[j], 2);
  }
  double mean = sum / SAMPLES / D, half = weight(DSM_WEIGHT_SIGMA2, p, t, D);
  /* the sigma^2 of the weighting is taken out again; squares of normals: relative error sqrt(2 / 2^20) = 0.14
   * % */
  assert_close(half * mean / (sigma * sigma), minimum, 4 * sqrt(2.0 / SAMPLES / D), 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_are_those_of_the_papers),
      cmocka_unit_test(vlb_has_the_published_values),
      cmocka_unit_test(vlb_is_the_divergence_of_a_step_in_all_three_forms),
      cmocka_unit_test(likelihood_is_the_limit_of_vlb),
      cmocka_unit_test(weights_on_other_losses_are_those_of_the_table),
      cmocka_unit_test(weights_of_the_output_are_finite_where_nothing_of_the_data_is_left),
      cmocka_unit_test(weights_that_do_not_exist_are_refused),
      cmocka_unit_test(exact_score_reaches_the_known_minimum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
