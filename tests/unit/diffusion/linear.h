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
/** How far mean and covariance of `points` points of the plane are from the law, beyond `slack` of a standard deviation, in
 * standard errors: the largest of the five. What is beyond LAW_ERRORS is told. */
double law_distance(const float *x, int points, const law *expected, double slack, const char *what);
/** Fails where that is more than LAW_ERRORS: one in 100,000 by chance. */
void assert_law(const float *x, int points, const law *expected, double slack, const char *what);
#define LAW_ERRORS 4.5

#endif
