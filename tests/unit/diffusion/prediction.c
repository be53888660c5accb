/* Readings of a network's output: they fit their definitions, they give the truth back, and they are the published
 * ones. */
#include "check.h"

#include "diffusion/prediction.h"
#include "dsmpi/random.h"

/* (alpha, sigma) from almost clean to almost noise; the last rows do not preserve the variance. */
static const double pairs[][2] = {
    {0.6, 0.8},
    {0.28118288, 0.9596542},
    {0.99999950, 1.0e-3},
    {1 - 5e-13, 1e-6},
    {4.92821e-5, 1.0},
    {1e-8, 1.0},
    {1, 1e-5},
    {1, 0.01},
    {1, 0.70710678118},
    {1, 50},
    {1, 1348},
    {0.3, 0.3},
    {1e-3, 1e-3},
    {2, 7},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static const int kinds[] = {DSM_PREDICT_EPS,  DSM_PREDICT_X0,  DSM_PREDICT_SCORE,
                            DSM_PREDICT_FLOW, DSM_PREDICT_EDM, DSM_PREDICT_V};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const double sigma_data = 0.5;

static double uniform(uint64_t index) {
  return 4 * dsm_random_uniform_double((dsm_random_key){7, DSM_STREAM_DATA, 0, 0}, index) - 2;
}

/* F by its definition. */
static double value_of(int kind, double x0, double eps, double alpha, double sigma) {
  const double ratio = sigma / alpha, r2 = ratio * ratio, d2 = sigma_data * sigma_data;
  switch (kind) {
  case DSM_PREDICT_EPS:
    return eps;
  case DSM_PREDICT_X0:
    return x0;
  case DSM_PREDICT_SCORE:
    return -eps;
  case DSM_PREDICT_FLOW:
    return eps - x0;
  case DSM_PREDICT_EDM: /* (x0 - c_skip y) / c_out of y = x0 + ratio eps */
    return (x0 - d2 / (r2 + d2) * (x0 + ratio * eps)) / (ratio * sigma_data / sqrt(r2 + d2));
  default:
    return alpha * eps - sigma * x0;
  }
}

/* |x_factor x| + |f_factor F| is what a reading adds up; each summand is right to a few units. */
static void assert_sum(double x_factor, double x, double x_size, double f_factor, double f, double f_size,
                       double expected) {
  assert_close(x_factor * x + f_factor * f, expected, 1e-15,
               2e-15 * (fabs(x_factor) * x_size + fabs(f_factor) * f_size));
}

static void readings_fit_the_definitions(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int k = 0; k < KINDS; k++) {
      const double alpha = pairs[r][0], sigma = pairs[r][1];
      const double x0 = uniform(302), eps = uniform(303), x = alpha * x0 + sigma * eps;
      const double x_size = fabs(alpha * x0) + fabs(sigma * eps);
      const dsm_reading read = dsm__reading_at(kinds[k], alpha, sigma, sigma_data);
      const double f = read.f_x0 * x0 + read.f_eps * eps;
      const double f_size = fabs(read.f_x0 * x0) + fabs(read.f_eps * eps);
      /* the definition of edm subtracts at ratios far from sigma_data: its own error is ratio / sigma_data */
      const double ratio = sigma / alpha / sigma_data;
      const double loose = kinds[k] == DSM_PREDICT_EDM ? 1e-14 * (ratio + 1 / ratio) : 1e-15 * f_size;
      assert_close(f, value_of(kinds[k], x0, eps, alpha, sigma), 1e-15, loose);
      assert_sum(read.x0_x, x, x_size, read.x0_f, f, f_size, x0);
      assert_sum(read.eps_x, x, x_size, read.eps_f, f, f_size, eps);
    }
}

static void every_conversion_gives_what_the_definitions_give(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int a = 0; a < KINDS; a++)
      for (int b = 0; b < KINDS; b++) {
        const double alpha = pairs[r][0], sigma = pairs[r][1];
        const double x0 = uniform(2 * (uint64_t)r), eps = uniform(2 * (uint64_t)r + 1);
        const dsm_reading from = dsm__reading_at(kinds[a], alpha, sigma, sigma_data),
                          to = dsm__reading_at(kinds[b], alpha, sigma, sigma_data);
        const dsm__conversion c = dsm__conversion_between(&from, &to);
        const double value = from.f_x0 * x0 + from.f_eps * eps, expected = to.f_x0 * x0 + to.f_eps * eps;
        assert_sum(c.x_factor, alpha * x0 + sigma * eps, fabs(alpha * x0) + fabs(sigma * eps), c.value_factor,
                   value, fabs(from.f_x0 * x0) + fabs(from.f_eps * eps), expected);
      }
}

