/* The list of samplers, what all of them refuse, and the start from the prior. */
#include "sampler/sampler.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "dsmpi/random.h"

static const dsm_sampler *const samplers[] = {
    [DSM_SAMPLER_ANCESTRAL] = &dsm__sampler_ancestral,
    [DSM_SAMPLER_DDIM] = &dsm__sampler_ddim,
    [DSM_SAMPLER_LANGEVIN] = &dsm__sampler_langevin,
    [DSM_SAMPLER_ANNEALED_LANGEVIN] = &dsm__sampler_annealed_langevin,
    [DSM_SAMPLER_EULER_MARUYAMA] = &dsm__sampler_euler_maruyama,
    [DSM_SAMPLER_REVERSE_DIFFUSION] = &dsm__sampler_reverse_diffusion,
    [DSM_SAMPLER_PREDICTOR_CORRECTOR] = &dsm__sampler_predictor_corrector,
    [DSM_SAMPLER_ODE] = &dsm__sampler_ode,
    [DSM_SAMPLER_EULER] = &dsm__sampler_euler,
    [DSM_SAMPLER_HEUN] = &dsm__sampler_heun,
    [DSM_SAMPLER_DPMPP_2M] = &dsm__sampler_dpmpp_2m,
    [DSM_SAMPLER_DPMPP_2M_SDE] = &dsm__sampler_dpmpp_2m_sde,
};

const dsm_sampler *dsm_sampler_of(int name) {
  DSM_ASSERT(name >= 0 && (size_t)name < sizeof samplers / sizeof *samplers);
  return samplers[name];
}

int64_t dsm_sampler_steps(const dsm_sampler *sampler, const dsm_process *process,
                          const dsm_sampler_settings *settings) {
  if (settings->steps > 0) return settings->steps;
  const bool discrete = sampler->walks && dsm_process_discrete(process);
  const int64_t times = discrete ? (int64_t)dsm_process_last(process) : INT64_MAX;
  if (sampler->steps > 0) return sampler->steps < times ? sampler->steps : times;
  return discrete ? times : 1000;
}

int64_t dsm__walk_steps(const dsm_sampling *s) {
  return s->settings->denoise ? s->steps : s->steps - 1;
}

void dsm__sampler_noise(const dsm_sampling *s, uint64_t draw, float *z) {
  dsm_random_normal_rows((dsm_random_key){s->seed, DSM_STREAM_SAMPLER, draw, s->first}, s->n, s->d, z);
}

const char *dsm__needs_continuous_time(const dsm_sampling *s) {
  if (!dsm_process_discrete(s->process)) return NULL;
  return "time is discrete in this process and it follows x in continuous time; use ancestral, ddim, "
         "reverse_diffusion or dpmpp_2m, or train a process in continuous time, such as vp or ve";
}

bool dsm__reverses(const dsm_sampling *s) {
  (void)s;
  return true;
}

static const char *refused(const dsm_sampler *sampler, const dsm_sampling *s) {
  if ((sampler->walks || sampler->adaptive) && s->start == 0 && !dsm_process_ends_in_noise(s->process))
    return "it goes from pure noise down to the data, and this process has one noise level that is not pure "
           "noise; use langevin";
  if (sampler->walks && dsm__walk_steps(s) < 1)
    return "one step without sampler.denoise goes nowhere; take 2 steps or more";
  if (s->settings->metropolis && !sampler->metropolis)
    return "sampler.metropolis accepts or rejects the steps of langevin and annealed_langevin, no others";
  return sampler->refuses ? sampler->refuses(s) : NULL;
}

dsm_status dsm_sampler_check(const dsm_sampler *sampler, const dsm_sampling *s) {
  if (s->steps < 1)
    DSM_FAIL(DSM_BAD_CONFIG, "sampler.steps: need 1 step or more; received %" PRId64, s->steps);
  const char *reason = refused(sampler, s);
  if (!reason && sampler->walks)
    DSM_TRY(dsm__times_check(s->process, s->settings, dsm__sampling_start(s), s->steps));
  if (reason)
    DSM_FAIL(DSM_BAD_CONFIG, "the %s sampler cannot run on this %s process: %s", sampler->name,
             dsm_process_name_of(s->process), reason);
  return DSM_OK;
}

