/* Explicit score matching against a kernel density estimate, and the estimate itself. */
#include "setup.h"

#include "diffusion/kde.h"
#include "dsmpi/random.h"

enum { D = 2, N = 500, CENTRES = 40 };
static const double level = 0.5;

static void draw_centres(float *centre) {
  for (uint64_t i = 0; i < CENTRES; i++)
    dsm_random_normal((dsm_random_key){21, DSM_STREAM_DATA, 0, i}, 0, D, centre + i * D);
}

static dsm_config model_of(int network, int objective) {
  dsm_config config = small_mlp(DSM_PROCESS_SINGLE, DSM_PREDICT_SCORE, DSM_WEIGHT_SIGMA2);
  config.process.sigma = level;
  config.model.name = network;
  config.objective.name = objective;
  return config;
}

static void the_score_is_the_slope_of_the_log_density(void **state) {
  (void)state;
  float centre[CENTRES * D], x[D] = {0.3f, -0.8f}, moved[D];
  double weight[CENTRES], mean[D], h = 1.0 / 1024;
  draw_centres(centre);
  const dsm__kde kde = {centre, CENTRES, D};
  dsm__kde_mean(&kde, x, 1, level, weight, mean);
  for (int j = 0; j < D; j++) {
    double side[2];
    for (int s = 0; s < 2; s++) {
      memcpy(moved, x, sizeof x);
      moved[j] += (float)(s ? h : -h);
      side[s] = dsm__kde_log_density(&kde, moved, level, weight);
    }
    assert_close((mean[j] - (double)x[j]) / (level * level), (side[1] - side[0]) / (2 * h), 1e-4, 1e-4);
  }
  /* one centre is a normal law: log N(0; (3, 4), I / 4) */
  const float one[D] = {3, 4}, origin[D] = {0, 0};
  const dsm__kde single = {one, 1, D};
  assert_close(dsm__kde_log_density(&single, origin, level, weight), -25 / 0.5 - log(2 * acos(-1.0) * 0.25),
               1e-12, 0);
  /* far from all centres, where every term is below the smallest float */
  const float far[D] = {1e4f, 0};
  dsm__kde_mean(&kde, far, 1, 1e-3, weight, mean);
  assert_true(isfinite(mean[0]) && isfinite(mean[1]));
}

/* ---- the bandwidth -------------------------------------------------------------------------------------- */

/* Silverman's rule for a normal law in d dimensions, h = (4 / (d + 2) / m)^(1 / (d + 4)), is optimal for the squared error of
 * the density; the likelihood's optimum is near it. */
static void the_bandwidth_is_near_the_rule_for_normal_data(void **state) {
  (void)state;
  enum { M = 800 };
  static float rows[M * D];
  double h = 0;
  for (uint64_t i = 0; i < M; i++)
    dsm_random_normal((dsm_random_key){22, DSM_STREAM_DATA, 0, i}, 0, D, rows + i * D);
  assert_int_equal(dsm_bandwidth_fit(rows, M, D, &h), DSM_OK);
  const double rule = pow(4.0 / (D + 2) / M, 1.0 / (D + 4));
  print_message("bandwidth %.3f, rule for normal data %.3f\n", h, rule);
  assert_close(h, rule, 0.25, 0);
}

enum { ROWS = 60, THREE = 3 };

/* Mean log-likelihood of each row under the estimate from the others, one after the other. */
static double left_out(const float *rows, double h) {
  float others[(ROWS - 1) * THREE];
  double weight[ROWS], sum = 0;
  const dsm__kde kde = {others, ROWS - 1, THREE};
  for (size_t i = 0; i < ROWS; i++) {
    memcpy(others, rows, i * THREE * sizeof *rows);
    memcpy(others + i * THREE, rows + (i + 1) * THREE, (ROWS - 1 - i) * THREE * sizeof *rows);
    sum += dsm__kde_log_density(&kde, rows + i * THREE, h, weight);
  }
  return sum / ROWS;
}

/* One normal cloud; the same three times as large; two small clouds far apart, whose likelihood also has a maximum, not the
 * largest, at their distance. */
