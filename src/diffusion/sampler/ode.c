/* The probability-flow ODE dx/dt = v(x, t) = alpha' x0_hat + sigma' eps_hat from the last to the first time by
 * the Runge-Kutta pair of orders 5 and 4 of Dormand & Prince 1980 (doi:10.1016/0771-050X(80)90013-3), then
 * E[x0 | x]. Each sample has its own time and its own step, chosen so that the estimated error of a step is
 *   sqrt(mean_j (error_j / (atol + rtol max(|x_j|, |y_j|)))^2) <= 1,
 * so a sample does not depend on its neighbours. A block goes on until its slowest sample has arrived; those
 * that have wait in their place. The first step: Hairer, Norsett & Wanner 1993, "Solving ODEs I", II.4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "sampler/sampler.h"

enum { STAGES = 7, PER_MILLE = 1000 };

/* stage i: v(x + h sum_j a_ij k_j, t + c_i h); the last stage is at the new x, and is the first of the next step */
static const double c[STAGES] = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
static const double a[STAGES][STAGES - 1] = {
    {0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84},
};
/* the difference of the two orders */
static const double e[STAGES] = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                 -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

static const double safety = 0.9, shrink_most = 0.2, grow_most = 5, exponent = -1.0 / 5;

typedef struct solver {
  dsm__work *work;
  size_t n, d;
  double first, last;
  double *t, *h;            /* (n) h > 0: time falls */
  double *x, *y;            /* (n, d) */
  double *k[STAGES];        /* (n, d) */
  float *input;             /* (n, d) */
  bool *arrived, *rejected; /* (n) rejected: in the step before */
  int32_t *needed;          /* (n) */
} solver;

static dsm_status solver_create(dsm__work *work, solver *v) {
  const dsm_sampling *s = work->sampling;
  const size_t size = s->n * s->d;
  *v = (solver){.work = work,
                .n = s->n,
                .d = s->d,
                .first = dsm_process_first(s->process, true),
                .last = dsm_process_last(s->process)};
  DSM_TRY(DSM_ALLOC(s->n, &v->t));
  DSM_TRY(DSM_ALLOC(s->n, &v->h));
  DSM_TRY(DSM_ALLOC(size, &v->x));
  DSM_TRY(DSM_ALLOC(size, &v->y));
  for (int i = 0; i < STAGES; i++) DSM_TRY(DSM_ALLOC(size, &v->k[i]));
  DSM_TRY(DSM_ALLOC(size, &v->input));
  DSM_TRY(DSM_ALLOC(s->n, &v->arrived));
  DSM_TRY(DSM_ALLOC(s->n, &v->rejected));
  DSM_TRY(DSM_ALLOC(s->n, &v->needed));
  return DSM_OK;
}

static void solver_destroy(solver *v) {
  free(v->t);
  free(v->h);
  free(v->x);
  free(v->y);
  for (int i = 0; i < STAGES; i++) free(v->k[i]);
  free(v->input);
  free(v->arrived);
  free(v->rejected);
  free(v->needed);
}

/* k = v(state, work->times), for all samples */
static void velocity(solver *v, const double *state, double *k) {
  const dsm_process *process = v->work->sampling->process;
  for (size_t j = 0; j < v->n * v->d; j++) v->input[j] = (float)state[j];
  dsm__evaluate_each(v->work, v->input);
  for (size_t i = 0; i < v->n; i++) {
    const double alpha_slope = dsm_process_alpha_slope(process, v->work->times[i]);
    const double sigma_slope = dsm_process_sigma_slope(process, v->work->times[i]);
    for (size_t j = i * v->d; j < (i + 1) * v->d; j++)
      k[j] = alpha_slope * (double)v->work->x0[j] + sigma_slope * (double)v->work->eps[j];
    v->needed[i] += !v->arrived[i];
  }
}

/* Root mean square of sample i of `value` in units of the tolerance at x and y. */
static double in_tolerances(const solver *v, size_t i, const double *value, const double *x,
                            const double *y) {
  const dsm_sampler_settings *settings = v->work->sampling->settings;
  double sum = 0;
  for (size_t j = i * v->d; j < (i + 1) * v->d; j++) {
    const double unit = value[j] / (settings->atol + settings->rtol * fmax(fabs(x[j]), fabs(y[j])));
    sum += unit * unit;
  }
  return sqrt(sum / (double)v->d);
}

/* Chooses the first step of every sample; leaves v(x, last) in k[0]. */
static void first_steps(solver *v) {
  const double span = v->last - v->first;
  for (size_t i = 0; i < v->n; i++) v->work->times[i] = v->t[i] = v->last;
  velocity(v, v->x, v->k[0]);
  for (size_t i = 0; i < v->n; i++) {
    const double size = in_tolerances(v, i, v->x, v->x, v->x),
                 speed = in_tolerances(v, i, v->k[0], v->x, v->x);
    const double guess = size < 1e-5 || speed < 1e-5 ? 1e-6 * span : 0.01 * size / speed;
    v->h[i] = fmin(guess, span);
    v->work->times[i] = v->last - v->h[i];
    for (size_t j = i * v->d; j < (i + 1) * v->d; j++) v->y[j] = v->x[j] - v->h[i] * v->k[0][j];
  }
  velocity(v, v->y, v->k[1]);
  for (size_t j = 0; j < v->n * v->d; j++) v->k[1][j] -= v->k[0][j];
  for (size_t i = 0; i < v->n; i++) {
    const double speed = in_tolerances(v, i, v->k[0], v->x, v->x);
    const double bend = in_tolerances(v, i, v->k[1], v->x, v->x) / v->h[i], most = fmax(speed, bend);
    const double guess = most <= 1e-15 ? fmax(1e-6 * span, 1e-3 * v->h[i]) : pow(0.01 / most, -exponent);
    v->h[i] = fmin(fmin(100 * v->h[i], guess), span);
  }
}

