/* Samples given what was seen: with the exact score of Gaussian data they must have the posterior law in closed form,
 * whatever the operator, the process and the sampler. */
#include "posterior.h"

#include "dsmpi/random.h"

enum { N = 1500 };
static const double noise_std = 0.3;

typedef struct walk {
  int process, sampler;
  int64_t steps;
  double eta, churn;
  double
      slack; /* how far the walk itself is from the law, in deviations: by its steps and by its last, E[x0 | x_t] */
} walk;

static void observe(size_t m, double *y, double *noise) {
  static const double once[D] = {0.4, -1.2, 1.5, 0.1, -0.7, 2.0, 0.9, -0.3};
  for (size_t j = 0; j < N * m; j++) {
    y[j] = once[j % m];
    noise[j] = noise_std;
  }
}

static void settings_of(const walk *w, dsm_sampler_settings *settings) {
  *settings = settings_default();
  settings->eta = w->eta;
  settings->churn = w->churn;
  settings->variance = DSM_VARIANCE_SMALL;
  settings->grid = DSM_GRID_LOG_SNR;
}

/* How far samples are from their law, in standard errors. */
static double distance_of_samples(const walk *w, int kind, int form, const normal *law, double data_std,
                                  bool holes) {
  static float x[N * D];
  static double y[N * D], noise[N * D];
  dsm_process *p = process_of(w->process, DSM_SCHEDULE_LINEAR, 1000);
  exact_normal prior = {.process = p, .law = *law, .n = N};
  const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
  dsm_operator *op = operator_of(kind);
  const size_t m = dsm_operator_rows(op);
  dsm_guidance_settings choice = dsm_guidance_defaults();
  choice.form = form;
  choice.data_std = data_std;
  choice.iterations = 2 * D;
  choice.limit = 1e3;
  dsm_guidance *g = NULL;
  assert_int_equal(dsm_guidance_create(&choice, p, op, &denoiser, N, &g), DSM_OK);
  observe(m, y, noise);
  for (size_t j = 0; holes && j < N * m; j++)
    if (j % m % 3 == 0) y[j] = NAN;
  dsm_guidance_observe(g, y, noise);
  const dsm_denoiser guided = dsm_guidance_denoiser(g);
  dsm_sampler_settings settings;
  settings_of(w, &settings);
  const dsm_sampling s = {
      .process = p, .denoiser = &guided, .settings = &settings, .n = N, .d = D, .seed = 3, .steps = w->steps};
  if (dsm_sampler_draw(dsm_sampler_of(w->sampler), &s, x) != DSM_OK) fail_msg("%s", dsm_trail());

  char what[128];
  snprintf(what, sizeof what, "%s, %s, operator %d, form %d", dsm_process_name_of(p),
           dsm_sampler_of(w->sampler)->name, kind, form);
  const normal expected = law_given(law, op, y, noise);
  const double far = normal_distance(x, N, &expected, w->slack, what);
  dsm_guidance_destroy(&g);
  dsm_operator_destroy(&op);
  dsm_process_destroy(&p);
  return far;
}

static const walk walks[] = {
    {DSM_PROCESS_DDPM, DSM_SAMPLER_ANCESTRAL, 120, 0, 0, 0.04},
    {DSM_PROCESS_VP, DSM_SAMPLER_DDIM, 60, 0, 0, 0.04},
    {DSM_PROCESS_EDM, DSM_SAMPLER_HEUN, 25, 0, 0, 0.03},
    {DSM_PROCESS_VE, DSM_SAMPLER_DPMPP_2M, 30, 0, 0, 0.03},
};

static void samples_have_the_law_given_what_was_seen(void **state) {
  (void)state;
  const normal law = correlated(D), round = isotropic(D, 0.8);
  double moments = 0, pigdm = 0;
  for (size_t i = 0; i < sizeof walks / sizeof *walks; i++)
    for (int kind = 0; kind < OPERATORS; kind++) {
      const bool holes = kind == DSM_OPERATOR_IDENTITY;
      moments = worst_of(moments, distance_of_samples(&walks[i], kind, DSM_GUIDANCE_MOMENTS, &law, 1, holes));
      pigdm = worst_of(pigdm, distance_of_samples(&walks[i], kind, DSM_GUIDANCE_PIGDM, &round, 0.8, holes));
    }
  claim_below(0, moments, NORMAL_ERRORS, "restoration: law given y, moments [errors]");
  claim_below(0, pigdm, NORMAL_ERRORS, "restoration: law given y, pigdm [errors]");
}

/* ---- 4: inpainting that mixes known values into the start and notes the mean after the noise --------------- */

typedef struct first_seen {
  dsm_denoiser inner;
  float x[N * D];
  int calls;
} first_seen;

