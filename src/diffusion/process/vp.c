/* The variance-preserving SDE of Song et al. 2021 (arXiv:2011.13456, appendix B), the limit of ddpm for
 * T -> infinity:
 *   dx = -(1/2) beta x dt + sqrt(beta) dw,  alpha as in rate.h,  sigma^2 = 1 - alpha^2. */
#include "dsmpi/memory.h"
#include "process/rate.h"

typedef struct vp {
  dsm_process base;
  dsm__rate rate;
} vp;

static const dsm__rate *rate_of(const dsm_process *process) {
  return &((const vp *)process)->rate;
}

static double log_alpha(const dsm_process *process, double t) {
  return dsm__rate_log_alpha(rate_of(process), t);
}

static double alpha_slope(const dsm_process *process, double t) {
  return -dsm__rate_half(rate_of(process), t) * exp(log_alpha(process, t));
}

static double sigma2(const dsm_process *process, double t) {
  return dsm__preserving_sigma2(log_alpha(process, t));
}

static double sigma_slope(const dsm_process *process, double t) {
  return dsm__rate_half(rate_of(process), t) * exp(2 * log_alpha(process, t)) / sqrt(sigma2(process, t));
}

static double transition2(const dsm_process *process, double s, double t) {
  return dsm__preserving_sigma2(dsm__rate_log_ratio(rate_of(process), s, t));
}

/* alpha^2 (1 + ratio^2) = 1 */
static double time_of(const dsm_process *process, double ratio) {
  return dsm__rate_time(rate_of(process), log1p(ratio * ratio) / 2);
}

static const dsm__process_ops ops = {
    .name = "vp",
    .label_text = DSM__LABEL_OF_TIME,
    .ends_in_noise = true,
    .log_alpha = log_alpha,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = dsm__label_of_time,
    .alpha_slope = alpha_slope,
    .sigma_slope = sigma_slope,
};

dsm_status dsm__vp_create(const dsm_config *config, dsm_process **process) {
  dsm__rate rate;
  DSM_TRY(dsm__rate_of(config, &rate));
  vp *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base =
      (dsm_process){.ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-3, .prior_std = 1};
  p->rate = rate;
  *process = &p->base;
  return DSM_OK;
}
