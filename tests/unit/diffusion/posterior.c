#include "posterior.h"

#include "dsmpi/random.h"

normal correlated(size_t d) {
  normal law = {.d = d};
  float z[DIMENSION_MAX];
  for (size_t i = 0; i < d; i++) {
    law.mean[i] = 0.5 * (double)i - 1;
    law.cov[i * d + i] = 0.2;
  }
  for (uint64_t k = 0; k < 3; k++) {
    dsm_random_normal((dsm_random_key){17, DSM_STREAM_DATA, k, 0}, 0, d, z);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) law.cov[i * d + j] += (double)z[i] * (double)z[j] / 3;
  }
  return law;
}

normal isotropic(size_t d, double s) {
  normal law = {.d = d};
  for (size_t i = 0; i < d; i++) {
    law.mean[i] = 0.5 * (double)i - 1;
    law.cov[i * d + i] = s * s;
  }
  return law;
}

void see(normal *law, const double *a, double noise, double y) {
  const size_t d = law->d;
  double cross[DIMENSION_MAX] = {0}, variance = noise * noise, rest = y;
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) cross[i] += law->cov[i * d + j] * a[j];
    rest -= a[i] * law->mean[i];
  }
  for (size_t i = 0; i < d; i++) variance += a[i] * cross[i];
  for (size_t i = 0; i < d && variance > 0; i++) {
    law->mean[i] += cross[i] / variance * rest;
    for (size_t j = 0; j < d; j++) law->cov[i * d + j] -= cross[i] * cross[j] / variance;
  }
}

normal law_given(const normal *law, const dsm_operator *op, const double *y, const double *noise) {
  const size_t d = dsm_operator_columns(op), m = dsm_operator_rows(op);
  double columns[DIMENSION_MAX][DIMENSION_MAX];
  normal given = *law;
  for (size_t j = 0; j < d; j++) {
    double unit[DIMENSION_MAX] = {0};
    unit[j] = 1;
    dsm_operator_apply(op, unit, columns[j]);
  }
  for (size_t i = 0; i < m; i++) {
    double row[DIMENSION_MAX];
    for (size_t j = 0; j < d; j++) row[j] = columns[j][i];
    if (!isnan(y[i])) see(&given, row, noise[i], y[i]);
  }
  return given;
}

normal law_given_noisy(const normal *law, double alpha, double sigma, const float *x) {
  normal given = *law;
  for (size_t j = 0; j < law->d; j++) {
    double a[DIMENSION_MAX] = {0};
    a[j] = alpha;
    see(&given, a, sigma, (double)x[j]);
  }
  return given;
}

/* d x0_hat / dx = alpha / sigma^2 Cov[x0 | x_t] at one time, which is symmetric and does not depend on x. */
static const double *slope_at(exact_normal *e, double t) {
  const size_t d = e->law.d;
  if (e->t == t) return e->slope;
  const double alpha = e->alpha = dsm_process_alpha(e->process, t);
  const double sigma = e->sigma = dsm_process_sigma(e->process, t);
  const float any[DIMENSION_MAX] = {0};
  const normal given = law_given_noisy(&e->law, alpha, sigma, any);
  for (size_t j = 0; j < d * d; j++) e->slope[j] = alpha / (sigma * sigma) * given.cov[j];
  e->t = t;
  return e->slope;
}

/* x0_hat = mean + slope (x - alpha mean) */
static void estimate(void *self, const float *x, const double *t, const dsm_estimate *out) {
  exact_normal *e = self;
  const size_t d = e->law.d;
  for (size_t i = 0; i < e->n; i++) {
    const double *slope = slope_at(e, t[i]), alpha = e->alpha, sigma = e->sigma;
    for (size_t j = 0; j < d; j++) {
      double x0 = e->law.mean[j];
      for (size_t k = 0; k < d; k++) x0 += slope[j * d + k] * ((double)x[i * d + k] - alpha * e->law.mean[k]);
      if (out->x0) out->x0[i * d + j] = (float)x0;
      if (out->eps) out->eps[i * d + j] = (float)(((double)x[i * d + j] - alpha * x0) / sigma);
    }
  }
}

