/* The gradient noise scale against cases whose scale is known, and the squared norm that it starts from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include "train/internal.h"

static void expected_norms_give_the_scale(void **state) {
  (void)state;
  const double square = 4, trace = 50, b = 4, batch = 20;
  dsm_checkpoint header = {0};
  assert_true(isnan(dsm__noise_scale(&header)));
  for (int step = 0; step < 3; step++) {
    dsm__noise_scale_follow(&header, b, batch, square + trace / b, square + trace / batch);
    const double scale = dsm__noise_scale(&header);
    if (fabs(scale / 12.5 - 1) > 1e-12)
      fail_msg("step %d: 12.5 samples expected, %.17g received", step, scale);
  }
}

/* G = (1, 0, ..., 0) and C the unit matrix in d dimensions: d samples. Averages reach over about 1000 steps, in which |g_B|^2,
 * 1 + d / B = 3 in the mean, comes to sqrt((4 / B + 2 d / B^2) / 1000) = 0.02, and |G|^2 = 1 to a little more; 8 times that
 * is allowed. */
static void drawn_gradients_give_the_scale(void **state) {
  (void)state;
  enum { D = 32, MICRO = 4, BATCHES = 4, BATCH = MICRO * BATCHES, STEPS = 3000 };
  dsm_checkpoint header = {0};
  for (uint64_t step = 0; step < STEPS; step++) {
    double mean[D] = {0}, squares = 0, square = 0;
    for (uint64_t m = 0; m < BATCHES; m++) {
      double sum[D] = {0};
      for (uint64_t i = 0; i < MICRO; i++) {
        float z[D];
        dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, step, m * MICRO + i}, 0, D, z);
        for (int j = 0; j < D; j++) sum[j] += (j == 0) + (double)z[j];
      }
      for (int j = 0; j < D; j++) squares += pow(sum[j] / MICRO, 2), mean[j] += sum[j] / BATCH;
    }
    for (int j = 0; j < D; j++) square += mean[j] * mean[j];
    dsm__noise_scale_follow(&header, MICRO, BATCH, squares / BATCHES, square);
  }
  const double scale = dsm__noise_scale(&header);
  if (fabs(scale / D - 1) > 0.2) fail_msg("%d samples expected, %g received", D, scale);
}

static void what_is_not_finite_is_left_out(void **state) {
  (void)state;
  dsm_checkpoint header = {0};
  dsm__noise_scale_follow(&header, 4, 20, 10, 5);
  const dsm_checkpoint before = header;
  dsm__noise_scale_follow(&header, 4, 20, (double)INFINITY, 5);
  dsm__noise_scale_follow(&header, 4, 20, 10, (double)NAN);
  assert_true(header.noise_square == before.noise_square && header.noise_trace == before.noise_trace);
}

static void noise_without_a_gradient_has_no_scale(void **state) {
  (void)state;
  dsm_checkpoint header = {0};
  dsm__noise_scale_follow(&header, 4, 20, 100, 5); /* less at 20 samples than noise alone would leave */
  assert_true(header.noise_square < 0);
  assert_true(isnan(dsm__noise_scale(&header)));
}

static void hear_nothing(void *context, const dsm_parameter *entry) {
  (void)context, (void)entry;
}
static void do_nothing(void *context) {
  (void)context;
}

/* Every parameter is heard of once, when its gradient is final. */
static void the_watch_sees_the_whole_gradient(void **state) {
  (void)state;
  enum { N = 4, SIDE = 8 };
  dsm_config c;
  dsm_kernels kernels;
  dsm_process *process;
  dsm_model *model;
  dsm_objective *objective;
  float x[N * SIDE * SIDE], loss[N];
  dsm_config_defaults(&c);
  c.model.width = 8;
  c.model.attention = (dsm_int_list){1, {4}};
  c.train.batch = c.train.micro_batch = N;
  assert_int_equal(dsm_kernels_fast(&kernels, 1, NULL), DSM_OK);
  assert_int_equal(dsm_process_create(&c, &process), DSM_OK);
  assert_int_equal(dsm_model_create(&c, DSM_SHAPE(SIDE, SIDE, 1), &model), DSM_OK);
  assert_int_equal(dsm_objective_create(&c, process, model, &kernels, N, &objective), DSM_OK);
  const size_t count = dsm_parameters_count(dsm_model_parameters(model));
  float *w = malloc(count * sizeof *w), *gradients = malloc(count * sizeof *w);
  dsm_random_normal((dsm_random_key){2, DSM_STREAM_DATA, 0, 0}, 0, N * SIDE * SIDE, x);
  dsm_random_normal((dsm_random_key){2, DSM_STREAM_DATA, 0, 1}, 0, count, w);
  for (size_t i = 0; i < count; i++) w[i] *= 0.1f;
  dsm__gradient_watch watch = {
      .hooks = {hear_nothing, do_nothing, NULL}, .kernels = &kernels, .gradients = gradients};
  const dsm_run_hooks hooks = dsm__gradient_watch_hooks(&watch);
  dsm_objective_run(objective, w, x, 3, 0, 0, gradients, loss, &hooks);
  double expected = 0;
  for (size_t i = 0; i < count; i++) expected += (double)gradients[i] * (double)gradients[i];
  assert_true(expected > 0);
  if (fabs(watch.squares / expected - 1) > 1e-6)
    fail_msg("%g expected, %g received", expected, watch.squares);
  free(gradients);
  free(w);
  dsm_objective_destroy(&objective);
  dsm_model_destroy(&model);
  dsm_process_destroy(&process);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expected_norms_give_the_scale),
      cmocka_unit_test(drawn_gradients_give_the_scale),
      cmocka_unit_test(what_is_not_finite_is_left_out),
      cmocka_unit_test(noise_without_a_gradient_has_no_scale),
      cmocka_unit_test(the_watch_sees_the_whole_gradient),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
