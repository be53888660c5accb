/* Langevin dynamics where its stationary law is known. With data N(0, I) every marginal of vp is N(0, I). */
#include "mixture.h"
#include "dsmpi/random.h"

static const law normal = {.mu = {0, 0}, .s = {1, 0, 1}};
enum { N = 20, D = 1000, VALUES = N * D };

static double variance_of(const float *x, size_t n) {
  double sum = 0, square = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i], square += (double)x[i] * (double)x[i];
  return (square - sum * sum / (double)n) / (double)(n - 1);
}

/* Variance after many steps, which have long forgotten the start. */
static double stationary_variance(const dsm_sampler_settings *settings) {
  static float x[VALUES];
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  exact e = {.process = p, .data = normal, .samples = N, .points = VALUES / 2};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampling s = {
      .process = p, .denoiser = &denoiser, .settings = settings, .n = N, .d = D, .seed = 4, .steps = 60};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_LANGEVIN), &s, x), DSM_OK);
  dsm_process_destroy(&p);
  return variance_of(x, VALUES);
}

/* x' = (1 - tau) x + sqrt(2 tau) z: variance 2 tau / (1 - (1 - tau)^2) = 1 / (1 - tau / 2) */
static void the_stationary_variance_is_one_over_one_minus_half_tau(void **state) {
  (void)state;
  static const double taus[] = {0.5, 0.2, 1};
  double off = 0;
  for (int i = 0; i < 3; i++) {
    dsm_sampler_settings settings = settings_default();
    settings.denoise = false;
    settings.langevin_time = 0.5;
    settings.langevin_step = taus[i];
    off = worst_of(off, fabs(stationary_variance(&settings) * (1 - taus[i] / 2) - 1));
    settings.step_convention = DSM_STEP_HALF; /* the same number now means half the step */
    off = worst_of(off, fabs(stationary_variance(&settings) * (1 - taus[i] / 4) - 1));
  }
  claim_below(0, off / sqrt(2.0 / VALUES), 4.5, "langevin: its stationary variance [errors]");
}

/* Annealed: three levels from 2 to 1, many steps at each. At the last one, where x ~ N(0, V), V = 1 + sigma^2, the same with tau / V
 * for tau: V / (1 - tau / (2 V)). */
static void the_last_level_of_annealed_langevin_has_that_variance_too(void **state) {
  (void)state;
  static float x[VALUES];
  dsm_config config = config_of(DSM_PROCESS_SMLD, 0, 3);
  config.process.sigma_min = 1;
  config.process.sigma_max = 2;
  dsm_process *p = NULL;
  assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
  exact e = {.process = p, .data = normal, .samples = N, .points = VALUES / 2};
  dsm_denoiser denoiser = exact_denoiser(&e);
  static const double taus[] = {0.2, 0.8};
  double off = 0;
  for (int i = 0; i < 2; i++) {
    dsm_sampler_settings settings = settings_default();
    settings.denoise = false;
    settings.langevin_step = taus[i];
    settings.langevin_steps = 60;
    const dsm_sampling s = {
        .process = p, .denoiser = &denoiser, .settings = &settings, .n = N, .d = D, .seed = 4, .steps = 3};
    assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_ANNEALED_LANGEVIN), &s, x), DSM_OK);
    off = worst_of(off, fabs(variance_of(x, VALUES) * (1 - taus[i] / 4) / 2 - 1));
  }
  claim_below(0, off / sqrt(2.0 / VALUES), 4.5, "annealed_langevin: its last variance [errors]");
  dsm_process_destroy(&p);
}

/* The corrector's step is 2 r^2 |z|^2 / |s|^2 = 2 r^2 / V for many elements of variance V, s = -x: so
 * V = 1 / (1 - r^2 / V), which is V = 1 + r^2: the marginal, but for that bias. */
static bool stop_after(void *context, int64_t done, int64_t all) {
  (void)all;
  return done < *(int64_t *)context;
}

static void the_corrector_alone_keeps_the_marginal_up_to_its_bias(void **state) {
  (void)state;
  static float x[VALUES];
  static const double snrs[] = {0.16, 0.4};
  double off = 0;
  for (int i = 0; i < 2; i++) {
    dsm_process *p = process_of(DSM_PROCESS_VE, 0, 0);
    exact e = {.process = p, .data = normal, .samples = N, .points = VALUES / 2};
    dsm_denoiser denoiser = exact_denoiser(&e);
    dsm_sampler_settings settings = settings_default();
    int64_t corrections = 300;
    settings.snr = snrs[i];
    settings.corrector_steps = 1000;
    dsm_sampling s = {.process = p,
                      .denoiser = &denoiser,
                      .settings = &settings,
                      .n = N,
                      .d = D,
                      .steps = 2,
                      .progress = stop_after,
                      .context = &corrections};
    assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_PREDICTOR_CORRECTOR), &s, x), DSM_STOPPED);
    dsm_trail_clear();
    double marginal = 1 + pow(dsm_process_prior_std(p), 2), bias = 1 + snrs[i] * snrs[i];
    off = worst_of(off, fabs(variance_of(x, VALUES) / marginal / bias - 1));
    dsm_process_destroy(&p);
  }
  /* norms of D elements vary by 1/sqrt(2 D) */
  claim_below(0, off, 4.5 * sqrt(2.0 / VALUES) + 3.0 / D, "corrector: keeps the marginal [relative]");
}

