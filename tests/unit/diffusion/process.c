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

/* From 50-digit arithmetic on the formula of Jabri et al. (start -3, end 3, tau 1). */
static void sigmoid_schedule_has_the_values_of_its_formula(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_SIGMOID, 1000);
  assert_close(dsm_process_diffusion2(p, 1), 3.002791997492e-04, rounding, 0);
  assert_close(dsm_process_diffusion2(p, 2), 3.020041191875e-04, rounding, 0);
  assert_close(dsm_process_diffusion2(p, 999), 5.013569029182e-01, rounding, 0);
  assert_close(alpha_bar(p, 500), 0.5, rounding, 0);
  assert_close(alpha_bar(p, 999), 3.002791997492e-04, rounding, 0);
  assert_close(alpha_bar(p, 1000), 3.002791997492e-07, rounding, 0); /* the last beta is capped at 0.999 */
  dsm_process_destroy(&p);
  p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_SIGMOID, 4000);
  assert_close(dsm_process_diffusion2(p, 1), 7.491702146304e-05, rounding, 0);
  assert_close(alpha_bar(p, 4000), 7.491702146304e-08, rounding, 0);
  dsm_process_destroy(&p);
}

static dsm_config config_of_list(size_t count) {
  dsm_config config = config_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LIST, (int64_t)count);
  config.process.betas.count = count;
  for (size_t i = 0; i < count; i++) config.process.betas.value[i] = 0.1 + 0.05 * (double)i;
  return config;
}

static void betas_of_a_list_are_taken_as_they_are(void **state) {
  (void)state;
  dsm_config config = config_of_list(10);
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  double product = 1;
  for (int t = 1; t <= 10; t++) {
    product *= 1 - config.process.betas.value[t - 1];
    assert_close(dsm_process_diffusion2(p, t), config.process.betas.value[t - 1], rounding, 0);
    assert_close(alpha_bar(p, t), product, rounding, 0);
  }
  dsm_process_destroy(&p);
}

/* beta_T = 1: alpha_T = 0, and the posterior of the last step forgets x_T but for nothing. */
static void a_last_beta_of_one_leaves_nothing_of_the_data(void **state) {
  (void)state;
  dsm_config config = config_of_list(10);
  config.process.betas.value[9] = 1;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  assert_true(dsm_process_alpha(p, 10) == 0);
  assert_true(dsm_process_sigma(p, 10) == 1);
  assert_true(isinf(dsm_process_drift(p, 10)));
  dsm_posterior q = dsm_process_posterior(p, 9, 10);
  double sigma = dsm_process_sigma(p, 9);
  assert_true(q.x_t_factor == 0);
  assert_close(q.x0_factor, dsm_process_alpha(p, 9), 1e-15, 0);
  assert_close(q.small, sigma * sigma, 1e-15, 0);
  assert_close(q.large, 1, 1e-15, 0);
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

static void subvp_has_the_published_values(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_SUBVP, 0, 0);
  assert_close(dsm_process_alpha(p, 0.5), 0.28118288, quoted8, 0);
  assert_close(dsm_process_sigma(p, 0.5), 0.92093619, quoted8, 0);
  assert_close(sqrt(dsm_process_diffusion2(p, 0.5)), 3.1602494, quoted8, 0);
  for (int i = 1; i <= 100; i++) { /* g^2 = beta (1 - exp(-2 b0 t - (b1 - b0) t^2)) */
    double t = i / 100.0, beta = 0.1 + 19.9 * t;
    assert_close(dsm_process_diffusion2(p, t), -beta * expm1(-2 * 0.1 * t - 19.9 * t * t), rounding, 0);
    assert_close(dsm_process_drift(p, t), -beta / 2, rounding, 0);
  }
  dsm_process_destroy(&p);
}

