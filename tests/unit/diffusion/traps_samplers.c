/* Mistakes of published samplers, one test each, so that none of them comes in here. */
#include "gaussian.h"

static const law data = {.mu = {1.0, -0.5}, .s = {1.2, 0.5, 0.6}};
enum { N = 6, D = 10 };

/* ---- 1: the step of Langevin dynamics differs by a factor 2 between papers and code ---------------------- */

static void langevin(const dsm_process *p, int sampler, double step, int convention, float *x) {
  exact e = {.process = p, .data = data, .samples = N, .points = N * D / 2};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampler_settings settings = settings_default();
  settings.langevin_step = step;
  settings.step_convention = convention;
  settings.langevin_steps = 3;
  dsm_sampling s = {.process = p, .denoiser = &denoiser, .settings = &settings, .n = N, .d = D, .steps = 8};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
}

static void trap_1_a_step_of_half_eta_is_tau(void **state) {
  (void)state;
  static const int samplers[] = {DSM_SAMPLER_LANGEVIN, DSM_SAMPLER_ANNEALED_LANGEVIN};
  float tau[N * D], half[N * D], same_number[N * D];
  for (int i = 0; i < 2; i++) {
    dsm_process *p = process_of(DSM_PROCESS_VE, 0, 0);
    langevin(p, samplers[i], 2e-5, DSM_STEP_TAU, tau);
    langevin(p, samplers[i], 4e-5, DSM_STEP_HALF, half);
    langevin(p, samplers[i], 2e-5, DSM_STEP_HALF, same_number);
    assert_memory_equal(tau, half, sizeof tau);
    assert_memory_not_equal(tau, same_number, sizeof tau);
    dsm_process_destroy(&p);
  }
}

/* ---- 2, 3: norms and error control over the batch -------------------------------------------------------- */

/* The exact score, but sample 0 is of a kind of its own: its values are `factor` times as large. */
typedef struct odd_one {
  exact e;
  float factor;
} odd_one;

static void odd_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  odd_one *o = self;
  dsm_denoiser plain = exact_denoiser(&o->e);
  plain.estimate(plain.self, x, t, estimate);
  for (int j = 0; j < D; j++) {
    estimate->eps[j] *= o->factor;
    estimate->x0[j] *= o->factor;
  }
}

static void draw_with_neighbour(int sampler, float factor, float *x, int32_t *needed) {
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  odd_one o = {.e = {.process = p, .data = data, .samples = N, .points = N * D / 2}, .factor = factor};
  dsm_denoiser denoiser = {.self = &o, .estimate = odd_estimate};
  dsm_sampler_settings settings = settings_default();
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &settings,
                    .n = N,
                    .d = D,
                    .steps = dsm_sampler_of(sampler)->adaptive ? 5000 : 20,
                    .needed = needed};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
  dsm_process_destroy(&p);
}

static void neighbours_do_not_matter(int sampler) {
  float plain[N * D], odd[N * D];
  int32_t needed[N], needed_odd[N];
  draw_with_neighbour(sampler, 1, plain, needed);
  draw_with_neighbour(sampler, 4, odd, needed_odd);
  assert_memory_not_equal(plain, odd, D * sizeof *plain);
  assert_memory_equal(plain + D, odd + D, (N - 1) * D * sizeof *plain);
  assert_memory_equal(needed + 1, needed_odd + 1, (N - 1) * sizeof *needed);
  if (dsm_sampler_of(sampler)->adaptive) assert_true(needed_odd[0] != needed[0]);
}

static void trap_2_the_corrector_takes_no_norms_over_the_batch(void **state) {
  (void)state;
  neighbours_do_not_matter(DSM_SAMPLER_PREDICTOR_CORRECTOR);
}

static void trap_3_the_adaptive_solver_does_not_couple_the_batch(void **state) {
  (void)state;
  neighbours_do_not_matter(DSM_SAMPLER_ODE);
}

/* ---- 6: a root or an exponential too many on the variance ------------------------------------------------- */

static void all_at_zero(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  (void)self;
  (void)x;
  (void)t;
  memset(estimate->x0, 0, sizeof(float) * N * 1000);
  memset(estimate->eps, 0, sizeof(float) * N * 1000);
}

static bool stop_after_one(void *context, int64_t done, int64_t all) {
  (void)context;
  (void)done;
  (void)all;
  return false;
}

