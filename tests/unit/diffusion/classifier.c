/* The cross-entropy, its gradients, and the classifier that comes of it: each checked against the other and against finite
 * differences. */
#include "setup.h"

#include "dsmpi/random.h"

enum { N = 8, D = 32 /* 4 x 4 x 2 */, K = 3 };

static const struct {
  int model, process;
  bool noisy;
} cases[] = {{DSM_MODEL_MLP, DSM_PROCESS_VP, false},
             {DSM_MODEL_MLP, DSM_PROCESS_VE, true},
             {DSM_MODEL_CONVNET, DSM_PROCESS_VP, true},
             {DSM_MODEL_CONVNET, DSM_PROCESS_FLOW, false}};
enum { CASES = sizeof cases / sizeof *cases };

static void begin(setup *s, int i, double scale) {
  const bool pictures = cases[i].model == DSM_MODEL_CONVNET;
  dsm_config config = pictures ? small_unet(cases[i].process, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE)
                               : small_mlp(cases[i].process, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  config.model.name = cases[i].model;
  config.objective.name = DSM_OBJECTIVE_CLASSIFIER;
  config.objective.noisy = cases[i].noisy;
  strcpy(config.data.conditions, "labels");
  config.data.classes = (dsm_int_list){.count = 1, .value = {K}};
  config.data.condition_columns = (dsm_int_list){.count = 1, .value = {1}};
  start(s, config, pictures ? DSM_SHAPE(4, 4, 2) : DSM_SHAPE(D), N, scale);
}

static void give_labels(setup *s, uint32_t *label) {
  float u[N * K] = {0};
  for (int i = 0; i < N; i++) u[i * K + (int)(label[i] = (uint32_t)(i * i % K))] = 1;
  dsm_objective_condition(s->objective, u);
}

static dsm_classifier *classifier_of(const setup *s) {
  dsm_classifier *c = NULL;
  assert_int_equal(dsm_classifier_create(&s->config, s->process, s->model, &s->kernels, N, true, &c), DSM_OK);
  assert_int_equal(dsm_classifier_classes(c), K);
  assert_int_equal(dsm_classifier_features(c), 8); /* the width */
  return c;
}

/* x_t of a noisy classifier, x0 of one of clean data */
static void input_of(const setup *s, const float *x0, const double *t, const float *eps, float *x) {
  for (int i = 0; i < N * D; i++) {
    const double alpha = dsm_process_alpha(s->process, t[i / D]),
                 sigma = dsm_process_sigma(s->process, t[i / D]);
    x[i] = s->config.objective.noisy ? (float)(alpha * (double)x0[i] + sigma * (double)eps[i]) : x0[i];
  }
}

/* Two ways: logarithm of a sum in the loss, logarithm of the softmax here; float32 rounds the probabilities to 6e-8 and the
 * products before them to a few 1e-6. With parameters twenty times as large logits are far apart. */
static void the_loss_is_minus_the_log_of_the_probability(void **state) {
  (void)state;
  static const double scales[] = {0.3, 6};
  float x0[N * D], eps[N * D], x[N * D], loss[N], p[N * K], features[N * 8];
  double t[N];
  uint32_t label[N];
  draw_data(x0, N, D);
  for (int c = 0; c < CASES; c++)
    for (int large = 0; large < 2; large++) {
      setup s;
      begin(&s, c, scales[large]);
      give_labels(&s, label);
      dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
      dsm_objective_run_given(s.objective, s.w, x0, t, eps, s.gradients, loss);
      dsm_classifier *classifier = classifier_of(&s);
      input_of(&s, x0, t, eps, x);
      dsm_classifier_run(classifier, s.w, x, s.config.objective.noisy ? t : NULL, features, p);
      for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int k = 0; k < K; k++) sum += (double)p[i * K + k];
        assert_close(sum, 1, 0, 1e-6);
        assert_true(isfinite(loss[i]) && loss[i] >= -1e-6f);
        const double right = (double)p[i * K + (int)label[i]];
        if (right > 1e-6) assert_close((double)loss[i], -log(right), 1e-4, 1e-5);
      }
      dsm_classifier_destroy(&classifier);
      assert_null(classifier);
      stop(&s);
    }
}

static void gradients_match_finite_differences(void **state) {
  (void)state;
  uint32_t label[N];
  for (int c = 0; c < CASES; c++) {
    setup s;
    begin(&s, c, 0.3);
    give_labels(&s, label);
    check_gradients(&s, N, D);
    stop(&s);
  }
}

