/* Implicit and sliced score matching. Where data are Gaussian and the score is linear, loss and optimum are known: with
 * x_t ~ N(m, C), s = -A (x_t - b),
 *   J = 1/2 tr(A C A') + 1/2 |A (m - b)|^2 - tr A,   least at A = C^-1, b = m, where it is -1/2 tr C^-1.
 * Elsewhere denoising says what the others must give: E 1/2 |s + eps/sigma|^2 = J + d / (2 sigma^2). */
#include "setup.h"

#include "dsmpi/random.h"

enum { D = 2, N = 2000 };
static const int all[] = {DSM_OBJECTIVE_ISM, DSM_OBJECTIVE_ISM_HUTCHINSON, DSM_OBJECTIVE_SLICED,
                          DSM_OBJECTIVE_SLICED_VR};
enum { ALL = sizeof all / sizeof *all };
static const char *const names[] = {"ism", "ism_hutchinson", "sliced", "sliced_vr"};

/* data N(mu, S), and the time of ve at which sigma = 1/2 */
static const double mu[D] = {0.7, -0.4}, covariance[D][D] = {{1.5, 0.6}, {0.6, 0.8}}, level = 0.5;

static dsm_config linear_model(int objective) {
  dsm_config config = small_mlp(DSM_PROCESS_VE, DSM_PREDICT_SCORE, DSM_WEIGHT_SIGMA2);
  config.model.name = DSM_MODEL_LINEAR;
  config.objective.name = objective;
  return config;
}

static double time_of(const dsm_config *config) {
  return log(level / config->process.sigma_min) / log(config->process.sigma_max / config->process.sigma_min);
}

static void draw_gaussian(uint64_t batch, float *x0) {
  const double a = sqrt(covariance[0][0]), b = covariance[0][1] / a, c = sqrt(covariance[1][1] - b * b);
  for (uint64_t i = 0; i < N; i++) {
    float z[D];
    dsm_random_normal((dsm_random_key){5, DSM_STREAM_DATA, batch, i}, 0, D, z);
    x0[i * D] = (float)(mu[0] + a * (double)z[0]);
    x0[i * D + 1] = (float)(mu[1] + b * (double)z[0] + c * (double)z[1]);
  }
}

static void draw_noise(uint64_t batch, float *eps) {
  for (uint64_t i = 0; i < N; i++)
    dsm_random_normal((dsm_random_key){6, DSM_STREAM_NOISE, batch, i}, 0, D, eps + i * D);
}

/* F = W (input x) + c = sigma s: s = -A (x - b) for A = -W input / sigma, A b = c / sigma */
static void read_map(const setup *s, double a[D][D], double ab[D]) {
  const double input = 1 / sqrt(1 + level * level);
  const dsm_parameters *table = dsm_model_parameters(s->model);
  const float *w = s->w + dsm_parameters_find(table, "output.weight")->offset;
  const float *c = s->w + dsm_parameters_find(table, "output.bias")->offset;
  for (size_t i = 0; i < D; i++) {
    for (size_t j = 0; j < D; j++) a[i][j] = -(double)w[i * D + j] * input / level;
    ab[i] = (double)c[i] / level;
  }
}

typedef struct batch {
  float x0[N * D], eps[N * D], loss[N];
  double t[N];
} batch;

static batch *new_batch(const dsm_config *config) {
  batch *b = calloc(1, sizeof *b);
  assert_non_null(b);
  draw_gaussian(1, b->x0);
  draw_noise(1, b->eps);
  for (size_t i = 0; i < N; i++) b->t[i] = time_of(config);
  return b;
}

static void mean_and_error(const float *loss, double *mean, double *error) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < N; i++) sum += (double)loss[i] / N;
  for (size_t i = 0; i < N; i++) squares += pow((double)loss[i] - sum, 2);
  *mean = sum;
  *error = sqrt(squares / N / (N - 1));
}

static void losses_of_a_linear_score_are_the_closed_form(void **state) {
  (void)state;
  for (int k = 0; k < ALL; k++) {
    setup s;
    const dsm_config config = linear_model(all[k]);
    start(&s, config, DSM_SHAPE(D), N, 0.5);
    batch *b = new_batch(&config);
    dsm_objective_run_given(s.objective, s.w, b->x0, b->t, b->eps, s.gradients, b->loss);
    double a[D][D], ab[D], j = 0, mean, error;
    read_map(&s, a, ab);
    for (int i = 0; i < D; i++) {
      double off = -ab[i];
      for (int l = 0; l < D; l++) {
        off += a[i][l] * mu[l];
        for (int m = 0; m < D; m++)
          j += 0.5 * a[i][l] * (covariance[l][m] + (l == m ? level * level : 0)) * a[i][m];
      }
      j += 0.5 * off * off - a[i][i];
    }
    mean_and_error(b->loss, &mean, &error);
    print_message("%s: %.4f +- %.4f, exact %.4f\n", names[k], mean, error, level * level * j);
    free(b);
    stop(&s);
    claim_below(1, fabs(mean - level * level * j) / error, 4.5, "A3: loss, linear score: %s [errors]",
                names[k]);
  }
}

