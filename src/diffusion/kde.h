/* Kernel density estimates: the law that explicit score matching knows the score of. */
#ifndef DSMPI_DIFFUSION_KDE_H
#define DSMPI_DIFFUSION_KDE_H

#include <stddef.h>

/** Centres c_k (count, d), borrowed. */
typedef struct dsm__kde {
  const float *centre;
  size_t count, d;
} dsm__kde;

/** E[c | x] for x = alpha c + h eps, c one of the centres: sum_k w_k c_k, w_k ~ exp(-|x - alpha c_k|^2 / 2 h^2). The
 *  score of the smoothed law is (alpha E[c | x] - x) / h^2. `weight` is room for `count` numbers, `mean` has d. */
void dsm__kde_mean(const dsm__kde *k, const float *x, double alpha, double h, double *weight, double *mean);
/** log q_h(x) in nats. */
double dsm__kde_log_density(const dsm__kde *k, const float *x, double h, double *weight);

#endif
