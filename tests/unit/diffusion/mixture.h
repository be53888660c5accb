/* Data from a mixture of Gaussians in the plane, x0 ~ sum_k w_k N(m_k, s_k^2 I): the marginals are mixtures with
 * means alpha m_k and variances v_k = alpha^2 s_k^2 + sigma^2, so score, denoised mean and energy are exact. */
#ifndef DSMPI_TEST_DIFFUSION_MIXTURE_H
#define DSMPI_TEST_DIFFUSION_MIXTURE_H

#include "gaussian.h"

enum { PARTS = 3 };

typedef struct mixture {
  const dsm_process *process;
  double weight[PARTS], mean[PARTS][2], s[PARTS];
  size_t samples, each; /* points of the plane in a sample */
} mixture;

/** Estimates with their derivative, and the energy, E = -ln p_t(x), of the points of a sample together. */
dsm_denoiser mixture_denoiser(mixture *m);
/** ln of the density of alpha x0 + sigma eps at one point. */
double mixture_log_density(const mixture *m, double alpha, double sigma, const float x[2]);
/** Mean and covariance of the data. */
law law_of_mixture(const mixture *m);
/** The part a point of the data most likely comes from. */
int part_of(const mixture *m, const float *x);

#endif
