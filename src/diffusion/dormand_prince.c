/* First step of each state: Hairer, Norsett & Wanner 1993, "Solving ODEs I", II.4. */
#include "dormand_prince.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"

enum { STAGES = 7, PER_MILLE = 1000 };

/* stage i: v(x + h sum_j a_ij k_j, t + c_i h); the last stage is at the new x, and is the first of the
 * next step */
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
  const dsm__ode *ode;
  size_t n, m;
  double way;               /* 1: time rises, -1: it falls */
  double span;              /* of the whole way, > 0 */
  double *t, *h;            /* (n) h > 0 whichever way */
  double *times;            /* (n) of an evaluation */
  double *x, *y;            /* (n, m) x is the caller's */
  double *k[STAGES];        /* (n, m) */
  bool *arrived, *rejected; /* (n) rejected: in the step before */
  int32_t *needed;          /* (n) the caller's, or NULL */
} solver;

static dsm_status solver_create(const dsm__ode *ode, double *x, int32_t *needed, solver *v) {
  const size_t n = ode->n, size = n * ode->m;
  *v = (solver){.ode = ode,
                .n = n,
                .m = ode->m,
                .way = ode->to > ode->from ? 1 : -1,
                .span = fabs(ode->to - ode->from),
                .x = x,
                .needed = needed};
  DSM_TRY(DSM_ALLOC(n, &v->t));
  DSM_TRY(DSM_ALLOC(n, &v->h));
  DSM_TRY(DSM_ALLOC(n, &v->times));
  DSM_TRY(DSM_ALLOC(size, &v->y));
  for (int i = 0; i < STAGES; i++) DSM_TRY(DSM_ALLOC(size, &v->k[i]));
  DSM_TRY(DSM_ALLOC(n, &v->arrived));
  DSM_TRY(DSM_ALLOC(n, &v->rejected));
  return DSM_OK;
}

static void solver_destroy(solver *v) {
  free(v->t);
  free(v->h);
  free(v->times);
  free(v->y);
  for (int i = 0; i < STAGES; i++) free(v->k[i]);
  free(v->arrived);
  free(v->rejected);
}

/* k = v(state, v->times), for all states */
static void velocity(solver *v, const double *state, double *k) {
  v->ode->velocity(v->ode->self, v->times, state, k);
  for (size_t i = 0; v->needed && i < v->n; i++) v->needed[i] += !v->arrived[i];
}

/* The time h further on, not beyond the end. */
static double time_after(const solver *v, size_t i, double h) {
  const double t = v->t[i] + v->way * h;
  return v->way > 0 ? fmin(t, v->ode->to) : fmax(t, v->ode->to);
}

/* Root mean square of state i of `value` in units of the tolerance at x and y. */
static double in_tolerances(const solver *v, size_t i, const double *value, const double *x,
                            const double *y) {
  double sum = 0;
  for (size_t j = i * v->m; j < (i + 1) * v->m; j++) {
    const double unit = value[j] / (v->ode->atol + v->ode->rtol * fmax(fabs(x[j]), fabs(y[j])));
    sum += unit * unit;
  }
  return sqrt(sum / (double)v->m);
}

/* Chooses the first step of every state; leaves v(x, from) in k[0]. */
static void first_steps(solver *v) {
  for (size_t i = 0; i < v->n; i++) v->times[i] = v->t[i] = v->ode->from;
  velocity(v, v->x, v->k[0]);
  for (size_t i = 0; i < v->n; i++) {
    const double size = in_tolerances(v, i, v->x, v->x, v->x),
                 speed = in_tolerances(v, i, v->k[0], v->x, v->x);
    const double guess = size < 1e-5 || speed < 1e-5 ? 1e-6 * v->span : 0.01 * size / speed;
    v->h[i] = fmin(guess, v->span);
    v->times[i] = time_after(v, i, v->h[i]);
    for (size_t j = i * v->m; j < (i + 1) * v->m; j++) v->y[j] = v->x[j] + v->way * v->h[i] * v->k[0][j];
  }
  velocity(v, v->y, v->k[1]);
  for (size_t j = 0; j < v->n * v->m; j++) v->k[1][j] -= v->k[0][j];
  for (size_t i = 0; i < v->n; i++) {
    const double speed = in_tolerances(v, i, v->k[0], v->x, v->x);
    const double bend = in_tolerances(v, i, v->k[1], v->x, v->x) / v->h[i], most = fmax(speed, bend);
    const double guess = most <= 1e-15 ? fmax(1e-6 * v->span, 1e-3 * v->h[i]) : pow(0.01 / most, -exponent);
    v->h[i] = fmin(fmin(100 * v->h[i], guess), v->span);
  }
}

