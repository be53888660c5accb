/* Guidance with exact scores: data N(m_0, diag v_0) without a condition, N(m_u, diag v_u) given u. The guided score
 *   s = s_0 + w (s_u - s_0)
 * is linear, so the law of its samples is known. On each axis, with y = x / alpha, r = sigma / alpha, q = r^2,
 *   s = B - A y,  A = (1 - w) / (v_0 + q) + w / (v_u + q),  B = (1 - w) m_0 / (v_0 + q) + w m_u / (v_u + q)
 *   ODE  mean' = (A mean - B) / 2,  variance' = A variance          (' by q)
 *   SDE  mean' =  A mean - B,       variance' = 2 A variance - 1
 * from pure noise down. It is not p(x | u)^w p(x)^(1-w), which the score of the data's end would suggest: along the ODE the
 * variance becomes v_0 (v_u / v_0)^w, narrower with each w where the condition narrows. */
#include "linear.h"

enum { N = 10, D = 1000, POINTS = N * D / 2 };

static const law without = {.mu = {0.3, -0.2}, .s = {1.3, 0, 0.8}},
                 given = {.mu = {1.1, -0.9}, .s = {0.3, 0, 0.5}};

/* The two exact denoisers and what is made of them, as a network with two evaluations. */
typedef struct guided {
  exact without, given;
  double w;
  float x0[N * D], eps[N * D];
} guided;

static void guided_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  guided *g = self;
  const dsm_denoiser a = exact_denoiser(&g->without), b = exact_denoiser(&g->given);
  a.estimate(a.self, x, t, &(dsm_estimate){.x0 = g->x0, .eps = g->eps});
  b.estimate(b.self, x, t, estimate);
  for (size_t j = 0; j < 2 * g->given.points; j++) {
    estimate->x0[j] = (float)((double)g->x0[j] + g->w * ((double)estimate->x0[j] - (double)g->x0[j]));
    estimate->eps[j] = (float)((double)g->eps[j] + g->w * ((double)estimate->eps[j] - (double)g->eps[j]));
  }
}

static void guided_energy(void *self, const float *x, const double *t, double *energy) {
  const guided *g = self;
  (void)x, (void)t;
  for (size_t i = 0; i < g->given.samples; i++) energy[i] = 0;
}

static dsm_denoiser guided_denoiser(guided *g, const dsm_process *p, double w, size_t samples,
                                    size_t points) {
  g->without = (exact){.process = p, .data = without, .samples = samples, .points = points};
  g->given = (exact){.process = p, .data = given, .samples = samples, .points = points};
  g->w = w;
  return (dsm_denoiser){.self = g, .estimate = guided_estimate, .energy = guided_energy, .evaluations = 2};
}

/* ---- the law --------------------------------------------------------------------------------------------- */

typedef struct axis {
  double m0, v0, mu, vu, w;
} axis;

typedef struct moments {
  double mean, variance;
} moments;

static moments slope(const axis *x, double q, moments y, bool sde) {
  const double a = (1 - x->w) / (x->v0 + q) + x->w / (x->vu + q);
  const double b = (1 - x->w) * x->m0 / (x->v0 + q) + x->w * x->mu / (x->vu + q);
  return sde ? (moments){a * y.mean - b, 2 * a * y.variance - 1}
             : (moments){(a * y.mean - b) / 2, a * y.variance};
}

static moments ahead(moments y, double h, moments s) {
  return (moments){y.mean + h * s.mean, y.variance + h * s.variance};
}

/* The classical Runge-Kutta method in ln q, whose error is far below those of the samples. */
static moments moments_at(const axis *x, double from, double to, moments y, bool sde) {
  enum { STEPS = 4000 };
  const double h = log(to / from) / STEPS;
  for (int k = 0; k < STEPS; k++) {
    const double q = from * exp(k * h), middle = q * exp(h / 2), end = q * exp(h);
    const moments a = slope(x, q, y, sde), b = slope(x, middle, ahead(y, h / 2 * q, a), sde);
    const moments c = slope(x, middle, ahead(y, h / 2 * middle, b), sde),
                  d = slope(x, end, ahead(y, h * middle, c), sde);
    y = ahead(ahead(ahead(ahead(y, h / 6 * q, a), h / 3 * middle, b), h / 3 * middle, c), h / 6 * end, d);
  }
  return y;
}

/* Law of the samples: to the first time, then E[x0 | x], which is y + q s. */
static law law_of_guided(const dsm_process *p, double w, bool sde) {
  const double first = dsm_process_first(p, true), last = dsm_process_last(p);
  const double to = pow(dsm_process_sigma(p, first) / dsm_process_alpha(p, first), 2);
  const double from = pow(dsm_process_sigma(p, last) / dsm_process_alpha(p, last), 2);
  law l = {{0}, {0}};
  for (int i = 0; i < 2; i++) {
    const axis x = {without.mu[i], without.s[2 * i], given.mu[i], given.s[2 * i], w};
    const moments y = moments_at(
        &x, from, to, (moments){0, pow(dsm_process_prior_std(p) / dsm_process_alpha(p, last), 2)}, sde);
    const double a = (1 - w) / (x.v0 + to) + w / (x.vu + to);
    const double b = (1 - w) * x.m0 / (x.v0 + to) + w * x.mu / (x.vu + to);
    l.mu[i] = y.mean + to * (b - a * y.mean);
    l.s[2 * i] = pow(1 - to * a, 2) * y.variance;
    /* the ODE's variance in closed form, where start and end are far from the data's scale */
    if (!sde && from > 2000 && to < 1e-3) assert_close(l.s[2 * i], x.v0 * pow(x.vu / x.v0, w), 5e-3, 0);
  }
  return l;
}