/* ---- Metropolis ---------------------------------------------------------------------------------------- */

enum { POINTS = 6000 };

static const mixture parts = {.weight = {0.4, 0.35, 0.25},
                              .mean = {{-0.7, 0.3}, {0.6, 0.5}, {0.3, -0.8}},
                              .s = {0.6, 0.5, 0.55},
                              .samples = POINTS,
                              .each = 1};

/* Samples of the marginal at time t, which is where the dynamics should stay. */
static void sample_marginal(const mixture *m, double t, float *x) {
  const double alpha = dsm_process_alpha(m->process, t), sigma = dsm_process_sigma(m->process, t);
  for (size_t i = 0; i < m->samples; i++) {
    float z[2], u;
    dsm_random_uniform((dsm_random_key){8, DSM_STREAM_DATA, 0, i}, 0, 1, &u);
    dsm_random_normal((dsm_random_key){8, DSM_STREAM_DATA, 1, i}, 0, 2, z);
    int k = (double)u < m->weight[0] ? 0 : (double)u < m->weight[0] + m->weight[1] ? 1 : 2;
    double std = hypot(alpha * m->s[k], sigma);
    for (int j = 0; j < 2; j++) x[2 * i + (size_t)j] = (float)(alpha * m->mean[k][j] + std * (double)z[j]);
  }
}

/* Mean energy and mean square of a point: the energy feels what small step errors do to the whole law. */
typedef struct moments {
  double square, energy, square_error, energy_error;
} moments;

static moments moments_of(const mixture *m, double t, const float *x) {
  static double energy[POINTS], times[POINTS];
  double sum[4] = {0};
  mixture copy = *m;
  dsm_denoiser denoiser = mixture_denoiser(&copy);
  for (int i = 0; i < POINTS; i++) times[i] = t;
  denoiser.energy(denoiser.self, x, times, energy);
  for (int i = 0; i < POINTS; i++) {
    double square = (double)x[2 * i] * (double)x[2 * i] + (double)x[2 * i + 1] * (double)x[2 * i + 1];
    sum[0] += square / POINTS;
    sum[1] += energy[i] / POINTS;
    sum[2] += square * square / POINTS;
    sum[3] += energy[i] * energy[i] / POINTS;
  }
  return (moments){sum[0], sum[1], sqrt((sum[2] - sum[0] * sum[0]) / POINTS),
                   sqrt((sum[3] - sum[1] * sum[1]) / POINTS)};
}

static void metropolis_removes_the_bias_of_the_step(void **state) {
  (void)state;
  static float x[2 * POINTS], start[2 * POINTS];
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  mixture m = parts;
  m.process = p;
  const double t = 0.2;
  sample_marginal(&m, t, start);
  moments truth = moments_of(&m, t, start);
  dsm_denoiser denoiser = mixture_denoiser(&m);
  dsm_sampling_moves moves = {0};
  int64_t evaluations = 0;
  dsm_sampler_settings settings = settings_default();
  settings.denoise = false;
  settings.langevin_time = t;
  settings.langevin_step = 0.45; /* p_t has variances of 0.5 to 0.6: a long step */
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &settings,
                    .n = POINTS,
                    .d = 2,
                    .seed = 6,
                    .steps = 80,
                    .evaluations = &evaluations,
                    .moves = &moves};
  const dsm_sampler *langevin = dsm_sampler_of(DSM_SAMPLER_LANGEVIN);

  memcpy(x, start, sizeof x);
  assert_int_equal(langevin->run(&s, x), DSM_OK);
  moments plain = moments_of(&m, t, x);
  assert_true(plain.square > truth.square + 10 * truth.square_error);
  assert_int_equal(moves.proposed, 0);

  settings.metropolis = true;
  evaluations = 0;
  assert_null(refusal(DSM_SAMPLER_LANGEVIN, &s));
  assert_int_equal(dsm_sampler_draw(langevin, &s, x), DSM_OK); /* from the prior, not from the answer */
  moments corrected = moments_of(&m, t, x);
  print_message("mean square %.4f, plain %.4f, Metropolis %.4f; energy %.4f, %.4f, %.4f; accepted %.3f\n",
                truth.square, plain.square, corrected.square, truth.energy, plain.energy, corrected.energy,
                (double)moves.accepted / (double)moves.proposed);
  /* both sides are samples */
  claim_below(0,
              worst_of(fabs(corrected.square - truth.square) / truth.square_error,
                       fabs(corrected.energy - truth.energy) / truth.energy_error) /
                  sqrt(2),
              4.5, "Metropolis: energy of the true law [errors]");
  assert_int_equal(moves.proposed, 80 * POINTS);
  assert_true(moves.accepted > moves.proposed / 3 && moves.accepted < moves.proposed);
  assert_int_equal(evaluations, 2 * 81);
  assert_int_equal(evaluations, dsm_sampler_evaluations(langevin, &s));
  dsm_process_destroy(&p);
}