/* The ratio of neighbouring levels: NCSN, L = 10 from 1 to 0.01, and NCSNv2, L = 232 from 50 to 0.01. */
static void smld_has_the_published_ratios(void **state) {
  (void)state;
  static const struct {
    int64_t levels;
    double sigma_max, ratio;
  } rows[] = {{10, 1, 1.668101}, {232, 50, 1.037559}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    dsm_config config = config_of(DSM_PROCESS_SMLD, 0, rows[r].levels);
    config.process.sigma_max = rows[r].sigma_max;
    dsm_process *p = NULL;
    assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
    double last = dsm_process_last(p);
    assert_true(last == (double)rows[r].levels);
    assert_close(dsm_process_sigma(p, 1), 0.01, 1e-15, 0);
    assert_close(dsm_process_sigma(p, last), rows[r].sigma_max, rounding, 0);
    for (double t = 2; t <= last; t++) {
      assert_close(dsm_process_sigma(p, t) / dsm_process_sigma(p, t - 1), rows[r].ratio, 5e-7, 0);
      double step = pow(dsm_process_sigma(p, t), 2) - pow(dsm_process_sigma(p, t - 1), 2);
      assert_close(dsm_process_diffusion2(p, t), step, 1e-13, 0);
    }
    assert_close(dsm_process_diffusion2(p, 1), 1e-4, 1e-14, 0); /* sigma_0 = 0 */
    dsm_process_destroy(&p);
  }
}

static void time_of_edm_is_the_noise_level(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_EDM, 0, 0);
  for (int i = 0; i < 100; i++) {
    double t = time_at(p, i, 100);
    assert_true(dsm_process_alpha(p, t) == 1);
    assert_close(dsm_process_sigma(p, t), t, 1e-15, 0);
    assert_close(dsm_process_diffusion2(p, t), 2 * t, 1e-15, 0);
    /* the label is a line in c_noise = ln(t) / 4 */
    double c = log(t) / 4, low = log(0.01) / 4, high = log(50) / 4;
    assert_close(dsm_process_label(p, t), 999 * (c - low) / (high - low), 1e-13, 1e-12);
  }
  dsm_process_destroy(&p);
}

static void flow_is_a_straight_line_and_ends_in_pure_noise(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_FLOW, 0, 0);
  for (int i = 1; i < 100; i++) {
    double t = i / 100.0;
    assert_close(dsm_process_alpha(p, t), 1 - t, 1e-15, 0);
    assert_close(dsm_process_sigma(p, t), t, 1e-15, 0);
    assert_close(dsm_process_drift(p, t), -1 / (1 - t), 1e-14, 0);
    assert_close(dsm_process_diffusion2(p, t), 2 * t / (1 - t), 1e-14, 0);
  }
  assert_true(dsm_process_alpha(p, 1) == 0);
  assert_true(dsm_process_sigma(p, 1) == 1);
  assert_true(dsm_process_alpha_slope(p, 1) == -1);
  assert_true(dsm_process_sigma_slope(p, 1) == 1);
  assert_true(dsm_process_drift(p, 1) == -INFINITY);
  assert_true(dsm_process_diffusion2(p, 1) == INFINITY);
  for (int i = 1; i < 100; i++) { /* x_1 tells nothing: the posterior is the marginal of x_s */
    double s = i / 100.0;
    dsm_posterior q = dsm_process_posterior(p, s, 1);
    assert_true(q.x_t_factor == 0);
    assert_close(q.x0_factor, 1 - s, 1e-15, 0);
    assert_close(q.small, s * s, 1e-15, 0);
    assert_close(q.large, 1, 1e-15, 0);
  }
  dsm_process_destroy(&p);
}

/* sigma_ts^2 -> g^2 (t - s) for s -> t. By the difference of its definition it would be noise there: 1e-16 over
 * 1e-12. */
static void transitions_between_close_times_do_not_cancel(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (int i = 1; i < 50 && !dsm_process_discrete(p); i++) {
      double s = time_at(p, i, 51), t = s * (1 + 1e-12);
      /* the next term of the series is (t - s) (g^2)' / g^2 ~ 1e-10 */
      assert_close(dsm_process_posterior(p, s, t).large, dsm_process_diffusion2(p, s) * (t - s), 1e-9, 0);
    }
    dsm_process_destroy(&p);
  }
}

