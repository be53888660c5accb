/* The twelve conversions between eps, x0, s and v, and what they must give where the answer is known. */
#include "check.h"

#include "diffusion/prediction.h"
#include "dsmpi/random.h"

enum { KINDS = 4 };

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

static double uniform(uint64_t index) {
  return 4 * dsm_random_uniform_double((dsm_random_key){7, DSM_STREAM_DATA, 0, 0}, index) - 2;
}

/* The four quantities by their definitions, from x0 and eps. */
static double value_of(int kind, double x0, double eps, double alpha, double sigma) {
  switch (kind) {
  case DSM_PREDICT_EPS:
    return eps;
  case DSM_PREDICT_X0:
    return x0;
  case DSM_PREDICT_SCORE:
    return -eps / sigma;
  default:
    return alpha * eps - sigma * x0;
  }
}

static void every_conversion_gives_what_the_definitions_give(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int from = 0; from < KINDS; from++)
      for (int to = 0; to < KINDS; to++) {
        double alpha = pairs[r][0], sigma = pairs[r][1];
        double x0 = uniform(2 * (uint64_t)r), eps = uniform(2 * (uint64_t)r + 1),
               x = alpha * x0 + sigma * eps;
        dsm__conversion c = dsm__prediction_conversion(from, to, alpha, sigma);
        double value = value_of(from, x0, eps, alpha, sigma), expected = value_of(to, x0, eps, alpha, sigma);
        /* no more error than the rounding of the two terms and of x and value themselves */
        double size = fabs(c.x_factor) * (fabs(alpha * x0) + fabs(sigma * eps)) +
                      fabs(c.value_factor) * (fabs(value) + (from == DSM_PREDICT_V ? fabs(sigma * x0) : 0));
        assert_close(c.x_factor * x + c.value_factor * value, expected, 1e-15, 1e-15 * size);
      }
}

static void there_and_back_is_the_identity(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int from = 0; from < KINDS; from++)
      for (int to = 0; to < KINDS; to++) {
        dsm__conversion there = dsm__prediction_conversion(from, to, pairs[r][0], pairs[r][1]);
        dsm__conversion back = dsm__prediction_conversion(to, from, pairs[r][0], pairs[r][1]);
        assert_close(back.value_factor * there.value_factor, 1, 1e-14, 0);
        assert_close(back.x_factor + back.value_factor * there.x_factor, 0, 0, 1e-14 * fabs(back.x_factor));
      }
}

static void arrays_are_converted_in_place_and_rounded_once(void **state) {
  (void)state;
  enum { N = 37 };
  float x[N], value[N], y[N];
  for (int i = 0; i < N; i++) {
    x[i] = (float)uniform(100 + (uint64_t)i);
    value[i] = (float)uniform(200 + (uint64_t)i);
  }
  for (int from = 0; from < KINDS; from++)
    for (int to = 0; to < KINDS; to++) {
      dsm__conversion c = dsm__prediction_conversion(from, to, 0.28118288, 0.9596542);
      memcpy(y, value, sizeof y);
      dsm_prediction_convert(from, to, 0.28118288, 0.9596542, x, y, y, N);
      for (int i = 0; i < N; i++)
        assert_true(y[i] == (float)(c.x_factor * (double)x[i] + c.value_factor * (double)value[i]));
    }
}

static void the_formulas_of_variance_preserving_processes_hold(void **state) {
  (void)state;
  double alpha = 0.6, sigma = 0.8;
  dsm__conversion c = dsm__prediction_conversion(DSM_PREDICT_V, DSM_PREDICT_X0, alpha, sigma);
  assert_close(c.x_factor, alpha, 1e-15, 0); /* x0 = alpha x - sigma v */
  assert_close(c.value_factor, -sigma, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_V, DSM_PREDICT_EPS, alpha, sigma);
  assert_close(c.x_factor, sigma, 1e-15, 0); /* eps = sigma x + alpha v */
  assert_close(c.value_factor, alpha, 1e-15, 0);
  c = dsm__prediction_conversion(DSM_PREDICT_EPS, DSM_PREDICT_V, alpha, sigma);
  assert_close(c.x_factor, -sigma / alpha, 1e-15, 0); /* v = (eps - sigma x) / alpha */
  assert_close(c.value_factor, 1 / alpha, 1e-15, 0);
}