static void the_bandwidth_has_the_largest_likelihood_of_rows_left_out(void **state) {
  (void)state;
  float rows[3][ROWS * THREE];
  double h[3];
  for (uint64_t i = 0; i < ROWS; i++) {
    dsm_random_normal((dsm_random_key){26, DSM_STREAM_DATA, 0, i}, 0, THREE, rows[0] + i * THREE);
    for (size_t j = i * THREE; j < (i + 1) * THREE; j++) {
      rows[1][j] = 3 * rows[0][j];
      rows[2][j] = 0.01f * rows[0][j] + (i % 2 ? 100.0f : 0.0f);
    }
  }
  for (int k = 0; k < 3; k++) {
    static const double factors[] = {0.01, 0.1, 0.5, 0.8, 0.98, 1.02, 1.2, 2, 10, 100, 10000};
    assert_int_equal(dsm_bandwidth_fit(rows[k], ROWS, THREE, &h[k]), DSM_OK);
    const double most = left_out(rows[k], h[k]);
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
      assert_true(left_out(rows[k], factors[f] * h[k]) < most);
  }
  assert_close(h[1], 3 * h[0], 2e-3, 0); /* each is right to 1e-3 */
  assert_true(h[2] < 0.02);
}

static void data_without_a_bandwidth_are_refused(void **state) {
  (void)state;
  float rows[ROWS * THREE];
  double h;
  for (int j = 0; j < ROWS * THREE; j++) rows[j] = (float)(j / (2 * THREE) + j % THREE); /* each row twice */
  assert_int_equal(dsm_bandwidth_fit(rows, ROWS, THREE, &h), DSM_BAD_DATA);
  assert_non_null(strstr(dsm_trail_message(), "each of 60 rows looked at comes twice"));
  dsm_trail_clear();
  assert_int_equal(dsm_bandwidth_fit(rows, 1, THREE, &h), DSM_BAD_DATA);
  assert_non_null(strstr(dsm_trail_message(), "received 1"));
  dsm_trail_clear();
  rows[0] += 0.5f; /* one row alone is enough: the likelihood falls as h goes to 0 */
  assert_int_equal(dsm_bandwidth_fit(rows, ROWS, THREE, &h), DSM_OK);
  assert_true(h > 0.01 && h < 10);
}

/* ---- the objective -------------------------------------------------------------------------------------- */

/* loss = w sigma^2 |s_hat - s*|^2, with s* of the estimate, for samples that are the estimate's own: the mean of the loss is
 * that of denoising on the centres less (d - sigma^2 E |s*|^2) / 2 (Vincent 2011), here evaluated from the same density. */
static void denoising_differs_by_the_known_constant(void **state) {
  (void)state;
  static float centre[CENTRES * D], x0[N * D], loss[N];
  double weight[CENTRES], mean[D], sums[2] = {0}, squares = 0, constant = 0;
  enum { STEPS = 40 };
  draw_centres(centre);
  const dsm__kde kde = {centre, CENTRES, D};
  setup s[2];
  start(&s[0], model_of(DSM_MODEL_MLP, DSM_OBJECTIVE_DENOISING), DSM_SHAPE(D), N, 0.5);
  start(&s[1], model_of(DSM_MODEL_MLP, DSM_OBJECTIVE_ESM_KDE), DSM_SHAPE(D), N, 0.5);
  assert_int_equal(dsm_objective_rows_wanted(s[0].objective), 0);
  assert_true(dsm_objective_rows_wanted(s[1].objective) > 0);
  assert_int_equal(dsm_objective_use_rows(s[1].objective, centre, CENTRES), DSM_OK);
  for (uint64_t step = 0; step < STEPS; step++)
    for (int k = 0; k < 2; k++) {
      for (uint64_t i = 0; i < N; i++) { /* denoising is given the centres as data */
        const double u = dsm_random_uniform_double((dsm_random_key){23, DSM_STREAM_DATA, step, i}, 0);
        memcpy(x0 + i * D, centre + (size_t)(u * CENTRES) * D, D * sizeof *x0);
      }
      dsm_objective_run(s[k].objective, s[k].w, x0, 5, step, 0, s[k].gradients, loss, NULL);
      for (int i = 0; i < N; i++) sums[k] += (double)loss[i] / (N * STEPS);
      for (int i = 0; k == 0 && i < N; i++) squares += (double)loss[i] * (double)loss[i] / (N * STEPS);
    }
  for (uint64_t i = 0; i < N; i++) {
    float z[D], x[D];
    const double u = dsm_random_uniform_double((dsm_random_key){24, DSM_STREAM_DATA, 0, i}, 0);
    dsm_random_normal((dsm_random_key){25, DSM_STREAM_NOISE, 0, i}, 0, D, z);
    for (int j = 0; j < D; j++) x[j] = centre[(size_t)(u * CENTRES) * D + (size_t)j] + (float)level * z[j];
    dsm__kde_mean(&kde, x, 1, level, weight, mean);
    for (int j = 0; j < D; j++) constant -= 0.5 / N * pow((mean[j] - (double)x[j]) / level, 2);
  }
  constant += D / 2.0;
  const double error = sqrt((squares - sums[0] * sums[0]) / (N * STEPS));
  print_message("denoising %.4f +- %.4f, explicit %.4f, constant %.4f\n", sums[0], error, sums[1], constant);
  /* the constant has its own error: 0.5 sqrt(2 D / N) */
  claim_below(1, fabs(sums[0] - sums[1] - constant) / (error + 0.5 * sqrt(2.0 * D / N)), 4.5,
              "A5: denoising - esm_kde [errors]");
  assert_true(constant > 0.1);
  stop(&s[0]);
  stop(&s[1]);
}

