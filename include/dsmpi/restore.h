/** @file restore.h
 *  Observations y = A x0 + n, n ~ N(0, S), of what a model has learned, and the model's samples given y: the
 *  operators A, and the guidance that turns any denoiser of p(x0) into one of p(x0 | y), for every sampler.
 *  All is in the model's units; see dsmpi/train.h for the job in physical ones. Coefficients and operators are
 *  float64. Nothing here is collective; nothing here knows MPI or files. */
#ifndef DSMPI_RESTORE_H
#define DSMPI_RESTORE_H

#include "dsmpi/diffusion.h"

/* ---- operators ----------------------------------------------------------------------------------------- */

/** What is seen of a sample x (spatial..., C), d numbers; y has m numbers:
 *    identity   y = x                                                 (denoising; inpainting with missing y)
 *    average    means over blocks of `factor` along each spatial axis       (super-resolution)
 *    blur       y_p = sum_k kernel_k x_{p - k}, k from the kernel's centre, each channel alone     (deblurring)
 *    matrix     y = matrix x, row by row over x as it lies in memory */
enum dsm_operator_kind {
  DSM_OPERATOR_IDENTITY,
  DSM_OPERATOR_AVERAGE,
  DSM_OPERATOR_BLUR,
  DSM_OPERATOR_MATRIX
};
/** What a blur sees beyond the border of a b c d: 0 0 | a b c d | 0 0,  b a | a b c d | d c,  c d | a b c d | a b */
enum dsm_border { DSM_BORDER_ZERO, DSM_BORDER_REFLECT, DSM_BORDER_PERIODIC };

typedef struct dsm_operator_params {
  int kind;         /* dsm_operator_kind */
  dsm_shape sample; /* of x: (spatial..., C), or (C) for vectors */
  size_t factor;    /* average: must divide each spatial axis */
  /* blur: as many axes as space, or one more of length 1; odd lengths */
  dsm_shape kernel_shape;
  const double *kernel;
  int border; /* dsm_border */
  /* matrix: (rows, d) */
  size_t rows;
  const double *matrix;
} dsm_operator_params;

typedef struct dsm_operator dsm_operator;
/** Kernel and matrix are copied.
 *  @return DSM_OK; DSM_BAD_CONFIG with what was received: vectors where space is needed, a factor or a kernel that
 *  does not fit; DSM_BAD_DATA: a kernel or matrix that is not finite, or nothing but zeros */
dsm_status dsm_operator_create(const dsm_operator_params *params, dsm_operator **op);
void dsm_operator_destroy(dsm_operator **op);
/** d, and m. */
size_t dsm_operator_columns(const dsm_operator *op);
size_t dsm_operator_rows(const dsm_operator *op);
/** Shape of y: (spatial..., C), or (m) of a matrix. */
dsm_shape dsm_operator_observation(const dsm_operator *op);
/** True if rows of y belong to channels as elements of x do, the last axis: not for a matrix. */
bool dsm_operator_keeps_channels(const dsm_operator *op);
/** y (m) = A x (d). */
void dsm_operator_apply(const dsm_operator *op, const double *x, double *y);
/** x (d) = A^T y (m). */
void dsm_operator_transpose(const dsm_operator *op, const double *y, double *x);

/* ---- guidance ------------------------------------------------------------------------------------------ */

/** How much x0 may still differ from x0_hat(x_t), C ~ Cov[x0 | x_t]:
 *    moments  (sigma^2 / alpha) (d x0_hat / dx)^T, what the network itself says. Right for every Gaussian law of
 *             the data. A product with C is a pullback.
 *             Boys et al. 2023 (arXiv:2310.06721), Rozet et al. 2024 (arXiv:2405.13712)
 *    pigdm    r_t^2 I, r_t^2 = s^2 sigma^2 / (alpha^2 s^2 + sigma^2), s = data_std. Right for N(mu, s^2 I).
 *             Song et al. 2023 ("Pseudoinverse-guided diffusion models", ICLR)
 *    dps      0. Chung et al. 2023 (arXiv:2209.14687), the score of eq. 10 (its step sizes are the sampler's here).
 *             For noise about as large as the data's deviation: with less it takes large steps. */
enum dsm_guidance_form { DSM_GUIDANCE_MOMENTS, DSM_GUIDANCE_PIGDM, DSM_GUIDANCE_DPS };

typedef struct dsm_guidance_settings {
  int form;        /* dsm_guidance_form */
  double data_std; /* s, standard deviation of the data in the model's units */
  int iterations;  /* moments: of the conjugate gradients, at most; each is a pullback */
  /* Where sigma / alpha > limit s, y is left aside: x_t knows little about x0 there, and the error of a network in
   * x0_hat and its derivative is multiplied by sigma / alpha. */
  double limit;
} dsm_guidance_settings;
/** moments, 1, 3, 50 */
dsm_guidance_settings dsm_guidance_defaults(void);

/** Smallest standard deviation of the noise that is reckoned with, in units of data_std: with less the equations of
 *  operators that do not have full rank have no solution. */
#define DSM_GUIDANCE_LEAST_NOISE 1e-3

/** A denoiser made of another one: with p(y | x_t) ~ N(A x0_hat, S + A C A^T),
 *    v      = (S + A C A^T)^-1 (y - A x0_hat),        rows that were not seen left out
 *    g      = grad_x log p(y | x_t) = (d x0_hat / dx)^T A^T v
 *    eps_y  = eps_hat - sigma g,        x0_y = x0_hat + (sigma^2 / alpha) g
 *  The equations are solved by conjugate gradients for each sample alone. A learned variance stays as it is; there
 *  is no pullback and no energy. */
typedef struct dsm_guidance dsm_guidance;
/** @param[in] process, op, prior  borrowed until destroy; `prior` for blocks of n samples of dsm_operator_columns
 *  @return DSM_OK; DSM_BAD_CONFIG: a prior without pullback, a setting out of range */
dsm_status dsm_guidance_create(const dsm_guidance_settings *settings, const dsm_process *process,
                               const dsm_operator *op, const dsm_denoiser *prior, size_t n,
                               dsm_guidance **guidance);
void dsm_guidance_destroy(dsm_guidance **guidance);
/** What was seen of each sample of the block, copied, for all that follows.
 *  @param[in] y      (n, m); NaN: this number is missing
 *  @param[in] noise  (n, m) standard deviations of n, >= 0 */
void dsm_guidance_observe(dsm_guidance *guidance, const double *y, const double *noise);
/** Valid as long as the guidance; dsm_guidance_observe first. Evaluations: that of x0_hat, and each pullback as one,
 *  which is as much as there can be: none is made where all are beyond the limit. */
dsm_denoiser dsm_guidance_denoiser(dsm_guidance *guidance);

#endif
