/* ln p(x) along the probability-flow ODE. The state of a sample is x and, for each probe v, the integral of
 * v' J v so far, which the step control watches like an element of x. With u_x0 = alpha' v and u_eps =
 * sigma' v a pullback of the denoiser is J' v, J = alpha' dx0_hat/dx + sigma' deps_hat/dx, and v' (J' v) =
 * v' J v. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dormand_prince.h"
#include "dsmpi/diffusion.h"
#include "dsmpi/memory.h"
#include "dsmpi/random.h"

typedef struct path {
  const dsm_likelihood *l;
  size_t m;                /* numbers a sample: d and the probes */
  double *state;           /* (n, m) */
  float *v;                /* (probes, n, d) the probes */
  float *x, *x0, *eps;     /* (n, d) where the field is evaluated, and the estimates there */
  float *u_x0, *u_eps, *u; /* (n, d) cotangents, and what they are pulled back to */
  int32_t *needed;         /* (n) */
} path;

static size_t pullbacks(const dsm_likelihood *l) {
  return l->law == DSM_PROBE_EXACT ? l->d : l->probes;
}

static dsm_status path_create(const dsm_likelihood *l, path *p) {
  const size_t size = l->n * l->d;
  *p = (path){.l = l, .m = l->d + l->probes};
  DSM_TRY(DSM_ALLOC(l->n * p->m, &p->state));
  DSM_TRY(DSM_ALLOC(l->probes * size, &p->v));
  DSM_TRY(DSM_ALLOC(size, &p->x));
  DSM_TRY(DSM_ALLOC(size, &p->x0));
  DSM_TRY(DSM_ALLOC(size, &p->eps));
  DSM_TRY(DSM_ALLOC(size, &p->u_x0));
  DSM_TRY(DSM_ALLOC(size, &p->u_eps));
  DSM_TRY(DSM_ALLOC(size, &p->u));
  DSM_TRY(DSM_ALLOC(l->n, &p->needed));
  return DSM_OK;
}

static void path_destroy(path *p) {
  free(p->state);
  free(p->v);
  free(p->x);
  free(p->x0);
  free(p->eps);
  free(p->u_x0);
  free(p->u_eps);
  free(p->u);
  free(p->needed);
}

static void draw_probes(const path *p) {
  const dsm_likelihood *l = p->l;
  for (size_t k = 0; k < l->probes; k++) {
    float *v = p->v + k * l->n * l->d;
    const dsm_random_key key = {l->seed, DSM_STREAM_PROBE, k, l->first};
    if (l->law == DSM_PROBE_GAUSSIAN) dsm_random_normal_rows(key, l->n, l->d, v);
    for (size_t i = 0; l->law == DSM_PROBE_RADEMACHER && i < l->n; i++) {
      dsm_random_uniform((dsm_random_key){key.seed, key.stream, key.step, key.sample + i}, 0, l->d,
                         v + i * l->d);
      for (size_t j = i * l->d; j < (i + 1) * l->d; j++) v[j] = v[j] < 0.5f ? -1.0f : 1.0f;
    }
  }
}

/* u = J' v at p->x; v (n, d) */
static void pull(const path *p, const double *t, const float *v) {
  const dsm_likelihood *l = p->l;
  for (size_t i = 0; i < l->n; i++) {
    const double alpha_slope = dsm_process_alpha_slope(l->process, t[i]);
    const double sigma_slope = dsm_process_sigma_slope(l->process, t[i]);
    for (size_t j = i * l->d; j < (i + 1) * l->d; j++) {
      p->u_x0[j] = (float)(alpha_slope * (double)v[j]);
      p->u_eps[j] = (float)(sigma_slope * (double)v[j]);
    }
  }
  l->denoiser->pullback(l->denoiser->self, p->x, t, p->u_x0, p->u_eps, p->u);
}

/* tr J of each sample, by the d unit vectors, which take the place of the probe; a step of `stride` between
 * results */
static void exact_trace(const path *p, const double *t, double *trace, size_t stride) {
  const size_t n = p->l->n, d = p->l->d;
  for (size_t i = 0; i < n; i++) trace[i * stride] = 0;
  for (size_t j = 0; j < d; j++) {
    memset(p->v, 0, n * d * sizeof *p->v);
    for (size_t i = 0; i < n; i++) p->v[i * d + j] = 1;
    pull(p, t, p->v);
    for (size_t i = 0; i < n; i++) trace[i * stride] += (double)p->u[i * d + j];
  }
}

/* v' J v of each sample */
static void probed_trace(const path *p, const double *t, const float *v, double *trace, size_t stride) {
  const size_t n = p->l->n, d = p->l->d;
  pull(p, t, v);
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = i * d; j < (i + 1) * d; j++) sum += (double)v[j] * (double)p->u[j];
    trace[i * stride] = sum;
  }
}

static void velocity(void *self, const double *t, const double *state, double *k) {
  const path *p = self;
  const dsm_likelihood *l = p->l;
  const size_t d = l->d, m = p->m;
  for (size_t i = 0; i < l->n; i++)
    for (size_t j = 0; j < d; j++) p->x[i * d + j] = (float)state[i * m + j];
  l->denoiser->estimate(l->denoiser->self, p->x, t, &(dsm_estimate){.x0 = p->x0, .eps = p->eps});
  for (size_t i = 0; i < l->n; i++) {
    const double alpha_slope = dsm_process_alpha_slope(l->process, t[i]);
    const double sigma_slope = dsm_process_sigma_slope(l->process, t[i]);
    for (size_t j = 0; j < d; j++)
      k[i * m + j] = alpha_slope * (double)p->x0[i * d + j] + sigma_slope * (double)p->eps[i * d + j];
  }
  if (l->law == DSM_PROBE_EXACT) exact_trace(p, t, k + d, m);
  for (size_t q = 0; l->law != DSM_PROBE_EXACT && q < l->probes; q++)
    probed_trace(p, t, p->v + q * l->n * d, k + d + q, m);
}

