/* The denoiser of p(x0 | y) that is made of one of p(x0), for a block of samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "dsmpi/restore.h"
#include "restore/conjugate_gradients.h"

/* The conjugate gradients end where the rest is this share of y - A x0_hat: x is float32. */
static const double tolerance = 1e-7;
/* Where products cost next to nothing, they may be many. */
enum { ITERATIONS_WITHOUT_NETWORK = 200 };

struct dsm_guidance {
  dsm_guidance_settings settings;
  const dsm_process *process; /* borrowed */
  const dsm_operator *op;     /* borrowed */
  dsm_denoiser prior;         /* what it points to is borrowed */
  size_t n, d, m;
  double *y, *variance; /* (n, m) of y and its noise; 0 in y where it is missing */
  bool *seen;           /* (n, m) */
  /* of one estimate */
  const float *x; /* (n, d) */
  const double *t;
  double *gain, *spread; /* (n) sigma^2 / alpha, and r_t^2; 0 in both: y is left aside */
  float *x0, *eps;       /* (n, d) of the prior */
  float *u, *pulled;     /* (n, d) */
  double *wide, *narrow; /* (d), (m) */
  double *e, *v, *p, *kp, *least;
};

dsm_guidance_settings dsm_guidance_defaults(void) {
  return (dsm_guidance_settings){.form = DSM_GUIDANCE_MOMENTS, .data_std = 1, .iterations = 3, .limit = 50};
}

static dsm_status check(const dsm_guidance_settings *s, const dsm_denoiser *prior) {
  DSM_ASSERT(s->form >= DSM_GUIDANCE_MOMENTS && s->form <= DSM_GUIDANCE_DPS);
  if (!prior->pullback)
    DSM_FAIL(DSM_BAD_CONFIG, "guidance needs the derivative of the denoiser, and this one does not offer it");
  if (!(s->data_std > 0 && isfinite(s->data_std)))
    DSM_FAIL(DSM_BAD_CONFIG, "guidance: the data's deviation is %g; it must be above 0", s->data_std);
  if (s->iterations < 1) DSM_FAIL(DSM_BAD_CONFIG, "guidance: %d iterations; need 1 or more", s->iterations);
  if (!(s->limit > 0)) DSM_FAIL(DSM_BAD_CONFIG, "guidance: a limit of %g; it must be above 0", s->limit);
  return DSM_OK;
}

dsm_status dsm_guidance_create(const dsm_guidance_settings *settings, const dsm_process *process,
                               const dsm_operator *op, const dsm_denoiser *prior, size_t n,
                               dsm_guidance **guidance) {
  dsm_status status = DSM_OK;
  dsm_guidance *g = NULL;
  *guidance = NULL;
  DSM_TRY(check(settings, prior));
  DSM_TRY(DSM_ALLOC(1, &g));
  *g = (dsm_guidance){.settings = *settings,
                      .process = process,
                      .op = op,
                      .prior = *prior,
                      .n = n,
                      .d = dsm_operator_columns(op),
                      .m = dsm_operator_rows(op)};
  double **const of_block[] = {&g->gain, &g->spread, &g->least};
  float **const of_x[] = {&g->x0, &g->eps, &g->u, &g->pulled};
  double **const of_y[] = {&g->y, &g->variance, &g->e, &g->v, &g->p, &g->kp};
  for (size_t i = 0; i < sizeof of_block / sizeof *of_block; i++) DSM_TRY_DONE(DSM_ALLOC(n, of_block[i]));
  for (size_t i = 0; i < sizeof of_x / sizeof *of_x; i++) DSM_TRY_DONE(DSM_ALLOC(n * g->d, of_x[i]));
  for (size_t i = 0; i < sizeof of_y / sizeof *of_y; i++) DSM_TRY_DONE(DSM_ALLOC(n * g->m, of_y[i]));
  DSM_TRY_DONE(DSM_ALLOC(n * g->m, &g->seen));
  DSM_TRY_DONE(DSM_ALLOC(g->d, &g->wide));
  DSM_TRY_DONE(DSM_ALLOC(g->m, &g->narrow));
  *guidance = g;
  g = NULL;
done:
  dsm_guidance_destroy(&g);
  return status;
}

void dsm_guidance_destroy(dsm_guidance **guidance) {
  if (!guidance || !*guidance) return;
  dsm_guidance *g = *guidance;
  void *const owned[] = {g->y,      g->variance, g->seen,   g->gain, g->spread, g->x0, g->eps, g->u,
                         g->pulled, g->wide,     g->narrow, g->e,    g->v,      g->p,  g->kp,  g->least};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
  free(g);
  *guidance = NULL;
}

void dsm_guidance_observe(dsm_guidance *g, const double *y, const double *noise) {
  const double least = DSM_GUIDANCE_LEAST_NOISE * g->settings.data_std;
  for (size_t j = 0; j < g->n * g->m; j++) {
    DSM_ASSERT(noise[j] >= 0);
    g->seen[j] = !isnan(y[j]);
    g->y[j] = g->seen[j] ? y[j] : 0;
    g->variance[j] = pow(fmax(noise[j], least), 2);
  }
}

/* wide = A^T v of sample i */
static void across(const dsm_guidance *g, size_t i, const double *v) {
  dsm_operator_transpose(g->op, v + i * g->m, g->wide);
}

