#include "mixture.h"

/* ln of w_k N(x; alpha m_k, v_k I) for each part; returns the ln of their sum, by the largest taken out. */
static double log_parts(const mixture *m, double alpha, double sigma, const float *x, double part[PARTS]) {
  double largest = -INFINITY, sum = 0;
  for (int k = 0; k < PARTS; k++) {
    double v = alpha * alpha * m->s[k] * m->s[k] + sigma * sigma;
    double u = (double)x[0] - alpha * m->mean[k][0], w = (double)x[1] - alpha * m->mean[k][1];
    part[k] = log(m->weight[k]) - (u * u + w * w) / (2 * v) - log(4 * acos(0.0) * v);
    largest = fmax(largest, part[k]);
  }
  for (int k = 0; k < PARTS; k++) sum += exp(part[k] - largest);
  return largest + log(sum);
}

static void point_estimate(const mixture *m, double alpha, double sigma, const float *x, float *x0,
                           float *eps) {
  double part[PARTS], all = log_parts(m, alpha, sigma, x, part), mean[2] = {0}, noise[2] = {0};
  for (int k = 0; k < PARTS; k++) {
    double share = exp(part[k] - all), v = alpha * alpha * m->s[k] * m->s[k] + sigma * sigma;
    for (int j = 0; j < 2; j++) {
      double off = (double)x[j] - alpha * m->mean[k][j];
      mean[j] += share * (m->mean[k][j] + alpha * m->s[k] * m->s[k] / v * off);
      noise[j] += share * sigma / v * off;
    }
  }
  for (int j = 0; j < 2; j++) {
    if (x0) x0[j] = (float)mean[j];
    if (eps) eps[j] = (float)noise[j];
  }
}

static void mixture_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  const mixture *m = self;
  double alpha = 0, sigma = 0;
  for (size_t i = 0; i < m->samples * m->each; i++) {
    const size_t k = i / m->each;
    if (i == 0 || (i % m->each == 0 && t[k] != t[k - 1]))
      alpha = dsm_process_alpha(m->process, t[k]), sigma = dsm_process_sigma(m->process, t[k]);
    point_estimate(m, alpha, sigma, x + 2 * i, estimate->x0 ? estimate->x0 + 2 * i : NULL,
                   estimate->eps ? estimate->eps + 2 * i : NULL);
  }
}

static void mixture_energy(void *self, const float *x, const double *t, double *energy) {
  const mixture *m = self;
  double part[PARTS];
  for (size_t i = 0; i < m->samples; i++) {
    energy[i] = 0;
    for (size_t p = i * m->each; p < (i + 1) * m->each; p++)
      energy[i] -= log_parts(m, dsm_process_alpha(m->process, t[i]), dsm_process_sigma(m->process, t[i]),
                             x + 2 * p, part);
  }
}

dsm_denoiser mixture_denoiser(mixture *m) {
  return (dsm_denoiser){.self = m, .estimate = mixture_estimate, .energy = mixture_energy};
}

law law_of_mixture(const mixture *m) {
  law l = {{0}, {0}};
  for (int k = 0; k < PARTS; k++)
    for (int j = 0; j < 2; j++) l.mu[j] += m->weight[k] * m->mean[k][j];
  for (int k = 0; k < PARTS; k++) {
    double u = m->mean[k][0] - l.mu[0], w = m->mean[k][1] - l.mu[1], v = m->s[k] * m->s[k];
    l.s[0] += m->weight[k] * (u * u + v);
    l.s[1] += m->weight[k] * u * w;
    l.s[2] += m->weight[k] * (w * w + v);
  }
  return l;
}

int part_of(const mixture *m, const float *x) {
  double part[PARTS];
  log_parts(m, 1, 0, x, part);
  int best = 0;
  for (int k = 1; k < PARTS; k++)
    if (part[k] > part[best]) best = k;
  return best;
}
