/* Every sampler on a process and data whose score is not linear: a mixture of three Gaussians. With steps fine
 * enough the samples have the shares, the means and the variances of the parts. */
#include "linear.h"
#include "mixture.h"

enum { N = 2000 };

static const mixture parts = {.weight = {0.5, 0.3, 0.2},
                              .mean = {{-1.2, 0.4}, {0.9, 1.1}, {0.8, -1.5}},
                              .s = {0.3, 0.2, 0.25},
                              .samples = N,
                              .each = 1};

/* How far shares, means and variances of the parts are off, beyond the slack, in standard errors: the largest. `slack`: error of
 * the method itself, in standard deviations of a part; 0.1 is far below what a lost noise
 * level or a wrong factor 2 would do. */
static double mixture_distance(const mixture *m, const float *x, double slack, const char *what) {
  double largest = 0;
  double count[PARTS] = {0}, mean[PARTS][2] = {{0}}, square[PARTS] = {0};
  for (int i = 0; i < N; i++) {
    int k = part_of(m, x + 2 * i);
    count[k]++;
    for (int j = 0; j < 2; j++) {
      double off = (double)x[2 * i + j] - m->mean[k][j];
      mean[k][j] += off;
      square[k] += off * off;
    }
  }
  for (int k = 0; k < PARTS; k++) {
    const double share = count[k] / N, w = m->weight[k], s = m->s[k], n = sqrt(count[k]);
    const double variance = square[k] / (2 * count[k]);
    const double off[] = {
        (fabs(share - w) - slack * w) / sqrt(w * (1 - w) / N), (fabs(mean[k][0] / count[k]) / s - slack) * n,
        (fabs(mean[k][1] / count[k]) / s - slack) * n, (fabs(variance / (s * s) - 1) - 2 * slack) * n};
    for (int i = 0; i < 4; i++) {
      if (!(off[i] <= LAW_ERRORS))
        print_error("%s: part %d: %s is %.1f standard errors off\n", what, k,
                    i == 0   ? "its share"
                    : i == 3 ? "its variance"
                             : "its mean",
                    off[i]);
      largest = worst_of(largest, off[i]);
    }
  }
  return largest;
}

static void draw(mixture *m, int sampler, const dsm_sampler_settings *settings, int64_t steps, float *x) {
  dsm_denoiser denoiser = mixture_denoiser(m);
  dsm_sampling s = {.process = m->process,
                    .denoiser = &denoiser,
                    .settings = settings,
                    .n = m->samples,
                    .d = 2 * m->each,
                    .seed = 3,
                    .steps = steps};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
}

static void every_sampler_draws_the_mixture(void **state) {
  (void)state;
  static const struct {
    int sampler;
    int64_t steps;
    double slack;
  } rows[] = {
      {DSM_SAMPLER_ANCESTRAL, 150, 0.1},
      {DSM_SAMPLER_DDIM, 100, 0.1},
      {DSM_SAMPLER_ANNEALED_LANGEVIN, 50, 0.1},
      {DSM_SAMPLER_EULER_MARUYAMA, 200, 0.1},
      {DSM_SAMPLER_REVERSE_DIFFUSION, 150, 0.1},
      {DSM_SAMPLER_PREDICTOR_CORRECTOR, 100, 0.1},
      {DSM_SAMPLER_ODE, 1000, 0.05},
      {DSM_SAMPLER_EULER, 150, 0.1},
      {DSM_SAMPLER_HEUN, 60, 0.05},
      {DSM_SAMPLER_DPMPP_2M, 60, 0.05},
      {DSM_SAMPLER_DPMPP_2M_SDE, 60, 0.05},
  };
  static float x[2 * N];
  double far = 0;
  for (int name = 0; name < PROCESSES; name++) {
    dsm_config config = config_of(name, DSM_SCHEDULE_LINEAR, 200);
    config.process.sigma_max = 10; /* about the size of the data */
    dsm_process *p = NULL;
    assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
      char what[64];
      mixture m = parts;
      m.process = p;
      dsm_sampler_settings settings = settings_default();
      settings.variance = DSM_VARIANCE_SMALL;
      settings.langevin_steps = 10;
      settings.corrector = DSM_CORRECTOR_ANNEALED;
      settings.rtol = settings.atol = 1e-4;
      settings.churn = 4;
      settings.grid = name == DSM_PROCESS_FLOW ? DSM_GRID_QUADRATIC : DSM_GRID_LOG_SNR;
      dsm_sampling s = {.process = p, .settings = &settings, .steps = rows[r].steps};
      if (refusal(rows[r].sampler, &s)) continue;
      snprintf(what, sizeof what, "%s on %s", dsm_sampler_of(rows[r].sampler)->name, dsm_process_name_of(p));
      draw(&m, rows[r].sampler, &settings, rows[r].steps, x);
      far = worst_of(far, mixture_distance(&m, x, rows[r].slack, what));
    }
    dsm_process_destroy(&p);
  }
  claim_below(0, far, LAW_ERRORS, "law of samples: all, of 3 Gaussians [errors]");
}

/* langevin stays at one level: there the samples have mean and covariance of the smoothed law, alpha mu and alpha^2 S + sigma^2.
 * A step of a twentieth of the level's size has a bias of 2 to 3 % (sampler_langevin.c). */
static void langevin_draws_the_mixture_at_its_level(void **state) {
  (void)state;
  static float x[2 * N];
  for (int name = 0; name < PROCESSES; name++) {
    char what[64];
    dsm_config config = config_of(name, DSM_SCHEDULE_LINEAR, 200);
    config.process.sigma_max = 10;
    dsm_process *p = NULL;
    assert_int_equal(dsm_process_create(&config, &p), DSM_OK);
    mixture m = parts;
    m.process = p;
    const double t = dsm_process_time_of(p, 0.8), alpha = dsm_process_alpha(p, t),
                 sigma = dsm_process_sigma(p, t);
    dsm_sampler_settings settings = settings_default();
    settings.langevin_time = t;
    settings.langevin_step = 0.05 * (alpha * alpha + sigma * sigma);
    settings.denoise = false;
    snprintf(what, sizeof what, "langevin on %s at time %g", dsm_process_name_of(p), t);
    draw(&m, DSM_SAMPLER_LANGEVIN, &settings, 400, x);
    law expected = law_of_mixture(&m);
    for (int j = 0; j < 2; j++) expected.mu[j] *= alpha;
    for (int j = 0; j < 3; j++) expected.s[j] = alpha * alpha * expected.s[j] + (j == 1 ? 0 : sigma * sigma);
    assert_law(x, N, &expected, 0.05, what);
    dsm_process_destroy(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_sampler_draws_the_mixture),
      cmocka_unit_test(langevin_draws_the_mixture_at_its_level),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