/* y = x + h sum_{j < stage} a_ij k_j; states that have arrived stay. */
static void try_steps(solver *v) {
  for (int stage = 1; stage < STAGES; stage++) {
    for (size_t i = 0; i < v->n; i++) {
      const double h = v->arrived[i] ? 0 : v->h[i];
      v->times[i] = time_after(v, i, c[stage] * h);
      for (size_t j = i * v->m; j < (i + 1) * v->m; j++) {
        double sum = 0;
        for (int l = 0; l < stage; l++) sum += a[stage][l] * v->k[l][j];
        v->y[j] = v->x[j] + v->way * h * sum;
      }
    }
    velocity(v, v->y, v->k[stage]);
  }
}

/* h times the error, of state i, in the place of its k[1], which is not needed any more */
static double error_of(solver *v, size_t i) {
  for (size_t j = i * v->m; j < (i + 1) * v->m; j++) {
    double sum = 0;
    for (int l = 0; l < STAGES; l++) sum += e[l] * v->k[l][j];
    v->k[1][j] = v->h[i] * sum;
  }
  return in_tolerances(v, i, v->k[1], v->x, v->y);
}

static void accept(solver *v, size_t i, double error) {
  const size_t m = v->m;
  const double grow = error > 0 ? fmin(grow_most, safety * pow(error, exponent)) : grow_most;
  const double rest = fabs(v->ode->to - v->t[i]);
  v->arrived[i] = v->h[i] >= rest;
  v->t[i] = v->arrived[i] ? v->ode->to : v->t[i] + v->way * v->h[i];
  memcpy(v->x + i * m, v->y + i * m, m * sizeof *v->x);
  memcpy(v->k[0] + i * m, v->k[STAGES - 1] + i * m, m * sizeof *v->k[0]);
  v->h[i] = fmin(v->h[i] * (v->rejected[i] ? fmin(grow, 1) : grow), fabs(v->ode->to - v->t[i]));
  v->rejected[i] = false;
}

static dsm_status reject(solver *v, size_t i, double error) {
  v->h[i] *= isfinite(error) ? fmax(shrink_most, safety * pow(error, exponent)) : shrink_most;
  v->rejected[i] = true;
  if (v->h[i] > 1e-12 * v->span) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG,
           "%s cannot keep sampler.rtol = %g and sampler.atol = %g at time %g, however small its steps: the "
           "network "
           "computes in float32; take 1e-6 or more, or see whether the model has diverged",
           v->ode->name, v->ode->rtol, v->ode->atol, v->t[i]);
}

/* One step of every state that has not arrived. */
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

/* Share of the way that the slowest state has gone, in thousandths, all of them when it has arrived. */
static int64_t way_gone(const solver *v) {
  double least = v->span;
  bool all = true;
  for (size_t i = 0; i < v->n; i++) {
    least = fmin(least, fabs(v->t[i] - v->ode->from));
    all = all && v->arrived[i];
  }
  return all ? PER_MILLE : (int64_t)((PER_MILLE - 1) * least / v->span);
}

static dsm_status solve(solver *v) {
  const dsm__ode *ode = v->ode;
  int64_t done = 0;
  first_steps(v);
  for (int64_t step = 0; done < PER_MILLE; step++) {
    if (step == ode->steps)
      DSM_FAIL(DSM_BAD_CONFIG,
               "%s has not arrived after sampler.steps = %lld steps; allow more, or raise sampler.rtol = %g "
               "and sampler.atol = %g",
               ode->name, (long long)ode->steps, ode->rtol, ode->atol);
    DSM_TRY(advance(v));
    done = way_gone(v);
    if (ode->progress) DSM_TRY(ode->progress(ode->self, done, PER_MILLE));
  }
  return DSM_OK;
}

dsm_status dsm__dormand_prince(const dsm__ode *ode, double *x, int32_t *needed) {
  dsm_status status = DSM_OK;
  solver v = {0};
  DSM_ASSERT(ode->n > 0 && ode->m > 0 && ode->from != ode->to);
  if (needed) memset(needed, 0, ode->n * sizeof *needed);
  DSM_TRY_DONE(solver_create(ode, x, needed, &v));
  DSM_TRY_DONE(solve(&v));
done:
  solver_destroy(&v);
  return status;
}
