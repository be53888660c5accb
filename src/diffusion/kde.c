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

static double held_out(const dsm__kde *k, const float *x, size_t n, double h, double *weight) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += dsm__kde_log_density(k, x + i * k->d, h, weight);
  return sum / (double)n;
}

/* Golden section on log h: the held-out log-likelihood rises to one maximum, from overfitted to oversmoothed. */
double dsm__kde_bandwidth(const dsm__kde *k, const float *x, size_t n, double *weight) {
  const double golden = (sqrt(5.0) - 1) / 2;
  double low = log(1e-3), high = log(10.0);
  while (high - low > 1e-3) {
    const double a = high - golden * (high - low), b = low + golden * (high - low);
    if (held_out(k, x, n, exp(a), weight) < held_out(k, x, n, exp(b), weight))
      low = a;
    else
      high = b;
  }
  return exp(0.5 * (low + high));
}
