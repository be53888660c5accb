#include "normal.h"

#include "dsmpi/random.h"

normal normal_law(const dsm_process *process, size_t samples, size_t d, double shift) {
  normal law = {.process = process, .samples = samples, .d = d};
  double size = 0;
  for (size_t j = 0; j < d; j++) {
    law.mu[j] = shift * ((double)(j % 3) - 0.7);
    law.l[j] = d > 1 ? 0.2 + 2.3 * (double)j / (double)(d - 1) : 0.6;
    law.w[j] = 1 + 0.3 * (double)j;
    size += law.w[j] * law.w[j];
  }
  for (size_t j = 0; j < d; j++) law.w[j] /= sqrt(size);
  return law;
}

void normal_turn(const normal *law, const double *x, double *y) {
  double along = 0;
  for (size_t j = 0; j < law->d; j++) along += law->w[j] * x[j];
  for (size_t j = 0; j < law->d; j++) y[j] = x[j] - 2 * along * law->w[j];
}

static double variance(const normal *law, size_t j, double a, double b) {
  return a * a * law->l[j] + b * b;
}

static void estimate(void *self, const float *x, const double *t, const dsm_estimate *e) {
  normal *law = self;
  double y[NORMAL_MAX];
  for (size_t i = 0; i < law->samples; i++) {
    const double alpha = dsm_process_alpha(law->process, t[i]), sigma = dsm_process_sigma(law->process, t[i]);
    const size_t at = i * law->d;
    for (size_t j = 0; j < law->d; j++) y[j] = (double)x[at + j] - alpha * law->mu[j];
    normal_turn(law, y, y);
    for (size_t j = 0; j < law->d; j++) y[j] /= variance(law, j, alpha, sigma);
    double x0[NORMAL_MAX], eps[NORMAL_MAX];
    for (size_t j = 0; j < law->d; j++) x0[j] = alpha * law->l[j] * y[j], eps[j] = sigma * y[j];
    normal_turn(law, x0, x0);
    normal_turn(law, eps, eps);
    for (size_t j = 0; j < law->d; j++) {
      if (e->x0) e->x0[at + j] = (float)(law->mu[j] + x0[j]);
      if (e->eps) e->eps[at + j] = (float)eps[j];
    }
  }
  law->calls++;
}

/* Both derivatives are symmetric: Q diag(alpha l / v) Q and Q diag(sigma / v) Q. */
static void pullback(void *self, const float *x, const double *t, const float *u_x0, const float *u_eps,
                     float *dx) {
  normal *law = self;
  double a[NORMAL_MAX], b[NORMAL_MAX];
  (void)x;
  for (size_t i = 0; i < law->samples; i++) {
    const double alpha = dsm_process_alpha(law->process, t[i]), sigma = dsm_process_sigma(law->process, t[i]);
    const size_t at = i * law->d;
    for (size_t j = 0; j < law->d; j++) {
      a[j] = u_x0 ? (double)u_x0[at + j] : 0;
      b[j] = u_eps ? (double)u_eps[at + j] : 0;
    }
    normal_turn(law, a, a);
    normal_turn(law, b, b);
    for (size_t j = 0; j < law->d; j++)
      a[j] = (alpha * law->l[j] * a[j] + sigma * b[j]) / variance(law, j, alpha, sigma);
    normal_turn(law, a, a);
    for (size_t j = 0; j < law->d; j++) dx[at + j] = (float)a[j];
  }
  law->calls++;
}

dsm_denoiser normal_denoiser(normal *law) {
  return (dsm_denoiser){.self = law, .estimate = estimate, .pullback = pullback};
}

void normal_draw(const normal *law, uint64_t row, double *x) {
  float z[NORMAL_MAX];
  dsm_random_normal((dsm_random_key){21, DSM_STREAM_DATA, 0, row}, 0, law->d, z);
  for (size_t j = 0; j < law->d; j++) x[j] = sqrt(law->l[j]) * (double)z[j];
  normal_turn(law, x, x);
  for (size_t j = 0; j < law->d; j++) x[j] += law->mu[j];
}

double normal_log_density(const normal *law, double a, double b, const double *x) {
  double y[NORMAL_MAX], sum = 0;
  for (size_t j = 0; j < law->d; j++) y[j] = x[j] - a * law->mu[j];
  normal_turn(law, y, y);
  for (size_t j = 0; j < law->d; j++) {
    const double v = variance(law, j, a, b);
    sum -= 0.5 * (y[j] * y[j] / v + log(2 * acos(-1.0) * v));
  }
  return sum;
}

double normal_entropy(const normal *law) {
  double sum = 0;
  for (size_t j = 0; j < law->d; j++) sum += 0.5 * (1 + log(2 * acos(-1.0) * law->l[j]));
  return sum;
}
