/* The sub-variance-preserving SDE of Song et al. 2021 (arXiv:2011.13456, appendix B): the drift of vp, less noise,
 *   alpha as in rate.h,  sigma = 1 - alpha^2 (no root),  g^2 = beta (1 - alpha^4). */
#include "dsmpi/memory.h"
#include "process/rate.h"

typedef struct subvp {
  dsm_process base;
  dsm__rate rate;
} subvp;

static const dsm__rate *rate_of(const dsm_process *process) {
  return &((const subvp *)process)->rate;
}

static double log_alpha(const dsm_process *process, double t) {
  return dsm__rate_log_alpha(rate_of(process), t);
}

static double alpha_slope(const dsm_process *process, double t) {
  return -dsm__rate_half(rate_of(process), t) * exp(log_alpha(process, t));
}

static double sigma2(const dsm_process *process, double t) {
  double sigma = -expm1(2 * log_alpha(process, t));
  return sigma * sigma;
}

static double sigma_slope(const dsm_process *process, double t) {
  return 2 * dsm__rate_half(rate_of(process), t) * exp(2 * log_alpha(process, t));
}

/* sigma_t^2 - r^2 sigma_s^2 with r = alpha_t / alpha_s is the product of
 *   sigma_t - r sigma_s = (1 - r) (1 + alpha_s alpha_t)
 * and of the sum sigma_t + r sigma_s */
static double transition2(const dsm_process *process, double s, double t) {
  double log_r = dsm__rate_log_ratio(rate_of(process), s, t);
  double log_s = log_alpha(process, s), log_t = log_alpha(process, t);
  double difference = -expm1(log_r) * (1 + exp(log_s + log_t));
  return difference * (-expm1(2 * log_t) - exp(log_r) * expm1(2 * log_s));
}

/* ratio = (1 - alpha^2) / alpha = 2 sinh(-log alpha) */
static double time_of(const dsm_process *process, double ratio) {
  return dsm__rate_time(rate_of(process), asinh(ratio / 2));
}

static const dsm__process_ops ops = {
    .name = "subvp",
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

dsm_status dsm__subvp_create(const dsm_config *config, dsm_process **process) {
  dsm__rate rate;
  DSM_TRY(dsm__rate_of(config, &rate));
  subvp *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base =
      (dsm_process){.ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-3, .prior_std = 1};
  p->rate = rate;
  *process = &p->base;
  return DSM_OK;
}
