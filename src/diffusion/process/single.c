/* One noise level, alpha = 1, sigma = process.sigma, at the one time t = 1: denoising score matching as in
 * Vincent 2011 (doi:10.1162/NECO_a_00142). What the network learns is the score of the data smoothed by sigma;
 * x_1 is not noise of a known law, so samplers that walk down from the noise have nowhere to start. */
#include "dsmpi/memory.h"
#include "process/process.h"

typedef struct single {
  dsm_process base;
  double sigma;
} single;

static double sigma2(const dsm_process *process, double t) {
  const single *p = (const single *)process;
  DSM_ASSERT(t == 1);
  return p->sigma * p->sigma;
}

/* Never asked for: there is no 0 < s < t. */
static double transition2(const dsm_process *process, double s, double t) {
  DSM_ASSERT(s < t);
  return sigma2(process, t);
}

static double time_of(const dsm_process *process, double ratio) {
  (void)process;
  (void)ratio;
  return 1;
}

static const dsm__process_ops ops = {
    .name = "single",
    .label_text = "0",
    .discrete = true,
    .log_alpha = dsm__zero,
    .sigma2 = sigma2,
    .transition2 = transition2,
    .time_of = time_of,
    .label = dsm__zero,
};

dsm_status dsm__single_create(const dsm_config *config, dsm_process **process) {
  const double sigma = config->process.sigma;
  if (!(sigma > 0 && isfinite(sigma)))
    DSM_FAIL(DSM_BAD_CONFIG, "process.sigma: the noise level must be above 0; received %g (0 is fitted to the data by dsmpi train "
             "alone: give a number)",
             sigma);
  single *p = NULL;
  DSM_TRY(DSM_ALLOC(1, &p));
  p->base =
      (dsm_process){.ops = &ops, .last = 1, .first_training = 1, .first_sampling = 1, .prior_std = sigma};
  p->sigma = sigma;
  *process = &p->base;
  return DSM_OK;
}
