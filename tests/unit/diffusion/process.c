/* Processes against published constants, direct formulas and finite differences. */
#include "check.h"

static double alpha_bar(const dsm_process *p, double t) {
  double alpha = dsm_process_alpha(p, t);
  return alpha * alpha;
}

/* Half a unit of the last of the 8 or 9 quoted digits; sums of 1000 logarithms keep 12 of 16. */
static const double quoted8 = 5e-8, quoted9 = 5e-9, rounding = 1e-12;

static void linear_schedule_has_the_published_values(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(1000);
  assert_close(alpha_bar(p, 1), 0.9999, rounding, 0);
  assert_close(alpha_bar(p, 2), 0.99978009, quoted8, 0);
  assert_close(alpha_bar(p, 500), 0.078587243, quoted8, 0);
  assert_close(alpha_bar(p, 1000), 4.03582977e-5, quoted9, 0);
  /* KL(q(x_T | x0 = 1) || N(0, 1)) per dimension, in nats */
  double sigma2 = pow(dsm_process_sigma(p, 1000), 2);
  assert_close((sigma2 + alpha_bar(p, 1000) - 1 - log(sigma2)) / 2, 2.018e-5, 1e-4, 0);
  dsm_process_destroy(&p);
  assert_null(p);
}

static void linear_schedule_scales_with_the_number_of_steps(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(100);
  assert_close(dsm_process_diffusion2(p, 1), 1e-3, rounding, 0);
  assert_close(dsm_process_diffusion2(p, 100), 0.2, rounding, 0);
  dsm_process_destroy(&p);
}

static void cosine_schedule_has_the_published_values(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 1000);
  assert_close(dsm_process_diffusion2(p, 1), 4.1284225e-5, quoted8, 0);
  assert_close(alpha_bar(p, 500), 0.49384359, quoted8, 0);
  assert_close(alpha_bar(p, 1000), 2.4287669e-9, quoted8, 0);
  int capped = 0;
  for (int t = 1; t <= 1000; t++) capped += fabs(dsm_process_diffusion2(p, t) - 0.999) < 1e-12;
  assert_int_equal(capped, 1);
  dsm_process_destroy(&p);
  p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 4000);
  assert_close(alpha_bar(p, 1), 0.99999013, quoted8, 0);
  dsm_process_destroy(&p);
}

static void ddpm_posterior_is_equation_7_of_ho_et_al_at_every_step(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(1000);
  double before = 1; /* alpha-bar of t - 1, by the plain product */
  for (int t = 1; t <= 1000; t++) {
    double beta = 1e-4 + (0.02 - 1e-4) * (t - 1) / 999.0, now = before * (1 - beta);
    dsm_posterior q = dsm_process_posterior(p, t - 1, t);
    /* 1 - alpha-bar cancels in the direct formulas: absolute errors of 1e-16 over 1 - alpha-bar >= 1e-4 */
    assert_close(q.x0_factor, sqrt(before) * beta / (1 - now), 1e-11, 0);
    assert_close(q.x_t_factor, sqrt(1 - beta) * (1 - before) / (1 - now), 1e-11, 1e-15);
    assert_close(q.small, beta * (1 - before) / (1 - now), 1e-11, 1e-15);
    assert_close(q.large, beta, 1e-11, 0);
    assert_close(dsm_process_diffusion2(p, t), beta, 1e-11, 0);
    assert_close(dsm_process_drift(p, t), log(1 - beta) / 2, 1e-11, 0);
    before = now;
  }
  assert_close(dsm_process_posterior(p, 1, 2).small, 5.4531877e-5, quoted8, 0);
  dsm_process_destroy(&p);
}

static void ve_has_the_published_values(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VE, 0, 0);
  assert_close(dsm_process_sigma(p, 0.5), 0.70710678, quoted8, 0);
  assert_close(sqrt(dsm_process_diffusion2(p, 0.5)), 2.9184231, quoted8, 0);
  assert_close(dsm_process_sigma(p, 1), 50, rounding, 0);
  assert_close(dsm_process_alpha(p, 0.5), 1, 0, 0);
  assert_close(dsm_process_drift(p, 0.5), 0, 0, 0);
  dsm_process_destroy(&p);
}

