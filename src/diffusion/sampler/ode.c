/* The probability-flow ODE dx/dt = v(x, t) = alpha' x0_hat + sigma' eps_hat (Song et al. 2021,
 * arXiv:2011.13456) from the last to the first time, then E[x0 | x]; to encode, from the first time to the
 * last. Each sample takes its own steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dormand_prince.h"
#include "dsmpi/memory.h"
#include "sampler/sampler.h"

enum { PER_MILLE = 1000 };

typedef struct flow {
  dsm__work work;
  float *input;    /* (n, d) */
  double *x;       /* (n, d) */
  int32_t *needed; /* (n) */
} flow;

static dsm_status flow_create(const dsm_sampling *s, flow *f) {
  const size_t size = s->n * s->d;
  *f = (flow){0};
  DSM_TRY(dsm__work_create(s, false, &f->work));
  DSM_TRY(DSM_ALLOC(size, &f->input));
  DSM_TRY(DSM_ALLOC(size, &f->x));
  DSM_TRY(DSM_ALLOC(s->n, &f->needed));
  return DSM_OK;
}

static void flow_destroy(flow *f) {
  dsm__work_destroy(&f->work);
  free(f->input);
  free(f->x);
  free(f->needed);
}

static void velocity(void *self, const double *t, const double *x, double *k) {
  flow *f = self;
  const dsm_sampling *s = f->work.sampling;
  memcpy(f->work.times, t, s->n * sizeof *t);
  for (size_t j = 0; j < s->n * s->d; j++) f->input[j] = (float)x[j];
  dsm__evaluate_each(&f->work, f->input);
  for (size_t i = 0; i < s->n; i++) {
    const double alpha_slope = dsm_process_alpha_slope(s->process, t[i]);
    const double sigma_slope = dsm_process_sigma_slope(s->process, t[i]);
    for (size_t j = i * s->d; j < (i + 1) * s->d; j++)
      k[j] = alpha_slope * (double)f->work.x0[j] + sigma_slope * (double)f->work.eps[j];
  }
}

/* The end is told when what follows the walk is done too. */
static dsm_status progress(void *self, int64_t done, int64_t all) {
  const flow *f = self;
  if (done == all) return DSM_OK;
  return dsm__progress_of(f->work.sampling, PER_MILLE * done / all, PER_MILLE);
}

static dsm_status walk(const dsm_sampling *s, double from, double to, bool denoise, float *x) {
  dsm_status status = DSM_OK;
  flow f;
  const dsm__ode ode = {.n = s->n,
                        .m = s->d,
                        .from = from,
                        .to = to,
                        .rtol = s->settings->rtol,
                        .atol = s->settings->atol,
                        .steps = s->steps,
                        .name = "the ode sampler",
                        .self = &f,
                        .velocity = velocity,
                        .progress = progress};
  DSM_TRY_DONE(flow_create(s, &f));
  for (size_t j = 0; j < s->n * s->d; j++) f.x[j] = (double)x[j];
  DSM_TRY_DONE(dsm__dormand_prince(&ode, f.x, f.needed));
  for (size_t j = 0; j < s->n * s->d; j++) x[j] = (float)f.x[j];
  if (denoise) dsm__denoise(&f.work, to, x);
  for (size_t i = 0; s->needed && i < s->n; i++) s->needed[i] = f.needed[i] + denoise;
  DSM_TRY_DONE(dsm__progress_of(s, PER_MILLE, PER_MILLE));
done:
  flow_destroy(&f);
  return status;
}

static dsm_status run(const dsm_sampling *s, float *x) {
  DSM_TRY(walk(s, dsm__sampling_start(s), dsm_process_first(s->process, true), s->settings->denoise, x));
  return DSM_OK;
}

static dsm_status encode(const dsm_sampling *s, float *x) {
  DSM_TRY(walk(s, dsm_process_first(s->process, true), dsm_process_last(s->process), false, x));
  return DSM_OK;
}

static const char *refuses(const dsm_sampling *s) {
  if (!(s->settings->rtol >= 0 && s->settings->atol > 0))
    return "sampler.atol must be above 0 and sampler.rtol cannot be below 0";
  if (!dsm_process_discrete(s->process)) return NULL;
  return "time is discrete in this process; use ddim or dpmpp_2m, or train a process in continuous time, "
         "such "
         "as vp";
}

static int64_t evaluations(const dsm_sampling *s) {
  (void)s;
  return 0;
}

static void describe(const dsm_sampling *s, char *text, size_t size) {
  snprintf(text, size, "rtol %g, atol %g", s->settings->rtol, s->settings->atol);
}

const dsm_sampler dsm__sampler_ode = {.name = "ode",
                                      .steps = 1000,
                                      .adaptive = true,
                                      .refuses = refuses,
                                      .evaluations = evaluations,
                                      .describe = describe,
                                      .run = run,
                                      .encode = encode};
