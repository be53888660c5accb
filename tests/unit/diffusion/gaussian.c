#include "gaussian.h"

void exact_matrix(const law *data, double alpha, double sigma, double m[3]) {
  double a = alpha * alpha * data->s[0] + sigma * sigma, b = alpha * alpha * data->s[1];
  double c = alpha * alpha * data->s[2] + sigma * sigma, determinant = a * c - b * b;
  m[0] = sigma * c / determinant;
  m[1] = -sigma * b / determinant;
  m[2] = sigma * a / determinant;
}

static void exact_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  exact *e = self;
  size_t each = e->points / e->samples;
  for (size_t i = 0; i < e->points; i++) {
    double alpha = dsm_process_alpha(e->process, t[i / each]), m[3];
    double sigma = dsm_process_sigma(e->process, t[i / each]);
    exact_matrix(&e->data, alpha, sigma, m);
    double u = (double)x[2 * i] - alpha * e->data.mu[0], v = (double)x[2 * i + 1] - alpha * e->data.mu[1];
    double eps[2] = {m[0] * u + m[1] * v, m[1] * u + m[2] * v};
    for (size_t a = 0; a < 2; a++) {
      if (estimate->eps) estimate->eps[2 * i + a] = (float)eps[a];
      if (estimate->x0) estimate->x0[2 * i + a] = (float)(((double)x[2 * i + a] - sigma * eps[a]) / alpha);
    }
  }
  e->calls++;
}

dsm_denoiser exact_denoiser(exact *e) {
  return (dsm_denoiser){.self = e, .estimate = exact_estimate};
}

void law_after_step(law *x, const law *data, double alpha, double sigma, factors f) {
  /* x0_hat = (x - sigma eps) / alpha, so the step is  on_x x + on_eps eps + noise z,  eps = m (x - alpha mu)
   */
  double on_x = f.x_t + f.x0 / alpha, on_eps = f.eps - f.x0 * sigma / alpha, m[3];
  exact_matrix(data, alpha, sigma, m);
  double a = on_x + on_eps * m[0], b = on_eps * m[1], c = on_x + on_eps * m[2];
  double u = x->mu[0] - alpha * data->mu[0], v = x->mu[1] - alpha * data->mu[1];
  law y = {
      .mu = {on_x * x->mu[0] + on_eps * (m[0] * u + m[1] * v),
             on_x * x->mu[1] + on_eps * (m[1] * u + m[2] * v)},
      /* A S A^T with A = {{a, b}, {b, c}} */
      .s = {a * a * x->s[0] + 2 * a * b * x->s[1] + b * b * x->s[2] + f.noise * f.noise,
            a * b * x->s[0] + (a * c + b * b) * x->s[1] + b * c * x->s[2],
            b * b * x->s[0] + 2 * b * c * x->s[1] + c * c * x->s[2] + f.noise * f.noise},
  };
  *x = y;
}

factors ancestral_factors(const dsm_process *p, double s, double t, int variance) {
  double alpha_s = dsm_process_alpha(p, s), sigma2_s = pow(dsm_process_sigma(p, s), 2);
  double ratio = dsm_process_alpha(p, t) / alpha_s, sigma2_t = pow(dsm_process_sigma(p, t), 2);
  double sigma2_ts = sigma2_t - ratio * ratio * sigma2_s;
  double noise2 = variance == DSM_VARIANCE_LARGE ? sigma2_ts : sigma2_ts * sigma2_s / sigma2_t;
  return (factors){.x_t = ratio * sigma2_s / sigma2_t,
                   .x0 = alpha_s * sigma2_ts / sigma2_t,
                   .noise = s > 0 ? sqrt(noise2) : 0};
}

factors ddim_factors(const dsm_process *p, double s, double t, double eta) {
  double alpha_s = dsm_process_alpha(p, s), sigma2_s = pow(dsm_process_sigma(p, s), 2);
  double ratio = dsm_process_alpha(p, t) / alpha_s, sigma2_t = pow(dsm_process_sigma(p, t), 2);
  double v = (sigma2_t - ratio * ratio * sigma2_s) * sigma2_s / sigma2_t;
  return (factors){.x0 = alpha_s, .eps = sqrt(sigma2_s - eta * eta * v), .noise = eta * sqrt(v)};
}

law law_of_chain(const dsm_process *p, const law *data, int sampler, int64_t steps, int variance,
                 double eta) {
  double t[1001], std = dsm_process_prior_std(p);
  assert_true(steps <= 1000);
  assert_int_equal(dsm_sampler_times(p, steps, t), DSM_OK);
  law x = {.mu = {0, 0}, .s = {std * std, 0, std * std}};
  for (int64_t k = 0; k < steps; k++) {
    factors f = sampler == DSM_SAMPLER_ANCESTRAL ? ancestral_factors(p, t[k + 1], t[k], variance)
                                                 : ddim_factors(p, t[k + 1], t[k], eta);
    law_after_step(&x, data, dsm_process_alpha(p, t[k]), dsm_process_sigma(p, t[k]), f);
  }
  return x;
}