static void trap_6_the_noise_of_an_ancestral_step_has_the_variance_beta(void **state) {
  (void)state;
  enum { MANY = N * 1000 };
  static float x[MANY];
  dsm_process *p = ddpm_of(1000);
  static const int variances[] = {DSM_VARIANCE_LARGE, DSM_VARIANCE_SMALL};
  for (int i = 0; i < 2; i++) {
    dsm_sampler_settings settings = settings_default();
    settings.variance = variances[i];
    dsm_denoiser denoiser = {.estimate = all_at_zero};
    dsm_sampling s = {.process = p,
                      .denoiser = &denoiser,
                      .settings = &settings,
                      .n = N,
                      .d = 1000,
                      .steps = 1000,
                      .progress = stop_after_one};
    memset(x, 0, sizeof x);
    assert_int_equal(dsm_sampler_of(DSM_SAMPLER_ANCESTRAL)->run(&s, x), DSM_STOPPED);
    dsm_trail_clear();
    double square = 0, beta = 0.02, before = pow(dsm_process_alpha(p, 999), 2),
           after = pow(dsm_process_alpha(p, 1000), 2);
    double expected = i == 0 ? beta : beta * (1 - before) / (1 - after);
    for (int j = 0; j < MANY; j++) square += (double)x[j] * (double)x[j] / MANY; /* NAN shows too */
    assert_close(square, expected, 4.5 * sqrt(2.0 / MANY), 0);
  }
  dsm_process_destroy(&p);
}

/* ---- 7: a conversion that sees the first three channels only --------------------------------------------- */

/* All elements of a sample start equal and have the same law: a deterministic sampler keeps them equal. */
static void isotropic(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  const dsm_process *p = self;
  for (int i = 0; i < N; i++) {
    double alpha = dsm_process_alpha(p, t[i]), sigma = dsm_process_sigma(p, t[i]);
    for (int j = i * D; j < (i + 1) * D; j++) {
      double eps = sigma / (alpha * alpha * 0.3 + sigma * sigma) * ((double)x[j] - alpha * 2);
      estimate->eps[j] = (float)eps;
      estimate->x0[j] = (float)(((double)x[j] - sigma * eps) / alpha);
    }
  }
}

static void trap_7_all_channels_are_treated_alike(void **state) {
  (void)state;
  static const int samplers[] = {DSM_SAMPLER_DDIM, DSM_SAMPLER_EULER, DSM_SAMPLER_HEUN, DSM_SAMPLER_DPMPP_2M,
                                 DSM_SAMPLER_ODE};
  static const double low[D] = {-9, -9, -9, -9, -9, -9, -9, -9, -9, -9},
                      high[D] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  for (size_t k = 0; k < sizeof samplers / sizeof *samplers; k++) {
    float x[N * D];
    dsm_denoiser denoiser = {.self = p, .estimate = isotropic};
    dsm_sampler_settings settings = settings_default();
    dsm_sampling s = {.process = p,
                      .denoiser = &denoiser,
                      .settings = &settings,
                      .n = N,
                      .d = D,
                      .steps = 400,
                      .clip_low = low,
                      .clip_high = high,
                      .channels = D};
    for (int j = 0; j < N * D; j++) x[j] = (float)(j / D) - 2; /* sample i starts at i - 2 */
    assert_int_equal(dsm_sampler_of(samplers[k])->run(&s, x), DSM_OK);
    for (int j = 0; j < N * D; j++) assert_true(x[j] == x[j / D * D]);
    assert_true(x[0] < x[D]);
    dsm_trail_clear();
  }
  dsm_process_destroy(&p);
}

/* ---- 24: h is infinite in the last step of DPM-Solver++ --------------------------------------------------- */

/* Keeps the estimate it gave last. */
typedef struct last_one {
  exact e;
  float x0[N * D];
} last_one;

static void remember(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  last_one *l = self;
  dsm_denoiser plain = exact_denoiser(&l->e);
  plain.estimate(plain.self, x, t, estimate);
  memcpy(l->x0, estimate->x0, sizeof l->x0);
}

static void trap_24_the_step_to_the_data_is_the_estimate_itself(void **state) {
  (void)state;
  static const int samplers[] = {DSM_SAMPLER_DPMPP_2M, DSM_SAMPLER_DPMPP_2M_SDE};
  static const int64_t counts[] = {1, 2, 3, 20};
  for (int name = 0; name < PROCESSES; name++)
    for (int k = 0; k < 2; k++)
      for (int c = 0; c < 4; c++) {
        dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
        float x[N * D];
        last_one l = {.e = {.process = p, .data = data, .samples = N, .points = N * D / 2}};
        dsm_denoiser denoiser = {.self = &l, .estimate = remember};
        dsm_sampler_settings settings = settings_default();
        dsm_sampling s = {
            .process = p, .denoiser = &denoiser, .settings = &settings, .n = N, .d = D, .steps = counts[c]};
        if (!refusal(samplers[k], &s)) {
          assert_int_equal(dsm_sampler_draw(dsm_sampler_of(samplers[k]), &s, x), DSM_OK);
          assert_memory_equal(x, l.x0, sizeof x);
          for (int j = 0; j < N * D; j++) assert_true(isfinite(x[j]));
        }
        dsm_process_destroy(&p);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trap_1_a_step_of_half_eta_is_tau),
      cmocka_unit_test(trap_2_the_corrector_takes_no_norms_over_the_batch),
      cmocka_unit_test(trap_3_the_adaptive_solver_does_not_couple_the_batch),
      cmocka_unit_test(trap_6_the_noise_of_an_ancestral_step_has_the_variance_beta),
      cmocka_unit_test(trap_7_all_channels_are_treated_alike),
      cmocka_unit_test(trap_24_the_step_to_the_data_is_the_estimate_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
