#include "mixture.h"

/* The mixture at one noise level. */
typedef struct marginal {
  const mixture *m;
  double alpha, sigma, v[PARTS], log_height[PARTS]; /* ln of w_k / (2 pi v_k) */
} marginal;

static marginal marginal_at(const mixture *m, double alpha, double sigma) {
  marginal l = {.m = m, .alpha = alpha, .sigma = sigma};
  for (int k = 0; k < PARTS; k++) {
    l.v[k] = alpha * alpha * m->s[k] * m->s[k] + sigma * sigma;
    l.log_height[k] = log(m->weight[k] / (4 * acos(0.0) * l.v[k]));
  }
  return l;
}

/* Shares of the parts at x, which sum to 1; returns the ln of the density, by the largest part taken out. */
static double shares_at(const marginal *l, const float *x, double share[PARTS]) {
  double largest = -INFINITY, sum = 0;
  for (int k = 0; k < PARTS; k++) {
    double u = (double)x[0] - l->alpha * l->m->mean[k][0], w = (double)x[1] - l->alpha * l->m->mean[k][1];
    share[k] = l->log_height[k] - (u * u + w * w) / (2 * l->v[k]);
    largest = fmax(largest, share[k]);
  }
  for (int k = 0; k < PARTS; k++) sum += share[k] = exp(share[k] - largest);
  for (int k = 0; k < PARTS; k++) share[k] /= sum;
  return largest + log(sum);
}

static void point_estimate(const marginal *l, const float *x, float *x0, float *eps) {
  double share[PARTS], mean[2] = {0}, noise[2] = {0};
  shares_at(l, x, share);
  for (int k = 0; k < PARTS; k++)
    for (int j = 0; j < 2; j++) {
      double off = ((double)x[j] - l->alpha * l->m->mean[k][j]) / l->v[k];
      mean[j] += share[k] * (l->m->mean[k][j] + l->alpha * l->m->s[k] * l->m->s[k] * off);
      noise[j] += share[k] * l->sigma * off;
    }
  for (int j = 0; j < 2; j++) {
    if (x0) x0[j] = (float)mean[j];
    if (eps) eps[j] = (float)noise[j];
  }
}

static void mixture_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  const mixture *m = self;
  marginal l = {0};
  for (size_t i = 0; i < m->samples; i++) {
    if (i == 0 || t[i] != t[i - 1])
      l = marginal_at(m, dsm_process_alpha(m->process, t[i]), dsm_process_sigma(m->process, t[i]));
    for (size_t p = 2 * i * m->each; p < 2 * (i + 1) * m->each; p += 2)
      point_estimate(&l, x + p, estimate->x0 ? estimate->x0 + p : NULL,
                     estimate->eps ? estimate->eps + p : NULL);
  }
}

/* Each part's estimate is affine, and its share r_k has the gradient r_k (g_k - s), g_k = -(x - alpha m_k) /
 * v_k. */
static void point_pullback(const marginal *l, const float *x, const float *u_x0, const float *u_eps,
                           float *dx) {
  double share[PARTS], g[PARTS][2], score[2] = {0}, sum[2] = {0};
  shares_at(l, x, share);
  for (int k = 0; k < PARTS; k++)
    for (int j = 0; j < 2; j++) {
      g[k][j] = -((double)x[j] - l->alpha * l->m->mean[k][j]) / l->v[k];
      score[j] += share[k] * g[k][j];
    }
  for (int k = 0; k < PARTS; k++) {
    const double narrowed = l->alpha * l->m->s[k] * l->m->s[k];
    double pulled = 0;
    for (int j = 0; j < 2; j++) {
      const double a = u_x0 ? (double)u_x0[j] : 0, b = u_eps ? (double)u_eps[j] : 0;
      sum[j] += share[k] * (a * narrowed + b * l->sigma) / l->v[k];
      pulled += a * (l->m->mean[k][j] - narrowed * g[k][j]) - b * l->sigma * g[k][j];
    }
    for (int j = 0; j < 2; j++) sum[j] += share[k] * pulled * (g[k][j] - score[j]);
  }
  for (int j = 0; j < 2; j++) dx[j] = (float)sum[j];
}

static void mixture_pullback(void *self, const float *x, const double *t, const float *u_x0,
                             const float *u_eps, float *dx) {
  const mixture *m = self;
  for (size_t i = 0; i < m->samples; i++) {
    const marginal l =
        marginal_at(m, dsm_process_alpha(m->process, t[i]), dsm_process_sigma(m->process, t[i]));
    for (size_t p = 2 * i * m->each; p < 2 * (i + 1) * m->each; p += 2)
      point_pullback(&l, x + p, u_x0 ? u_x0 + p : NULL, u_eps ? u_eps + p : NULL, dx + p);
  }
}

double mixture_log_density(const mixture *m, double alpha, double sigma, const float x[2]) {
  const marginal l = marginal_at(m, alpha, sigma);
  double share[PARTS];
  return shares_at(&l, x, share);
}

static void mixture_energy(void *self, const float *x, const double *t, double *energy) {
  const mixture *m = self;
  double share[PARTS];
  for (size_t i = 0; i < m->samples; i++) {
    const marginal l =
        marginal_at(m, dsm_process_alpha(m->process, t[i]), dsm_process_sigma(m->process, t[i]));
    energy[i] = 0;
    for (size_t p = i * m->each; p < (i + 1) * m->each; p++) energy[i] -= shares_at(&l, x + 2 * p, share);
  }
}

dsm_denoiser mixture_denoiser(mixture *m) {
  return (dsm_denoiser){
      .self = m, .estimate = mixture_estimate, .pullback = mixture_pullback, .energy = mixture_energy};
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
  const marginal l = marginal_at(m, 1, 0);
  double share[PARTS];
  int best = 0;
  shares_at(&l, x, share);
  for (int k = 1; k < PARTS; k++)
    if (share[k] > share[best]) best = k;
  return best;
}