static void vp_has_the_published_values(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  assert_close(dsm_process_alpha(p, 0.5), 0.28118288, quoted8, 0);
  assert_close(dsm_process_sigma(p, 0.5), 0.95965420, quoted8, 0);
  assert_close(dsm_process_drift(p, 0.5), -(0.1 + 0.5 * 19.9) / 2, rounding, 0);
  assert_close(dsm_process_diffusion2(p, 0.5), 0.1 + 0.5 * 19.9, rounding, 0);
  dsm_process_destroy(&p);
}

static void vp_sigma_does_not_cancel_at_small_times(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  for (double t = 1e-3; t > 1e-12; t /= 10) {
    double y = 19.9 * t * t / 2 + 0.1 * t; /* -2 log alpha */
    /* the series of 1 - e^-y: the first term left out is y^5 / 120 < 1e-21 y */
    double sigma2 = y * (1 - y / 2 * (1 - y / 3 * (1 - y / 4)));
    assert_close(dsm_process_sigma(p, t), sqrt(sigma2), 1e-14, 0);
    assert_close(dsm_process_diffusion2(p, t), 0.1 + 19.9 * t, 1e-14, 0);
  }
  dsm_process_destroy(&p);
}

static void drift_and_diffusion_match_finite_differences(void **state) {
  (void)state;
  static const int names[] = {DSM_PROCESS_VP, DSM_PROCESS_VE};
  static const double times[] = {1e-3, 0.05, 0.3, 0.5, 0.77, 0.999};
  for (size_t n = 0; n < 2; n++) {
    dsm_process *p = process_of(names[n], 0, 0);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
      /* central differences: truncation h^2 f'''/6 ~ 1e-8 at most, rounding 1e-16 / h ~ 1e-11, both relative
       */
      double t = times[i], h = 1e-5;
      double f = (log(dsm_process_alpha(p, t + h)) - log(dsm_process_alpha(p, t - h))) / (2 * h);
      double above = dsm_process_sigma(p, t + h), below = dsm_process_sigma(p, t - h);
      double sigma = dsm_process_sigma(p, t), slope = (above * above - below * below) / (2 * h);
      assert_close(dsm_process_drift(p, t), f, 1e-8, 1e-9);
      assert_close(dsm_process_diffusion2(p, t), slope - 2 * f * sigma * sigma, 1e-7, 1e-9);
    }
    dsm_process_destroy(&p);
  }
}

/* Averaging q(x_s | x_t, x0) over q(x_t | x0) must give q(x_s | x0): mean and variance, for any s < t. */
static void posterior_is_consistent_with_the_marginals(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_COSINE, 1000);
    double unit = dsm_process_last(p) / 1000;
    for (int i = 0; i < 1000; i += 37)
      for (int j = i + 1; j <= 1000; j += 61) {
        double s = i * unit, t = j * unit;
        dsm_posterior q = dsm_process_posterior(p, s, t);
        double alpha_s = dsm_process_alpha(p, s), alpha_t = dsm_process_alpha(p, t);
        double sigma_s = dsm_process_sigma(p, s), sigma_t = dsm_process_sigma(p, t),
               ratio = alpha_t / alpha_s;
        assert_close(q.x_t_factor * alpha_t + q.x0_factor, alpha_s, 1e-11, 0);
        assert_close(q.x_t_factor * q.x_t_factor * sigma_t * sigma_t + q.small, sigma_s * sigma_s, 1e-11, 0);
        assert_close(q.large, sigma_t * sigma_t - ratio * ratio * sigma_s * sigma_s, 1e-9, 1e-12);
        if (i == 0) {
          assert_true(q.x_t_factor == 0);
          assert_true(q.x0_factor == 1);
          assert_true(q.small == 0);
        }
      }
    dsm_process_destroy(&p);
  }
}