static void remember_first(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  first_seen *f = self;
  if (f->calls++ == 0) memcpy(f->x, x, sizeof f->x);
  f->inner.estimate(f->inner.self, x, t, estimate);
}

/* The walk starts from the prior, the same whatever was seen, and all pixels, known ones too, end with the mean and
 * covariance of their posterior: known pixels are not overwritten by y, nor by y with noise. */
static void trap_4_inpainting_starts_from_the_prior_and_keeps_the_law(void **state) {
  (void)state;
  static first_seen seen;
  static float start[2][N * D], x[N * D];
  static double y[N * D], noise[N * D];
  const normal law = correlated(D);
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  dsm_operator *op = operator_of(DSM_OPERATOR_IDENTITY);
  for (int k = 0; k < 2; k++) {
    exact_normal prior = {.process = p, .law = law, .n = N};
    const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
    const dsm_guidance_settings choice = {DSM_GUIDANCE_MOMENTS, 1, 2 * D, 1e3};
    dsm_guidance *g = NULL;
    assert_int_equal(dsm_guidance_create(&choice, p, op, &denoiser, N, &g), DSM_OK);
    observe(D, y, noise);
    for (size_t j = 0; j < N * D; j++) y[j] = j % D < 4 ? y[j] + k : NAN;
    dsm_guidance_observe(g, y, noise);
    seen = (first_seen){.inner = dsm_guidance_denoiser(g)};
    const dsm_denoiser recording = {.self = &seen, .estimate = remember_first};
    dsm_sampler_settings settings = settings_default();
    settings.corrector = DSM_CORRECTOR_ANNEALED;
    settings.snr = 0.1;
    settings.grid = DSM_GRID_LOG_SNR;
    const dsm_sampling s = {
        .process = p, .denoiser = &recording, .settings = &settings, .n = N, .d = D, .seed = 5, .steps = 150};
    if (dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_PREDICTOR_CORRECTOR), &s, x) != DSM_OK)
      fail_msg("%s", dsm_trail());
    memcpy(start[k], seen.x, sizeof seen.x);
    const normal expected = law_given(&law, op, y, noise);
    assert_true(sqrt(expected.cov[0]) > 0.2 && sqrt(expected.cov[0]) < noise_std);
    assert_normal(x, N, &expected, 0.04, "known and unknown pixels");
    dsm_guidance_destroy(&g);
  }
  assert_memory_equal(start[0], start[1], sizeof start[0]);
  const normal of_start = isotropic(D, dsm_process_prior_std(p));
  for (size_t j = 0; j < N * D; j++) start[0][j] += (float)of_start.mean[j % D];
  assert_normal(start[0], N, &of_start, 0, "the start");
  dsm_operator_destroy(&op);
  dsm_process_destroy(&p);
}

/* ---- denoising: from noisy samples on, without guidance ---------------------------------------------------- */

static dsm_sampling continuing(const dsm_process *p, const dsm_denoiser *denoiser,
                               const dsm_sampler_settings *settings, int64_t steps, double t) {
  return (dsm_sampling){.process = p,
                        .denoiser = denoiser,
                        .settings = settings,
                        .n = N,
                        .d = D,
                        .seed = 9,
                        .steps = steps,
                        .start = t};
}

/* From one and the same x_t every sampler of the reverse SDE draws from p(x0 | x_t). */
static void samplers_go_on_from_noisy_samples(void **state) {
  (void)state;
  static const walk rows[] = {{DSM_PROCESS_DDPM, DSM_SAMPLER_ANCESTRAL, 150, 0, 0, 0.03},
                              {DSM_PROCESS_VP, DSM_SAMPLER_DDIM, 100, 1, 0, 0.03},
                              {DSM_PROCESS_VP, DSM_SAMPLER_EULER_MARUYAMA, 300, 0, 0, 0.05},
                              {DSM_PROCESS_SUBVP, DSM_SAMPLER_REVERSE_DIFFUSION, 300, 0, 0, 0.05},
                              {DSM_PROCESS_EDM, DSM_SAMPLER_DPMPP_2M_SDE, 100, 0, 0, 0.03},
                              {DSM_PROCESS_SMLD, DSM_SAMPLER_DDIM, 150, 1, 0, 0.03},
                              {DSM_PROCESS_FLOW, DSM_SAMPLER_DDIM, 100, 1, 0, 0.03}};
  static float x[N * D];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const normal law = correlated(D);
    dsm_process *p = process_of(rows[i].process, DSM_SCHEDULE_LINEAR, 1000);
    const double t = dsm_process_time_of(p, 0.6), alpha = dsm_process_alpha(p, t);
    exact_normal prior = {.process = p, .law = law, .n = N};
    const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
    dsm_sampler_settings settings;
    settings_of(&rows[i], &settings);
    const dsm_sampling s = continuing(p, &denoiser, &settings, rows[i].steps, t);
    const dsm_sampler *sampler = dsm_sampler_of(rows[i].sampler);
    assert_true(sampler->reverses && sampler->reverses(&s));
    for (size_t j = 0; j < N * D; j++) x[j] = (float)(alpha * (1.5 - 0.4 * (double)(j % D)));
    const normal expected = law_given_noisy(&law, alpha, dsm_process_sigma(p, t), x);
    if (dsm_sampler_continue(sampler, &s, x) != DSM_OK) fail_msg("%s", dsm_trail());
    char what[96];
    snprintf(what, sizeof what, "%s, %s", dsm_process_name_of(p), sampler->name);
    assert_normal(x, N, &expected, rows[i].slack, what);
    dsm_process_destroy(&p);
  }
}