/* Target N(0, I) in the plane, y = (1 - tau) x + sqrt(2 tau) z: ln a = (|x|^2 - |y|^2) tau / 4, and by detailed balance the share
 * that is accepted is twice that of |y| < |x|. On each axis x^2 - y^2 has the eigenvalues (-tau^2 +- sqrt(tau^4 + 8 tau)) / 2; two
 * axes make exponentials of them, so the share is
 *   1 - tau^(3/2) / sqrt(8 + tau^3). */
static void metropolis_accepts_the_share_of_the_closed_form(void **state) {
  (void)state;
  static float x[2 * POINTS];
  static const double taus[] = {0.3, 0.8, 1.5};
  double off = 0;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  mixture m = {.process = p,
               .weight = {0.5, 0.25, 0.25}, /* three times the same part */
               .s = {1, 1, 1},
               .samples = POINTS,
               .each = 1};
  dsm_denoiser denoiser = mixture_denoiser(&m);
  for (int i = 0; i < 3; i++) {
    dsm_sampling_moves moves = {0};
    dsm_sampler_settings settings = settings_default();
    settings.denoise = false;
    settings.metropolis = true;
    settings.langevin_time = 0.3;
    settings.langevin_step = taus[i];
    const dsm_sampling s = {.process = p,
                            .denoiser = &denoiser,
                            .settings = &settings,
                            .n = POINTS,
                            .d = 2,
                            .seed = 8,
                            .steps = 40,
                            .moves = &moves};
    assert_int_equal(dsm_sampler_draw(dsm_sampler_of(DSM_SAMPLER_LANGEVIN), &s, x), DSM_OK);
    const double share = (double)moves.accepted / (double)moves.proposed, tau = taus[i];
    print_message("tau %.1f: accepted %.4f\n", tau, share);
    off = worst_of(off, fabs(share - (1 - pow(tau, 1.5) / sqrt(8 + tau * tau * tau))));
    assert_close(variance_of(x, 2 * POINTS), 1, 4.5 * sqrt(2.0 / (2 * POINTS)), 0);
  }
  /* 240,000 moves, of which some tens depend on each other: 0.001 times a few */
  claim_below(0, off, 0.006, "Metropolis: share accepted - closed form");
  dsm_process_destroy(&p);
}

/* A proposal is judged by its own energy alone: cutting the block changes nothing. */
static void metropolis_does_not_depend_on_how_blocks_are_cut(void **state) {
  (void)state;
  enum { FEW = 8 };
  float whole[2 * FEW], parts_of_it[2 * FEW];
  dsm_process *p = process_of(DSM_PROCESS_VE, 0, 0);
  static const int samplers[] = {DSM_SAMPLER_LANGEVIN, DSM_SAMPLER_ANNEALED_LANGEVIN};
  for (int k = 0; k < 2; k++) {
    dsm_sampler_settings settings = settings_default();
    settings.metropolis = true;
    settings.langevin_steps = 5;
    mixture m = parts;
    m.process = p;
    dsm_denoiser denoiser = mixture_denoiser(&m);
    dsm_sampling s = {
        .process = p, .denoiser = &denoiser, .settings = &settings, .d = 2, .seed = 2, .steps = 20};
    const dsm_sampler *sampler = dsm_sampler_of(samplers[k]);
    s.n = m.samples = FEW;
    assert_int_equal(dsm_sampler_draw(sampler, &s, whole), DSM_OK);
    s.n = m.samples = 2;
    for (size_t i = 0; i < FEW; i += 2) {
      s.first = i;
      assert_int_equal(dsm_sampler_draw(sampler, &s, parts_of_it + 2 * i), DSM_OK);
    }
    assert_memory_equal(whole, parts_of_it, sizeof whole);
  }
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_stationary_variance_is_one_over_one_minus_half_tau),
      cmocka_unit_test(the_last_level_of_annealed_langevin_has_that_variance_too),
      cmocka_unit_test(the_corrector_alone_keeps_the_marginal_up_to_its_bias),
      cmocka_unit_test(metropolis_removes_the_bias_of_the_step),
      cmocka_unit_test(metropolis_accepts_the_share_of_the_closed_form),
      cmocka_unit_test(metropolis_does_not_depend_on_how_blocks_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
