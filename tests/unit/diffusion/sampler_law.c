/* Samplers with the exact score of Gaussian data: mean and covariance of many samples against the closed form
 * of the same chain, and the closed form against the law of the data. */
#include "linear.h"

static const law data = {.mu = {1.0, -0.5}, .s = {1.2, 0.5, 0.6}};
enum { N = 10, D = 4000, POINTS = N * D / 2 };

/* How far each sampler's samples have been from their law, in standard errors; NOT_DRAWN at first. */
typedef struct distances {
  double of[SAMPLERS];
} distances;
static const double NOT_DRAWN = -1;

static distances no_distances(void) {
  distances far;
  for (int sampler = 0; sampler < SAMPLERS; sampler++) far.of[sampler] = NOT_DRAWN;
  return far;
}

static void samples_have_the_law_of_the_chain(const dsm_process *p, int sampler,
                                              const dsm_sampler_settings *settings, int64_t steps,
                                              distances *far) {
  static float x[N * D];
  const dsm_sampler *table = dsm_sampler_of(sampler);
  exact e = {.process = p, .data = data, .samples = N, .points = POINTS};
  dsm_denoiser denoiser = exact_denoiser(&e);
  int64_t evaluations = 0;
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = settings,
                    .n = N,
                    .d = D,
                    .seed = 11,
                    .first = 40,
                    .steps = steps,
                    .evaluations = &evaluations};
  if (refusal(sampler, &s)) return;
  assert_int_equal(dsm_sampler_draw(table, &s, x), DSM_OK);
  assert_int_equal(e.calls, dsm_sampler_evaluations(table, &s));
  assert_int_equal(evaluations, e.calls);

  char what[256], text[160];
  dsm_sampler_describe(table, &s, text, sizeof text);
  snprintf(what, sizeof what, "%s, %s", dsm_process_name_of(p), text);
  const law expected = law_of_samples(p, &data, sampler, settings, steps);
  far->of[sampler] = worst_of(far->of[sampler], law_distance(x, POINTS, &expected, 0, what));
}

/* Every sampler with settings that leave its chain linear. */
static void follow_the_closed_form(const dsm_process *p, int64_t steps, bool denoise, distances *far) {
  dsm_sampler_settings settings = settings_default();
  settings.denoise = denoise;
  settings.corrector = DSM_CORRECTOR_ANNEALED;
  settings.langevin_steps = 3;
  for (int sampler = 0; sampler < SAMPLERS; sampler++)
    if (linear_sampler(sampler, &settings))
      samples_have_the_law_of_the_chain(p, sampler, &settings, steps, far);
  settings.variance = DSM_VARIANCE_SMALL;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_ANCESTRAL, &settings, steps, far);
  settings.eta = 0.5;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_DDIM, &settings, steps, far);
  settings.eta = 1;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_DDIM, &settings, steps, far);
  settings.predictor = DSM_PREDICTOR_EULER_MARUYAMA;
  settings.corrector_steps = 2;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_PREDICTOR_CORRECTOR, &settings, steps, far);
  settings.churn = 4;
  settings.churn_noise = 1.1;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_HEUN, &settings, steps, far);
  settings.churn_min = 0.5;
  settings.churn_max = 10;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_HEUN, &settings, steps, far);
  settings.langevin_time = dsm_process_last(p);
  settings.langevin_step = 0.3;
  settings.step_convention = DSM_STEP_HALF;
  samples_have_the_law_of_the_chain(p, DSM_SAMPLER_LANGEVIN, &settings, steps, far);
}

static void samples_follow_the_closed_form(void **state) {
  (void)state;
  distances far = no_distances();
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 50);
    follow_the_closed_form(p, 40, true, &far); /* most of ddpm's 50 times; a few; one */
    follow_the_closed_form(p, 12, false, &far);
    follow_the_closed_form(p, 1, true, &far);
    dsm_process_destroy(&p);
  }
  for (int sampler = 0; sampler < SAMPLERS; sampler++) {
    assert_int_equal(far.of[sampler] == NOT_DRAWN, sampler == DSM_SAMPLER_ODE);
    if (sampler != DSM_SAMPLER_ODE)
      claim_below(0, far.of[sampler], LAW_ERRORS, "law of samples: %s [errors]",
                  dsm_sampler_of(sampler)->name);
  }
}

