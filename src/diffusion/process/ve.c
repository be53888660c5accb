/* The variance-exploding SDE of Song et al. 2021 (arXiv:2011.13456, appendix B), the continuous form of smld:
 *   alpha = 1,  sigma(t) = sigma_min (sigma_max / sigma_min)^t,
 *   f = 0,  g = sigma sqrt(2 ln(sigma_max / sigma_min)).
 * By convention t = 0 is the data, so sigma jumps from sigma_min to 0 there: the last step of a sampler
 * removes noise of sigma_min. */
#include "dsmpi/memory.h"
#include "process/process.h"

typedef struct ve {
  dsm_process base;
  double sigma_min, log_ratio; /* ln(sigma_max / sigma_min) */
} ve;

static double sigma_of(const ve *p, double t) {
  return p->sigma_min * exp(t * p->log_ratio);
}

static double sigma2(const dsm_process *process, double t) {
  double sigma = sigma_of((const ve *)process, t);
  return sigma * sigma;
}

static double sigma_slope(const dsm_process *process, double t) {
  const ve *p = (const ve *)process;
  return p->log_ratio * sigma_of(p, t);
}

static double transition2(const dsm_process *process, double s, double t) {
  const ve *p = (const ve *)process;
  return sigma2(process, s) * expm1(2 * (t - s) * p->log_ratio);
}

static double time_of(const dsm_process *process, double ratio) {
  const ve *p = (const ve *)process;
  return log(ratio / p->sigma_min) / p->log_ratio;
}

static const dsm__process_ops ops = {
    .name = "ve",
    .label_text = DSM__LABEL_OF_TIME,
    .ends_in_noise = true,
    .log_alpha = dsm__zero,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = dsm__label_of_time,
    .alpha_slope = dsm__zero,
    .sigma_slope = sigma_slope,
};

dsm_status dsm__ve_create(const dsm_config *config, dsm_process **process) {
  const double sigma_min = config->process.sigma_min, sigma_max = config->process.sigma_max;
  DSM_TRY(dsm__check_sigmas(config));
  ve *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base = (dsm_process){
      .ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-5, .prior_std = sigma_max};
  p->sigma_min = sigma_min;
  p->log_ratio = log(sigma_max / sigma_min);
  *process = &p->base;
  return DSM_OK;
}