static void a_linear_score_reaches_the_precision_of_the_estimate(void **state) {
  (void)state;
  static float centre[CENTRES * D], x0[N * D], loss[N];
  enum { STEPS = 200 };
  double m[D] = {0}, c[3] = {0}, average[D * D + D] = {0};
  draw_centres(centre);
  for (int i = 0; i < CENTRES; i++)
    for (int j = 0; j < D; j++) m[j] += (double)centre[i * D + j] / CENTRES;
  for (int i = 0; i < CENTRES; i++) {
    const double u = (double)centre[i * D] - m[0], v = (double)centre[i * D + 1] - m[1];
    c[0] += u * u / CENTRES, c[1] += u * v / CENTRES, c[2] += v * v / CENTRES;
  }
  c[0] += level * level, c[2] += level * level;
  setup s;
  start(&s, model_of(DSM_MODEL_LINEAR, DSM_OBJECTIVE_ESM_KDE), DSM_SHAPE(D), N, 0);
  assert_int_equal(dsm_objective_use_rows(s.objective, centre, CENTRES), DSM_OK);
  for (uint64_t step = 0; step < STEPS; step++) {
    dsm_objective_run(s.objective, s.w, x0, 5, step, 0, s.gradients, loss, NULL);
    for (size_t i = 0; i < s.count; i++) {
      s.w[i] -= 0.3f * s.gradients[i] / N;
      if (step >= STEPS / 2) average[i] += (double)s.w[i] / (STEPS - STEPS / 2);
    }
  }
  const dsm_parameter *w = dsm_parameters_find(dsm_model_parameters(s.model), "output.weight");
  const double input = 1 / sqrt(1 + level * level), determinant = c[0] * c[2] - c[1] * c[1];
  const double precision[D * D] = {c[2] / determinant, -c[1] / determinant, -c[1] / determinant,
                                   c[0] / determinant};
  double off = 0;
  for (int i = 0; i < D * D; i++)
    off = worst_of(off, fabs(-average[w->offset + (size_t)i] * input / level - precision[i]));
  stop(&s);
  claim_below(1, off, 0.03, "reaches the inverse covariance: esm_kde");
}

static void its_gradients_match_finite_differences(void **state) {
  (void)state;
  float centre[CENTRES * D];
  setup s;
  draw_centres(centre);
  start(&s, model_of(DSM_MODEL_MLP, DSM_OBJECTIVE_ESM_KDE), DSM_SHAPE(D), 8, 0.5);
  assert_int_equal(dsm_objective_use_rows(s.objective, centre, CENTRES), DSM_OK);
  check_gradients(&s, 8, D);
  stop(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_score_is_the_slope_of_the_log_density),
      cmocka_unit_test(the_bandwidth_is_near_the_rule_for_normal_data),
      cmocka_unit_test(the_bandwidth_has_the_largest_likelihood_of_rows_left_out),
      cmocka_unit_test(data_without_a_bandwidth_are_refused),
      cmocka_unit_test(denoising_differs_by_the_known_constant),
      cmocka_unit_test(a_linear_score_reaches_the_precision_of_the_estimate),
      cmocka_unit_test(its_gradients_match_finite_differences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
