/* What a forward process x_t = alpha(t) x0 + sigma(t) eps must tell; process.c derives everything else. */
#ifndef DSMPI_DIFFUSION_PROCESS_H
#define DSMPI_DIFFUSION_PROCESS_H

#include <math.h>
#include "dsmpi/diffusion.h"

/* Networks see labels up to this, whatever T or the unit of t is, so that the frequencies of the time
 * embedding suit every process. */
enum { DSM__LABEL_LAST = 999 };

/* Scales below it, but 0 itself at the last time, are refused: their squares and ratios would not be numbers. */
#define DSM__SMALLEST 1e-100

/** One process: a file, a table. All functions see 0 < s < t <= last; the data end t = 0 (alpha 1, sigma 0)
 * is process.c's. */
typedef struct dsm__process_ops {
  const char *name;
  const char *label_text; /* formula of the label; it is kept in checkpoints */
  bool discrete;
  bool ends_in_noise; /* x at the last time is close to N(0, prior_std^2) whatever the data are */
  double (*log_alpha)(const dsm_process *process, double t);
  double (*sigma2)(const dsm_process *process, double t);
  /* sigma_ts^2 = sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2, in a form that does not cancel for close s and
   * t */
  double (*transition2)(const dsm_process *process, double s, double t);
  /* the t with sigma / alpha = ratio > 0, process.c keeps it in range; where time is discrete, the one whose
   * ratio is nearest in the logarithm */
  double (*time_of)(const dsm_process *process, double ratio);
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

/** Labels that several processes have: 999 t, and t - 1 in units that end at 999. */
#define DSM__LABEL_OF_TIME "999 t"
#define DSM__LABEL_OF_STEP "999 (t - 1) / (T - 1)"
double dsm__label_of_time(const dsm_process *process, double t);
double dsm__label_of_step(const dsm_process *process, double t);

/** 0: log alpha and its slope where alpha is 1, the label of a process with one time. */
double dsm__zero(const dsm_process *process, double t);

/** 0 < process.sigma_min < process.sigma_max < infinity, both with squares that are numbers above 0, or DSM_BAD_CONFIG with both
 *  values. */
dsm_status dsm__check_sigmas(const dsm_config *config);

dsm_status dsm__ddpm_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__vp_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__ve_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__subvp_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__smld_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__edm_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__flow_create(const dsm_config *config, dsm_process **process);
dsm_status dsm__single_create(const dsm_config *config, dsm_process **process);

#endif
