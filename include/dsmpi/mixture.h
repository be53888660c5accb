/** @file mixture.h
 *  Laws whose noisy marginals are known in closed form: mixtures of Gaussians and of
 *  uniform boxes,
 *    x0 ~ sum_k w_k N(m_k, S_k)
 *    x_t = alpha x0 + sigma eps ~ sum_k w_k N(alpha m_k, alpha^2 S_k + sigma^2 I);
 *  with the shares r_k(x) = w_k p_k(x) / p_t(x) of the parts the score is sum_k r_k s_k, and so are the
 *  posterior means E[x0 | x_t] and E[eps | x_t]. They are what samplers and trained networks are compared
 *  with. Everything is float64 until a denoiser hands out float32. Nothing here is collective. */
#ifndef DSMPI_MIXTURE_H
#define DSMPI_MIXTURE_H

#include "dsmpi/diffusion.h"

enum { DSM_MIXTURE_DIMENSION_MAX = 64 };

/** A law in d dimensions; without parts at first, and of no use until it has one. Owned by the caller.
 *  @return DSM_OK; DSM_BAD_CONFIG if d is not 1 ... DSM_MIXTURE_DIMENSION_MAX; DSM_NO_MEMORY. */
typedef struct dsm_mixture dsm_mixture;
dsm_status dsm_mixture_create(size_t d, dsm_mixture **mixture);
void dsm_mixture_destroy(dsm_mixture **mixture);
/** Adds a part of weight w > 0; weights are used relative to their sum.
 *    normal  N(mean, covariance), covariance (d, d) symmetric positive definite
 *    box     uniform on low_j < x_j < high_j
 *  @return DSM_OK; DSM_BAD_CONFIG with what is wrong; DSM_NO_MEMORY. */
dsm_status dsm_mixture_add_normal(dsm_mixture *mixture, double weight, const double *mean,
                                  const double *covariance);
dsm_status dsm_mixture_add_box(dsm_mixture *mixture, double weight, const double *low, const double *high);
size_t dsm_mixture_dimension(const dsm_mixture *mixture);
size_t dsm_mixture_parts(const dsm_mixture *mixture);

/** ln p_t(x) in nats of the law of alpha x0 + sigma eps; -infinity outside the boxes where sigma = 0. */
double dsm_mixture_log_density(const dsm_mixture *mixture, double alpha, double sigma, const double *x);
/** The same, and E[x0 | x] and E[eps | x] = -sigma s(x), (d) each. */
double dsm_mixture_posterior(const dsm_mixture *mixture, double alpha, double sigma, const double *x,
                             double *x0, double *eps);
/** Mean (d) and covariance (d, d) of the data. */
void dsm_mixture_moments(const dsm_mixture *mixture, double *mean, double *covariance);
/** Samples first ... first + n - 1 of the data, x0 (n, d): functions of (seed, sample). */
void dsm_mixture_sample(const dsm_mixture *mixture, uint64_t seed, uint64_t first, size_t n, float *x0);
/** The interval of each axis that holds all parts of alpha x0 + sigma eps up to `deviations` standard
 *  deviations of normals and of the noise around boxes: low (d), high (d). */
void dsm_mixture_extent(const dsm_mixture *mixture, double alpha, double sigma, double deviations,
                        double *low, double *high);
/** The law of (x0 - shift_j) / scale_j, scale_j > 0: what a model sees of normalised data. Owned by the
 *  caller. */
dsm_status dsm_mixture_normalized(const dsm_mixture *mixture, const double *shift, const double *scale,
                                  dsm_mixture **normalized);

/** The law as denoiser for n samples of its dimension, with its energy E = -ln p_t. Fields are borrowed
 *  as long as the denoiser is used. */
typedef struct dsm_exact {
  const dsm_mixture *mixture;
  const dsm_process *process;
  size_t n;
} dsm_exact;
dsm_denoiser dsm_exact_denoiser(dsm_exact *exact);

#endif
