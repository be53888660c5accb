/* A forward process dx = f x dt + g dw in continuous or discrete time, with x_t = alpha x0 + sigma eps
 * (Song et al. 2021, arXiv:2011.13456). Everything follows from alpha and sigma:
 *   f    = alpha' / alpha              drift
 *   g^2  = (sigma^2)' - 2 f sigma^2    squared diffusion
 *   q(x_t | x_s) = N(alpha_ts x_s, sigma_ts^2),
 *          alpha_ts = alpha_t / alpha_s,  sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2
 * (Kingma et al. 2021, arXiv:2107.00630, appendix A). Where time is discrete, one step stands for dt. */
#include "process/process.h"

#include <stdlib.h>

static dsm_status (*const creators[])(const dsm_config *, dsm_process **) = {
    [DSM_PROCESS_DDPM] = dsm__ddpm_create, [DSM_PROCESS_VP] = dsm__vp_create,
    [DSM_PROCESS_VE] = dsm__ve_create,     [DSM_PROCESS_SUBVP] = dsm__subvp_create,
    [DSM_PROCESS_SMLD] = dsm__smld_create, [DSM_PROCESS_EDM] = dsm__edm_create,
    [DSM_PROCESS_FLOW] = dsm__flow_create, [DSM_PROCESS_SINGLE] = dsm__single_create,
};

dsm_status dsm_process_create(const dsm_config *config, dsm_process **process) {
  *process = NULL;
  int name = config->process.name;
  DSM_ASSERT(name >= 0 && (size_t)name < sizeof creators / sizeof *creators);
  DSM_TRY(creators[name](config, process));
  return DSM_OK;
}

dsm_status dsm__check_sigmas(const dsm_config *config) {
  const double sigma_min = config->process.sigma_min, sigma_max = config->process.sigma_max;
  if (!(sigma_min > 0 && sigma_max > sigma_min && isfinite(sigma_max)))
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.sigma_min, process.sigma_max: need 0 < sigma_min < sigma_max; received %g and %g "
             "(sigma_max: about the largest distance between two samples)",
             sigma_min, sigma_max);
  if (sigma_min < DSM__SMALLEST || sigma_max > 1 / DSM__SMALLEST)
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.sigma_min, process.sigma_max: their squares must be numbers above 0; received %g and "
             "%g: stay between %g and %g",
             sigma_min, sigma_max, DSM__SMALLEST, 1 / DSM__SMALLEST);
  return DSM_OK;
}

double dsm__label_of_time(const dsm_process *process, double t) {
  (void)process;
  return DSM__LABEL_LAST * t;
}

double dsm__label_of_step(const dsm_process *process, double t) {
  return process->last > 1 ? (t - 1) * (DSM__LABEL_LAST / (process->last - 1)) : 0;
}

double dsm__zero(const dsm_process *process, double t) {
  (void)process;
  (void)t;
  return 0;
}

void dsm_process_destroy(dsm_process **process) {
  if (!process) return;
  free(*process);
  *process = NULL;
}

const char *dsm_process_name_of(const dsm_process *process) {
  return process->ops->name;
}

bool dsm_process_discrete(const dsm_process *process) {
  return process->ops->discrete;
}

double dsm_process_last(const dsm_process *process) {
  return process->last;
}

double dsm_process_first(const dsm_process *process, bool sampling) {
  return sampling ? process->first_sampling : process->first_training;
}

double dsm_process_prior_std(const dsm_process *process) {
  return process->prior_std;
}

bool dsm_process_ends_in_noise(const dsm_process *process) {
  return process->ops->ends_in_noise;
}

double dsm_process_time_of(const dsm_process *process, double ratio) {
  static const double beyond_all = 1e150; /* its square is still finite */
  DSM_ASSERT(ratio > 0);
  if (ratio > beyond_all) return process->last;
  return fmin(fmax(process->ops->time_of(process, ratio), process->first_training), process->last);
}

const char *dsm_process_label_text(const dsm_process *process) {
  return process->ops->label_text;
}

double dsm_process_label(const dsm_process *process, double t) {
  return process->ops->label(process, t);
}

/* The three basic quantities with the data end, t = 0, put in. */
static double log_alpha_of(const dsm_process *process, double t) {
  return t > 0 ? process->ops->log_alpha(process, t) : 0;
}

static double sigma2_of(const dsm_process *process, double t) {
  return t > 0 ? process->ops->sigma2(process, t) : 0;
}

static double transition2_of(const dsm_process *process, double s, double t) {
  return s > 0 ? process->ops->transition2(process, s, t) : sigma2_of(process, t);
}

double dsm_process_alpha(const dsm_process *process, double t) {
  return exp(log_alpha_of(process, t));
}

double dsm_process_sigma(const dsm_process *process, double t) {
  return sqrt(sigma2_of(process, t));
}

double dsm_process_drift(const dsm_process *process, double t) {
  if (process->ops->discrete) return log_alpha_of(process, t) - log_alpha_of(process, t - 1);
  return process->ops->alpha_slope(process, t) / dsm_process_alpha(process, t);
}

double dsm_process_alpha_slope(const dsm_process *process, double t) {
  DSM_ASSERT(!process->ops->discrete);
  return process->ops->alpha_slope(process, t);
}

double dsm_process_sigma_slope(const dsm_process *process, double t) {
  DSM_ASSERT(!process->ops->discrete);
  return process->ops->sigma_slope(process, t);
}

double dsm_process_diffusion2(const dsm_process *process, double t) {
  if (process->ops->discrete) return transition2_of(process, t - 1, t);
  const double sigma = dsm_process_sigma(process, t);
  return 2 * sigma * (process->ops->sigma_slope(process, t) - dsm_process_drift(process, t) * sigma);
}

dsm_posterior dsm_process_posterior(const dsm_process *process, double s, double t) {
  DSM_ASSERT(s >= 0 && s < t);
  double alpha_s = dsm_process_alpha(process, s);
  double alpha_ts = exp(log_alpha_of(process, t) - log_alpha_of(process, s));
  double sigma2_s = sigma2_of(process, s), sigma2_t = sigma2_of(process, t);
  double transition2 = transition2_of(process, s, t);
  return (dsm_posterior){
      .x_t_factor = alpha_ts * sigma2_s / sigma2_t,
      .x0_factor = alpha_s * (transition2 / sigma2_t), /* in this order it is exactly 1 at s = 0 */
      .small = transition2 * (sigma2_s / sigma2_t),
      .large = transition2,
  };
}

dsm_log_variances dsm_process_log_variances(const dsm_process *process, double s, double t) {
  const dsm_posterior q = dsm_process_posterior(process, s, t);
  double small = q.small;
  if (small <= 0) { /* the step ends at the data */
    const double first = dsm_process_first(process, true), later = process->ops->discrete ? first + 1 : t;
    small = later > first && later <= process->last ? dsm_process_posterior(process, first, later).small
                                                    : q.large;
  }
  return (dsm_log_variances){.small = log(small), .large = log(q.large)};
}
