/* The variance-preserving SDE of Song et al. 2021 (arXiv:2011.13456, appendix B), the limit of ddpm for
 * T -> infinity, with beta(t) = b0 + t (b1 - b0):
 *   dx = -(1/2) beta x dt + sqrt(beta) dw,
 *   log alpha = -t^2 (b1 - b0) / 4 - t b0 / 2,  sigma^2 = 1 - alpha^2. */
#include "process/process.h"

#include "dsmpi/memory.h"

typedef struct vp {
  dsm_process base;
  double beta_min, beta_max; /* b0, b1 */
} vp;

static double log_alpha(const dsm_process *process, double t) {
  const vp *p = (const vp *)process;
  return -t * (t * (p->beta_max - p->beta_min) / 4 + p->beta_min / 2);
}

/* beta / 2 */
static double half_rate(const dsm_process *process, double t) {
  const vp *p = (const vp *)process;
  return (p->beta_min + t * (p->beta_max - p->beta_min)) / 2;
}

static double alpha_slope(const dsm_process *process, double t) {
  return -half_rate(process, t) * exp(log_alpha(process, t));
}

static double sigma2(const dsm_process *process, double t) {
  return dsm__preserving_sigma2(log_alpha(process, t));
}

static double sigma_slope(const dsm_process *process, double t) {
  return half_rate(process, t) * exp(2 * log_alpha(process, t)) / sqrt(sigma2(process, t));
}

/* log alpha_t - log alpha_s with the factor t - s taken out: exact for neighbouring times */
static double transition2(const dsm_process *process, double s, double t) {
  const vp *p = (const vp *)process;
  return dsm__preserving_sigma2(-(t - s) * ((t + s) * (p->beta_max - p->beta_min) / 4 + p->beta_min / 2));
}

static double label(const dsm_process *process, double t) {
  (void)process;
  return DSM__LABEL_LAST * t;
}

static const dsm__process_ops ops = {
    .name = "vp",
    .log_alpha = log_alpha,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .label = label,
    .alpha_slope = alpha_slope,
    .sigma_slope = sigma_slope,
};

dsm_status dsm__vp_create(const dsm_config *config, dsm_process **process) {
  double beta_min = config->process.beta_min, beta_max = config->process.beta_max;
  if (!(beta_min > 0 && beta_max >= beta_min && isfinite(beta_max)))
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.beta_min, process.beta_max: need 0 < beta_min <= beta_max; received %g and %g (usual: "
             "0.1 and 20)",
             beta_min, beta_max);
  vp *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base =
      (dsm_process){.ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-3, .prior_std = 1};
  p->beta_min = beta_min;
  p->beta_max = beta_max;
  *process = &p->base;
  return DSM_OK;
}
