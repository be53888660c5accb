/* Conditions: what the network is shown in training, and guidance in sampling. */
#include "setup.h"

#include "dsmpi/conditions.h"
#include "dsmpi/random.h"

enum { N = 8, D = 3, C = 5 /* three classes, two columns */ };
static const double times[N] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9};

static dsm_config conditional(dsm_config config) {
  strcpy(config.data.conditions, "labels, energies");
  config.data.classes = (dsm_int_list){.count = 2, .value = {3, 0}};
  config.data.condition_columns = (dsm_int_list){.count = 2, .value = {1, 2}};
  config.objective.condition_drop = 0.3;
  config.sampler.guidance = 1;
  return config;
}

static void draw_conditions(float *u) {
  const double shift[C] = {0, 0, 0, 10, -2}, scale[C] = {1, 1, 1, 4, 0.5};
  float raw[N * 3];
  dsm_conditions layout;
  const dsm_config config = conditional(small_mlp(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE));
  assert_int_equal(dsm_conditions_of(&config, &layout), DSM_OK);
  for (int i = 0; i < N; i++)
    raw[3 * i] = (float)(i % 3), raw[3 * i + 1] = (float)(8 + i), raw[3 * i + 2] = (float)-i / 2;
  dsm_conditions_encode(&layout, shift, scale, raw, N, u);
}

static void codes_are_one_hot_and_columns_standardised(void **state) {
  (void)state;
  float u[N * C];
  draw_conditions(u);
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < 3; k++) assert_true(u[i * C + k] == (i % 3 == k ? 1 : 0));
    assert_close(u[i * C + 3], (8 + i - 10) / 4.0, 0, 1e-6);
    assert_close(u[i * C + 4], (-i / 2.0 + 2) / 0.5, 0, 1e-6);
  }
}

/* ---- training ------------------------------------------------------------------------------------------ */

static void gradients_with_conditions_are_those_of_differences(void **state) {
  (void)state;
  static const int predictions[] = {DSM_PREDICT_V, DSM_PREDICT_ENERGY};
  static const int objectives[] = {DSM_OBJECTIVE_DENOISING, DSM_OBJECTIVE_SLICED_VR};
  float u[N * C];
  draw_conditions(u);
  for (int p = 0; p < 2; p++) {
    setup s;
    dsm_config config = conditional(small_mlp(DSM_PROCESS_VP, predictions[p], DSM_WEIGHT_SIGMA2));
    config.objective.name = objectives[p == 0];
    start(&s, config, DSM_SHAPE(D), N, 0.3);
    assert_non_null(dsm_parameters_find(dsm_model_parameters(s.model), "condition.linear2.weight"));
    dsm_objective_condition(s.objective, u);
    check_gradients(&s, N, D);
    stop(&s);
  }
}

static void losses_of(setup *s, const float *x0, uint64_t first, float *loss) {
  dsm_objective_run(s->objective, s->w, x0, 21, 5, first, s->gradients, loss, NULL);
}

/* With p = 1 a sample is shown as one without conditions, with p = 0 never, between as the draw says; each loss is that of
 * its own sample, wherever its micro-batch begins. */
static void a_sample_is_shown_without_conditions_as_the_draw_says(void **state) {
  (void)state;
  enum { HALF = N / 2 };
  static const double drops[] = {0, 1, 0.5};
  float u[N * C], x0[N * D], loss[3][N], none[N], part[N];
  bool dropped[N];
  draw_conditions(u);
  draw_data(x0, N, D);
  for (int k = 0; k < 3; k++) {
    setup s, half;
    dsm_config config = conditional(small_mlp(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE));
    config.objective.condition_drop = drops[k];
    start(&s, config, DSM_SHAPE(D), N, 0.5);
    losses_of(&s, x0, 64, none); /* before the first call: no conditions */
    dsm_objective_condition(s.objective, u);
    losses_of(&s, x0, 64, loss[k]);
    start(&half, config, DSM_SHAPE(D), HALF, 0.5);
    for (int i = 0; i < N; i += HALF) {
      dsm_objective_condition(half.objective, u + i * C);
      losses_of(&half, x0 + i * D, 64 + (uint64_t)i, part + i);
    }
    for (int i = 0; i < N; i++) assert_close(part[i], loss[k][i], 1e-5, 1e-6);
    stop(&half);
    stop(&s);
  }
  assert_memory_equal(loss[1], none, sizeof none);
  dsm_objective_draw_drops(0.5, 21, 5, 64, N, dropped);
  int count = 0;
  for (int i = 0; i < N; i++) {
    assert_true(fabsf(loss[0][i] - none[i]) > 1e-4f); /* conditions matter */
    assert_true(loss[2][i] == loss[dropped[i] ? 1 : 0][i]);
    count += dropped[i];
  }
  assert_true(count > 0 && count < N); /* of this seed, or the test says nothing */
}

/* 100,000 draws: 5 standard deviations are 0.005 */
static void drops_have_their_probability(void **state) {
  (void)state;
  enum { MANY = 100000 };
  static bool dropped[MANY];
  double count = 0;
  dsm_objective_draw_drops(0.1, 3, 4, 1000, MANY, dropped);
  for (int i = 0; i < MANY; i++) count += dropped[i];
  assert_close(count / MANY, 0.1, 0, 0.005);
}

