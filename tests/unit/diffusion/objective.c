/* The denoising loss and its gradients on small networks, and the network as a denoiser: each is checked
 * against the other, against finite differences and against what a network of zeros must give. */
#include "setup.h"

#include "dsmpi/random.h"

enum { N = 8, D = 3 };

/* Whether these settings go together at all. */
static bool fits(int name, int prediction, int weighting) {
  const dsm_objective_settings settings = objective_of(prediction, weighting);
  dsm_process *process = process_named(name);
  const bool yes =
      dsm_prediction_check(&settings, process) == DSM_OK && dsm_weighting_check(&settings, process) == DSM_OK;
  dsm_trail_clear();
  dsm_process_destroy(&process);
  return yes;
}

/* w k |F*|^2 with k |F*|^2 = |eps - eps_x x_t|^2 */
static double loss_of_zeros(const setup *s, double t, const float *x0, const float *eps, size_t d) {
  const double alpha = dsm_process_alpha(s->process, t), sigma = dsm_process_sigma(s->process, t);
  const dsm_reading r = dsm_prediction_reading(&s->config.objective, s->process, t);
  double sum = 0;
  for (size_t j = 0; j < d; j++) {
    double clean = (double)x0[j], noise = (double)eps[j];
    sum += pow(noise * (1 - r.eps_x * sigma) - r.eps_x * alpha * clean, 2);
  }
  return dsm_weighting_value(&s->config.objective, s->process, t, d) * sum;
}

static void a_network_of_zeros_loses_the_weighted_target(void **state) {
  (void)state;
  float x0[N * D], eps[N * D], loss[N];
  double t[N];
  draw_data(x0, N, D);
  for (int process = 0; process < PROCESSES; process++)
    for (int prediction = 0; prediction < PREDICTIONS; prediction++)
      for (int weighting = 0; weighting < WEIGHTINGS; weighting++) {
        /* the gradient of an energy is not 0 with a network of zeros */
        if (prediction == DSM_PREDICT_ENERGY || !fits(process, prediction, weighting)) continue;
        setup s;
        start(&s, small_mlp(process, prediction, weighting), DSM_SHAPE(D), N, 0);
        dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
        dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss);
        for (size_t i = 0; i < N; i++)
          assert_close((double)loss[i], loss_of_zeros(&s, t[i], x0 + i * D, eps + i * D, D), 1e-6, 0);
        stop(&s);
      }
}

/* At the start of training, with the last layer at zero: 1 for simple, d/2 for sigma2, whatever the data. */
static void expected_losses_of_a_fresh_network(void **state) {
  (void)state;
  enum { STEPS = 400 };
  for (int weighting = DSM_WEIGHT_SIMPLE; weighting <= DSM_WEIGHT_SIGMA2; weighting++) {
    setup s;
    float x0[N * D], loss[N];
    double sum = 0;
    draw_data(x0, N, D);
    start(&s, small_mlp(DSM_PROCESS_VP, DSM_PREDICT_EPS, weighting), DSM_SHAPE(D), N, 0);
    dsm_parameters_init(dsm_model_parameters(s.model), 4, s.w);
    for (uint64_t step = 0; step < STEPS; step++) {
      dsm_objective_run(s.objective, s.w, x0, 8, step, 0, s.gradients, loss, NULL);
      for (size_t i = 0; i < N; i++) sum += (double)loss[i];
    }
    /* a mean of STEPS N D squared normals has relative error sqrt(2 / (STEPS N D)) = 1.4 % */
    double expected = weighting == DSM_WEIGHT_SIMPLE ? 1 : D / 2.0;
    assert_close(sum / (STEPS * N), expected, 4 * sqrt(2.0 / (STEPS * N * D)), 0);
    stop(&s);
  }
}

