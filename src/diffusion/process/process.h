/* What a forward process x_t = alpha(t) x0 + sigma(t) eps must tell; process.c derives everything else. */
#ifndef DSMPI_DIFFUSION_PROCESS_H
#define DSMPI_DIFFUSION_PROCESS_H

#include <math.h>
#include "dsmpi/diffusion.h"

/* Networks see labels up to this, whatever T or the unit of t is, so that the frequencies of the time
 * embedding suit every process. */
enum { DSM__LABEL_LAST = 999 };

/** One process: a file, a table. All functions see 0 < s < t <= last; the data end t = 0 (alpha 1, sigma 0)
 * is process.c's. */
typedef struct dsm__process_ops {
  const char *name;
  bool discrete;
  double (*log_alpha)(const dsm_process *process, double t);
  double (*sigma2)(const dsm_process *process, double t);
  /* sigma_ts^2 = sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2, in a form that does not cancel for close s and
   * t */
  double (*transition2)(const dsm_process *process, double s, double t);
  double (*label)(const dsm_process *process, double t);
  /* derivatives by t; NULL where time is discrete */
  double (*alpha_slope)(const dsm_process *process, double t);
  double (*sigma_slope)(const dsm_process *process, double t);
} dsm__process_ops;

/** First member of every process, which is one block of memory that free() releases. */
struct dsm_process {
  const dsm__process_ops *ops;
  double last, first_training, first_sampling, prior_std;
};

/* The variance of processes with alpha^2 + sigma^2 = 1. At t = 1e-5 of vp, log alpha is -5e-7 and sigma^2
 * 1e-6: 1 - exp(2 log alpha) would keep 10 of 16 digits in float64 (and in float32 nearly none: the 3 % error
 * of sigma in the reference codes); expm1 keeps all. */
static inline double dsm__preserving_sigma2(double log_alpha) {
  return -expm1(2 * log_alpha);
}

dsm_status dsm__ddpm_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__vp_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__ve_create(const dsm_config *config, dsm_process **process);

#endif
