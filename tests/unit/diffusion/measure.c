/* Losses of samples that are not trained on: those of the training at the same times and noise, by channel too; of a model
 * that is exact, what theory says. */
#include "setup.h"

#include <string.h>
#include "dsmpi/random.h"

enum { N = 8, SIDE = 4, CHANNELS = 3, D = SIDE * SIDE * CHANNELS };

static void a_measurement_is_the_loss_of_the_training(void **state) {
  (void)state;
  float x0[N * D], eps[N * D], expected[N], loss[N];
  double t[N];
  draw_data(x0, N, D);
  for (int prediction = DSM_PREDICT_EPS; prediction <= DSM_PREDICT_ENERGY; prediction++) {
    setup s;
    start(&s, small_unet(DSM_PROCESS_VP, prediction, DSM_WEIGHT_SIGMA2), DSM_SHAPE(SIDE, SIDE, CHANNELS), N,
          0.1);
    dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
    dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, expected);
    memset(s.gradients, 0, s.count * sizeof *s.gradients);
    dsm_objective_measure(s.objective, s.w, x0, t, eps, 1, 0, loss);
    assert_memory_equal(loss, expected, sizeof loss);
    for (size_t i = 0; i < s.count; i++) assert_true(s.gradients[i] == 0);
    stop(&s);
  }
}

/* With a network of zeros and a prediction of the noise, a channel loses w |eps|^2 of its own elements. */
static void channels_lose_what_their_elements_do(void **state) {
  (void)state;
  float x0[N * D], eps[N * D], loss[N];
  double t[N], channel[CHANNELS];
  setup s;
  draw_data(x0, N, D);
  start(&s, small_unet(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE), DSM_SHAPE(SIDE, SIDE, CHANNELS),
        N, 0);
  dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
  for (size_t i = 0; i < N * D; i += CHANNELS) eps[i] *= 3; /* channels differ */
  dsm_objective_measure(s.objective, s.w, x0, t, eps, 1, 0, loss);
  assert_int_equal(dsm_objective_channels(s.objective), CHANNELS);
  for (size_t i = 0; i < N; i++) {
    double mean = 0;
    dsm_objective_channel_losses(s.objective, i, channel);
    for (size_t c = 0; c < CHANNELS; c++) {
      double expected = 0;
      for (size_t j = c; j < D; j += CHANNELS) expected += pow((double)eps[i * D + j], 2) / (SIDE * SIDE);
      assert_close(channel[c], expected, 1e-5, 0);
      mean += channel[c] / CHANNELS;
    }
    assert_close((double)loss[i], mean, 1e-5, 0);
  }
  stop(&s);
}

/* Data N(0, 1) with noise of deviation sigma: eps_hat = sigma x_t / (1 + sigma^2), and |eps - eps_hat|^2 / d is 1 / (1 +
 * sigma^2) in the mean; of 3072 numbers to 5 standard errors, each sqrt(2 / 3072) of it. */
static void an_exact_model_has_the_loss_of_theory(void **state) {
  (void)state;
  enum { BATCHES = 128, DIMENSION = 3 };
  const double sigma = 0.8;
  float x0[N * DIMENSION], eps[N * DIMENSION], loss[N];
  double t[N], sum = 0;
  dsm_config config = small_mlp(DSM_PROCESS_SINGLE, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  config.model.name = DSM_MODEL_LINEAR;
  config.process.sigma = sigma;
  setup s;
  start(&s, config, DSM_SHAPE(DIMENSION), N, 0);
  const dsm_parameters *table = dsm_model_parameters(s.model);
  for (size_t e = 0; e < dsm_parameters_entries(table); e++) {
    const dsm_parameter *p = dsm_parameters_entry(table, e);
    for (size_t j = 0; p->shape.rank == 2 && j < DIMENSION;
         j++) /* the network sees x_t / sqrt(1 + sigma^2) */
      s.w[p->offset + j * DIMENSION + j] = (float)(sigma / sqrt(1 + sigma * sigma));
  }
  for (size_t i = 0; i < N; i++) t[i] = 1;
  for (uint64_t b = 0; b < BATCHES; b++) {
    dsm_random_normal_rows((dsm_random_key){5, DSM_STREAM_DATA, 0, b * N}, N, DIMENSION, x0);
    dsm_random_normal_rows((dsm_random_key){5, DSM_STREAM_HELD_OUT, 1, b * N}, N, DIMENSION, eps);
    dsm_objective_measure(s.objective, s.w, x0, t, eps, 5, b * N, loss);
    for (size_t i = 0; i < N; i++) sum += (double)loss[i];
  }
  stop(&s);
  claim_below(1, fabs(sum / (N * BATCHES) * (1 + sigma * sigma) - 1) / sqrt(2.0 / (N * BATCHES * DIMENSION)),
              5, "A5: least loss is 1/(1 + sigma^2) [errors]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_measurement_is_the_loss_of_the_training),
      cmocka_unit_test(channels_lose_what_their_elements_do),
      cmocka_unit_test(an_exact_model_has_the_loss_of_theory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
