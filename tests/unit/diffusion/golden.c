/* Numbers and formulas of the papers and programs that the methods come from, where no other test has them: the four columns
 * of preconditionings of Karras et al. 2022 (arXiv:2206.00364, table 1), the steps of Ho et al. 2020 (arXiv:2006.11239) and of
 * the ladder, the first step of NCSNv2. The values are from 30-digit arithmetic on the published formulas. */
#include "check.h"

#include "diffusion/prediction.h"

/* D(x) = c_skip x + c_out F(c_in x; c_noise), x = x_t / alpha of noise level s, with a weight on |D - x0|^2; the label that the
 * network is shown is c_noise or a line in it. */
typedef struct column {
  double c_skip, c_out, c_in, weight, label;
} column;

static column column_of(const dsm_objective_settings *settings, const dsm_process *p, double level) {
  const double t = dsm_process_time_of(p, level), alpha = dsm_process_alpha(p, t);
  const dsm_reading r = dsm_prediction_reading(settings, p, t);
  assert_close(dsm_process_sigma(p, t) / alpha, level, 1e-11, 0);
  return (column){.c_skip = r.x0_x * alpha,
                  .c_out = r.x0_f,
                  .c_in = r.input * alpha,
                  .weight =
                      dsm_weighting_value(settings, p, t, 1) / (level * level), /* |eps|^2 = |x0|^2 / s^2 */
                  .label = dsm_process_label(p, t)};
}

/* Column VP: beta_d 19.9, beta_min 0.1; c_noise = 999 t(s), t the inverse of s = sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1). */
static void vp_preconditioning_has_the_published_values(void **state) {
  (void)state;
  static const struct {
    double level, c_in, c_noise;
  } rows[] = {
      {0.002, 0.9999980000060001, 0.03980213341601483},
      {1, 0.7071067811865476, 258.7013021703638},
      {80, 0.01249902355192602, 932.5776320974633},
  };
  dsm_process *p = process_named(DSM_PROCESS_VP);
  const dsm_objective_settings settings = objective_of(DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const column c = column_of(&settings, p, rows[i].level);
    assert_close(c.c_skip, 1, 1e-14, 0);
    assert_close(c.c_out, -rows[i].level, 1e-11, 0);
    assert_close(c.c_in, rows[i].c_in, 1e-11, 0);
    assert_close(c.weight, 1 / (rows[i].level * rows[i].level), 1e-14, 0);
    assert_close(c.label, rows[i].c_noise, 1e-11, 0);
  }
  /* sigma / alpha at the end, and where it is 80: methods of Karras et al., code of their losses */
  assert_close(dsm_process_sigma(p, 1) / dsm_process_alpha(p, 1), 152.16697028394637, 1e-11, 0);
  assert_close(dsm_process_time_of(p, 80), 0.9335111432407039, 1e-11, 0);
  dsm_process_destroy(&p);
}

/* Column VE: c_noise = ln(s / 2), levels drawn log-uniformly from 0.02 to 100, which is uniform time. The published c_in is 1;
 * here the input of every network is brought to unit size. */
static void ve_preconditioning_has_the_published_values(void **state) {
  (void)state;
  static const double levels[] = {0.03, 1, 80};
  dsm_config config = config_of(DSM_PROCESS_VE, 0, 0);
  config.process.sigma_min = 0.02;
  config.process.sigma_max = 100;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  const dsm_objective_settings settings = objective_of(DSM_PREDICT_SCORE, DSM_WEIGHT_SIMPLE);
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
    const double s = levels[i];
    const column c = column_of(&settings, p, s);
    assert_close(c.c_skip, 1, 1e-14, 0);
    assert_close(c.c_out, s, 1e-11, 0);
    assert_close(c.c_in, 1 / sqrt(1 + s * s), 1e-11, 0);
    assert_close(c.weight, 1 / (s * s), 1e-14, 0);
    const double c_noise = log(0.02 / 2) + c.label / 999 * log(100 / 0.02);
    assert_close(c_noise, log(s / 2), 1e-10, 1e-10);
    /* a share u of the draws lies below the level 0.02 (100 / 0.02)^u */
    assert_close(dsm_process_time_of(p, s), log(s / 0.02) / log(100 / 0.02), 1e-11, 0);
  }
  dsm_process_destroy(&p);
}

/* Column iDDPM: M = 1000 levels u_j, falling, u_{j-1} = sqrt((u_j^2 + 1) / max(a_{j-1} / a_j, 0.001) - 1), a_j = sin^2(pi/2 j /
 * (M 1.008)), u_M = 0; c_noise = M - 1 - j. That is ddpm with the cosine schedule, t = M - j. */