/* Differences of log-probabilities along a random direction of each sample: rounding 1e-6 / h against h^2, h = 1/128. */
static void the_gradient_by_x_matches_finite_differences(void **state) {
  (void)state;
  const double h = 1.0 / 128;
  float x0[N * D], eps[N * D], x[N * D], moved[N * D], direction[N * D], gradient[N * D], p[2][N * K];
  double t[N];
  uint32_t label[N];
  draw_data(x0, N, D);
  dsm_random_normal((dsm_random_key){6, DSM_STREAM_PROJECTION, 0, 0}, 0, N * D, direction);
  for (int c = 0; c < CASES; c++) {
    setup s;
    begin(&s, c, 0.3);
    give_labels(&s, label);
    dsm_objective_draw(s.objective, 1, 2, 0, t, eps);
    input_of(&s, x0, t, eps, x);
    const double *times = s.config.objective.noisy ? t : NULL;
    dsm_classifier *classifier = classifier_of(&s);
    dsm_classifier_gradient(classifier, s.w, x, times, label, gradient);
    for (int side = 0; side < 2; side++) {
      for (int i = 0; i < N * D; i++)
        moved[i] = (float)((double)x[i] + (side ? h : -h) / sqrt(D) * (double)direction[i]);
      dsm_classifier_run(classifier, s.w, moved, times, NULL, p[side]);
    }
    for (int i = 0; i < N; i++) {
      double slope = 0;
      for (int j = i * D; j < (i + 1) * D; j++) slope += (double)gradient[j] * (double)direction[j] / sqrt(D);
      const int right = i * K + (int)label[i];
      const double measured = (log((double)p[1][right]) - log((double)p[0][right])) / (2 * h);
      assert_close(slope, measured, 1e-2, 1e-3);
    }
    dsm_classifier_destroy(&classifier);
    stop(&s);
  }
}

/* Figures of evaluations must not depend on which rows share a block, so nothing of a row's output may come from the others:
 * the same bits beside other rows, and beside huge ones. */
static void a_row_is_judged_the_same_beside_any_others(void **state) {
  (void)state;
  enum { FIXED = 5 };
  float x[N * D], features[2][N * 8], p[2][N * K];
  double t[N];
  for (int c = 0; c < CASES; c++) {
    setup s;
    begin(&s, c, 0.3);
    dsm_classifier *classifier = classifier_of(&s);
    for (int i = 0; i < N; i++) t[i] = dsm_process_first(s.process, false);
    draw_data(x, N, D);
    for (int side = 0; side < 2; side++) {
      dsm_classifier_run(classifier, s.w, x, s.config.objective.noisy ? t : NULL, features[side], p[side]);
      for (int i = 0; i < N * D; i++)
        if (i / D != FIXED) x[i] = 1e3f * x[i] + 1;
    }
    assert_memory_equal(features[0] + FIXED * 8, features[1] + FIXED * 8, 8 * sizeof(float));
    assert_memory_equal(p[0] + FIXED * K, p[1] + FIXED * K, K * sizeof(float));
    assert_memory_not_equal(features[0], features[1], 8 * sizeof(float)); /* the others did change */
    dsm_classifier_destroy(&classifier);
    stop(&s);
  }
}

static void what_is_no_classifier_is_refused(void **state) {
  (void)state;
  dsm_model *model = NULL;
  dsm_config config = small_unet(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
  config.model.name = DSM_MODEL_CONVNET;
  assert_int_equal(dsm_model_create(&config, DSM_SHAPE(4, 4, 2), &model), DSM_BAD_CONFIG);
  config.objective.name = DSM_OBJECTIVE_CLASSIFIER;
  assert_int_equal(dsm_model_create(&config, DSM_SHAPE(4, 4, 2), &model), DSM_BAD_CONFIG);
  assert_non_null(strstr(dsm_trail_message(), "needs the labels of two or more classes"));
  config.model.name = DSM_MODEL_UNET;
  assert_int_equal(dsm_model_create(&config, DSM_SHAPE(4, 4, 2), &model), DSM_BAD_CONFIG);
  assert_null(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_loss_is_minus_the_log_of_the_probability),
      cmocka_unit_test(gradients_match_finite_differences),
      cmocka_unit_test(the_gradient_by_x_matches_finite_differences),
      cmocka_unit_test(a_row_is_judged_the_same_beside_any_others),
      cmocka_unit_test(what_is_no_classifier_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