/* From the law of x_t the others, whose steps are fixed by x_t, lead to the law of the data. */
static void deterministic_samplers_go_on_too(void **state) {
  (void)state;
  static const walk rows[] = {{DSM_PROCESS_VP, DSM_SAMPLER_ODE, 1000, 0, 0, 0.03},
                              {DSM_PROCESS_VP, DSM_SAMPLER_HEUN, 20, 0, 0, 0.03},
                              {DSM_PROCESS_EDM, DSM_SAMPLER_EULER, 200, 0, 0, 0.03},
                              {DSM_PROCESS_DDPM, DSM_SAMPLER_DPMPP_2M, 30, 0, 0, 0.03}};
  static float x[N * D];
  const double s0 = 0.7;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const normal law = isotropic(D, s0);
    dsm_process *p = process_of(rows[i].process, DSM_SCHEDULE_LINEAR, 1000);
    const double t = dsm_process_time_of(p, 0.6), alpha = dsm_process_alpha(p, t);
    exact_normal prior = {.process = p, .law = law, .n = N};
    const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
    dsm_sampler_settings settings;
    settings_of(&rows[i], &settings);
    const dsm_sampling s = continuing(p, &denoiser, &settings, rows[i].steps, t);
    const dsm_sampler *sampler = dsm_sampler_of(rows[i].sampler);
    assert_null(sampler->reverses);
    dsm_random_normal_rows((dsm_random_key){4, DSM_STREAM_DATA, 0, 0}, N, D, x);
    for (size_t j = 0; j < N * D; j++)
      x[j] = (float)(alpha * law.mean[j % D] + hypot(alpha * s0, dsm_process_sigma(p, t)) * (double)x[j]);
    if (dsm_sampler_continue(sampler, &s, x) != DSM_OK) fail_msg("%s", dsm_trail());
    char what[96];
    snprintf(what, sizeof what, "%s, %s", dsm_process_name_of(p), sampler->name);
    assert_normal(x, N, &law, rows[i].slack, what);
    dsm_process_destroy(&p);
  }
}

static void going_on_is_refused_where_it_has_no_meaning(void **state) {
  (void)state;
  static float x[N * D];
  dsm_process *p = ddpm_of(1000);
  exact_normal prior = {.process = p, .law = correlated(D), .n = N};
  const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
  dsm_sampler_settings settings = settings_default();
  dsm_sampling s = continuing(p, &denoiser, &settings, 10, 20.5);
  const dsm_sampler *ddim = dsm_sampler_of(DSM_SAMPLER_DDIM);
  assert_false(ddim->reverses(&s));
  assert_null(dsm_sampler_of(DSM_SAMPLER_DPMPP_2M)->reverses);
  assert_null(dsm_sampler_of(DSM_SAMPLER_ANNEALED_LANGEVIN)->reverses);
  assert_refused(dsm_sampler_continue(ddim, &s, x), "20.5");
  s.start = 1001;
  assert_refused(dsm_sampler_continue(ddim, &s, x), "1001");
  s.start = 9;
  assert_refused(dsm_sampler_continue(ddim, &s, x), "more than the 9 times");
  s.start = 200;
  assert_refused(dsm_sampler_continue(dsm_sampler_of(DSM_SAMPLER_LANGEVIN), &s, x), "noisy data");
  s.start = 10; /* all times below it */
  if (dsm_sampler_continue(ddim, &s, x) != DSM_OK) fail_msg("%s", dsm_trail());
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_have_the_law_given_what_was_seen),
      cmocka_unit_test(trap_4_inpainting_starts_from_the_prior_and_keeps_the_law),
      cmocka_unit_test(samplers_go_on_from_noisy_samples),
      cmocka_unit_test(deterministic_samplers_go_on_too),
      cmocka_unit_test(going_on_is_refused_where_it_has_no_meaning),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