/* y = x - h sum_{j < stage} a_ij k_j; samples that have arrived stay. */
static void try_steps(solver *v) {
  for (int stage = 1; stage < STAGES; stage++) {
    for (size_t i = 0; i < v->n; i++) {
      const double h = v->arrived[i] ? 0 : v->h[i];
      v->work->times[i] = fmax(v->t[i] - c[stage] * h, v->first);
      for (size_t j = i * v->d; j < (i + 1) * v->d; j++) {
        double sum = 0;
        for (int m = 0; m < stage; m++) sum += a[stage][m] * v->k[m][j];
        v->y[j] = v->x[j] - h * sum;
      }
    }
    velocity(v, v->y, v->k[stage]);
  }
}

/* h times the error, of sample i, in the place of its k[1], which is not needed any more */
static double error_of(solver *v, size_t i) {
  for (size_t j = i * v->d; j < (i + 1) * v->d; j++) {
    double sum = 0;
    for (int m = 0; m < STAGES; m++) sum += e[m] * v->k[m][j];
    v->k[1][j] = v->h[i] * sum;
  }
  return in_tolerances(v, i, v->k[1], v->x, v->y);
}

static void accept(solver *v, size_t i, double error) {
  const size_t d = v->d;
  const double grow = error > 0 ? fmin(grow_most, safety * pow(error, exponent)) : grow_most;
  const double rest = v->t[i] - v->first;
  v->arrived[i] = v->h[i] >= rest;
  v->t[i] = v->arrived[i] ? v->first : v->t[i] - v->h[i];
  memcpy(v->x + i * d, v->y + i * d, d * sizeof *v->x);
  memcpy(v->k[0] + i * d, v->k[STAGES - 1] + i * d, d * sizeof *v->k[0]);
  v->h[i] = fmin(v->h[i] * (v->rejected[i] ? fmin(grow, 1) : grow), v->t[i] - v->first);
  v->rejected[i] = false;
}

static dsm_status reject(solver *v, size_t i, double error) {
  const double smallest = 1e-12 * (v->last - v->first);
  v->h[i] *= isfinite(error) ? fmax(shrink_most, safety * pow(error, exponent)) : shrink_most;
  v->rejected[i] = true;
  if (v->h[i] > smallest) return DSM_OK;
  const dsm_sampler_settings *settings = v->work->sampling->settings;
  DSM_FAIL(
      DSM_BAD_CONFIG,
      "the ode sampler cannot keep sampler.rtol = %g and sampler.atol = %g at time %g, however small its "
      "steps: the network computes in float32; take 1e-6 or more, or see whether the model has diverged",
      settings->rtol, settings->atol, v->t[i]);
}

/* One step of every sample that has not arrived. */
static dsm_status advance(solver *v) {
  try_steps(v);
  for (size_t i = 0; i < v->n; i++) {
    if (v->arrived[i]) continue;
    const double error = error_of(v, i);
    if (error <= 1)
      accept(v, i, error);
    else
      DSM_TRY(reject(v, i, error));
  }
  return DSM_OK;
}

/* Share of the way that the slowest sample has gone, and whether it has arrived. */
static bool all_arrived(const solver *v, int64_t *done) {
  double highest = v->first;
  bool all = true;
  for (size_t i = 0; i < v->n; i++) {
    highest = fmax(highest, v->t[i]);
    all = all && v->arrived[i];
  }
  *done = (int64_t)((PER_MILLE - 1) * (v->last - highest) / (v->last - v->first));
  return all;
}

static dsm_status solve(solver *v) {
  const dsm_sampling *s = v->work->sampling;
  int64_t done = 0;
  first_steps(v);
  for (int64_t step = 0; !all_arrived(v, &done); step++) {
    if (step == s->steps)
      DSM_FAIL(DSM_BAD_CONFIG,
               "the ode sampler has not arrived after sampler.steps = %lld steps; allow more, or raise "
               "sampler.rtol = %g and sampler.atol = %g",
               (long long)s->steps, s->settings->rtol, s->settings->atol);
    DSM_TRY(dsm__progress_of(s, done, PER_MILLE));
    DSM_TRY(advance(v));
  }
  return DSM_OK;
}

static dsm_status run(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  solver v = {0};
  DSM_TRY_DONE(dsm__work_create(s, false, &work));
  DSM_TRY_DONE(solver_create(&work, &v));
  for (size_t j = 0; j < s->n * s->d; j++) v.x[j] = (double)x[j];
  DSM_TRY_DONE(solve(&v));
  for (size_t j = 0; j < s->n * s->d; j++) x[j] = (float)v.x[j];
  if (s->settings->denoise) dsm__denoise(&work, v.first, x);
  for (size_t i = 0; s->needed && i < s->n; i++) s->needed[i] = v.needed[i] + s->settings->denoise;
  DSM_TRY_DONE(dsm__progress_of(s, PER_MILLE, PER_MILLE));
done:
  solver_destroy(&v);
  dsm__work_destroy(&work);
  return status;
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
                                      .run = run};