static void all_times_of_ddpm_follow_the_closed_form(void **state) {
  (void)state;
  distances far = no_distances();
  dsm_process *p = ddpm_of(50);
  follow_the_closed_form(p, 50, true, &far);
  for (int sampler = 0; sampler < SAMPLERS; sampler++) assert_true(far.of[sampler] <= LAW_ERRORS);
  dsm_process_destroy(&p);
}

/* The two whose chains are not linear, from pure noise to the data: ode, and the corrector whose steps depend on norms, which
 * in 4000 elements hardly vary; its bias is snr^2 / 2 = 1.3 % of the deviation at each level (sampler_langevin.c). */
static void adaptive_steps_and_norms_end_at_the_law_of_the_data(void **state) {
  (void)state;
  static float x[N * D];
  static const struct {
    int sampler;
    int64_t steps;
    double slack;
  } rows[] = {{DSM_SAMPLER_ODE, 1000, 0.02}, {DSM_SAMPLER_PREDICTOR_CORRECTOR, 300, 0.05}};
  double far[2] = {NOT_DRAWN, NOT_DRAWN};
  for (int name = 0; name < PROCESSES; name++)
    for (int r = 0; r < 2; r++) {
      char what[64];
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      exact e = {.process = p, .data = data, .samples = N, .points = POINTS};
      dsm_denoiser denoiser = exact_denoiser(&e);
      dsm_sampler_settings settings = settings_default();
      settings.rtol = settings.atol = 1e-4;
      settings.grid = name == DSM_PROCESS_FLOW ? DSM_GRID_QUADRATIC : DSM_GRID_LOG_SNR;
      const dsm_sampling s = {.process = p,
                              .denoiser = &denoiser,
                              .settings = &settings,
                              .n = N,
                              .d = D,
                              .seed = 9,
                              .steps = rows[r].steps};
      if (!refusal(rows[r].sampler, &s)) {
        snprintf(what, sizeof what, "%s on %s", dsm_sampler_of(rows[r].sampler)->name,
                 dsm_process_name_of(p));
        assert_int_equal(dsm_sampler_draw(dsm_sampler_of(rows[r].sampler), &s, x), DSM_OK);
        far[r] = worst_of(far[r], law_distance(x, POINTS, &data, rows[r].slack, what));
      }
      dsm_process_destroy(&p);
    }
  for (int r = 0; r < 2; r++) {
    assert_true(far[r] != NOT_DRAWN);
    claim_below(0, far[r], law_bound(POINTS, rows[r].slack), "law of samples: %s [errors]",
                r == 0 ? "ode" : "corrector by norms");
  }
}

/* A thousand steps bring the law of the samples close to the data's; this bounds the chains, no samples drawn.
 * The larger bounds are for first-order steps of an SDE whose last times add and remove much noise. */
static void long_chains_end_at_the_law_of_the_data(void **state) {
  (void)state;
  double mean = 0, covariance = 0;
  dsm_sampler_settings settings = settings_default();
  settings.corrector = DSM_CORRECTOR_ANNEALED;
  settings.variance = DSM_VARIANCE_SMALL;
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      dsm_sampling s = {.process = p, .settings = &settings, .steps = 1000};
      if (sampler != DSM_SAMPLER_LANGEVIN && sampler != DSM_SAMPLER_ANNEALED_LANGEVIN &&
          linear_sampler(sampler, &settings) && !refusal(sampler, &s))
        for (int k = 0; k < (sampler == DSM_SAMPLER_DDIM ? 3 : 1); k++) {
          static const double etas[] = {0, 0.5, 1};
          settings.eta = etas[k];
          law c = law_of_samples(p, &data, sampler, &settings, 1000);
          print_message("%s %s: off by %.4f %.4f, %.4f %.4f %.4f\n", dsm_process_name_of(p),
                        dsm_sampler_of(sampler)->name, c.mu[0] - data.mu[0], c.mu[1] - data.mu[1],
                        c.s[0] - data.s[0], c.s[1] - data.s[1], c.s[2] - data.s[2]);
          for (int i = 0; i < 2; i++) mean = worst_of(mean, fabs(c.mu[i] / data.mu[i] - 1));
          for (int i = 0; i < 3; i++) covariance = worst_of(covariance, fabs(c.s[i] / data.s[i] - 1));
        }
      dsm_process_destroy(&p);
    }
  claim_below(0, mean, 0.02, "1000 steps: the data's mean [relative]");
  claim_below(0, covariance, 0.04, "1000 steps: the data's covariance [relative]");
}

/* With data N(0, I) the large variance is exact at any number of steps of a variance-preserving process; small is exact for a
 * single point. So respacing, to any of the T times, keeps these laws. */
