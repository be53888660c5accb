/* Gaussian data with any mean and covariance in a few dimensions: the law given what was seen in closed form, and the
 * exact denoiser of any such law with its derivative. */
#ifndef DSMPI_TEST_DIFFUSION_POSTERIOR_H
#define DSMPI_TEST_DIFFUSION_POSTERIOR_H

#include "check.h"
#include "dsmpi/restore.h"

enum { DIMENSION_MAX = 8 };

typedef struct normal {
  size_t d;
  double mean[DIMENSION_MAX], cov[DIMENSION_MAX * DIMENSION_MAX];
} normal;

/** A correlated law, variances about 0.3 to 2, and N(mu, s^2 I). */
normal correlated(size_t d);
normal isotropic(size_t d, double s);

/** The law of x given a . x + noise z = y: one number at a time. */
void see(normal *law, const double *a, double noise, double y);
/** The law given y = A x + n, rows with y = NaN left out. */
normal law_given(const normal *law, const dsm_operator *op, const double *y, const double *noise);

/** The law of x0 given x_t = alpha x0 + sigma eps. */
normal law_given_noisy(const normal *law, double alpha, double sigma, const float *x);

/** E[x0 | x_t] and E[eps | x_t] of n samples of a law, with pullback. */
typedef struct exact_normal {
  const dsm_process *process;
  normal law;
  size_t n;
  double t, alpha, sigma, slope[DIMENSION_MAX * DIMENSION_MAX]; /* of the last time */
} exact_normal;
dsm_denoiser exact_normal_denoiser(exact_normal *e);

/** How far mean and covariance of n samples x (n, d) are from the law, beyond `slack` of a standard deviation (of a variance), in
 *  standard errors: the largest. What is beyond NORMAL_ERRORS is told. */
double normal_distance(const float *x, size_t n, const normal *law, double slack, const char *what);
/** Fails where that is more than NORMAL_ERRORS: one in 100,000 by chance. */
void assert_normal(const float *x, size_t n, const normal *law, double slack, const char *what);
#define NORMAL_ERRORS 4.5

/* ---- operators of one small sample, (2, 4, 1), and matrices ---------------------------------------------- */

enum { OPERATORS = 4, D = 8 };
dsm_operator *operator_of(int kind);

#endif
