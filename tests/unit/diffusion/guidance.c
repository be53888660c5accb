/* Guidance against closed forms: with the exact score of Gaussian data the guided denoiser is that of the data given
 * what was seen; with a network its gradient is that of log p(y | x_t). */
#include "posterior.h"

#include "dsmpi/random.h"
#include "setup.h"

enum { N = 3 };

static void draw(uint64_t row, size_t n, float *x) {
  dsm_random_normal((dsm_random_key){23, DSM_STREAM_DATA, 0, row}, 0, n, x);
}

/* Observations of N samples with noise of 0.1 ... 0.4; the second number of the first sample is missing. */
static void observe(const dsm_operator *op, double *y, double *noise) {
  const size_t m = dsm_operator_rows(op);
  float z[N * D];
  draw(1, N * m, z);
  for (size_t j = 0; j < N * m; j++) {
    y[j] = (double)z[j];
    noise[j] = 0.1 + 0.1 * (double)(j % 4);
  }
  y[1] = NAN;
}

static dsm_guidance *guidance_of(int form, double data_std, const dsm_process *p, const dsm_operator *op,
                                 const dsm_denoiser *prior) {
  dsm_guidance *g = NULL;
  dsm_guidance_settings settings = dsm_guidance_defaults();
  settings.form = form;
  settings.data_std = data_std;
  settings.iterations = 4 * D; /* to the end */
  settings.limit = 1e9;
  if (dsm_guidance_create(&settings, p, op, prior, N, &g) != DSM_OK) fail_msg("%s", dsm_trail());
  return g;
}

/* x0_hat and eps_hat of each sample against those of its own posterior law. */
static void follow_the_posterior(const dsm_process *p, int kind, int form, const normal *law,
                                 double data_std) {
  exact_normal prior = {.process = p, .law = *law, .n = N};
  const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
  dsm_operator *op = operator_of(kind);
  dsm_guidance *g = guidance_of(form, data_std, p, op, &denoiser);
  const dsm_denoiser guided = dsm_guidance_denoiser(g);
  const size_t m = dsm_operator_rows(op);
  double y[N * D], noise[N * D];
  observe(op, y, noise);
  dsm_guidance_observe(g, y, noise);
  for (int i = 0; i < 6; i++) {
    float x[N * D], x0[N * D], eps[N * D], expected_x0[D], expected_eps[D];
    double t[N];
    for (int k = 0; k < N; k++) t[k] = time_at(p, i, 6);
    const double alpha = dsm_process_alpha(p, t[0]), sigma = dsm_process_sigma(p, t[0]);
    if (alpha == 0 || sigma < 1e-3) continue; /* covariances in closed form lose their digits below */
    draw(2 + (uint64_t)i, N * D, x);
    for (size_t j = 0; j < N * D; j++)
      x[j] = (float)(alpha * (double)x[j] + sigma * (double)x[(j + 5) % (N * D)]);
    guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = x0, .eps = eps});
    for (size_t k = 0; k < N; k++) {
      exact_normal posterior = {.process = p, .law = law_given(law, op, y + k * m, noise + k * m), .n = 1};
      const dsm_denoiser exact = exact_normal_denoiser(&posterior);
      exact.estimate(exact.self, x + k * D, t, &(dsm_estimate){.x0 = expected_x0, .eps = expected_eps});
      /* float32 vectors go through the pullback and the equations, whose condition is up to 1000: 1e-4; eps also is
       * what is left of x / sigma where sigma is small, and of alpha x0 / sigma */
      for (size_t j = 0; j < D; j++) {
        assert_close((double)x0[k * D + j], (double)expected_x0[j], 5e-5, 1e-4);
        assert_close((double)eps[k * D + j], (double)expected_eps[j], 5e-5, 1e-4 * (1 + alpha / sigma));
      }
    }
  }
  dsm_guidance_destroy(&g);
  dsm_operator_destroy(&op);
}

static void moments_are_right_for_every_gaussian_law(void **state) {
  (void)state;
  const normal law = correlated(D);
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (int kind = 0; kind < OPERATORS; kind++) follow_the_posterior(p, kind, DSM_GUIDANCE_MOMENTS, &law, 1);
    dsm_process_destroy(&p);
  }
}

