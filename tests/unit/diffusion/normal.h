/* Gaussian data of any covariance, x0 ~ N(mu, S) with S = Q diag(l) Q, Q = 1 - 2 w w' (its own inverse):
 * each eigenvector goes its own way along the ODE, so density, entropy and every Kullback-Leibler divergence
 * are known. */
#ifndef DSMPI_TEST_DIFFUSION_NORMAL_H
#define DSMPI_TEST_DIFFUSION_NORMAL_H

#include "check.h"

enum { NORMAL_MAX = 8 };

typedef struct normal {
  const dsm_process *process;
  size_t samples, d;
  double mu[NORMAL_MAX], l[NORMAL_MAX], w[NORMAL_MAX]; /* |w| = 1 */
  int32_t calls;
} normal;

/** Some law of d elements with eigenvalues from 0.2 to 2.5, correlated. */
normal normal_law(const dsm_process *process, size_t samples, size_t d, double shift);
/** y = Q x of d elements; y may be x. */
void normal_turn(const normal *law, const double *x, double *y);
/** The exact x0_hat and eps_hat, with their derivative. */
dsm_denoiser normal_denoiser(normal *law);
/** Sample `row` of the data. */
void normal_draw(const normal *law, uint64_t row, double *x);
/** ln of the density of a N(mu, S) + b eps at x. */
double normal_log_density(const normal *law, double a, double b, const double *x);
/** Of the data, nats. */
double normal_entropy(const normal *law);

#endif
