/* The straight line from data to noise of flow matching (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023,
 * arXiv:2209.03003), with t as in the other processes: the data at 0, the noise at 1,
 *   alpha = 1 - t,  sigma = t,  f = -1 / (1 - t),  g^2 = 2 t / (1 - t).
 * At t = 1 nothing is left of the data: alpha is 0, f and g^2 are infinite, and what divides by alpha (x0 from
 * eps or from the score) does not exist. */
#include "dsmpi/memory.h"
#include "process/process.h"

static double log_alpha(const dsm_process *process, double t) {
  (void)process;
  return log1p(-t); /* -infinity at 1 */
}

static double alpha_slope(const dsm_process *process, double t) {
  (void)process;
  (void)t;
  return -1;
}

static double sigma2(const dsm_process *process, double t) {
  (void)process;
  return t * t;
}

static double sigma_slope(const dsm_process *process, double t) {
  (void)process;
  (void)t;
  return 1;
}

/* t^2 - (1 - t)^2 s^2 / (1 - s)^2 as a product; the second factor is t (1 - s) + s (1 - t) */
static double transition2(const dsm_process *process, double s, double t) {
  (void)process;
  double kept = 1 - s;
  return (t - s) / kept * ((t * kept + s * (1 - t)) / kept);
}

static double time_of(const dsm_process *process, double ratio) {
  (void)process;
  return 1 / (1 + 1 / ratio); /* not ratio / (1 + ratio): right for infinity too */
}

static const dsm__process_ops ops = {
    .name = "flow",
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

dsm_status dsm__flow_create(const dsm_config *config, dsm_process **process) {
  (void)config;
  DSM_TRY(DSM_ALLOC(1, process));
  **process =
      (dsm_process){.ops = &ops, .last = 1, .first_training = 1e-5, .first_sampling = 1e-3, .prior_std = 1};
  return DSM_OK;
}