static void iddpm_preconditioning_has_the_published_values(void **state) {
  (void)state;
  static const struct {
    int j;
    double level;
  } rows[] = {{0, 20291.1696100215},
              {1, 641.662345118256},
              {250, 2.43543568420374},
              {500, 1.012389563948},
              {999, 0.00642541277112717}};
  dsm_process *p = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 1000);
  const dsm_objective_settings settings = objective_of(DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const double s = rows[i].level;
    const column c = column_of(&settings, p, s);
    assert_close(c.c_skip, 1, 1e-14, 0);
    assert_close(c.c_out, -s, 1e-10, 0);
    assert_close(c.c_in, 1 / sqrt(1 + s * s), 1e-10, 0);
    assert_close(c.weight, 1 / (s * s), 1e-10, 0);
    assert_true(c.label == 1000 - 1 - rows[i].j);
  }
  dsm_process_destroy(&p);
}

/* The ancestral step written with eps and with the score, and the step of a ladder:
 *   ddpm  (x - beta / sqrt(1 - abar) eps) / sqrt(1 - beta) = (x + beta s) / sqrt(1 - beta),  variances beta and beta-tilde
 *   smld  x + (sigma_t^2 - sigma_s^2) s,   variance sigma_s^2 (sigma_t^2 - sigma_s^2) / sigma_t^2 */
static void ancestral_steps_are_the_published_ones(void **state) {
  (void)state;
  const double x = 0.7, eps = -1.3;
  dsm_process *p = ddpm_of(1000);
  for (double t = 2; t <= 1000; t += 7) {
    const double beta = 1e-4 + (0.02 - 1e-4) * (t - 1) / 999, alpha = dsm_process_alpha(p, t),
                 sigma = dsm_process_sigma(p, t);
    const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
    const double x0 = (x - sigma * eps) / alpha, mean = q.x_t_factor * x + q.x0_factor * x0;
    assert_close(mean, (x - beta / sigma * eps) / sqrt(1 - beta), 1e-10, 0);
    assert_close(mean, (x + beta * -eps / sigma) / sqrt(1 - beta), 1e-10, 0);
  }
  dsm_process_destroy(&p);
  p = process_of(DSM_PROCESS_SMLD, 0, 10);
  for (double t = 2; t <= 10; t++) {
    const double s2 = pow(dsm_process_sigma(p, t - 1), 2), t2 = pow(dsm_process_sigma(p, t), 2);
    const dsm_posterior q = dsm_process_posterior(p, t - 1, t);
    const double x0 = x - sqrt(t2) * eps, mean = q.x_t_factor * x + q.x0_factor * x0;
    assert_close(mean, x + (t2 - s2) * -eps / sqrt(t2), 1e-12, 1e-12 * sqrt(t2));
    assert_close(q.small, s2 * (t2 - s2) / t2, 1e-12, 0);
  }
  dsm_process_destroy(&p);
}

/* ---- annealed Langevin ----------------------------------------------------------------------------------- */

enum { N = 10, D = 1000 };

static void no_score(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  (void)self, (void)x, (void)t;
  for (int j = 0; j < N * D; j++) estimate->x0[j] = estimate->eps[j] = 0;
}

static bool stop_at_once(void *context, int64_t done, int64_t all) {
  (void)context, (void)done;
  assert_int_equal(all, 232 * 5 + 1); /* the published 1160 evaluations, and that of the last denoising */
  return false;
}

/* NCSNv2 on CIFAR-10: 232 levels from 50 to 0.01, xi = 6.2e-6 at the lowest, 5 steps a level: the first step is xi (50 /
 * 0.01)^2 = 155 in the form x + tau s + sqrt(2 tau) z, so without a score x moves with the variance 310. */
static void the_first_step_of_ncsnv2_is_155(void **state) {
  (void)state;
  static float x[N * D];
  dsm_process *p = process_of(DSM_PROCESS_SMLD, 0, 232);
  dsm_denoiser denoiser = {.estimate = no_score};
  dsm_sampler_settings settings = settings_default();
  settings.langevin_step = 6.2e-6;
  settings.langevin_steps = 5;
  const dsm_sampling s = {.process = p,
                          .denoiser = &denoiser,
                          .settings = &settings,
                          .n = N,
                          .d = D,
                          .steps = 232,
                          .progress = stop_at_once};
  assert_int_equal(dsm_sampler_of(DSM_SAMPLER_ANNEALED_LANGEVIN)->run(&s, x), DSM_STOPPED);
  dsm_trail_clear();
  double square = 0;
  for (int j = 0; j < N * D; j++) square += (double)x[j] * (double)x[j] / (N * D);
  assert_close(square / 2, 155, 4.5 * sqrt(2.0 / (N * D)), 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vp_preconditioning_has_the_published_values),
      cmocka_unit_test(ve_preconditioning_has_the_published_values),
      cmocka_unit_test(iddpm_preconditioning_has_the_published_values),
      cmocka_unit_test(ancestral_steps_are_the_published_ones),
      cmocka_unit_test(the_first_step_of_ncsnv2_is_155),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