static void time_of_a_ratio_is_the_inverse_of_sigma_over_alpha(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    double first = dsm_process_first(p, false), last = dsm_process_last(p);
    for (int i = 0; i < 200; i++) {
      double t = time_at(p, i, 200), ratio = dsm_process_sigma(p, t) / dsm_process_alpha(p, t);
      assert_close(dsm_process_time_of(p, ratio), t, 1e-12, 1e-15);
      if (!dsm_process_discrete(p) || t == last) continue;
      /* nearest in the logarithm: a little to either side of the middle between two levels */
      double next = dsm_process_sigma(p, t + 1) / dsm_process_alpha(p, t + 1);
      assert_true(dsm_process_time_of(p, sqrt(ratio * next) * (1 - 1e-9)) == t);
      assert_true(dsm_process_time_of(p, sqrt(ratio * next) * (1 + 1e-9)) == t + 1);
    }
    assert_true(dsm_process_time_of(p, 1e-300) == first);
    assert_true(dsm_process_time_of(p, 1e300) == last);
    assert_true(dsm_process_time_of(p, INFINITY) == last);
    dsm_process_destroy(&p);
  }
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

static void slopes_drift_and_diffusion_match_finite_differences(void **state) {
  (void)state;
  static const double shares[] = {1e-3, 0.05, 0.3, 0.5, 0.77, 0.99};
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (size_t i = 0; i < sizeof shares / sizeof *shares && !dsm_process_discrete(p); i++) {
      /* central differences with a step of 1e-5 of t: truncation (h/t)^2 ~ 1e-10 times the third derivative,
       * rounding 1e-16 / 1e-5, both relative to the value over t */
      double t = shares[i] * dsm_process_last(p), h = 1e-5 * t;
      double up = dsm_process_alpha(p, t + h), down = dsm_process_alpha(p, t - h);
      double above = dsm_process_sigma(p, t + h), below = dsm_process_sigma(p, t - h);
      double alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
      double alpha_slope = (up - down) / (2 * h), sigma_slope = (above - below) / (2 * h);
      double f = alpha_slope / alpha;
      assert_close(dsm_process_alpha_slope(p, t), alpha_slope, 1e-7, 1e-10 * alpha / t);
      assert_close(dsm_process_sigma_slope(p, t), sigma_slope, 1e-7, 1e-10 * sigma / t);
      assert_close(dsm_process_drift(p, t), f, 1e-7, 1e-10 / t);
      assert_close(dsm_process_diffusion2(p, t), 2 * sigma * (sigma_slope - f * sigma), 1e-6, 0);
    }
    dsm_process_destroy(&p);
  }
}

/* Averaging q(x_s | x_t, x0) over q(x_t | x0) must give q(x_s | x0): mean and variance, for any s < t. */
static void posterior_is_consistent_with_the_marginals(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_COSINE, 1000);
    for (int i = -1; i < 1000; i += 37)
      for (int j = i + 1; j < 1000; j += 61) {
        double s = i < 0 ? 0 : time_at(p, i, 1000), t = time_at(p, j, 1000);
        if (s == t) continue; /* single */
        dsm_posterior q = dsm_process_posterior(p, s, t);
        double alpha_s = dsm_process_alpha(p, s), alpha_t = dsm_process_alpha(p, t);
        double sigma_s = dsm_process_sigma(p, s), sigma_t = dsm_process_sigma(p, t),
               ratio = alpha_t / alpha_s;
        assert_close(q.x_t_factor * alpha_t + q.x0_factor, alpha_s, 1e-11, 0);
        assert_close(q.x_t_factor * q.x_t_factor * sigma_t * sigma_t + q.small, sigma_s * sigma_s, 1e-11, 0);
        assert_close(q.large, sigma_t * sigma_t - ratio * ratio * sigma_s * sigma_s, 1e-9,
                     1e-12 * sigma_t * sigma_t);
        if (s == 0) {
          assert_true(q.x_t_factor == 0);
          assert_true(q.x0_factor == 1);
          assert_true(q.small == 0);
        }
      }
    dsm_process_destroy(&p);
  }
}