static void there_and_back_is_the_identity(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int a = 0; a < KINDS; a++)
      for (int b = 0; b < KINDS; b++) {
        const dsm_reading from = dsm__reading_at(kinds[a], pairs[r][0], pairs[r][1], sigma_data),
                          to = dsm__reading_at(kinds[b], pairs[r][0], pairs[r][1], sigma_data);
        const dsm__conversion there = dsm__conversion_between(&from, &to),
                              back = dsm__conversion_between(&to, &from);
        assert_close(back.value_factor * there.value_factor, 1, 1e-14, 0);
        assert_close(back.x_factor + back.value_factor * there.x_factor, 0, 0,
                     1e-14 * (fabs(back.x_factor) + 1 / hypot(pairs[r][0], pairs[r][1])));
      }
}

static void the_published_formulas_hold(void **state) {
  (void)state;
  const double alpha = 0.6, sigma = 0.8;
  dsm__conversion c = dsm__prediction_conversion(DSM_PREDICT_V, DSM_PREDICT_X0, alpha, sigma);
  assert_close(c.x_factor, alpha, 1e-15, 0); /* x0 = alpha x - sigma v */
  assert_close(c.value_factor, -sigma, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_V, DSM_PREDICT_EPS, alpha, sigma);
  assert_close(c.x_factor, sigma, 1e-15, 0); /* eps = sigma x + alpha v */
  assert_close(c.value_factor, alpha, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_V, DSM_PREDICT_SCORE, alpha, sigma);
  assert_close(c.x_factor, -1, 1e-15, 0); /* s = -(sigma x + alpha v) / sigma */
  assert_close(c.value_factor, -alpha / sigma, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_EPS, DSM_PREDICT_V, alpha, sigma);
  assert_close(c.x_factor, -sigma / alpha, 1e-15, 0); /* v = (eps - sigma x) / alpha */
  assert_close(c.value_factor, 1 / alpha, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_SCORE, DSM_PREDICT_V, alpha, sigma);
  assert_close(c.x_factor, -sigma / alpha, 1e-15, 0); /* v = (-sigma s - sigma x) / alpha */
  assert_close(c.value_factor, -sigma / alpha, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_SCORE, DSM_PREDICT_X0, alpha, sigma);
  assert_close(c.x_factor, 1 / alpha, 1e-15, 0); /* x0 = (x + sigma^2 s) / alpha */
  assert_close(c.value_factor, sigma * sigma / alpha, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_X0, DSM_PREDICT_SCORE, alpha, sigma);
  assert_close(c.x_factor, -1 / (sigma * sigma), 1e-15, 0); /* s = (alpha x0 - x) / sigma^2 */
  assert_close(c.value_factor, alpha / (sigma * sigma), 1e-15, 0);
  /* flow, alpha = 1 - t, sigma = t: x0 = x - t u, eps = x + (1 - t) u */
  dsm_process *p = process_named(DSM_PROCESS_FLOW);
  for (int i = 1; i <= 10; i++) {
    const double t = i / 10.0;
    const dsm_reading r = reading_of(DSM_PREDICT_FLOW, p, t);
    assert_close(r.x0_x, 1, 1e-15, 0);
    assert_close(r.x0_f, -t, 1e-15, 0);
    assert_close(r.eps_x, 1, 1e-15, 0);
    assert_close(r.eps_f, 1 - t, 1e-15, 1e-16);
  }
  dsm_process_destroy(&p);
}

/* D(x; s) = c_skip x + c_out F(c_in x) with x = x_t / alpha at s = sigma / alpha, sigma_data 1/2, and the weight on
 * |D - x0|^2: values of the table of Karras et al. at three noise levels. */
