/* Heun's method on the probability-flow ODE dx/dt = v(x, t) = alpha' x0_hat + sigma' eps_hat, with the churn of
 * Karras et al. 2022 (arXiv:2206.00364), algorithm 2, on any process in continuous time:
 *   churn   noise is added until sigma / alpha is (1 + gamma) times as large, which is at time u >= t:
 *             x <- alpha_u / alpha_t x + S_noise sigma_ut z,
 *             gamma = min(churn / steps, sqrt(2) - 1) where churn_min <= sigma / alpha <= churn_max, else 0
 *   step    y = x + (s - u) v(x, u),   x_s = x + (s - u) (v(x, u) + v(y, s)) / 2
 * Second order; two evaluations a step, one in the last step, to the data, which is x0_hat. On edm it is the
 * published sampler, except that churn never goes beyond the last time, where the network was not trained. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "sampler/sampler.h"

/* Raises x from time t to the time that is returned. */
static double churn(dsm__work *work, double t, uint64_t draw, float *x) {
  const dsm_sampling *s = work->sampling;
  const dsm_sampler_settings *c = s->settings;
  const double ratio = dsm__noise_ratio(s->process, t), share = c->churn / (double)s->steps;
  const double gamma = share < sqrt(2.0) - 1 ? share : sqrt(2.0) - 1;
  if (!(gamma > 0) || ratio < c->churn_min || (c->churn_max > 0 && ratio > c->churn_max)) return t;
  const double u = dsm_process_time_of(s->process, ratio * (1 + gamma));
  if (!(u > t)) return t;
  const double factor = dsm_process_alpha(s->process, u) / dsm_process_alpha(s->process, t);
  const double noise = c->churn_noise * sqrt(dsm_process_posterior(s->process, t, u).large);
  dsm__sampler_noise(s, draw, work->noise);
  for (size_t j = 0; j < s->n * s->d; j++)
    x[j] = (float)(factor * (double)x[j] + noise * (double)work->noise[j]);
  return u;
}

/* v (n, d) at one time */
static void velocity(dsm__work *work, const float *x, double t, double *v) {
  const dsm_sampling *s = work->sampling;
  const double alpha_slope = dsm_process_alpha_slope(s->process, t);
  const double sigma_slope = dsm_process_sigma_slope(s->process, t);
  dsm__evaluate(work, x, t);
  for (size_t j = 0; j < s->n * s->d; j++)
    v[j] = alpha_slope * (double)work->x0[j] + sigma_slope * (double)work->eps[j];
}

static void step(dsm__work *work, double from, double to, double *v, double *v_end, float *y, float *x) {
  const size_t size = work->sampling->n * work->sampling->d;
  const double h = to - from;
  velocity(work, x, from, v);
  for (size_t j = 0; j < size; j++) y[j] = (float)((double)x[j] + h * v[j]);
  velocity(work, y, to, v_end);
  for (size_t j = 0; j < size; j++) x[j] = (float)((double)x[j] + h / 2 * (v[j] + v_end[j]));
}

static int64_t evaluations(const dsm_sampling *s) {
  return 2 * (s->steps - 1) + s->settings->denoise;
}

static dsm_status run(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  const size_t size = s->n * s->d;
  dsm__work work;
  double *v = NULL, *v_end = NULL;
  float *y = NULL;
  DSM_TRY_DONE(dsm__work_create(s, true, &work));
  DSM_TRY_DONE(DSM_ALLOC(size, &v));
  DSM_TRY_DONE(DSM_ALLOC(size, &v_end));
  DSM_TRY_DONE(DSM_ALLOC(size, &y));
  work.planned = evaluations(s);
  for (int64_t k = 0; k < dsm__walk_steps(s); k++) {
    const double from = churn(&work, work.t[k], (uint64_t)k + 1, x);
    if (work.t[k + 1] > 0)
      step(&work, from, work.t[k + 1], v, v_end, y, x);
    else
      dsm__denoise(&work, from, x);
    DSM_TRY_DONE(dsm__work_progress(&work));
  }
done:
  free(v);
  free(v_end);
  free(y);
  dsm__work_destroy(&work);
  return status;
}

static const char *refuses(const dsm_sampling *s) {
  const dsm_sampler_settings *c = s->settings;
  if (!(c->churn >= 0 && c->churn_min >= 0 && c->churn_max >= 0 && c->churn_noise >= 0))
    return "sampler.churn, churn_min, churn_max and churn_noise cannot be below 0";
  return dsm__needs_continuous_time(s);
}

static void describe(const dsm_sampling *s, char *text, size_t size) {
  const dsm_sampler_settings *c = s->settings;
  if (c->churn == 0)
    snprintf(text, size, "no churn");
  else
    snprintf(text, size, "churn %g from %g to %g, noise %g", c->churn, c->churn_min,
             c->churn_max > 0 ? c->churn_max : INFINITY, c->churn_noise);
}

const dsm_sampler dsm__sampler_heun = {.name = "heun",
                                       .walks = true,
                                       .steps = 40,
                                       .refuses = refuses,
                                       .evaluations = evaluations,
                                       .describe = describe,
                                       .run = run};
