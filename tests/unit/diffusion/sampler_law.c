/* Samplers with the exact score of Gaussian data: mean and covariance of many samples against the closed form
 * of the same chain, and the closed form against the law of the data. */
#include "gaussian.h"

static const law data = {.mu = {1.0, -0.5}, .s = {1.2, 0.5, 0.6}};

static dsm_process *process_for(int name) {
  return process_of(name, DSM_SCHEDULE_LINEAR, name == DSM_PROCESS_DDPM ? 100 : 0);
}

typedef struct row {
  int process, sampler;
  int64_t steps;
  int variance;
  double eta;
} row;

enum { N = 10, D = 4000, POINTS = N * D / 2 };

static void samples_have_the_law_of_the_chain(const row *r) {
  static float x[N * D];
  dsm_process *p = process_for(r->process);
  exact e = {.process = p, .data = data, .samples = N, .points = POINTS};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampler_settings settings = {.eta = r->eta, .variance = r->variance};
  int64_t evaluations = 0;
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &settings,
                    .n = N,
                    .d = D,
                    .seed = 11,
                    .first = 40,
                    .steps = r->steps,
                    .evaluations = &evaluations};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(r->sampler), &s, x), DSM_OK);
  assert_int_equal(e.calls, r->steps);
  assert_int_equal(evaluations, r->steps);

  double mean[2] = {0}, square[3] = {0};
  for (int i = 0; i < POINTS; i++) {
    mean[0] += (double)x[2 * i] / POINTS;
    mean[1] += (double)x[2 * i + 1] / POINTS;
  }
  for (int i = 0; i < POINTS; i++) {
    double u = (double)x[2 * i] - mean[0], v = (double)x[2 * i + 1] - mean[1];
    square[0] += u * u / (POINTS - 1);
    square[1] += u * v / (POINTS - 1);
    square[2] += v * v / (POINTS - 1);
  }
  /* 4.5 standard errors of a mean and of a covariance of Gaussian samples */
  law c = law_of_chain(p, &data, r->sampler, r->steps, r->variance, r->eta);
  const double errors = 4.5;
  assert_close(mean[0], c.mu[0], 0, errors * sqrt(c.s[0] / POINTS));
  assert_close(mean[1], c.mu[1], 0, errors * sqrt(c.s[2] / POINTS));
  assert_close(square[0], c.s[0], 0, errors * sqrt(2 / (double)POINTS) * c.s[0]);
  assert_close(square[1], c.s[1], 0, errors * sqrt((c.s[0] * c.s[2] + c.s[1] * c.s[1]) / POINTS));
  assert_close(square[2], c.s[2], 0, errors * sqrt(2 / (double)POINTS) * c.s[2]);
  dsm_process_destroy(&p);
}

static void samples_follow_the_closed_form(int process) {
  static const int64_t all_steps[] = {100, 12, 1}; /* every time of ddpm, a few, one */
  for (size_t i = 0; i < sizeof all_steps / sizeof *all_steps; i++) {
    const row rows[] = {
        {process, DSM_SAMPLER_ANCESTRAL, all_steps[i], DSM_VARIANCE_SMALL, 0},
        {process, DSM_SAMPLER_ANCESTRAL, all_steps[i], DSM_VARIANCE_LARGE, 0},
        {process, DSM_SAMPLER_DDIM, all_steps[i], DSM_VARIANCE_SMALL, 0},
        {process, DSM_SAMPLER_DDIM, all_steps[i], DSM_VARIANCE_SMALL, 0.5},
        {process, DSM_SAMPLER_DDIM, all_steps[i], DSM_VARIANCE_SMALL, 1},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) samples_have_the_law_of_the_chain(&rows[k]);
  }
}

static void ddpm_samples_follow_the_closed_form(void **state) {
  (void)state;
  samples_follow_the_closed_form(DSM_PROCESS_DDPM);
}

static void vp_samples_follow_the_closed_form(void **state) {
  (void)state;
  samples_follow_the_closed_form(DSM_PROCESS_VP);
}

static void ve_samples_follow_the_closed_form(void **state) {
  (void)state;
  samples_follow_the_closed_form(DSM_PROCESS_VE);
}

/* A thousand steps bring the law of the samples within 2 % of the data's; this bounds the chains, no samples
 * drawn. */
static void long_chains_end_at_the_law_of_the_data(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
    for (int k = 0; k < 4; k++) {
      static const double etas[] = {0, 0.5, 1};
      law c = k < 3 ? law_of_chain(p, &data, DSM_SAMPLER_DDIM, 1000, 0, etas[k])
                    : law_of_chain(p, &data, DSM_SAMPLER_ANCESTRAL, 1000, DSM_VARIANCE_SMALL, 0);
      for (int i = 0; i < 2; i++) assert_close(c.mu[i], data.mu[i], 0.02, 0);
      for (int i = 0; i < 3; i++) assert_close(c.s[i], data.s[i], 0.02, 0);
    }
    dsm_process_destroy(&p);
  }
}

/* With data N(0, I) the large variance is exact at any number of steps of a variance-preserving process;
 * small is exact for a single point. */
static void each_variance_is_exact_for_its_own_data(void **state) {
  (void)state;
  const law normal = {.mu = {0, 0}, .s = {1, 0, 1}}, point = {.mu = {0.7, -2}, .s = {0, 0, 0}};
  dsm_process *p = ddpm_of(1000);
  double t[12];
  assert_int_equal(dsm_sampler_times(p, 11, t), DSM_OK);
  law x = normal, y = normal; /* y: starts from the marginal of the point */
  y.mu[0] = dsm_process_alpha(p, t[0]) * point.mu[0];
  y.mu[1] = dsm_process_alpha(p, t[0]) * point.mu[1];
  y.s[0] = y.s[2] = pow(dsm_process_sigma(p, t[0]), 2);
  for (int k = 0; k < 10; k++) {
    double alpha = dsm_process_alpha(p, t[k]), sigma = dsm_process_sigma(p, t[k]);
    dsm_posterior q = dsm_process_posterior(p, t[k + 1], t[k]);
    factors f = {.x_t = q.x_t_factor, .x0 = q.x0_factor};
    f.noise = sqrt(q.large);
    law_after_step(&x, &normal, alpha, sigma, f);
    assert_close(x.s[0], 1, 1e-12, 0);
    f.noise = sqrt(q.small);
    law_after_step(&y, &point, alpha, sigma, f);
    assert_close(y.s[2], pow(dsm_process_sigma(p, t[k + 1]), 2), 1e-10, 0);
    assert_close(y.mu[1], dsm_process_alpha(p, t[k + 1]) * point.mu[1], 1e-10, 0);
  }
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ddpm_samples_follow_the_closed_form),
      cmocka_unit_test(vp_samples_follow_the_closed_form),
      cmocka_unit_test(ve_samples_follow_the_closed_form),
      cmocka_unit_test(long_chains_end_at_the_law_of_the_data),
      cmocka_unit_test(each_variance_is_exact_for_its_own_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
