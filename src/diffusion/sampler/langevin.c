/* Langevin dynamics at one noise level, sampler.langevin_time: it ends at the law of x_t, and E[x0 | x_t] is its
 * last step. Good where one level joins all modes of the data; elsewhere it stays in the mode it started in. */
#include <math.h>
#include "sampler/langevin.h"

/* 0: the lowest level */
static double level(const dsm_sampling *s) {
  return s->settings->langevin_time > 0 ? s->settings->langevin_time : dsm_process_first(s->process, true);
}

static const char *refuses(const dsm_sampling *s) {
  const double t = level(s);
  if (!(t >= dsm_process_first(s->process, false) && t <= dsm_process_last(s->process)))
    return "sampler.langevin_time lies outside the times of the process (0: the lowest noise)";
  if (dsm_process_discrete(s->process) && t != floor(t))
    return "sampler.langevin_time is not an integer, and time is discrete in this process";
  return dsm__langevin_refuses(s);
}

static int64_t evaluations(const dsm_sampling *s) {
  return dsm__langevin_evaluations(s, s->steps) + s->settings->denoise;
}

static void describe(const dsm_sampling *s, char *text, size_t size) {
  dsm__langevin_describe(s, level(s), text, size);
}

static dsm_status run(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  dsm__langevin *langevin = NULL;
  uint64_t draw = 1;
  const double t = level(s);
  DSM_TRY_DONE(dsm__work_create(s, false, &work));
  DSM_TRY_DONE(dsm__langevin_create(&work, &langevin));
  work.planned = evaluations(s);
  DSM_TRY_DONE(dsm__langevin_walk(langevin, t, dsm__langevin_tau(s, t), s->steps, &draw, x));
  if (s->settings->denoise) {
    dsm__denoise(&work, t, x);
    DSM_TRY_DONE(dsm__work_progress(&work));
  }
done:
  dsm__langevin_destroy(&langevin);
  dsm__work_destroy(&work);
  return status;
}

const dsm_sampler dsm__sampler_langevin = {.name = "langevin",
                                           .steps = 1000,
                                           .metropolis = true,
                                           .refuses = refuses,
                                           .evaluations = evaluations,
                                           .describe = describe,
                                           .run = run};
