/* Softmax and group normalisation, with their gradients. */
#include <math.h>
#include <string.h>
#include "ref.h"

/* ---- softmax ------------------------------------------------------------------------------------------- */

static void softmax(const dsm_kernels *k, float *y, const float *x, size_t rows, size_t width) {
  (void)k;
  for (size_t r = 0; r < rows; r++, x += width, y += width) {
    /* the largest is taken off, so that exp cannot overflow */
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < width; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < width; i++) sum += exp(x[i] - top);
    for (size_t i = 0; i < width; i++) y[i] = (float)(exp(x[i] - top) / sum);
  }
}

static void softmax_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *y, size_t rows,
                             size_t width) {
  (void)k;
  for (size_t r = 0; r < rows; r++, dx += width, dy += width, y += width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++) sum += (double)dy[i] * y[i];
    for (size_t i = 0; i < width; i++) dx[i] = (float)(y[i] * (dy[i] - sum));
  }
}

/* ---- group normalisation ------------------------------------------------------------------------------- */

/* The elements of one group of one sample: runs of `width` channels, one run a position. */
typedef struct group {
  size_t start, width;     /* offset of the first element; channels */
  size_t positions, pitch; /* runs, and the distance from one to the next */
} group;

static group group_at(const dsm_group_norm *p, size_t n, size_t g) {
  const size_t width = p->channels / p->groups;
  return (group){n * p->positions * p->channels + g * width, width, p->positions, p->channels};
}

/* f and f' of an activation at u; s = 1 / (1 + e^-u) */
static double activation(dsm_activation f, double u) {
  return f == DSM_ACTIVATION_SILU ? u / (1 + exp(-u)) : u;
}
static double activation_slope(dsm_activation f, double u) {
  const double s = 1 / (1 + exp(-u));
  return f == DSM_ACTIVATION_SILU ? s * (1 + u / (1 + exp(u))) : 1;
}

/* mean and rstd */
static void group_statistics(float *statistics, const float *x, const group *at, float eps) {
  const double size = (double)(at->positions * at->width);
  double sum = 0, squares = 0;
  for (size_t s = 0; s < at->positions; s++) {
    for (size_t c = 0; c < at->width; c++) sum += x[at->start + s * at->pitch + c];
  }
  const double mean = sum / size;
  for (size_t s = 0; s < at->positions; s++) {
    for (size_t c = 0; c < at->width; c++) {
      const double centred = x[at->start + s * at->pitch + c] - mean;
      squares += centred * centred;
    }
  }
  statistics[0] = (float)mean;
  statistics[1] = (float)(1 / sqrt(squares / size + eps));
}

static void group_norm(const dsm_kernels *k, float *y, float *statistics, const float *x, const float *gamma,
                       const float *beta, const dsm_group_norm *p) {
  (void)k;
  DSM_ASSERT(p->groups > 0 && p->channels % p->groups == 0);
  for (size_t n = 0; n < p->batch; n++) {
    for (size_t g = 0; g < p->groups; g++) {
      const group at = group_at(p, n, g);
      float own[2];
      group_statistics(own, x, &at, p->eps);
      if (statistics) memcpy(statistics + 2 * (n * p->groups + g), own, sizeof own);
      for (size_t s = 0; s < at.positions; s++) {
        for (size_t c = 0; c < at.width; c++) {
          const size_t i = at.start + s * at.pitch + c, channel = g * at.width + c;
          const double h = ((double)x[i] - own[0]) * own[1];
          y[i] = (float)activation(p->activation, gamma[channel] * h + beta[channel]);
        }
      }
    }
  }
}

/* With e = gamma g and means taken over the group:  dx = rstd (e - mean(e) - h mean(e h)) */
static void group_norm_gradient(const dsm_kernels *k, float *dx, float *dgamma, float *dbeta, const float *dy,
                                const float *x, const float *statistics, const float *gamma,
                                const float *beta, const dsm_group_norm *p) {
  (void)k;
  for (size_t part = 0; part < p->batch * p->groups; part++) {
    const size_t n = part / p->groups, first = part % p->groups * (p->channels / p->groups);
    const group at = group_at(p, n, part % p->groups);
    const double size = (double)(at.positions * at.width);
    const double mean = statistics[2 * part], rstd = statistics[2 * part + 1];
    double sum_e = 0, sum_eh = 0;
    for (size_t c = first; c < first + at.width; c++) {
      double sum_g = 0, sum_gh = 0;
      for (size_t s = 0; s < at.positions; s++) {
        const size_t i = at.start + s * at.pitch + c - first;
        const double h = (x[i] - mean) * rstd;
        const double g = dy[i] * activation_slope(p->activation, gamma[c] * h + beta[c]);
        sum_g += g;
        sum_gh += g * h;
      }
      sum_e += gamma[c] * sum_g;
      sum_eh += gamma[c] * sum_gh;
      if (dgamma) dgamma[n * p->channels + c] = (float)sum_gh;
      if (dbeta) dbeta[n * p->channels + c] = (float)sum_g;
    }
    for (size_t s = 0; s < at.positions; s++) {
      for (size_t c = first; c < first + at.width; c++) {
        const size_t i = at.start + s * at.pitch + c - first;
        const double h = (x[i] - mean) * rstd;
        const double g = dy[i] * activation_slope(p->activation, gamma[c] * h + beta[c]);
        dx[i] = (float)(rstd * (gamma[c] * g - sum_e / size - h * (sum_eh / size)));
      }
    }
  }
}

void dsm__ref_normalize(dsm_kernels *k) {
  k->softmax = softmax;
  k->softmax_gradient = softmax_gradient;
  k->group_norm = group_norm;
  k->group_norm_gradient = group_norm_gradient;
}
