/* With the exact score of Gaussian data every sampler but the adaptive ones is a chain of affine maps and
 * Gaussian noise, so the law of its samples is known in closed form. In the eigenvectors of the covariance each
 * axis goes its own way. The formulas are those of the papers, written down once more from alpha, sigma, f and
 * g^2 alone. */
#ifndef DSMPI_TEST_DIFFUSION_LINEAR_H
#define DSMPI_TEST_DIFFUSION_LINEAR_H

#include "gaussian.h"

/** True where the law is known: not for ode, nor for a corrector whose step depends on norms. */
bool linear_sampler(int sampler, const dsm_sampler_settings *settings);
/** Law of the samples of data N(mu, S). */
law law_of_samples(const dsm_process *p, const law *data, int sampler, const dsm_sampler_settings *settings,
                   int64_t steps);
/** Most standard errors that a figure of samples is off by chance: one in 100,000 is more. */
#define LAW_ERRORS 4.5
/** How far mean and covariance of `points` points of the plane are from the law, in standard errors: the largest of the five.
 * What is more than law_bound() off is told. */
double law_distance(const float *x, int points, const law *expected, double slack, const char *what);
/** LAW_ERRORS, and what the method itself is off: `slack` of a standard deviation. */
double law_bound(int points, double slack);
void assert_law(const float *x, int points, const law *expected, double slack, const char *what);

#endif
