/* The kernel density estimate of Parzen 1962: q_h(x) = 1/m sum_k N(x; c_k, h^2 I), with d the dimension.
 * Sums of exponentials are taken relative to their largest term. */
#include "kde.h"

#include <math.h>

static double distance2(const float *x, const float *c, double alpha, size_t d) {
  double sum = 0;
  for (size_t j = 0; j < d; j++) {
    const double away = (double)x[j] - alpha * (double)c[j];
    sum += away * away;
  }
  return sum;
}

/* Weights of the centres, largest 1, in `weight`; their sum is returned, -|x - c|^2 / 2 h^2 of the nearest in `top`. */
static double weigh(const dsm__kde *k, const float *x, double alpha, double h, double *weight, double *top) {
  double nearest = INFINITY, sum = 0;
  for (size_t i = 0; i < k->count; i++) {
    weight[i] = distance2(x, k->centre + i * k->d, alpha, k->d);
    nearest = fmin(nearest, weight[i]);
  }
  for (size_t i = 0; i < k->count; i++) {
    weight[i] = exp((nearest - weight[i]) / (2 * h * h));
    sum += weight[i];
  }
  *top = -nearest / (2 * h * h);
  return sum;
}

void dsm__kde_mean(const dsm__kde *k, const float *x, double alpha, double h, double *weight, double *mean) {
  double top, sum = weigh(k, x, alpha, h, weight, &top);
  for (size_t j = 0; j < k->d; j++) mean[j] = 0;
  for (size_t i = 0; i < k->count; i++)
    for (size_t j = 0; j < k->d; j++) mean[j] += weight[i] / sum * (double)k->centre[i * k->d + j];
}

double dsm__kde_log_density(const dsm__kde *k, const float *x, double h, double *weight) {
  double top, sum = weigh(k, x, 1, h, weight, &top);
  const double d = (double)k->d, pi = acos(-1.0);
  return top + log(sum / (double)k->count) - d * (log(h) + 0.5 * log(2 * pi));
}