static void edm_has_the_published_preconditioning(void **state) {
  (void)state;
  static const struct {
    double sigma, c_skip, c_out, c_in, c_noise, weight;
  } rows[] = {
      {1, 0.2, 0.4472136, 0.8944272, 0, 5},
      {80, 3.9060974e-5, 0.49999023, 0.012499756, 1.0955067, 4.0001562},
      {0.002, 0.999984, 0.001999984, 1.999984, -1.553652, 250004},
  };
  static const double alphas[] = {1, 0.3, 1e-4};
  dsm_config config = config_of(DSM_PROCESS_EDM, 0, 0);
  config.process.sigma_min = 0.002;
  config.process.sigma_max = 80;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  dsm_objective_settings settings = objective_of(DSM_PREDICT_EDM, DSM_WEIGHT_EDM);
  settings.sigma_data = 0.5;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
      const double alpha = alphas[a];
      const dsm_reading r = dsm__reading_at(DSM_PREDICT_EDM, alpha, alpha * rows[i].sigma, 0.5);
      assert_close(r.x0_x * alpha, rows[i].c_skip, 5e-8, 0);
      assert_close(r.x0_f, rows[i].c_out, 5e-8, 0);
      assert_close(r.input * alpha, rows[i].c_in, 5e-8, 0);
    }
    const double t = rows[i].sigma, low = log(0.002) / 4, high = log(80) / 4;
    const double on_x0 = dsm_weighting_value(&settings, p, t, 1) / (t * t); /* |eps|^2 = |x0|^2 / t^2 */
    assert_close(on_x0, rows[i].weight, 5e-8, 0);
    assert_close(dsm_weighting_of_output(&settings, p, t, 1), 1, 1e-14, 0); /* weight c_out^2 = 1 */
    const double c_noise = low + dsm_process_label(p, t) / 999 * (high - low);
    assert_close(c_noise, rows[i].c_noise, 5e-8, 1e-7);
  }
  dsm_process_destroy(&p);
}

/* The other columns of that table are eps and score. With x = x_t / alpha: VP and iDDPM c_skip 1, c_out -s, c_in 1 /
 * sqrt(s^2 + 1), VE c_skip 1, c_out s. (Its c_in for VE is 1; here the input is brought to unit scale.) */
static void eps_and_score_are_the_preconditionings_of_vp_and_ve(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++) {
    const double alpha = pairs[r][0], s = pairs[r][1] / alpha;
    const dsm_reading vp = dsm__reading_at(DSM_PREDICT_EPS, alpha, pairs[r][1], 1);
    const dsm_reading ve = dsm__reading_at(DSM_PREDICT_SCORE, alpha, pairs[r][1], 1);
    assert_close(vp.x0_x * alpha, 1, 1e-15, 0);
    assert_close(vp.x0_f, -s, 1e-15, 0);
    assert_close(vp.input * alpha, 1 / sqrt(s * s + 1), 4e-16, 0);
    assert_close(ve.x0_x * alpha, 1, 1e-15, 0);
    assert_close(ve.x0_f, s, 1e-15, 0);
  }
}

/* Equation 7 of Ho et al. with the x0 that was read gives F back. */
static void mu_is_the_mean_of_the_reverse_step(void **state) {
  (void)state;
  static const int names[] = {DSM_PROCESS_DDPM, DSM_PROCESS_SMLD, DSM_PROCESS_SINGLE};
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    dsm_process *p = process_named(names[n]);
    for (int i = 0; i < 1000; i += 9) {
      const double t = time_at(p, i, 1000), x0 = uniform(500), eps = uniform(501);
      const double alpha = dsm_process_alpha(p, t), sigma = dsm_process_sigma(p, t),
                   x = alpha * x0 + sigma * eps;
      const dsm_reading r = reading_of(DSM_PREDICT_MU, p, t);
      const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
      const double mu = q.x_t_factor * x + q.x0_factor * x0, f = r.f_x0 * x0 + r.f_eps * eps;
      assert_close(r.input, 1 / hypot(alpha, sigma), 1e-15, 0);
      assert_close(f / r.input, mu, 1e-13, 1e-13);
      /* mu holds little of x0 where a step is short: 1 / x0_factor of the error of its terms */
      assert_close(r.x0_x * x + r.x0_f * f, x0, 0, 8e-15 * hypot(x, mu) / q.x0_factor);
      assert_close(r.eps_x * x + r.eps_f * f, eps, 0,
                   8e-15 * hypot(x, mu) / q.x0_factor * alpha / sigma + 1e-14);
      if (names[n] == DSM_PROCESS_DDPM) /* the network's output is mu itself */
        assert_close(r.input, 1, 1e-12, 0);
    }
    dsm_process_destroy(&p);
  }
}

