/* The variance-exploding SDE of Song et al. 2021 (arXiv:2011.13456, appendix B), the continuous form of the
 * noise ladder of Song & Ermon 2019 (arXiv:1907.05600):
 *   alpha = 1,  sigma(t) = sigma_min (sigma_max / sigma_min)^t,
 *   f = 0,  g = sigma sqrt(2 ln(sigma_max / sigma_min)).
 * By convention t = 0 is the data, so sigma jumps from sigma_min to 0 there: the last step of a sampler
 * removes noise of sigma_min. */
#include "process/process.h"

#include "dsmpi/memory.h"

typedef struct ve {
  dsm_process base;
  double sigma_min, log_ratio; /* ln(sigma_max / sigma_min) */
} ve;

static double log_alpha(const dsm_process *process, double t) {
  (void)process;
  (void)t;
  return 0;
}

static double sigma2(const dsm_process *process, double t) {
  const ve *p = (const ve *)process;
  double sigma = p->sigma_min * exp(t * p->log_ratio);
  return sigma * sigma;
}

static double sigma_slope(const dsm_process *process, double t) {
  const ve *p = (const ve *)process;
  return p->log_ratio * sqrt(sigma2(process, t));
}

static double transition2(const dsm_process *process, double s, double t) {
  const ve *p = (const ve *)process;
  return sigma2(process, s) * expm1(2 * (t - s) * p->log_ratio);
}

static double label(const dsm_process *process, double t) {
  (void)process;
  return DSM__LABEL_LAST * t;
}

static const dsm__process_ops ops = {
    .name = "ve",
    .log_alpha = log_alpha,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .label = label,
    .alpha_slope = log_alpha, /* both are 0 */
    .sigma_slope = sigma_slope,
};

dsm_status dsm__ve_create(const dsm_config *config, dsm_process **process) {
  double sigma_min = config->process.sigma_min, sigma_max = config->process.sigma_max;
  if (!(sigma_min > 0 && sigma_max > sigma_min && isfinite(sigma_max)))
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.sigma_min, process.sigma_max: need 0 < sigma_min < sigma_max; received %g and %g "
             "(sigma_max: about "
             "the largest distance between two samples)",
             sigma_min, sigma_max);
  ve *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base = (dsm_process){
      .ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-5, .prior_std = sigma_max};
  p->sigma_min = sigma_min;
  p->log_ratio = log(sigma_max / sigma_min);
  *process = &p->base;
  return DSM_OK;
}
