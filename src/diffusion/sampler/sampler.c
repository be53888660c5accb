/* The list of samplers, the times they evaluate the network at, and the start from the prior. */
#include <inttypes.h>
#include <math.h>
#include "dsmpi/random.h"
#include "sampler/sampler.h"

static const dsm_sampler *const samplers[] = {
    [DSM_SAMPLER_ANCESTRAL] = &dsm__sampler_ancestral,
    [DSM_SAMPLER_DDIM] = &dsm__sampler_ddim,
};

const dsm_sampler *dsm_sampler_of(int name) {
  DSM_ASSERT(name >= 0 && (size_t)name < sizeof samplers / sizeof *samplers);
  return samplers[name];
}

static dsm_status check_steps(const dsm_process *process, int64_t steps) {
  if (steps < 1) DSM_FAIL(DSM_BAD_CONFIG, "sampler.steps: need 1 step or more; received %" PRId64, steps);
  double times = dsm_process_last(process);
  if (dsm_process_discrete(process) && (double)steps > times)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.steps: %" PRId64 " are more than the %.0f times of this %s process; use %.0f or fewer",
             steps, times, dsm_process_name_of(process), times);
  return DSM_OK;
}

dsm_status dsm_sampler_times(const dsm_process *process, int64_t steps, double *t) {
  DSM_TRY(check_steps(process, steps));
  double first = dsm_process_first(process, true), last = dsm_process_last(process);
  bool discrete = dsm_process_discrete(process);
  t[0] = last;
  for (int64_t k = 1; k < steps; k++) {
    /* ddpm: at most T steps, so neighbours are at least 1 apart before rounding and differ after it */
    double above = (last - first) * (double)(steps - 1 - k) / (double)(steps - 1);
    t[k] = first + (discrete ? round(above) : above);
  }
  t[steps] = 0;
  return DSM_OK;
}

void dsm__sampler_noise(const dsm_sampling *s, uint64_t draw, size_t i, float *z) {
  dsm_random_normal((dsm_random_key){s->seed, DSM_STREAM_SAMPLER, draw, s->first + i}, 0, s->d, z);
}

dsm_status dsm__sampler_progress(const dsm_sampling *s, int64_t done, int64_t steps) {
  const bool go_on = !s->progress || s->progress(s->context, done, steps);
  if (go_on || done >= steps) return DSM_OK;
  DSM_FAIL(DSM_STOPPED, "sampling was stopped after %" PRId64 " of %" PRId64 " steps", done, steps);
}

dsm_status dsm_sampler_draw(const dsm_sampler *sampler, const dsm_sampling *s, float *x) {
  DSM_ASSERT(s->n > 0 && s->d > 0 && s->settings);
  DSM_ASSERT(!s->clip_low || (s->clip_high && s->channels > 0 && s->d % s->channels == 0));
  DSM_TRY(check_steps(s->process, s->steps));
  const char *reason = sampler->refuses(s);
  if (reason) DSM_FAIL(DSM_BAD_CONFIG, "the %s sampler cannot run: %s", sampler->name, reason);

  double std = dsm_process_prior_std(s->process);
  for (size_t i = 0; i < s->n; i++) {
    float *row = x + i * s->d;
    dsm__sampler_noise(s, 0, i, row);
    for (size_t j = 0; j < s->d; j++) row[j] = (float)(std * (double)row[j]);
  }
  DSM_TRY(sampler->run(s, x));
  return DSM_OK;
}
