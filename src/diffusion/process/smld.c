/* The noise ladder of score matching with Langevin dynamics, Song & Ermon 2019 (arXiv:1907.05600): L levels in
 * geometric progression,
 *   alpha = 1,  sigma_t = sigma_min (sigma_max / sigma_min)^((t - 1) / (L - 1)),  t = 1 ... L.
 * Levels rise with t, as in every other process here; NCSN counts them the other way round, from the largest
 * noise down. The data, t = 0, have sigma_0 = 0. */
#include <inttypes.h>
#include "dsmpi/memory.h"
#include "process/process.h"

typedef struct smld {
  dsm_process base;
  double sigma_min, log_rung; /* ln(sigma_{t+1} / sigma_t) */
} smld;

static double sigma2(const dsm_process *process, double t) {
  const smld *p = (const smld *)process;
  double sigma = p->sigma_min * exp((t - 1) * p->log_rung);
  return sigma * sigma;
}

static double transition2(const dsm_process *process, double s, double t) {
  const smld *p = (const smld *)process;
  return sigma2(process, s) * expm1(2 * (t - s) * p->log_rung);
}

static double time_of(const dsm_process *process, double ratio) {
  const smld *p = (const smld *)process;
  return 1 + round(log(ratio / p->sigma_min) / p->log_rung);
}

static const dsm__process_ops ops = {
    .name = "smld",
    .label_text = DSM__LABEL_OF_STEP,
    .discrete = true,
    .ends_in_noise = true,
    .log_alpha = dsm__zero,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = dsm__label_of_step,
};

dsm_status dsm__smld_create(const dsm_config *config, dsm_process **process) {
  const double sigma_min = config->process.sigma_min, sigma_max = config->process.sigma_max;
  const int64_t levels = config->process.steps;
  DSM_TRY(dsm__check_sigmas(config));
  if (levels < 2)
    DSM_FAIL(DSM_BAD_CONFIG,
             "process.steps: a ladder of noise levels has 2 or more; received %" PRId64
             " (process.name=single trains one level)",
             levels);
  smld *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base = (dsm_process){
      .ops = &ops, .last = (double)levels, .first_training = 1, .first_sampling = 1, .prior_std = sigma_max};
  p->sigma_min = sigma_min;
  p->log_rung = log(sigma_max / sigma_min) / (double)(levels - 1);
  *process = &p->base;
  return DSM_OK;
}
