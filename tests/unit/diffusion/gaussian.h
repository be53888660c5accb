/* Gaussian data in the plane, x0 ~ N(mu, S): every marginal is Gaussian, so the exact score stands in for a
 * network and the law of any chain of linear steps is known in closed form. */
#ifndef DSMPI_TEST_DIFFUSION_GAUSSIAN_H
#define DSMPI_TEST_DIFFUSION_GAUSSIAN_H

#include "check.h"

/** N(mu, S) with S = {{s[0], s[1]}, {s[1], s[2]}} */
typedef struct law {
  double mu[2], s[3];
} law;

/** The exact eps = sigma (alpha^2 S + sigma^2 I)^-1 (x - alpha mu), and x0 = mu + (alpha / sigma) S eps, as a denoiser. A sample of d elements holds d / 2 points of the plane. */
typedef struct exact {
  const dsm_process *process;
  law data;
  size_t samples, points; /* points: of all samples together */
  size_t calls;
} exact;
dsm_denoiser exact_denoiser(exact *e);

/** eps at (alpha, sigma) as a map: eps = m (x - alpha mu), m symmetric like law.s */
void exact_matrix(const law *data, double alpha, double sigma, double m[3]);

/** The law of x_s after a step x_s = x_t_factor x_t + x0_factor x0_hat + eps_factor eps_hat + noise z from t,
 * x_t ~ *x. */
typedef struct factors {
  double x_t, x0, eps, noise;
} factors;
void law_after_step(law *x, const law *data, double alpha, double sigma, factors f);

/** The steps by the formulas of the papers, from alpha and sigma alone. */
factors ancestral_factors(const dsm_process *p, double s, double t, int variance);
factors ddim_factors(const dsm_process *p, double s, double t, double eta);

#endif