/* The same numbers x0, eps and v for all: differences have little noise. */
static void estimates_have_the_mean_of_the_exact_trace(void **state) {
  (void)state;
  float *exact = calloc(N, sizeof *exact);
  assert_non_null(exact);
  for (int k = 0; k < ALL; k++) {
    setup s;
    dsm_config config = small_mlp(DSM_PROCESS_VE, DSM_PREDICT_EPS, DSM_WEIGHT_SIGMA2);
    config.objective.name = all[k];
    start(&s, config, DSM_SHAPE(D), N, 0.5);
    batch *b = new_batch(&config);
    dsm_objective_run_given(s.objective, s.w, b->x0, b->t, b->eps, s.gradients, b->loss);
    if (k == 0) memcpy(exact, b->loss, N * sizeof *exact);
    for (size_t i = 0; i < N; i++) b->loss[i] -= exact[i];
    double mean, error;
    mean_and_error(b->loss, &mean, &error);
    print_message("%s - ism: %.5f +- %.5f\n", names[k], mean, error);
    assert_close(mean, 0, 0, 4.5 * error);
    assert_true(k == 0 || error > 0);
    free(b);
    stop(&s);
  }
  free(exact);
}

/* Vincent 2011: the two losses differ by a constant, here d/2 in units of sigma^2. */
static void denoising_differs_by_a_constant(void **state) {
  (void)state;
  double off = 0;
  static const int predictions[] = {DSM_PREDICT_EPS, DSM_PREDICT_X0, DSM_PREDICT_SCORE, DSM_PREDICT_V};
  for (size_t p = 0; p < sizeof predictions / sizeof *predictions; p++) {
    setup implicit, denoising;
    dsm_config config = small_mlp(DSM_PROCESS_VE, predictions[p], DSM_WEIGHT_SIGMA2);
    start(&denoising, config, DSM_SHAPE(D), N, 0.5);
    config.objective.name = DSM_OBJECTIVE_ISM;
    start(&implicit, config, DSM_SHAPE(D), N, 0.5);
    batch *b = new_batch(&config), *c = new_batch(&config);
    dsm_objective_run_given(implicit.objective, implicit.w, b->x0, b->t, b->eps, implicit.gradients, b->loss);
    dsm_objective_run_given(denoising.objective, denoising.w, b->x0, b->t, b->eps, denoising.gradients,
                            c->loss);
    for (size_t i = 0; i < N; i++) c->loss[i] -= b->loss[i];
    double mean, error;
    mean_and_error(c->loss, &mean, &error);
    print_message("prediction %d: denoising - ism = %.4f +- %.4f, exact %.1f\n", predictions[p], mean, error,
                  D / 2.0);
    off = worst_of(off, fabs(mean - D / 2.0) / error);
    free(b);
    free(c);
    stop(&implicit);
    stop(&denoising);
  }
  claim_below(1, off, 4.5, "A5: denoising - ism = d/2 [errors]");
}

/* Gradient descent on fresh x0 and eps, the average of the second half of the iterates. The directions v are the same
 * in every step: N of them, whose v v' is the identity to sqrt(2 / N) = 3 %. */
static void minimise(setup *s, const dsm_config *config) {
  enum { STEPS = 60 };
  batch *b = new_batch(config);
  double *average = calloc(s->count, sizeof *average);
  assert_non_null(average);
  for (uint64_t step = 0; step < STEPS; step++) {
    draw_gaussian(100 + step, b->x0);
    draw_noise(100 + step, b->eps);
    dsm_objective_run_given(s->objective, s->w, b->x0, b->t, b->eps, s->gradients, b->loss);
    for (size_t i = 0; i < s->count; i++) {
      s->w[i] -= 0.5f * s->gradients[i] / N;
      if (step >= STEPS / 2) average[i] += (double)s->w[i] / (STEPS - STEPS / 2);
    }
  }
  for (size_t i = 0; i < s->count; i++) s->w[i] = (float)average[i];
  free(average);
  free(b);
}