static void pigdm_is_right_for_data_of_one_variance(void **state) {
  (void)state;
  const normal law = isotropic(D, 0.7);
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    for (int kind = 0; kind < OPERATORS; kind++) follow_the_posterior(p, kind, DSM_GUIDANCE_PIGDM, &law, 0.7);
    dsm_process_destroy(&p);
  }
}

/* ---- with a network: no law is known, but the gradient of log p(y | x_t) is ------------------------------- */

/* log N(y; A x0_hat, noise^2 I + r2 A A^T) of the samples, up to a constant, for operators with A A^T = gram I. */
static void log_likelihood(const dsm_denoiser *prior, const dsm_operator *op, double gram, double r2,
                           const double *y, const double *noise, const double *t, const float *x,
                           double *sum) {
  const size_t m = dsm_operator_rows(op);
  float x0[N * D];
  prior->estimate(prior->self, x, t, &(dsm_estimate){.x0 = x0});
  for (size_t k = 0; k < N; k++) {
    double wide[D], seen[D];
    for (size_t j = 0; j < D; j++) wide[j] = (double)x0[k * D + j];
    dsm_operator_apply(op, wide, seen);
    sum[k] = 0;
    for (size_t j = 0; j < m; j++)
      if (!isnan(y[k * m + j]))
        sum[k] -= pow(y[k * m + j] - seen[j], 2) / (2 * (pow(noise[k * m + j], 2) + r2 * gram));
  }
}

/* Differences of sums of float32 estimates with step h = 1/64: rounding 1e-5 / h, truncation h^2, as in network.c. */
static void the_guidance_is_the_gradient_of_the_likelihood(void **state) {
  (void)state;
  static const int forms[] = {DSM_GUIDANCE_PIGDM, DSM_GUIDANCE_DPS};
  static const double t[N] = {0.3, 0.5, 0.5}, s = 0.8;
  const float h = 1.0f / 64;
  for (int form = 0; form < 2; form++)
    for (int kind = DSM_OPERATOR_IDENTITY; kind <= DSM_OPERATOR_AVERAGE; kind++) {
      setup model;
      dsm_network *network = NULL;
      start(&model, small_mlp(DSM_PROCESS_VP, DSM_PREDICT_V, DSM_WEIGHT_SIGMA2), DSM_SHAPE(D), N, 0.5);
      assert_int_equal(
          dsm_network_create(&model.config, model.process, model.model, &model.kernels, N, true, &network),
          DSM_OK);
      const dsm_denoiser prior = dsm_network_denoiser(network, model.w);
      dsm_operator *op = operator_of(kind);
      dsm_guidance *g = guidance_of(forms[form], s, model.process, op, &prior);
      const dsm_denoiser guided = dsm_guidance_denoiser(g);
      double y[N * D], noise[N * D], side[2][N];
      float x[N * D], direction[N * D], moved[N * D], plain[N * D], eps[N * D];
      observe(op, y, noise);
      for (size_t j = 0; j < N * dsm_operator_rows(op); j++) noise[j] = 0.5; /* so that rounding is small */
      dsm_guidance_observe(g, y, noise);
      draw(2, N * D, x);
      draw(3, N * D, direction);
      prior.estimate(prior.self, x, t, &(dsm_estimate){.eps = plain});
      guided.estimate(guided.self, x, t, &(dsm_estimate){.eps = eps});
      for (int k = 0; k < N; k++) {
        const double alpha = dsm_process_alpha(model.process, t[k]),
                     sigma = dsm_process_sigma(model.process, t[k]);
        const double r2 = form == 0 ? pow(s * sigma, 2) / (pow(alpha * s, 2) + pow(sigma, 2)) : 0;
        double slope = 0;
        for (int i = 0; i < 2; i++) {
          for (int j = 0; j < N * D; j++) moved[j] = x[j] + (i ? h : -h) * direction[j];
          log_likelihood(&prior, op, kind == DSM_OPERATOR_AVERAGE ? 0.25 : 1, r2, y, noise, t, moved,
                         side[i]);
        }
        for (int j = k * D; j < (k + 1) * D; j++)
          slope += ((double)plain[j] - (double)eps[j]) / sigma * (double)direction[j];
        const double measured = (side[1][k] - side[0][k]) / (2 * (double)h);
        assert_close(slope, measured, 1e-2, 5e-3);
        assert_true(fabs(measured) > 0.02);
      }
      dsm_guidance_destroy(&g);
      dsm_operator_destroy(&op);
      dsm_network_destroy(&network);
      stop(&model);
    }
}

