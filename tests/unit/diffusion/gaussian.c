#include "gaussian.h"

void exact_matrix(const law *data, double alpha, double sigma, double m[3]) {
  double a = alpha * alpha * data->s[0] + sigma * sigma, b = alpha * alpha * data->s[1];
  double c = alpha * alpha * data->s[2] + sigma * sigma, determinant = a * c - b * b;
  m[0] = sigma * c / determinant;
  m[1] = -sigma * b / determinant;
  m[2] = sigma * a / determinant;
}

static void point_estimate(const law *data, const double m[3], double alpha, double sigma, const float *x,
                           float *x0, float *eps) {
  double u = (double)x[0] - alpha * data->mu[0], v = (double)x[1] - alpha * data->mu[1];
  double e[2] = {m[0] * u + m[1] * v, m[1] * u + m[2] * v};
  double scale =
      alpha / sigma; /* x0 = mu + alpha S (alpha^2 S + sigma^2 I)^-1 (x - alpha mu), right at alpha = 0 */
  if (eps) eps[0] = (float)e[0], eps[1] = (float)e[1];
  if (!x0) return;
  x0[0] = (float)(data->mu[0] + scale * (data->s[0] * e[0] + data->s[1] * e[1]));
  x0[1] = (float)(data->mu[1] + scale * (data->s[1] * e[0] + data->s[2] * e[1]));
}

static void exact_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  exact *e = self;
  size_t each = 2 * (e->points / e->samples);
  for (size_t i = 0; i < e->samples; i++) {
    double alpha = dsm_process_alpha(e->process, t[i]), sigma = dsm_process_sigma(e->process, t[i]), m[3];
    exact_matrix(&e->data, alpha, sigma, m);
    for (size_t j = i * each; j < (i + 1) * each; j += 2)
      point_estimate(&e->data, m, alpha, sigma, x + j, estimate->x0 ? estimate->x0 + j : NULL,
                     estimate->eps ? estimate->eps + j : NULL);
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