/* Steps fine enough that the error of a method, `slack` w in standard deviations, is far below what another w would do: w = 2
 * in the place of 3 makes the variance of the first axis 4 times as large. */
static void samples_follow_the_guided_law(void **state) {
  (void)state;
  static guided g;
  static float x[N * D];
  static const struct {
    int sampler;
    bool sde;
    int64_t steps;
    double slack;
  } rows[] = {
      {DSM_SAMPLER_DDIM, false, 400, 0.02},          {DSM_SAMPLER_EULER, false, 1500, 0.03},
      {DSM_SAMPLER_HEUN, false, 100, 0.01},          {DSM_SAMPLER_DPMPP_2M, false, 100, 0.01},
      {DSM_SAMPLER_ODE, false, 1000, 0.01},          {DSM_SAMPLER_ANCESTRAL, true, 600, 0.04},
      {DSM_SAMPLER_EULER_MARUYAMA, true, 800, 0.04}, {DSM_SAMPLER_REVERSE_DIFFUSION, true, 600, 0.04},
      {DSM_SAMPLER_DPMPP_2M_SDE, true, 150, 0.02},
  };
  static const int processes[] = {DSM_PROCESS_VE, DSM_PROCESS_VP, DSM_PROCESS_EDM, DSM_PROCESS_DDPM};
  static const double ws[] = {1, 3};
  for (size_t n = 0; n < sizeof processes / sizeof *processes; n++)
    for (int k = 0; k < 2; k++)
      for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        char what[64];
        dsm_process *p = process_of(processes[n], DSM_SCHEDULE_LINEAR, 1000);
        dsm_denoiser denoiser = guided_denoiser(&g, p, ws[k], N, POINTS);
        dsm_sampler_settings settings = settings_default();
        settings.grid = DSM_GRID_LOG_SNR;
        settings.variance = DSM_VARIANCE_SMALL;
        const dsm_sampling s = {.process = p,
                                .denoiser = &denoiser,
                                .settings = &settings,
                                .n = N,
                                .d = D,
                                .seed = 12,
                                .steps = rows[r].steps};
        if (!refusal(rows[r].sampler, &s)) {
          snprintf(what, sizeof what, "%s on %s, w = %g", dsm_sampler_of(rows[r].sampler)->name,
                   dsm_process_name_of(p), ws[k]);
          assert_int_equal(dsm_sampler_draw(dsm_sampler_of(rows[r].sampler), &s, x), DSM_OK);
          const law expected = law_of_guided(p, ws[k], rows[r].sde);
          assert_law(x, POINTS, &expected, rows[r].slack * ws[k], what);
        }
        dsm_process_destroy(&p);
      }
}

/* With w = 1 it is the law given u; each w beyond takes away from the variance, and the mean lies further out than given u. */
static void guidance_beyond_one_narrows(void **state) {
  (void)state;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
    for (int sde = 0; sde < 2 && dsm_process_ends_in_noise(p) && name != DSM_PROCESS_FLOW; sde++) {
      law before = law_of_guided(p, 1, sde);
      for (int i = 0; i < 2; i++) {
        assert_close(before.mu[i], given.mu[i], 0.02, 0);
        assert_close(before.s[2 * i], given.s[2 * i], 0.02, 0);
      }
      for (double w = 1.5; w < 8; w += 0.5) {
        const law l = law_of_guided(p, w, sde);
        for (int i = 0; i < 2; i++) {
          assert_true(l.s[2 * i] < before.s[2 * i]);
          assert_true((l.mu[i] - given.mu[i]) * (given.mu[i] - without.mu[i]) > 0);
        }
        before = l;
      }
    }
    dsm_process_destroy(&p);
  }
}

/* ---- what is counted ------------------------------------------------------------------------------------- */

/* Every estimate is two evaluations of the network, in all that is told; steps, and progress, are what they were. */
static void both_evaluations_are_counted_once(void **state) {
  (void)state;
  enum { FEW = 2, SMALL = 6 };
  static guided g;
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++)
      for (int metropolis = 0; metropolis < 2; metropolis++) {
        dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
        const dsm_sampler *table = dsm_sampler_of(sampler);
        dsm_denoiser denoiser = guided_denoiser(&g, p, 2, FEW, FEW * SMALL / 2);
        dsm_sampler_settings settings = settings_default();
        settings.metropolis = metropolis;
        settings.langevin_steps = 3;
        float x[FEW * SMALL];
        int32_t needed[FEW];
        int64_t evaluations = 0;
        const dsm_sampling s = {.process = p,
                                .denoiser = &denoiser,
                                .settings = &settings,
                                .n = FEW,
                                .d = SMALL,
                                .steps = table->adaptive ? 1000 : 8,
                                .evaluations = &evaluations,
                                .needed = needed};
        if (!refusal(sampler, &s)) {
          assert_int_equal(dsm_sampler_draw(table, &s, x), DSM_OK);
          const int64_t estimates = (int64_t)g.given.calls, planned = dsm_sampler_evaluations(table, &s);
          /* energies, which come with the estimates of Metropolis's rule, count as well */
          const int64_t looks = metropolis ? 2 * estimates - settings.denoise : estimates;
          assert_int_equal(evaluations, 2 * looks);
          if (planned) assert_int_equal(planned, looks);
          int32_t most = 0;
          for (int i = 0; i < FEW; i++) most = needed[i] > most ? needed[i] : most;
          assert_int_equal(most, evaluations);
        }
        dsm_process_destroy(&p);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_follow_the_guided_law),
      cmocka_unit_test(guidance_beyond_one_narrows),
      cmocka_unit_test(both_evaluations_are_counted_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