/* Reading F* gives x0 and eps back, up to the rounding of the terms. */
static void the_target_is_what_is_read_as_the_truth(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int kind = 0; kind < KINDS; kind++) {
      const double alpha = pairs[r][0], sigma = pairs[r][1];
      const dsm_reading read = dsm__reading_at(kind, alpha, sigma);
      const double x0 = uniform(302), eps = uniform(303), x = alpha * x0 + sigma * eps;
      const double f = read.f_x0 * x0 + read.f_eps * eps;
      assert_close(read.x0_x * x + read.x0_f * f, x0, 0,
                   4e-16 * (fabs(read.x0_x * x) + fabs(read.x0_f * f)) +
                       1e-15 * fabs(read.x0_x) * (fabs(alpha * x0) + fabs(sigma * eps)) +
                       1e-15 * fabs(read.x0_f) * (fabs(read.f_x0 * x0) + fabs(read.f_eps * eps)));
      assert_close(read.eps_x * x + read.eps_f * f, eps, 0,
                   4e-16 * (fabs(read.eps_x * x) + fabs(read.eps_f * f)) +
                       1e-15 * fabs(read.eps_x) * (fabs(alpha * x0) + fabs(sigma * eps)) +
                       1e-15 * fabs(read.eps_f) * (fabs(read.f_x0 * x0) + fabs(read.f_eps * eps)));
      assert_close(read.input, 1 / hypot(alpha, sigma), 1e-15, 0);
    }
}

/* |eps - eps_hat|^2 = eps_f^2 |F - F_hat|^2: the factors of the papers. */
static void error_factor_is_the_ratio_of_squared_errors(void **state) {
  (void)state;
  for (int r = 0; r < PAIRS; r++)
    for (int kind = 0; kind < KINDS; kind++) {
      double alpha = pairs[r][0], sigma = pairs[r][1], k = pow(dsm__reading_at(kind, alpha, sigma).eps_f, 2);
      double snr = alpha * alpha / (sigma * sigma), r2 = alpha * alpha + sigma * sigma;
      double published = kind == DSM_PREDICT_X0 ? snr : kind == DSM_PREDICT_V ? alpha * alpha / (r2 * r2) : 1;
      assert_close(k, published, 1e-13, 0);
      /* variance preserving: |dv|^2 = (SNR + 1) |dx0|^2 */
      if (kind == DSM_PREDICT_V && fabs(r2 - 1) < 1e-15) assert_close(k, snr / (snr + 1), 1e-13, 0);
    }
}

static void tweedie_gives_the_posterior_mean_of_gaussian_data(void **state) {
  (void)state;
  double mu = 1.5, s0 = 2;
  for (int r = 0; r < PAIRS; r++)
    for (int i = 0; i < 8; i++) {
      double alpha = pairs[r][0], sigma = pairs[r][1], variance = alpha * alpha * s0 * s0 + sigma * sigma;
      double x = alpha * mu + sqrt(variance) * uniform(400 + (uint64_t)i),
             score = -(x - alpha * mu) / variance;
      dsm__conversion c = dsm__prediction_conversion(DSM_PREDICT_SCORE, DSM_PREDICT_X0, alpha, sigma);
      double expected = (alpha * s0 * s0 * x + sigma * sigma * mu) / variance;
      assert_close(c.x_factor * x + c.value_factor * score, expected, 1e-14,
                   1e-15 * (fabs(c.x_factor * x) + fabs(c.value_factor * score)));
    }
  /* alpha = 1: D = (s0^2 x + sigma^2 mu) / (s0^2 + sigma^2), in float32 as a denoiser would */
  float x = 3.25f, score = (float)(-(3.25 - mu) / (s0 * s0 + 0.25)), d = 0;
  dsm_prediction_convert(DSM_PREDICT_SCORE, DSM_PREDICT_X0, 1, 0.5, &x, &score, &d, 1);
  assert_close((double)d, (s0 * s0 * 3.25 + 0.25 * mu) / (s0 * s0 + 0.25), 1e-7, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_conversion_gives_what_the_definitions_give),
      cmocka_unit_test(there_and_back_is_the_identity),
      cmocka_unit_test(arrays_are_converted_in_place_and_rounded_once),
      cmocka_unit_test(the_formulas_of_variance_preserving_processes_hold),
      cmocka_unit_test(the_target_is_what_is_read_as_the_truth),
      cmocka_unit_test(error_factor_is_the_ratio_of_squared_errors),
      cmocka_unit_test(tweedie_gives_the_posterior_mean_of_gaussian_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
