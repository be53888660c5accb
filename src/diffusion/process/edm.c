/* Noise level as time, Karras et al. 2022 (arXiv:2206.00364): alpha = 1, sigma = t, from sigma_min to
 * sigma_max; f = 0, g^2 = 2 t. The network sees c_noise = ln(sigma) / 4 of their table 1, shifted and stretched
 * so that it runs over the same 0 ... 999 as the labels of all processes:
 *   label = 999 (c_noise(t) - c_noise(sigma_min)) / (c_noise(sigma_max) - c_noise(sigma_min)). */
#include "dsmpi/memory.h"
#include "process/process.h"

typedef struct edm {
  dsm_process base;
  double log_min, log_range;
} edm;

static double sigma2(const dsm_process *process, double t) {
  (void)process;
  return t * t;
}

static double sigma_slope(const dsm_process *process, double t) {
  (void)process;
  (void)t;
  return 1;
}

static double transition2(const dsm_process *process, double s, double t) {
  (void)process;
  return (t - s) * (t + s);
}

static double time_of(const dsm_process *process, double ratio) {
  (void)process;
  return ratio;
}

static double label(const dsm_process *process, double t) {
  const edm *p = (const edm *)process;
  return DSM__LABEL_LAST * (log(t) - p->log_min) / p->log_range;
}

static const dsm__process_ops ops = {
    .name = "edm",
    .label_text = "999 ln(sigma / sigma_min) / ln(sigma_max / sigma_min)",
    .ends_in_noise = true,
    .log_alpha = dsm__zero,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = label,
    .alpha_slope = dsm__zero,
    .sigma_slope = sigma_slope,
};

dsm_status dsm__edm_create(const dsm_config *config, dsm_process **process) {
  const double sigma_min = config->process.sigma_min, sigma_max = config->process.sigma_max;
  DSM_TRY(dsm__check_sigmas(config));
  edm *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base = (dsm_process){.ops = &ops,
                          .last = sigma_max,
                          .first_training = sigma_min,
                          .first_sampling = sigma_min,
                          .prior_std = sigma_max};
  p->log_min = log(sigma_min);
  p->log_range = log(sigma_max) - p->log_min;
  *process = &p->base;
  return DSM_OK;
}