static void every_objective_reaches_the_precision_of_the_smoothed_law(void **state) {
  (void)state;
  const double c0 = covariance[0][0] + level * level, c1 = covariance[0][1],
               c2 = covariance[1][1] + level * level;
  const double determinant = c0 * c2 - c1 * c1;
  const double precision[D][D] = {{c2 / determinant, -c1 / determinant},
                                  {-c1 / determinant, c0 / determinant}};
  for (int k = -1; k < ALL; k++) {
    setup s;
    const dsm_config config = linear_model(k < 0 ? DSM_OBJECTIVE_DENOISING : all[k]);
    double a[D][D], ab[D], off = 0;
    start(&s, config, DSM_SHAPE(D), N, 0);
    minimise(&s, &config);
    read_map(&s, a, ab);
    print_message("%s: %.3f %.3f %.3f %.3f, exact %.3f %.3f %.3f\n", k < 0 ? "denoising" : names[k], a[0][0],
                  a[0][1], a[1][0], a[1][1], precision[0][0], precision[0][1], precision[1][1]);
    for (int i = 0; i < D; i++) {
      for (int j = 0; j < D; j++) off = worst_of(off, fabs(a[i][j] - precision[i][j]));
      off = worst_of(off, fabs(ab[i] - precision[i][0] * mu[0] - precision[i][1] * mu[1]));
    }
    stop(&s);
    claim_below(1, off, 0.08, "reaches the inverse covariance: %s", k < 0 ? "denoising" : names[k]);
  }
}

static void second_order_gradients_match_finite_differences(void **state) {
  (void)state;
  for (int k = 0; k < ALL; k++) {
    setup s;
    dsm_config config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_V, DSM_WEIGHT_SIGMA2);
    config.objective.name = all[k];
    start(&s, config, DSM_SHAPE(3), 8, 0.5);
    check_gradients(&s, 8, 3);
    stop(&s);
    config = small_unet(DSM_PROCESS_DDPM, DSM_PREDICT_EPS, DSM_WEIGHT_SIGMA2);
    config.objective.name = all[k];
    config.model.attention.value[0] = 2;
    start(&s, config, DSM_SHAPE(2, 2, 2), 4, 0.2);
    check_gradients(&s, 4, 2 * 2 * 2);
    stop(&s);
  }
}

/* The score of an energy is a derivative already: its trace is the second, and what training needs the third. */
static void third_order_gradients_of_an_energy_match_finite_differences(void **state) {
  (void)state;
  for (int k = 0; k < ALL; k++) {
    setup s;
    dsm_config config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_ENERGY, DSM_WEIGHT_SIGMA2);
    config.objective.name = all[k];
    start(&s, config, DSM_SHAPE(3), 8, 0.5);
    check_gradients(&s, 8, 3);
    stop(&s);
    config = small_unet(DSM_PROCESS_DDPM, DSM_PREDICT_ENERGY, DSM_WEIGHT_SIGMA2);
    config.objective.name = all[k];
    config.model.attention.value[0] = 2;
    start(&s, config, DSM_SHAPE(2, 2, 1), 4, 0.2);
    check_gradients(&s, 4, 2 * 2);
    stop(&s);
  }
}

static void an_exact_trace_of_many_dimensions_is_refused(void **state) {
  (void)state;
  setup s = {.config = small_mlp(DSM_PROCESS_VP, DSM_PREDICT_V, DSM_WEIGHT_SIGMA2)};
  s.config.objective.name = DSM_OBJECTIVE_ISM;
  dsm_kernels_ref(&s.kernels, 1);
  assert_int_equal(dsm_process_create(&s.config, &s.process), DSM_OK);
  assert_int_equal(dsm_model_create(&s.config, DSM_SHAPE(100), &s.model), DSM_OK);
  assert_int_equal(dsm_objective_create(&s.config, s.process, s.model, &s.kernels, 4, &s.objective),
                   DSM_BAD_CONFIG);
  assert_non_null(strstr(dsm_trail_message(), "each of the 100 dimensions"));
  dsm_trail_clear();
  stop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses_of_a_linear_score_are_the_closed_form),
      cmocka_unit_test(estimates_have_the_mean_of_the_exact_trace),
      cmocka_unit_test(denoising_differs_by_a_constant),
      cmocka_unit_test(every_objective_reaches_the_precision_of_the_smoothed_law),
      cmocka_unit_test(second_order_gradients_match_finite_differences),
      cmocka_unit_test(third_order_gradients_of_an_energy_match_finite_differences),
      cmocka_unit_test(an_exact_trace_of_many_dimensions_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
