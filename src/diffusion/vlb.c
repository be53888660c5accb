/* The variational bound of a chain in discrete time, term by term. Between Gaussians with the posterior's
 * variance e^lo and the chain's e^l, and means that differ by x0_factor (x0 - x0_hat), an element adds
 *   KL = 1/2 [expm1(lo - l) - (lo - l) + (x0_factor (x0 - x0_hat))^2 e^-l]
 * to L_{t-1}; for equal variances nothing but the square is left, without rounding. */
#include <math.h>
#include <stdlib.h>
#include "dsmpi/diffusion.h"
#include "dsmpi/memory.h"
#include "dsmpi/random.h"

typedef struct walk {
  const dsm_bound *b;
  size_t terms;
  int32_t *size;           /* (terms) of the strata */
  double *t;               /* (n) times of the evaluation */
  float *z, *x;            /* (n, d) noise, x_t */
  float *x0, *eps, *share; /* (n, d) estimates; share: of the learned variance, or NULL */
  double *total;           /* (n) so far */
} walk;

/* ---- strata of t = 2 ... T ----------------------------------------------------------------------------- */

static int64_t strata_of(const dsm_bound *b) {
  const int64_t most = (int64_t)dsm_process_last(b->process) - 1;
  return b->strata > 0 && b->strata < most ? b->strata : most;
}

size_t dsm_bound_count(const dsm_bound *b) {
  return 1 + (size_t)strata_of(b);
}

/* Terms fall about like 1/t, so strata grow like their number: boundaries at (k / K)^2, each at least one
 * further than the one before and leaving room for those that follow. */
void dsm_bound_sizes(const dsm_bound *b, int32_t *size) {
  const int64_t all = (int64_t)dsm_process_last(b->process) - 1, count = strata_of(b);
  int64_t before = 0;
  size[0] = 1;
  for (int64_t k = 1; k <= count; k++) {
    const double share = (double)k / (double)count;
    int64_t end = (int64_t)round((double)all * share * share);
    if (end <= before) end = before + 1;
    if (end > all - (count - k)) end = all - (count - k);
    size[k] = (int32_t)(end - before);
    before = end;
  }
}

/* ---- one term of all samples --------------------------------------------------------------------------- */

/* A time of stratum `term`, whose first one is `first`: uniform, its own for each sample. */
static void draw_times(const walk *w, size_t term, int64_t first) {
  const dsm_bound *b = w->b;
  for (size_t i = 0; i < b->n; i++) {
    w->t[i] = (double)first;
    if (w->size[term] == 1) continue;
    const dsm_random_key key = {b->seed, DSM_STREAM_BOUND, 0, b->first + i};
    w->t[i] += floor(w->size[term] * dsm_random_uniform_double(key, term));
  }
}

static void draw_states(const walk *w, const double *x0) {
  const dsm_bound *b = w->b;
  for (size_t i = 0; i < b->n; i++) {
    const double alpha = dsm_process_alpha(b->process, w->t[i]),
                 sigma = dsm_process_sigma(b->process, w->t[i]);
    const dsm_random_key key = {b->seed, DSM_STREAM_BOUND, (uint64_t)w->t[i], b->first + i};
    dsm_random_normal(key, 0, b->d, w->z + i * b->d);
    for (size_t j = i * b->d; j < (i + 1) * b->d; j++)
      w->x[j] = (float)(alpha * x0[j] + sigma * (double)w->z[j]);
  }
}

static double clipped(const dsm_bound *b, size_t j, double x0) {
  if (!b->clip_low || !b->clip_high) return x0;
  return fmin(fmax(x0, b->clip_low[j % b->channels]), b->clip_high[j % b->channels]);
}

/* ln of the share of N(0, 1) between a and b > a. On one side of 0 the tails are subtracted, which keeps
 * their digits; where they underflow, the tail of a is its density times (1 - 1/a^2) / a, up to 3/a^4. */
static double log_share(double a, double b) {
  if (a + b < 0) {
    const double kept = a;
    a = -b;
    b = -kept;
  }
  if (a < 30) return log((erfc(a / sqrt(2.0)) - erfc(b / sqrt(2.0))) / 2);
  return -0.5 * a * a - 0.5 * log(2 * acos(-1.0)) - log(a) + log1p(-1 / (a * a)) +
         log1p(-exp(-0.5 * (b - a) * (b + a)));
}

/* One element of L_0 at variance e^l. */
static double decoder_term(const dsm_bound *b, size_t j, double off, double l) {
  if (!b->width) return 0.5 * (log(2 * acos(-1.0)) + l + off * off * exp(-l));
  const double half = b->width[j % b->channels] / 2, s = exp(l / 2);
  return -log_share((off - half) / s, (off + half) / s);
}

/* L_{t-1} of sample i and the squares of its errors, both sums over the elements. */
static double term_of(const walk *w, size_t i, const double *x0, double *x0_square, double *eps_square) {
  const dsm_bound *b = w->b;
  const double t = w->t[i];
  const double factor = dsm_process_posterior(b->process, t - 1, t).x0_factor;
  const dsm_log_variances v = dsm_process_log_variances(b->process, t - 1, t);
  double sum = 0, of_x0 = 0, of_eps = 0;
  for (size_t j = i * b->d; j < (i + 1) * b->d; j++) {
    const double off = x0[j] - clipped(b, j, (double)w->x0[j]),
                 noise_off = (double)w->z[j] - (double)w->eps[j];
    const double share = w->share ? (double)w->share[j] : b->variance == DSM_VARIANCE_LARGE ? 1 : 0;
    const double l = v.small + share * (v.large - v.small), rest = v.small - l;
    if (t > 1)
      sum += 0.5 * (expm1(rest) - rest + factor * off * factor * off * exp(-l));
    else
      sum += decoder_term(b, j, off, l);
    of_x0 += off * off;
    of_eps += noise_off * noise_off;
  }
  *x0_square = of_x0;
  *eps_square = of_eps;
  return sum;
}