/* ---- what it leaves alone -------------------------------------------------------------------------------- */

/* Samples of one block have times and observations of their own: each gets what it gets alone. */
static void neighbours_do_not_matter_to_the_bit(void **state) {
  (void)state;
  for (int form = 0; form <= DSM_GUIDANCE_DPS; form++) {
    dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
    exact_normal prior = {.process = p, .law = correlated(D), .n = N};
    const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
    dsm_operator *op = operator_of(DSM_OPERATOR_BLUR);
    dsm_guidance *g = guidance_of(form, 1, p, op, &denoiser);
    const dsm_denoiser guided = dsm_guidance_denoiser(g);
    double y[N * D], noise[N * D], t[N] = {0.2, 0.5, 0.9};
    float x[N * D], both[N * D], other[N * D];
    observe(op, y, noise);
    draw(2, N * D, x);
    dsm_guidance_observe(g, y, noise);
    guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = both});
    t[0] = 1;
    for (int j = 0; j < D; j++) {
      y[j] = 100 * j;
      x[j] = -3;
    }
    dsm_guidance_observe(g, y, noise);
    guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = other});
    assert_memory_equal(both + D, other + D, (N - 1) * D * sizeof *both);
    assert_memory_not_equal(both, other, D * sizeof *both);
    dsm_guidance_destroy(&g);
    dsm_operator_destroy(&op);
    dsm_process_destroy(&p);
  }
}

static void beyond_the_limit_and_without_data_the_prior_stays(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_FLOW, 0, 0);
  exact_normal prior = {.process = p, .law = correlated(D), .n = N};
  const dsm_denoiser denoiser = exact_normal_denoiser(&prior);
  dsm_operator *op = operator_of(DSM_OPERATOR_IDENTITY);
  dsm_guidance_settings settings = dsm_guidance_defaults();
  dsm_guidance *g = NULL;
  settings.limit = 4;
  assert_int_equal(dsm_guidance_create(&settings, p, op, &denoiser, N, &g), DSM_OK);
  const dsm_denoiser guided = dsm_guidance_denoiser(g);
  assert_int_equal(guided.evaluations, 1 + 1 + settings.iterations);
  const double t[N] = {1, 0.9, 0.7}; /* sigma / alpha: infinite, 9, 2.3; but the last one has seen nothing */
  double y[N * D], noise[N * D];
  float x[N * D], plain[N * D], x0[N * D];
  observe(op, y, noise);
  for (int j = 2 * D; j < 3 * D; j++) y[j] = NAN;
  draw(2, N * D, x);
  dsm_guidance_observe(g, y, noise);
  prior.law = correlated(D);
  denoiser.estimate(denoiser.self, x, t, &(dsm_estimate){.x0 = plain});
  guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = x0});
  assert_memory_equal(x0, plain, sizeof x0);
  for (int j = 2 * D; j < 3 * D; j++) y[j] = 1;
  dsm_guidance_observe(g, y, noise);
  guided.estimate(guided.self, x, t, &(dsm_estimate){.x0 = x0});
  assert_memory_equal(x0, plain, 2 * D * sizeof *x0);
  assert_memory_not_equal(x0 + 2 * D, plain + 2 * D, D * sizeof *x0);
  dsm_guidance_destroy(&g);

  dsm_denoiser lame = denoiser;
  lame.pullback = NULL;
  assert_refused(dsm_guidance_create(&settings, p, op, &lame, N, &g), "derivative");
  settings.data_std = 0;
  assert_refused(dsm_guidance_create(&settings, p, op, &denoiser, N, &g), "deviation is 0");
  settings.data_std = 1;
  settings.iterations = 0;
  assert_refused(dsm_guidance_create(&settings, p, op, &denoiser, N, &g), "0 iterations");
  dsm_operator_destroy(&op);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(moments_are_right_for_every_gaussian_law),
      cmocka_unit_test(pigdm_is_right_for_data_of_one_variance),
      cmocka_unit_test(the_guidance_is_the_gradient_of_the_likelihood),
      cmocka_unit_test(neighbours_do_not_matter_to_the_bit),
      cmocka_unit_test(beyond_the_limit_and_without_data_the_prior_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