/* loss = w |eps - eps_hat|^2 with eps_hat from the other graph, the one that samples. */
static void loss_is_the_weighted_error_of_the_denoiser(void **state) {
  (void)state;
  float x0[N * D], eps[N * D], x[N * D], eps_hat[N * D], loss[N];
  double t[N];
  draw_data(x0, N, D);
  for (int process = 0; process < PROCESSES; process++)
    for (int prediction = 0; prediction < PREDICTIONS; prediction++) {
      if (!fits(process, prediction, DSM_WEIGHT_SIMPLE)) continue;
      setup s;
      start(&s, small_mlp(process, prediction, DSM_WEIGHT_SIMPLE), DSM_SHAPE(D), N, 0.5);
      dsm_network *network = NULL;
      assert_int_equal(dsm_network_create(&s.config, s.process, s.model, &s.kernels, N, false, &network),
                       DSM_OK);
      dsm_denoiser denoiser = dsm_network_denoiser(network, s.w);
      dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
      dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss);
      for (size_t i = 0; i < N; i++) {
        double alpha = dsm_process_alpha(s.process, t[i]), sigma = dsm_process_sigma(s.process, t[i]),
               sum = 0;
        for (size_t j = 0; j < N * D; j++) x[j] = (float)(alpha * (double)x0[j] + sigma * (double)eps[j]);
        denoiser.estimate(denoiser.self, x, t, &(dsm_estimate){.eps = eps_hat});
        for (size_t j = i * D; j < (i + 1) * D; j++) sum += pow((double)eps[j] - (double)eps_hat[j], 2);
        double weight = dsm_weighting_value(&s.config.objective, s.process, t[i], D);
        /* x_t rounds to float32: 6e-8 x / sigma of eps, where x / sigma stays below 500 */
        assert_close((double)loss[i], weight * sum, 2e-4, 0);
      }
      assert_true(dsm_network_facts(network).nodes > 0);
      assert_true(dsm_network_facts(network).nodes < dsm_objective_facts(s.objective).nodes);
      dsm_network_destroy(&network);
      assert_null(network);
      stop(&s);
    }
}

static void gradients_match_finite_differences(void **state) {
  (void)state;
  for (int process = 0; process < PROCESSES; process++)
    for (int prediction = 0; prediction < PREDICTIONS; prediction++) {
      if (!fits(process, prediction, DSM_WEIGHT_SIMPLE)) continue;
      setup s;
      start(&s, small_mlp(process, prediction, DSM_WEIGHT_SIMPLE), DSM_SHAPE(D), N, 0.5);
      check_gradients(&s, N, D);
      stop(&s);
    }
}

static void gradients_of_a_unet_match_finite_differences(void **state) {
  (void)state;
  static const int predictions[] = {DSM_PREDICT_V, DSM_PREDICT_ENERGY}; /* first and second derivatives */
  for (size_t p = 0; p < sizeof predictions / sizeof *predictions; p++) {
    setup s;
    start(&s, small_unet(DSM_PROCESS_DDPM, predictions[p], DSM_WEIGHT_SIMPLE), DSM_SHAPE(4, 4, 2), N, 0.2);
    check_gradients(&s, N, 4 * 4 * 2);
    stop(&s);
  }
}

static void run_is_run_given_with_the_draws(void **state) {
  (void)state;
  setup s;
  float x0[N * D], eps[N * D], loss[N], loss_given[N], *gradients;
  double t[N];
  start(&s, small_mlp(DSM_PROCESS_VE, DSM_PREDICT_SCORE, DSM_WEIGHT_SIGMA2), DSM_SHAPE(D), N, 0.5);
  gradients = calloc(s.count, sizeof *gradients);
  assert_non_null(gradients);
  draw_data(x0, N, D);
  dsm_objective_run(s.objective, s.w, x0, 21, 5, 64, s.gradients, loss, NULL);
  dsm_objective_draw(s.objective, 21, 5, 64, t, eps);
  dsm_objective_run_given(s.objective, s.w, x0, t, eps, gradients, loss_given);
  assert_memory_equal(loss, loss_given, sizeof loss);
  assert_memory_equal(gradients, s.gradients, s.count * sizeof *gradients);
  free(gradients);
  stop(&s);
}

