/* The hybrid objective: its value against the definition, computed from what the denoiser estimates, and whom its two parts
 * train. */
#include "setup.h"

#include "dsmpi/random.h"

enum { N = 8, D = 3, T = 20 };

static dsm_config hybrid_model(int prediction, double vlb_weight) {
  dsm_config config = small_mlp(DSM_PROCESS_DDPM, prediction, DSM_WEIGHT_SIMPLE);
  config.process.steps = T;
  config.objective.name = DSM_OBJECTIVE_HYBRID;
  config.objective.vlb_weight = vlb_weight;
  return config;
}

static void draw_inputs(float *x0, float *eps, double *t) {
  draw_data(x0, N, D);
  for (uint64_t i = 0; i < N; i++) {
    dsm_random_normal((dsm_random_key){4, DSM_STREAM_NOISE, 0, i}, 0, D, eps + i * D);
    t[i] = i < 2 ? 1 : (double)(2 + i * 2); /* the first step has a form of its own */
  }
}

/* log N(x; m, e^l) of one element */
static double log_normal(double x, double m, double l) {
  return -0.5 * (log(2 * acos(-1.0)) + l + (x - m) * (x - m) * exp(-l));
}

/* KL(N(m0, e^l0) | N(m1, e^l1)) */
static double divergence(double m0, double l0, double m1, double l1) {
  return 0.5 * (l1 - l0 - 1 + exp(l0 - l1) + (m0 - m1) * (m0 - m1) * exp(-l1));
}

static void the_loss_is_simple_plus_the_bound(void **state) {
  (void)state;
  for (int prediction = 0; prediction < DSM_PREDICT_ENERGY; prediction++) {
    setup s;
    float x0[N * D], eps[N * D], x[N * D], loss[N], x0_hat[N * D], eps_hat[N * D], v[N * D];
    double t[N];
    start(&s, hybrid_model(prediction, 0.3), DSM_SHAPE(D), N, 0.5);
    draw_inputs(x0, eps, t);
    dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss);
    dsm_network *network = NULL;
    assert_int_equal(dsm_network_create(&s.config, s.process, s.model, &s.kernels, N, false, &network),
                     DSM_OK);
    const dsm_denoiser denoiser = dsm_network_denoiser(network, s.w);
    assert_true(denoiser.learns_variance);
    for (int i = 0; i < N * D; i++)
      x[i] = (float)(dsm_process_alpha(s.process, t[i / D]) * (double)x0[i] +
                     dsm_process_sigma(s.process, t[i / D]) * (double)eps[i]);
    denoiser.estimate(denoiser.self, x, t, &(dsm_estimate){.x0 = x0_hat, .eps = eps_hat, .variance = v});
    for (int i = 0; i < N; i++) {
      const dsm_posterior q = dsm_process_posterior(s.process, t[i] - 1, t[i]);
      /* beta-tilde and beta; at t = 1 beta-tilde_2 */
      const double lo = log(t[i] > 1 ? q.small : dsm_process_posterior(s.process, 1, 2).small),
                   hi = log(q.large);
      double simple = 0, bound = 0;
      for (int j = i * D; j < (i + 1) * D; j++) {
        const double l = lo + (double)v[j] * (hi - lo);
        const double mean = q.x_t_factor * (double)x[j] + q.x0_factor * (double)x0[j];
        const double mean_hat = q.x_t_factor * (double)x[j] + q.x0_factor * (double)x0_hat[j];
        simple += pow((double)eps[j] - (double)eps_hat[j], 2) / D;
        bound += (t[i] > 1 ? divergence(mean, lo, mean_hat, l)
                           : -log_normal((double)x0[j], (double)x0_hat[j], l)) /
                 D;
      }
      /* float32 through cancellations of the KL, of order 1e-5 of its terms */
      assert_close((double)loss[i], simple + 0.3 * T * bound, 2e-3, 2e-3);
    }
    dsm_network_destroy(&network);
    stop(&s);
  }
}

/* The gradient of the part that predicts is that of the simple loss; the part that says the variance gets none of it. */
static void the_bound_trains_the_variance_alone(void **state) {
  (void)state;
  setup with, without;
  float x0[N * D], eps[N * D], loss[N];
  double t[N];
  draw_inputs(x0, eps, t);
  start(&with, hybrid_model(DSM_PREDICT_EPS, 0.3), DSM_SHAPE(D), N, 0.5);
  start(&without, hybrid_model(DSM_PREDICT_EPS, 0), DSM_SHAPE(D), N, 0.5);
  dsm_objective_run_given(with.objective, with.w, x0, t, eps, with.gradients, loss);
  dsm_objective_run_given(without.objective, without.w, x0, t, eps, without.gradients, loss);
  const dsm_parameter *w = dsm_parameters_find(dsm_model_parameters(with.model), "output.weight");
  const size_t width = w->shape.n[1];
  assert_int_equal(w->shape.n[0], 2 * D);
  for (size_t o = 0; o < 2 * D; o++)
    for (size_t i = 0; i < width; i++) {
      const double a = (double)with.gradients[w->offset + o * width + i];
      const double b = (double)without.gradients[w->offset + o * width + i];
      if (o < D)
        assert_close(a, b, 1e-5, 1e-5);
      else
        assert_true(b == 0 && a != 0);
    }
  /* and of the variance it is the derivative */
  for (size_t o = D; o < 2 * D; o++) {
    const size_t at = w->offset + o * width;
    double sum[2] = {0};
    const float kept = with.w[at], h = 1.0f / 64;
    const double slope = (double)with.gradients[at];
    for (int side = 0; side < 2; side++) {
      with.w[at] = kept + (side ? h : -h);
      dsm_objective_run_given(with.objective, with.w, x0, t, eps, without.gradients, loss);
      for (int i = 0; i < N; i++) sum[side] += (double)loss[i];
    }
    with.w[at] = kept;
    assert_close(slope, (sum[1] - sum[0]) / (2 * (double)h), 2e-2, 2e-3 * fabs(sum[0]));
  }
  stop(&with);
  stop(&without);
}

static void continuous_time_is_refused(void **state) {
  (void)state;
  setup s = {.config = hybrid_model(DSM_PREDICT_EPS, 0.001)};
  s.config.process.name = DSM_PROCESS_VP;
  dsm_kernels_ref(&s.kernels, 1);
  assert_int_equal(dsm_process_create(&s.config, &s.process), DSM_OK);
  assert_int_equal(dsm_model_create(&s.config, DSM_SHAPE(D), &s.model), DSM_OK);
  assert_int_equal(dsm_objective_create(&s.config, s.process, s.model, &s.kernels, N, &s.objective),
                   DSM_BAD_CONFIG);
  assert_non_null(strstr(dsm_trail_message(), "process vp has no steps"));
  dsm_trail_clear();
  stop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_loss_is_simple_plus_the_bound),
      cmocka_unit_test(the_bound_trains_the_variance_alone),
      cmocka_unit_test(continuous_time_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