static void take_term(const walk *w, size_t term, int64_t first, const double *x0,
                      const dsm_bound_terms *out) {
  const dsm_bound *b = w->b;
  draw_times(w, term, first);
  draw_states(w, x0);
  b->denoiser->estimate(b->denoiser->self, w->x, w->t,
                        &(dsm_estimate){.x0 = w->x0, .eps = w->eps, .variance = w->share});
  for (size_t i = 0; i < b->n; i++) {
    const size_t at = i * w->terms + term;
    double x0_square, eps_square;
    const double value = term_of(w, i, x0, &x0_square, &eps_square);
    w->total[i] += w->size[term] * value;
    if (out->decoder && term == 0) out->decoder[i] = value;
    if (out->t) out->t[at] = (int32_t)w->t[i];
    if (out->vb) out->vb[at] = (float)value;
    if (out->x0_mse) out->x0_mse[at] = (float)(x0_square / (double)b->d);
    if (out->eps_mse) out->eps_mse[at] = (float)(eps_square / (double)b->d);
  }
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/* L_T of one sample: alpha_T x0 and sigma_T against 0 and prior_std. */
static double prior_term(const dsm_bound *b, const double *x0) {
  const double last = dsm_process_last(b->process), std = dsm_process_prior_std(b->process);
  const double mean = dsm_process_alpha(b->process, last) / std,
               ratio = dsm_process_sigma(b->process, last) / std;
  const double excess = ratio * ratio - 1;
  double sum = 0;
  for (size_t j = 0; j < b->d; j++) sum += 0.5 * (mean * x0[j] * mean * x0[j] + excess - log1p(excess));
  return sum;
}

static dsm_status walk_create(const dsm_bound *b, walk *w) {
  const size_t size = b->n * b->d;
  *w = (walk){.b = b, .terms = dsm_bound_count(b)};
  DSM_TRY(DSM_ALLOC(w->terms, &w->size));
  DSM_TRY(DSM_ALLOC(b->n, &w->t));
  DSM_TRY(DSM_ALLOC(b->n, &w->total));
  DSM_TRY(DSM_ALLOC(size, &w->z));
  DSM_TRY(DSM_ALLOC(size, &w->x));
  DSM_TRY(DSM_ALLOC(size, &w->x0));
  DSM_TRY(DSM_ALLOC(size, &w->eps));
  if (b->variance == DSM_VARIANCE_LEARNED) DSM_TRY(DSM_ALLOC(size, &w->share));
  dsm_bound_sizes(b, w->size);
  return DSM_OK;
}

static void walk_destroy(walk *w) {
  free(w->size);
  free(w->t);
  free(w->total);
  free(w->z);
  free(w->x);
  free(w->x0);
  free(w->eps);
  free(w->share);
}

dsm_status dsm_bound_check(const dsm_bound *b) {
  const char *name = dsm_process_name_of(b->process);
  if (!dsm_process_discrete(b->process))
    DSM_FAIL(DSM_BAD_CONFIG,
             "the variational bound is of a chain of steps, and the time of the process %s is continuous; "
             "take the "
             "likelihood along its ODE (--method ode)",
             name);
  if (!dsm_process_ends_in_noise(b->process))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "the process %s has one noise level, which is not pure noise: no chain leads from noise to data, and "
        "there is no bound; train ddpm or smld",
        name);
  if (b->variance == DSM_VARIANCE_LEARNED && b->denoiser && !b->denoiser->learns_variance)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.variance = learned needs a network trained with objective.name = hybrid; use "
             "small or large");
  const int64_t most = (int64_t)dsm_process_last(b->process) - 1;
  if (b->strata < 0 || b->strata > most)
    DSM_FAIL(DSM_BAD_CONFIG,
             "strata of the bound: 1 to %lld, one for each of t = 2 ... T, or 0 for all; received %lld",
             (long long)most, (long long)b->strata);
  return DSM_OK;
}

dsm_status dsm_bound_run(const dsm_bound *b, const double *x0, const dsm_bound_terms *out) {
  dsm_status status = DSM_OK;
  walk w = {0};
  int64_t first = 1;
  DSM_ASSERT(b->n > 0 && b->d > 0 && b->denoiser);
  DSM_TRY(dsm_bound_check(b));
  DSM_TRY_DONE(walk_create(b, &w));
  for (size_t term = 0; term < w.terms; term++) {
    take_term(&w, term, first, x0, out);
    first += w.size[term];
    if (b->progress && !b->progress(b->context, (int64_t)term + 1, (int64_t)w.terms) && term + 1 < w.terms)
      DSM_FAIL_DONE(DSM_STOPPED, "a bound was stopped after %zu of %zu terms", term + 1, w.terms);
  }
  for (size_t i = 0; i < b->n; i++) {
    const double prior = prior_term(b, x0 + i * b->d);
    if (out->prior) out->prior[i] = prior;
    if (out->total) out->total[i] = prior + w.total[i];
  }
done:
  walk_destroy(&w);
  return status;
}