/* With importance, losses and gradients are those of the times drawn, times their weights. */
static void losses_count_by_the_weights_of_their_times(void **state) {
  (void)state;
  setup s;
  float x0[N * D], eps[N * D], loss[N], plain[N];
  double t[N], weight[N];
  dsm_config config = small_mlp(DSM_PROCESS_DDPM, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  config.process.steps = 2;
  config.train.batch = N;
  config.objective.times = DSM_TIMES_IMPORTANCE;
  start(&s, config, DSM_SHAPE(D), N, 0.5);
  draw_data(x0, N, D);
  dsm_times *times = dsm_objective_times(s.objective);
  for (uint64_t step = 0; step < 10; step++) { /* losses of t = 2 are three times those of t = 1 */
    dsm_times_draw(times, 21, step, 0, N, t, weight);
    for (int i = 0; i < N; i++) loss[i] = (float)(weight[i] * (t[i] == 2 ? 3 : 1));
    dsm_times_update(times, t, loss, N);
  }
  dsm_times_draw(times, 21, 50, 0, N, t, weight);
  dsm_objective_draw(s.objective, 21, 50, 0, t, eps);
  dsm_objective_run(s.objective, s.w, x0, 21, 50, 0, s.gradients, loss, NULL);
  float *gradients = calloc(s.count, sizeof *gradients);
  assert_non_null(gradients);
  dsm_objective_run_given(s.objective, s.w, x0, t, eps, gradients, plain);
  for (int i = 0; i < N; i++) {
    assert_close(weight[i], t[i] == 2 ? 2.0 / 3 : 2, 1e-2, 0); /* 1 / (2 p), p = 3/4 and 1/4, less 0.001 */
    assert_close((double)loss[i], weight[i] * (double)plain[i], 1e-6, 0);
  }
  assert_memory_not_equal(gradients, s.gradients, s.count * sizeof *gradients);
  free(gradients);
  stop(&s);
}

/* Losses of single samples and sums of gradients are those of the batch, up to rounding, for every cut of it.
 */
static void cutting_the_batch_changes_nothing_but_rounding(void **state) {
  (void)state;
  static const size_t cuts[] = {4, 2, 1};
  setup whole, part;
  float x0[N * D], loss[N], loss_part[N];
  draw_data(x0, N, D);
  dsm_config config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_V, DSM_WEIGHT_SIMPLE);
  start(&whole, config, DSM_SHAPE(D), N, 0.5);
  dsm_objective_run(whole.objective, whole.w, x0, 21, 5, 64, whole.gradients, loss, NULL);
  for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
    start(&part, config, DSM_SHAPE(D), cuts[c], 0.5);
    double *sum = calloc(part.count, sizeof *sum), size = 0;
    assert_non_null(sum);
    for (size_t i = 0; i < N; i += cuts[c]) {
      dsm_objective_run(part.objective, part.w, x0 + i * D, 21, 5, 64 + i, part.gradients, loss_part + i,
                        NULL);
      for (size_t j = 0; j < part.count; j++) sum[j] += (double)part.gradients[j];
    }
    for (size_t i = 0; i < N; i++) assert_close((double)loss_part[i], (double)loss[i], 1e-5, 0);
    for (size_t j = 0; j < part.count; j++) size = fmax(size, fabs((double)whole.gradients[j]));
    for (size_t j = 0; j < part.count; j++)
      assert_close(sum[j], (double)whole.gradients[j], 1e-5, 1e-6 * size);
    free(sum);
    stop(&part);
  }
  stop(&whole);
}

/* 10: ranks with one seed each, all the same, draw the same noise for different samples. Here each sample of the batch has its own
 * noise and time, whichever rank computes it, and another batch has others. */
static void trap_10_no_two_samples_share_their_noise(void **state) {
  (void)state;
  enum { RANKS = 4, STEPS = 2, ALL = RANKS * STEPS * N };
  static float eps[ALL * D];
  double t[ALL];
  setup s;
  start(&s, small_mlp(DSM_PROCESS_VP, DSM_PREDICT_V, DSM_WEIGHT_SIMPLE), DSM_SHAPE(D), N, 0.5);
  for (size_t part = 0; part < RANKS * STEPS; part++)
    dsm_objective_draw(s.objective, 7, part / RANKS, part % RANKS * N, t + part * N, eps + part * N * D);
  for (size_t i = 0; i < ALL; i++)
    for (size_t k = 0; k < i; k++) {
      assert_true(t[i] != t[k]);
      for (size_t j = 0; j < D; j++) assert_true(eps[i * D + j] != eps[k * D + j]);
    }
  stop(&s);
}