static void each_variance_is_exact_for_its_own_data(void **state) {
  (void)state;
  const law normal = {.mu = {0, 0}, .s = {1, 0, 1}}, point = {.mu = {0.7, -2}, .s = {0, 0, 0}};
  static const int64_t counts[] = {2, 3, 7, 11, 20, 50, 333, 999, 1000};
  dsm_process *p = ddpm_of(1000);
  dsm_sampler_settings settings = settings_default();
  settings.variance = DSM_VARIANCE_LARGE;
  settings.denoise = false; /* which leaves the noise of the first time in: N(0, I) itself */
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    double t[1001];
    assert_int_equal(dsm_sampler_times(p, &settings, counts[c], t), DSM_OK);
    const law drawn = law_of_samples(p, &normal, DSM_SAMPLER_ANCESTRAL, &settings, counts[c]);
    assert_close(drawn.s[0], 1, 1e-11, 0);
    assert_close(drawn.s[2], 1, 1e-11, 0);
    law x = normal, y = normal; /* y: starts from the marginal of the point */
    y.mu[0] = dsm_process_alpha(p, t[0]) * point.mu[0];
    y.mu[1] = dsm_process_alpha(p, t[0]) * point.mu[1];
    y.s[0] = y.s[2] = pow(dsm_process_sigma(p, t[0]), 2);
    for (int64_t k = 0; k + 1 < counts[c]; k++) {
      double alpha = dsm_process_alpha(p, t[k]), sigma = dsm_process_sigma(p, t[k]);
      dsm_posterior q = dsm_process_posterior(p, t[k + 1], t[k]);
      factors f = {.x_t = q.x_t_factor, .x0 = q.x0_factor};
      f.noise = sqrt(q.large);
      law_after_step(&x, &normal, alpha, sigma, f);
      assert_close(x.s[0], 1, 1e-11, 0);
      f.noise = sqrt(q.small);
      law_after_step(&y, &point, alpha, sigma, f);
      assert_close(y.s[2], pow(dsm_process_sigma(p, t[k + 1]), 2), 1e-9, 0);
      assert_close(y.mu[1], dsm_process_alpha(p, t[k + 1]) * point.mu[1], 1e-9, 0);
    }
  }
  dsm_process_destroy(&p);
}

/* A denoiser whose variance is the small one in even and the large one in odd elements. */
static void alternating_variance(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  dsm_denoiser plain = exact_denoiser(self);
  plain.estimate(plain.self, x, t, estimate);
  for (int i = 0; estimate->variance && i < N * D; i++) estimate->variance[i] = (float)(i % 2);
}

static void a_learned_variance_lies_where_the_network_says(void **state) {
  (void)state;
  static float learned[N * D], small[N * D], large[N * D];
  const law uncorrelated = {.mu = {1, -0.5}, .s = {1.2, 0, 0.6}}; /* else the axes feel each other's noise */
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 50);
    exact e = {.process = p, .data = uncorrelated, .samples = N, .points = POINTS};
    dsm_denoiser denoiser = {.self = &e, .learns_variance = true, .estimate = alternating_variance};
    dsm_sampler_settings settings = settings_default();
    dsm_sampling s = {
        .process = p, .denoiser = &denoiser, .settings = &settings, .n = N, .d = D, .seed = 1, .steps = 12};
    static const int variances[] = {DSM_VARIANCE_LEARNED, DSM_VARIANCE_SMALL, DSM_VARIANCE_LARGE};
    float *const drawn[] = {learned, small, large};
    for (int i = 0; i < 3; i++) {
      settings.variance = variances[i];
      if (!refusal(DSM_SAMPLER_ANCESTRAL, &s))
        assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_ANCESTRAL), &s, drawn[i]), DSM_OK);
    }
    for (int i = 0; i < N * D && name != DSM_PROCESS_SINGLE;
         i++) /* exp of half a logarithm and a root differ in the last bits */
      assert_close((double)learned[i], (double)(i % 2 ? large[i] : small[i]), 1e-5, 1e-5);
    dsm_process_destroy(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_follow_the_closed_form),
      cmocka_unit_test(all_times_of_ddpm_follow_the_closed_form),
      cmocka_unit_test(adaptive_steps_and_norms_end_at_the_law_of_the_data),
      cmocka_unit_test(long_chains_end_at_the_law_of_the_data),
      cmocka_unit_test(each_variance_is_exact_for_its_own_data),
      cmocka_unit_test(a_learned_variance_lies_where_the_network_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