int64_t dsm_sampler_evaluations(const dsm_sampler *sampler, const dsm_sampling *s) {
  return sampler->evaluations ? sampler->evaluations(s) : dsm__walk_steps(s);
}

void dsm_sampler_describe(const dsm_sampler *sampler, const dsm_sampling *s, char *text, size_t size) {
  char own[128] = "";
  if (sampler->describe) sampler->describe(s, own, sizeof own);
  snprintf(text, size, "%s, %s%" PRId64 " steps%s%s", sampler->name, sampler->adaptive ? "at most " : "",
           s->steps, own[0] ? ", " : "", own);
}

/* Calls `walk`, run or encode of the sampler's table, and counts. */
static dsm_status counted_walk(const dsm_sampler *sampler, const dsm_sampling *s,
                               dsm_status (*walk)(const dsm_sampling *, float *), float *x) {
  dsm_sampling counted = *s;
  int64_t evaluations = 0;
  counted.evaluations = &evaluations;
  const dsm_status status = walk(&counted, x);
  if (s->evaluations) *s->evaluations += evaluations;
  DSM_TRY(status);
  for (size_t i = 0; s->needed && i < s->n; i++)
    if (!sampler->adaptive)
      s->needed[i] = (int32_t)evaluations;
    else if (s->denoiser->evaluations > 1)
      s->needed[i] *= s->denoiser->evaluations;
  return DSM_OK;
}

static void assert_complete(const dsm_sampling *s) {
  DSM_ASSERT(s->n > 0 && s->d > 0 && s->settings);
  DSM_ASSERT(!s->clip_low || (s->clip_high && s->channels > 0 && s->d % s->channels == 0));
}

dsm_status dsm_sampler_decode(const dsm_sampler *sampler, const dsm_sampling *s, float *x) {
  assert_complete(s);
  DSM_TRY(dsm_sampler_check(sampler, s));
  DSM_TRY(counted_walk(sampler, s, sampler->run, x));
  return DSM_OK;
}

dsm_status dsm_sampler_draw(const dsm_sampler *sampler, const dsm_sampling *s, float *x) {
  assert_complete(s);
  DSM_ASSERT(s->start == 0);
  DSM_TRY(dsm_sampler_check(sampler, s));
  const double std = dsm_process_prior_std(s->process);
  dsm__sampler_noise(s, 0, x);
  for (size_t j = 0; j < s->n * s->d; j++) x[j] = (float)(std * (double)x[j]);
  DSM_TRY(counted_walk(sampler, s, sampler->run, x));
  return DSM_OK;
}

dsm_status dsm_sampler_encode(const dsm_sampler *sampler, const dsm_sampling *s, float *x) {
  dsm_sampler_settings settings = *s->settings;
  dsm_sampling upwards = *s;
  assert_complete(s);
  settings.denoise = false; /* the walk whose way back this is */
  upwards.settings = &settings;
  if (!sampler->encode)
    DSM_FAIL(DSM_BAD_CONFIG, "the %s sampler leads from noise to data only; ode and ddim can be turned round",
             sampler->name);
  DSM_TRY(dsm_sampler_check(sampler, &upwards));
  DSM_TRY(counted_walk(sampler, &upwards, sampler->encode, x));
  return DSM_OK;
}

dsm_status dsm_sampler_continue(const dsm_sampler *sampler, const dsm_sampling *s, float *x) {
  assert_complete(s);
  if (!sampler->walks && !sampler->adaptive)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "the %s sampler does not go from noise to data, so it cannot go on from noisy data; use ancestral, "
        "ddim or another that walks",
        sampler->name);
  const bool whole = !dsm_process_discrete(s->process) || s->start == floor(s->start);
  const double first = dsm_process_first(s->process, true), last = dsm_process_last(s->process);
  if (!(whole && (s->start > first || s->start == last) && s->start <= last))
    DSM_FAIL(DSM_BAD_CONFIG,
             "samples at time %g cannot be walked to the data: the times of this %s process are "
             "%g to %g",
             s->start, dsm_process_name_of(s->process), first, last);
  DSM_TRY(dsm_sampler_check(sampler, s));
  DSM_TRY(counted_walk(sampler, s, sampler->run, x));
  return DSM_OK;
}