static void ends_labels_and_scales_are_as_documented(void **state) {
  (void)state;
  static const struct {
    int name;
    const char *text;
    bool discrete;
    double last, first_training, first_sampling, label_last, prior_std;
  } rows[] = {
      {DSM_PROCESS_DDPM, "ddpm", true, 1000, 1, 1, 999, 1},
      {DSM_PROCESS_VP, "vp", false, 1, 1e-5, 1e-3, 999, 1},
      {DSM_PROCESS_VE, "ve", false, 1, 1e-5, 1e-5, 999, 50},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    dsm_process *p = process_of(rows[r].name, DSM_SCHEDULE_LINEAR, 1000);
    assert_string_equal(dsm_process_name_of(p), rows[r].text);
    assert_int_equal(dsm_process_discrete(p), rows[r].discrete);
    assert_true(dsm_process_last(p) == rows[r].last);
    assert_true(dsm_process_first(p, false) == rows[r].first_training);
    assert_true(dsm_process_first(p, true) == rows[r].first_sampling);
    assert_true(dsm_process_label(p, rows[r].last) == rows[r].label_last);
    assert_true(dsm_process_prior_std(p) == rows[r].prior_std);
    assert_true(dsm_process_alpha(p, 0) == 1);
    assert_true(dsm_process_sigma(p, 0) == 0);
    double t = rows[r].last, alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
    assert_close(dsm_prediction_reading(DSM_PREDICT_EPS, p, t).input, 1 / hypot(alpha, sigma), 1e-15, 0);
    if (rows[r].name != DSM_PROCESS_VE)
      for (int i = 1; i <= 1000; i++)
        assert_true((float)dsm_prediction_reading(DSM_PREDICT_EPS, p, i * t / 1000).input == 1.0f);
    dsm_process_destroy(&p);
  }
  dsm_process *p = ddpm_of(1000);
  for (int t = 1; t <= 1000; t++) assert_true(dsm_process_label(p, t) == t - 1);
  dsm_process_destroy(&p);
  p = ddpm_of(250);
  assert_true(dsm_process_label(p, 1) == 0);
  assert_close(dsm_process_label(p, 250), 999, rounding, 0);
  dsm_process_destroy(&p);
}

static void refused(dsm_config config, const char *received) {
  dsm_process *p = NULL;
  dsm_status status = dsm_process_create(&config, &p);
  assert_int_equal(status, DSM_BAD_CONFIG);
  assert_null(p);
  assert_non_null(strstr(dsm_trail_message(), received));
  dsm_trail_clear();
}

static void impossible_settings_are_refused_with_the_value(void **state) {
  (void)state;
  refused(config_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LINEAR, 20), "20 is too few for the linear schedule");
  refused(config_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LINEAR, 1), "1 is too few for the linear schedule");
  refused(config_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 0), "received 0");
  dsm_config config = config_of(DSM_PROCESS_VP, 0, 0);
  config.process.beta_min = 30;
  refused(config, "received 30 and 20");
  config = config_of(DSM_PROCESS_VE, 0, 0);
  config.process.sigma_min = 60;
  refused(config, "received 60 and 50");

  dsm_process *p = ddpm_of(21);
  assert_true(dsm_process_alpha(p, 21) > 0);
  dsm_process_destroy(&p);
  p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 1);
  assert_close(dsm_process_diffusion2(p, 1), 0.999, rounding, 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(linear_schedule_has_the_published_values),
      cmocka_unit_test(linear_schedule_scales_with_the_number_of_steps),
      cmocka_unit_test(cosine_schedule_has_the_published_values),
      cmocka_unit_test(ddpm_posterior_is_equation_7_of_ho_et_al_at_every_step),
      cmocka_unit_test(ve_has_the_published_values),
      cmocka_unit_test(vp_has_the_published_values),
      cmocka_unit_test(vp_sigma_does_not_cancel_at_small_times),
      cmocka_unit_test(drift_and_diffusion_match_finite_differences),
      cmocka_unit_test(posterior_is_consistent_with_the_marginals),
      cmocka_unit_test(ends_labels_and_scales_are_as_documented),
      cmocka_unit_test(impossible_settings_are_refused_with_the_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
