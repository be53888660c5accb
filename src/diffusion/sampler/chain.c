#include "sampler/chain.h"

#include <math.h>
#include <stdlib.h>
#include "dsmpi/memory.h"

static double noise_of(const dsm__chain_step *step, float variance) {
  const dsm_log_variances *log = &step->log_variance;
  return exp((log->small + (double)variance * (log->large - log->small)) / 2);
}

/* One step of one sample, in place. */
static void step_sample(const dsm__chain_step *step, size_t d, const float *x0, const float *eps,
                        const float *before, const float *variance, const float *z, float *x) {
  for (size_t j = 0; j < d; j++) {
    double next =
        step->x_t_factor * (double)x[j] + step->x0_factor * (double)x0[j] + step->eps_factor * (double)eps[j];
    if (before) next += step->before_factor * (double)before[j];
    if (z) next += (variance ? noise_of(step, variance[j]) : step->noise) * (double)z[j];
    x[j] = (float)next;
  }
}

void dsm__chain_take(dsm__work *work, dsm__chain_rule *rule, int64_t k, uint64_t draw, const float *before,
                     float *x) {
  const dsm_sampling *s = work->sampling;
  const size_t d = s->d;
  if (!(work->t[k + 1] > 0)) {
    dsm__denoise(work, work->t[k], x);
    return;
  }
  const dsm__chain_step step = rule(s, work->t, k);
  const bool noisy = step.noise > 0 || step.learned, with_before = before && step.before_factor != 0;
  dsm__evaluate(work, x, work->t[k]);
  if (noisy) dsm__sampler_noise(s, draw, work->noise);
  for (size_t i = 0; i < s->n; i++)
    step_sample(&step, d, work->x0 + i * d, work->eps + i * d, with_before ? before + i * d : NULL,
                step.learned ? work->variance + i * d : NULL, noisy ? work->noise + i * d : NULL, x + i * d);
}

dsm_status dsm__chain_run(const dsm_sampling *sampling, dsm__chain_rule *rule, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  float *before = NULL;
  DSM_TRY_DONE(dsm__work_create(sampling, true, &work));
  DSM_TRY_DONE(DSM_ALLOC(sampling->n * sampling->d, &before));
  work.planned = dsm__walk_steps(sampling);
  for (int64_t k = 0; k < work.planned; k++) {
    dsm__chain_take(&work, rule, k, (uint64_t)k + 1, before, x);
    float *last = work.x0; /* the estimate becomes the one before */
    work.x0 = before;
    before = last;
    DSM_TRY_DONE(dsm__work_progress(&work));
  }
done:
  free(before);
  dsm__work_destroy(&work);
  return status;
}