/* d eps_hat / dx = (I - alpha d x0_hat / dx) / sigma */
static void pullback(void *self, const float *x, const double *t, const float *u_x0, const float *u_eps,
                     float *dx) {
  (void)x;
  exact_normal *e = self;
  const size_t d = e->law.d;
  for (size_t i = 0; i < e->n; i++) {
    const double *slope = slope_at(e, t[i]), alpha = e->alpha, sigma = e->sigma;
    for (size_t j = 0; j < d; j++) {
      double sum = u_eps ? (double)u_eps[i * d + j] / sigma : 0;
      for (size_t k = 0; k < d; k++)
        sum += slope[j * d + k] * ((u_x0 ? (double)u_x0[i * d + k] : 0) -
                                   (u_eps ? alpha / sigma * (double)u_eps[i * d + k] : 0));
      dx[i * d + j] = (float)sum;
    }
  }
}

dsm_denoiser exact_normal_denoiser(exact_normal *e) {
  e->t = -1;
  return (dsm_denoiser){.self = e, .estimate = estimate, .pullback = pullback};
}

/* `error`: the standard error; `allowed`: what the samples may be off without it. */
static double distance(double value, double expected, double error, double allowed) {
  const double beyond = fabs(value - expected) - allowed - 1e-5;
  return beyond <= 0 ? 0 : beyond / error;
}

double normal_distance(const float *x, size_t n, const normal *law, double slack, const char *what) {
  const size_t d = law->d;
  double mean[DIMENSION_MAX] = {0}, largest = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) mean[j] += (double)x[i * d + j] / (double)n;
  for (size_t j = 0; j < d; j++) {
    const double std = sqrt(law->cov[j * d + j]);
    const double off = distance(mean[j], law->mean[j], std / sqrt((double)n), slack * std);
    if (!(off <= NORMAL_ERRORS))
      print_error("%s: mean %zu is %g, expected %g with deviation %g: %.1f standard errors off\n", what, j,
                  mean[j], law->mean[j], std, off);
    largest = worst_of(largest, off);
    for (size_t k = 0; k <= j; k++) {
      const double a = law->cov[j * d + j], b = law->cov[k * d + k], expected = law->cov[j * d + k];
      double cov = 0;
      for (size_t i = 0; i < n; i++)
        cov += ((double)x[i * d + j] - mean[j]) * ((double)x[i * d + k] - mean[k]) / (double)(n - 1);
      const double far =
          distance(cov, expected, sqrt((a * b + expected * expected) / (double)n), slack * sqrt(a * b));
      if (!(far <= NORMAL_ERRORS))
        print_error("%s: covariance %zu %zu is %g, expected %g: %.1f standard errors off\n", what, j, k, cov,
                    expected, far);
      largest = worst_of(largest, far);
    }
  }
  return largest;
}

void assert_normal(const float *x, size_t n, const normal *law, double slack, const char *what) {
  assert_true(normal_distance(x, n, law, slack, what) <= NORMAL_ERRORS);
}

dsm_operator *operator_of(int kind) {
  static const double kernel[9] = {0.05, 0.1, 0.0, 0.2, 0.4, 0.1, 0.1, 0.05, 0.0};
  static const double matrix[3 * D] = {1, 0.5, 0, 0, -1, 0, 0, 2,   0, 1, 1, 0,
                                       0, 1,   0, 0, 1,  0, 1, 0.3, 0, 0, 0, -0.5};
  const dsm_operator_params params = {.kind = kind,
                                      .sample = DSM_SHAPE(2, 4, 1),
                                      .factor = 2,
                                      .kernel_shape = DSM_SHAPE(3, 3),
                                      .kernel = kernel,
                                      .border = DSM_BORDER_REFLECT,
                                      .rows = 3,
                                      .matrix = matrix};
  dsm_operator *op = NULL;
  if (dsm_operator_create(&params, &op) != DSM_OK) fail_msg("%s", dsm_trail());
  return op;
}