static dsm_status progress(void *self, int64_t done, int64_t all) {
  const dsm_likelihood *l = ((const path *)self)->l;
  if (!l->progress || l->progress(l->context, done, all) || done >= all) return DSM_OK;
  DSM_FAIL(DSM_STOPPED, "a likelihood was stopped after %.0f %% of a block",
           100.0 * (double)done / (double)all);
}

static double log_prior(const dsm_likelihood *l, const double *x) {
  const double std = dsm_process_prior_std(l->process), pi = acos(-1.0);
  double square = 0;
  for (size_t j = 0; j < l->d; j++) square += x[j] * x[j];
  return -0.5 * (square / (std * std) + (double)l->d * log(2 * pi * std * std));
}

/* Mean of the probes' values and its standard error. */
static double mean_of(const double *value, size_t count, double *error) {
  double mean = 0, square = 0;
  for (size_t q = 0; q < count; q++) mean += value[q];
  mean /= (double)count;
  for (size_t q = 0; q < count; q++) square += (value[q] - mean) * (value[q] - mean);
  *error = count > 1 ? sqrt(square / ((double)count * (double)(count - 1))) : (double)NAN;
  return mean;
}

static void tell(const path *p, const dsm_log_density *out) {
  const dsm_likelihood *l = p->l;
  const int each = l->denoiser->evaluations > 1 ? l->denoiser->evaluations : 1;
  const double start = (double)l->d * log(dsm_process_alpha(l->process, l->t0));
  for (size_t i = 0; i < l->n; i++) {
    const double *state = p->state + i * p->m, prior = log_prior(l, state);
    double error, divergence = start + mean_of(state + l->d, l->probes, &error);
    if (out->value) out->value[i] = prior + divergence;
    if (out->prior) out->prior[i] = prior;
    if (out->divergence) out->divergence[i] = divergence;
    if (out->probe_error) out->probe_error[i] = l->law == DSM_PROBE_EXACT ? 0 : error;
    if (out->latent) memcpy(out->latent + i * l->d, state, l->d * sizeof *state);
    if (out->evaluations) out->evaluations[i] = p->needed[i] * each * (int32_t)(1 + pullbacks(l));
  }
}

dsm_status dsm_likelihood_check(const dsm_likelihood *l) {
  const char *name = dsm_process_name_of(l->process);
  if (dsm_process_discrete(l->process))
    DSM_FAIL(DSM_BAD_CONFIG,
             "the likelihood along the ODE needs continuous time, and that of the process %s is discrete; %s",
             name,
             dsm_process_ends_in_noise(l->process) ? "its variational bound can be had (--method bound)"
                                                   : "train a process such as vp");
  if (l->law == DSM_PROBE_EXACT && l->d > DSM_EXACT_TRACE_MAX)
    DSM_FAIL(DSM_BAD_CONFIG,
             "an exact divergence costs one backward pass for each of the %zu dimensions in every "
             "evaluation; it is "
             "offered up to %d: use random probes, which cost one each",
             l->d, DSM_EXACT_TRACE_MAX);
  if (l->probes < 1 || l->probes > DSM_PROBES_MAX || (l->law == DSM_PROBE_EXACT && l->probes != 1))
    DSM_FAIL(DSM_BAD_CONFIG, "probes of the divergence: 1 to %d, and 1 where it is exact; received %zu",
             DSM_PROBES_MAX, l->probes);
  const double first = dsm_process_first(l->process, false), last = dsm_process_last(l->process);
  if (!(l->t0 >= first && l->t0 < last))
    DSM_FAIL(DSM_BAD_CONFIG,
             "the first time of a likelihood lies between the first one that was trained and the last, %g "
             "and %g in "
             "this process %s; received %g",
             first, last, name, l->t0);
  if (!(l->rtol >= 0 && l->atol > 0))
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.atol must be above 0 and sampler.rtol cannot be below 0; received %g and %g", l->atol,
             l->rtol);
  if (l->steps < 1)
    DSM_FAIL(DSM_BAD_CONFIG, "sampler.steps: need 1 step or more; received %lld", (long long)l->steps);
  return DSM_OK;
}

dsm_status dsm_likelihood_run(const dsm_likelihood *l, const double *x, const dsm_log_density *out) {
  dsm_status status = DSM_OK;
  path p = {0};
  DSM_ASSERT(l->n > 0 && l->d > 0 && l->denoiser && l->denoiser->pullback);
  DSM_TRY(dsm_likelihood_check(l));
  DSM_TRY_DONE(path_create(l, &p));
  draw_probes(&p);
  const double alpha = dsm_process_alpha(l->process, l->t0);
  for (size_t i = 0; i < l->n; i++)
    for (size_t j = 0; j < l->d; j++) p.state[i * p.m + j] = alpha * x[i * l->d + j];
  const dsm__ode ode = {.n = l->n,
                        .m = p.m,
                        .from = l->t0,
                        .to = dsm_process_last(l->process),
                        .rtol = l->rtol,
                        .atol = l->atol,
                        .steps = l->steps,
                        .name = "the likelihood along the ODE",
                        .self = &p,
                        .velocity = velocity,
                        .progress = progress};
  DSM_TRY_DONE(dsm__dormand_prince(&ode, p.state, p.needed));
  tell(&p, out);
done:
  path_destroy(&p);
  return status;
}