/* Two transitions in a row are one: sigma_us^2 = sigma_ut^2 + (alpha_u / alpha_t)^2 sigma_ts^2, s < t < u. */
static void transitions_compose(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_SIGMOID, 1000);
    for (int i = 0; i < 900 && dsm_process_last(p) * dsm_process_first(p, false) != 1; i += 41)
      for (int j = i + 1; j < 950; j += 97)
        for (int k = j + 1; k < 1000; k += 101) {
          double s = time_at(p, i, 1000), t = time_at(p, j, 1000), u = time_at(p, k, 1000);
          double ratio = dsm_process_alpha(p, u) / dsm_process_alpha(p, t);
          double once = dsm_process_posterior(p, s, u).large;
          double first = dsm_process_posterior(p, s, t).large, second = dsm_process_posterior(p, t, u).large;
          assert_close(once, second + ratio * ratio * first, 1e-12, 0);
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
      {DSM_PROCESS_SUBVP, "subvp", false, 1, 1e-5, 1e-3, 999, 1},
      {DSM_PROCESS_SMLD, "smld", true, 1000, 1, 1, 999, 50},
      {DSM_PROCESS_EDM, "edm", false, 50, 0.01, 0.01, 999, 50},
      {DSM_PROCESS_FLOW, "flow", false, 1, 1e-5, 1e-3, 999, 1},
      {DSM_PROCESS_SINGLE, "single", true, 1, 1, 1, 0, 0.5},
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
    assert_int_equal(dsm_process_ends_in_noise(p), rows[r].name != DSM_PROCESS_SINGLE);
    assert_true(dsm_process_alpha(p, 0) == 1);
    assert_true(dsm_process_sigma(p, 0) == 0);
    double t = rows[r].last, alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t);
    assert_close(sigma, rows[r].prior_std, 1e-4, 0); /* vp: alpha^2 = 4e-5 is left */
    assert_true(alpha <= 1);
    double before = -1; /* labels rise with t */
    for (int i = 0; i < 1000 && rows[r].label_last > 0; i++) {
      double label = dsm_process_label(p, time_at(p, i, 1000));
      assert_true(label > before && label >= 0 && label <= 999);
      before = label;
    }
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
  config = config_of(DSM_PROCESS_SUBVP, 0, 0);
  config.process.beta_max = 1e6; /* alpha is 0 from t = 0.03 on */
  refused(config, "with 0.1 and 1e+06");
  config = config_of(DSM_PROCESS_VE, 0, 0);
  config.process.sigma_min = 60;
  refused(config, "received 60 and 50");

  config.process.sigma_min = 1e-200; /* its square is 0 */
  refused(config, "received 1e-200 and 50");
  refused(config_of(DSM_PROCESS_SMLD, 0, 1), "received 1");
  config = config_of(DSM_PROCESS_SUBVP, 0, 0);
  config.process.beta_min = 0;
  refused(config, "received 0 and 20");
  config = config_of(DSM_PROCESS_EDM, 0, 0);
  config.process.sigma_max = INFINITY;
  refused(config, "received 0.01 and inf");
  config = config_of(DSM_PROCESS_SINGLE, 0, 0);
  config.process.sigma = 0;
  refused(config, "received 0");
  config = config_of_list(10);
  config.process.steps = 11;
  refused(config, "process.betas has 10 numbers and process.steps is 11");
  config = config_of_list(10);
  config.process.betas.value[3] = 1;
  refused(config, "number 4 is 1");
  config.process.betas.value[3] = 0;
  refused(config, "number 4 is 0");

  config = config_of_list(1000);
  for (int i = 0; i < 1000; i++) config.process.betas.value[i] = 0.9;
  refused(config, "take smaller or fewer betas");

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
      cmocka_unit_test(sigmoid_schedule_has_the_values_of_its_formula),
      cmocka_unit_test(betas_of_a_list_are_taken_as_they_are),
      cmocka_unit_test(a_last_beta_of_one_leaves_nothing_of_the_data),
      cmocka_unit_test(ddpm_posterior_is_equation_7_of_ho_et_al_at_every_step),
      cmocka_unit_test(ve_has_the_published_values),
      cmocka_unit_test(vp_has_the_published_values),
      cmocka_unit_test(subvp_has_the_published_values),
      cmocka_unit_test(smld_has_the_published_ratios),
      cmocka_unit_test(time_of_edm_is_the_noise_level),
      cmocka_unit_test(flow_is_a_straight_line_and_ends_in_pure_noise),
      cmocka_unit_test(vp_sigma_does_not_cancel_at_small_times),
      cmocka_unit_test(slopes_drift_and_diffusion_match_finite_differences),
      cmocka_unit_test(transitions_compose),
      cmocka_unit_test(transitions_between_close_times_do_not_cancel),
      cmocka_unit_test(time_of_a_ratio_is_the_inverse_of_sigma_over_alpha),
      cmocka_unit_test(posterior_is_consistent_with_the_marginals),
      cmocka_unit_test(ends_labels_and_scales_are_as_documented),
      cmocka_unit_test(impossible_settings_are_refused_with_the_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