/* |eps - eps_hat|^2 = eps_f^2 |F - F_hat|^2: the factors of the papers. */
static void error_factor_is_the_ratio_of_squared_errors(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int i = 0; i < KINDS; i++) {
      const double alpha = pairs[r][0], sigma = pairs[r][1];
      const dsm_reading read = dsm__reading_at(kinds[i], alpha, sigma, 1);
      const double k = read.eps_f * read.eps_f, snr = alpha * alpha / (sigma * sigma);
      const double r2 = alpha * alpha + sigma * sigma;
      const double published = kinds[i] == DSM_PREDICT_X0     ? snr
                               : kinds[i] == DSM_PREDICT_V    ? alpha * alpha / (r2 * r2)
                               : kinds[i] == DSM_PREDICT_FLOW ? pow(alpha / (alpha + sigma), 2)
                               : kinds[i] == DSM_PREDICT_EDM  ? alpha * alpha / r2 /* sigma_data 1 */
                                                              : 1;
      assert_close(k, published, 1e-13, 0);
      assert_close(read.x0_f * read.x0_f * snr, k, 1e-13, 0); /* |d eps|^2 = SNR |d x0|^2 */
      /* variance preserving: |dv|^2 = (SNR + 1) |dx0|^2 */
      if (kinds[i] == DSM_PREDICT_V && fabs(r2 - 1) < 1e-15) assert_close(k, snr / (snr + 1), 1e-13, 0);
    }
}

static void tweedie_gives_the_posterior_mean_of_gaussian_data(void **state) {
  (void)state;
  const double mu = 1.5, s0 = 2;
  for (int r = 0; r < PAIRS; r++)
    for (int i = 0; i < 8; i++) {
      const double alpha = pairs[r][0], sigma = pairs[r][1],
                   variance = alpha * alpha * s0 * s0 + sigma * sigma;
      const double x = alpha * mu + sqrt(variance) * uniform(400 + (uint64_t)i),
                   score = -(x - alpha * mu) / variance;
      const dsm__conversion c = dsm__prediction_conversion(DSM_PREDICT_SCORE, DSM_PREDICT_X0, alpha, sigma);
      const double expected = (alpha * s0 * s0 * x + sigma * sigma * mu) / variance;
      assert_close(c.x_factor * x + c.value_factor * score, expected, 1e-14,
                   1e-15 * (fabs(c.x_factor * x) + fabs(c.value_factor * score)));
    }
}

static void readings_that_do_not_exist_are_refused(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (int prediction = 0; prediction < PREDICTIONS; prediction++) {
      const dsm_objective_settings settings = objective_of(prediction, DSM_WEIGHT_SIMPLE);
      if (prediction == DSM_PREDICT_MU && !dsm_process_discrete(p)) {
        assert_refused(dsm_prediction_check(&settings, p), "continuous");
      } else if (name == DSM_PROCESS_FLOW &&
                 (prediction == DSM_PREDICT_EPS || prediction == DSM_PREDICT_SCORE ||
                  prediction == DSM_PREDICT_ENERGY)) {
        assert_refused(dsm_prediction_check(&settings, p), "alpha = 0");
      } else { /* and the others are finite at all times */
        assert_int_equal(dsm_prediction_check(&settings, p), DSM_OK);
        for (int i = 0; i < 1000; i++) {
          const dsm_reading r = dsm_prediction_reading(&settings, p, time_at(p, i, 1000));
          assert_true(isfinite(r.input + r.x0_x + r.x0_f + r.eps_x + r.eps_f + r.f_x0 + r.f_eps));
        }
      }
    }
    dsm_process_destroy(&p);
  }
  /* ddpm with nothing left at T */
  dsm_config config = config_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LIST, 2);
  config.process.betas = (dsm_beta_list){.count = 2, .value = {0.5, 1}};
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  const dsm_objective_settings settings = objective_of(DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  assert_refused(dsm_prediction_check(&settings, p), "predict flow, v, x0 or edm");
  dsm_process_destroy(&p);
  /* and vp with so little left that 1 / alpha is beyond float32 */
  config = config_of(DSM_PROCESS_VP, 0, 0);
  config.process.beta_max = 800;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  assert_refused(dsm_prediction_check(&settings, p), "predict flow, v, x0 or edm");
  const dsm_objective_settings v = objective_of(DSM_PREDICT_V, DSM_WEIGHT_SIMPLE);
  assert_int_equal(dsm_prediction_check(&v, p), DSM_OK);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readings_fit_the_definitions),
      cmocka_unit_test(every_conversion_gives_what_the_definitions_give),
      cmocka_unit_test(there_and_back_is_the_identity),
      cmocka_unit_test(the_published_formulas_hold),
      cmocka_unit_test(edm_has_the_published_preconditioning),
      cmocka_unit_test(eps_and_score_are_the_preconditionings_of_vp_and_ve),
      cmocka_unit_test(mu_is_the_mean_of_the_reverse_step),
      cmocka_unit_test(error_factor_is_the_ratio_of_squared_errors),
      cmocka_unit_test(tweedie_gives_the_posterior_mean_of_gaussian_data),
      cmocka_unit_test(readings_that_do_not_exist_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