/* pulled = (d x0_hat / dx)^T A^T v of all samples that are guided, 0 of the others */
static void pull(dsm_guidance *g, const double *v) {
  for (size_t i = 0; i < g->n; i++) {
    float *u = g->u + i * g->d;
    across(g, i, v);
    for (size_t j = 0; j < g->d; j++) u[j] = g->gain[i] > 0 ? (float)g->wide[j] : 0;
  }
  g->prior.pullback(g->prior.self, g->x, g->t, g->u, NULL, g->pulled);
}

/* A C A^T p of sample i, into narrow, with C = factor I */
static void isotropic(const dsm_guidance *g, size_t i, double factor, const double *p) {
  across(g, i, p);
  for (size_t j = 0; j < g->d; j++) g->wide[j] *= factor;
  dsm_operator_apply(g->op, g->wide, g->narrow);
}

/* The same with the network's C, from pulled. False where it is no covariance: p^T A C A^T p < 0. */
static bool from_network(const dsm_guidance *g, size_t i, const double *p) {
  const float *pulled = g->pulled + i * g->d;
  double square = 0;
  for (size_t j = 0; j < g->d; j++) g->wide[j] = g->gain[i] * (double)pulled[j];
  dsm_operator_apply(g->op, g->wide, g->narrow);
  for (size_t k = 0; k < g->m; k++) square += p[i * g->m + k] * g->narrow[k];
  return square >= 0;
}

/* (S + A C A^T) p, of the rows that were seen; p is 0 in the others */
static void product(void *self, const double *p, double *kp) {
  dsm_guidance *g = self;
  const int form = g->settings.form;
  if (form == DSM_GUIDANCE_MOMENTS) pull(g, p);
  for (size_t i = 0; i < g->n; i++) {
    if (form == DSM_GUIDANCE_DPS)
      memset(g->narrow, 0, g->m * sizeof *g->narrow);
    else if (form == DSM_GUIDANCE_PIGDM || !from_network(g, i, p))
      isotropic(g, i, g->spread[i], p);
    for (size_t k = 0; k < g->m; k++) {
      const size_t j = i * g->m + k;
      kp[j] = g->seen[j] ? g->variance[j] * p[j] + g->narrow[k] : 0;
    }
  }
}

/* y - A x0_hat, 0 where y is missing or left aside */
static void residual(const dsm_guidance *g, size_t i) {
  for (size_t j = 0; j < g->d; j++) g->wide[j] = (double)g->x0[i * g->d + j];
  dsm_operator_apply(g->op, g->wide, g->narrow);
  for (size_t k = 0; k < g->m; k++) {
    const size_t j = i * g->m + k;
    g->e[j] = g->seen[j] && g->gain[i] > 0 ? g->y[j] - g->narrow[k] : 0;
  }
}

/* Where and how much y counts. @return whether for any sample */
static bool weigh(dsm_guidance *g) {
  const double s = g->settings.data_std;
  bool any = false;
  for (size_t i = 0; i < g->n; i++) {
    const double alpha = dsm_process_alpha(g->process, g->t[i]),
                 sigma = dsm_process_sigma(g->process, g->t[i]);
    const bool counts = sigma <= g->settings.limit * s * alpha;
    g->gain[i] = counts ? sigma * sigma / alpha : 0;
    g->spread[i] = counts ? pow(s * sigma, 2) / (pow(alpha * s, 2) + sigma * sigma) : 0;
    any = any || counts;
  }
  return any;
}

static void guide(dsm_guidance *g) {
  const bool by_network = g->settings.form == DSM_GUIDANCE_MOMENTS;
  for (size_t i = 0; i < g->n; i++) residual(g, i);
  dsm__conjugate_gradients(&(dsm__equations){.self = g, .n = g->n, .m = g->m, .product = product},
                           by_network ? g->settings.iterations : ITERATIONS_WITHOUT_NETWORK, tolerance, g->e,
                           g->v, g->p, g->kp, g->least);
  pull(g, g->v);
  for (size_t i = 0; i < g->n; i++) {
    const double sigma = dsm_process_sigma(g->process, g->t[i]);
    for (size_t j = i * g->d; j < (i + 1) * g->d && g->gain[i] > 0; j++) {
      g->x0[j] = (float)((double)g->x0[j] + g->gain[i] * (double)g->pulled[j]);
      g->eps[j] = (float)((double)g->eps[j] - sigma * (double)g->pulled[j]);
    }
  }
}

static void estimate(void *self, const float *x, const double *t, const dsm_estimate *out) {
  dsm_guidance *g = self;
  g->x = x;
  g->t = t;
  g->prior.estimate(g->prior.self, x, t,
                    &(dsm_estimate){.x0 = g->x0, .eps = g->eps, .variance = out->variance});
  if (weigh(g)) guide(g);
  if (out->x0) memcpy(out->x0, g->x0, g->n * g->d * sizeof *out->x0);
  if (out->eps) memcpy(out->eps, g->eps, g->n * g->d * sizeof *out->eps);
}

dsm_denoiser dsm_guidance_denoiser(dsm_guidance *g) {
  const int each = g->prior.evaluations > 1 ? g->prior.evaluations : 1;
  const int pullbacks = 1 + (g->settings.form == DSM_GUIDANCE_MOMENTS ? g->settings.iterations : 0);
  return (dsm_denoiser){.self = g,
                        .estimate = estimate,
                        .evaluations = each * (1 + pullbacks),
                        .learns_variance = g->prior.learns_variance};
}