/* ---- sampling ------------------------------------------------------------------------------------------ */

typedef struct answers {
  float x0[N * D], eps[N * D], dx[N * D];
  double energy[N];
  int evaluations;
} answers;

static void ask(const setup *s, double guidance, const float *u, answers *a) {
  dsm_config config = s->config;
  dsm_network *network;
  float x[N * D], v[N * D];
  config.sampler.guidance = guidance;
  dsm_random_normal((dsm_random_key){11, DSM_STREAM_DATA, 0, 1}, 0, N * D, x);
  dsm_random_normal((dsm_random_key){11, DSM_STREAM_DATA, 0, 2}, 0, N * D, v);
  assert_int_equal(dsm_network_create(&config, s->process, s->model, &s->kernels, N, true, &network), DSM_OK);
  if (u) dsm_network_condition(network, u);
  const dsm_denoiser d = dsm_network_denoiser(network, s->w);
  d.estimate(d.self, x, times, &(dsm_estimate){.x0 = a->x0, .eps = a->eps});
  d.pullback(d.self, x, times, v, NULL, a->dx);
  memset(a->energy, 0, sizeof a->energy);
  if (d.energy) d.energy(d.self, x, times, a->energy);
  a->evaluations = d.evaluations;
  dsm_network_destroy(&network);
}

/* y = y_0 + w (y_u - y_0): two float32 roundings of values of order 1 to 10 */
static void check_guided(const float *guided, const float *without, const float *with, double w) {
  for (int j = 0; j < N * D; j++) {
    const double y = (double)without[j] + w * ((double)with[j] - (double)without[j]);
    assert_close(guided[j], y, 1e-5, 1e-5 * (1 + w));
  }
}

static void guidance_goes_from_without_to_with_and_beyond(void **state) {
  (void)state;
  static const int predictions[] = {DSM_PREDICT_EPS, DSM_PREDICT_V, DSM_PREDICT_ENERGY};
  static answers none, zero, one, two, other;
  float u[N * C];
  draw_conditions(u);
  for (int p = 0; p < 3; p++) {
    setup s;
    start(&s, conditional(small_mlp(DSM_PROCESS_VP, predictions[p], DSM_WEIGHT_SIMPLE)), DSM_SHAPE(D), N,
          0.5);
    ask(&s, 1, NULL, &none);
    ask(&s, 0, u, &zero);
    ask(&s, 1, u, &one);
    ask(&s, 2, u, &two);
    ask(&s, 0.5, u, &other);
    assert_memory_equal(none.eps, zero.eps, sizeof none.eps);
    assert_memory_equal(none.dx, zero.dx, sizeof none.dx);
    assert_int_equal(zero.evaluations, 1);
    assert_int_equal(one.evaluations, 1);
    assert_int_equal(two.evaluations, 2);
    double apart = 0;
    for (int j = 0; j < N * D; j++) apart = fmax(apart, fabs((double)(one.eps[j] - zero.eps[j])));
    assert_true(apart > 0.01);
    check_guided(two.eps, zero.eps, one.eps, 2);
    check_guided(two.x0, zero.x0, one.x0, 2);
    check_guided(two.dx, zero.dx, one.dx, 2);
    check_guided(other.eps, zero.eps, one.eps, 0.5);
    for (int i = 0; i < N; i++) assert_close(two.energy[i], 2 * one.energy[i] - zero.energy[i], 1e-5, 1e-4);
    stop(&s);
  }
}

/* ---- settings ------------------------------------------------------------------------------------------ */

static void what_cannot_be_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *conditions;
    dsm_int_list classes, columns;
    const char *said;
  } bad[] = {{"labels, labels", {0}, {0}, "twice"},
             {"a,, b", {0}, {0}, "comma"},
             {"a, ", {0}, {0}, "comma"},
             {"/samples", {0}, {0}, "samples"},
             {"a, b", {1, {3}}, {0}, "needs one for each"},
             {"a", {1, {3}}, {1, {2}}, "one column"},
             {"a", {1, {-1}}, {0}, "not known"},
             {"a, b", {2, {3, 0}}, {0}, "not known"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    dsm_config config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_EPS, DSM_WEIGHT_SIMPLE);
    dsm_model *model = NULL;
    strcpy(config.data.conditions, bad[i].conditions);
    config.data.classes = bad[i].classes;
    config.data.condition_columns = bad[i].columns;
    assert_int_equal(dsm_model_create(&config, DSM_SHAPE(D), &model), DSM_BAD_CONFIG);
    if (!strstr(dsm_trail_message(), bad[i].said)) fail_msg("%s: %s", bad[i].said, dsm_trail_message());
    dsm_trail_clear();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codes_are_one_hot_and_columns_standardised),
      cmocka_unit_test(gradients_with_conditions_are_those_of_differences),
      cmocka_unit_test(a_sample_is_shown_without_conditions_as_the_draw_says),
      cmocka_unit_test(drops_have_their_probability),
      cmocka_unit_test(guidance_goes_from_without_to_with_and_beyond),
      cmocka_unit_test(what_cannot_be_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