static void dropout_belongs_to_training_and_to_the_step(void **state) {
  (void)state;
  setup s;
  float x0[N * D], eps[N * D], loss[3][N];
  double t[N];
  dsm_config config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  config.model.dropout = 0.5;
  start(&s, config, DSM_SHAPE(D), N, 0.5);
  draw_data(x0, N, D);
  dsm_objective_draw(s.objective, 21, 5, 64, t, eps);
  dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss[0]);
  dsm_objective_run(s.objective, s.w, x0, 21, 5, 64, s.gradients, loss[1], NULL);
  dsm_objective_run(s.objective, s.w, x0, 21, 5, 64, s.gradients, loss[2], NULL);
  assert_memory_not_equal(loss[0], loss[1], sizeof loss[0]);
  assert_memory_equal(loss[1], loss[2], sizeof loss[1]);
  dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss[2]);
  assert_memory_equal(loss[0], loss[2], sizeof loss[0]);
  stop(&s);
}

static void the_profile_adds_up_finite_times(void **state) {
  (void)state;
  setup s;
  dsm_node_time *times = NULL;
  size_t count = 0;
  start(&s, small_mlp(DSM_PROCESS_DDPM, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE), DSM_SHAPE(D), N, 0.5);
  assert_int_equal(dsm_objective_profile(s.objective, s.w, s.gradients, 3, &times, &count), DSM_OK);
  assert_true(count > 0);
  for (size_t i = 0; i < count; i++) assert_true(times[i].seconds >= 0 && times[i].calls > 0);
  for (size_t i = 0; i < s.count; i++) assert_true(isfinite(s.gradients[i]));
  free(times);
  stop(&s);
}

/* The trained network behind the samplers: blocks of fixed size with the same rows give the same bits. */
static void network_samples_are_the_same_in_any_block_of_their_size(void **state) {
  (void)state;
  enum { BLOCK = 4, STEPS = 6 };
  setup s;
  float first[BLOCK * D], again[BLOCK * D];
  start(&s, small_mlp(DSM_PROCESS_DDPM, DSM_PREDICT_X0, DSM_WEIGHT_SIMPLE), DSM_SHAPE(D), N, 0.5);
  dsm_network *network = NULL;
  assert_int_equal(dsm_network_create(&s.config, s.process, s.model, &s.kernels, BLOCK, false, &network),
                   DSM_OK);
  dsm_denoiser denoiser = dsm_network_denoiser(network, s.w);
  dsm_sampler_settings settings = {.eta = 1};
  dsm_sampling sampling = {
      .process = s.process, .denoiser = &denoiser, .settings = &settings, .n = BLOCK, .d = D, .steps = STEPS};
  const dsm_sampler *sampler = dsm_sampler_of(DSM_SAMPLER_DDIM);
  assert_int_equal(dsm_sampler_draw(sampler, &sampling, first), DSM_OK);
  sampling.first = BLOCK;
  assert_int_equal(dsm_sampler_draw(sampler, &sampling, again), DSM_OK);
  assert_memory_not_equal(first, again, sizeof first);
  sampling.first = 0;
  assert_int_equal(dsm_sampler_draw(sampler, &sampling, again), DSM_OK);
  assert_memory_equal(first, again, sizeof first);
  for (int i = 0; i < BLOCK * D; i++) assert_true(isfinite(first[i]));
  dsm_network_destroy(&network);
  stop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_network_of_zeros_loses_the_weighted_target),
      cmocka_unit_test(expected_losses_of_a_fresh_network),
      cmocka_unit_test(loss_is_the_weighted_error_of_the_denoiser),
      cmocka_unit_test(gradients_match_finite_differences),
      cmocka_unit_test(gradients_of_a_unet_match_finite_differences),
      cmocka_unit_test(run_is_run_given_with_the_draws),
      cmocka_unit_test(losses_count_by_the_weights_of_their_times),
      cmocka_unit_test(cutting_the_batch_changes_nothing_but_rounding),
      cmocka_unit_test(trap_10_no_two_samples_share_their_noise),
      cmocka_unit_test(dropout_belongs_to_training_and_to_the_step),
      cmocka_unit_test(the_profile_adds_up_finite_times),
      cmocka_unit_test(network_samples_are_the_same_in_any_block_of_their_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
