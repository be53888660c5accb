/* Metrics of vectors with known laws, through files as a user has them. */
#include "dsmpi/linear_algebra.h"
#include "eval_test.h"

/* What is random is allowed so many of the errors that the metric itself tells: with the some 30 comparisons here one in a
 * thousand seeds would fail, and the seeds are fixed. */
static const double errors = 4;

static void put_vectors(int side, const float *x, size_t n, size_t d) {
  put(side, x, 2, (const size_t[]){n, d});
}

static double root_of(const dsm_figure *f) {
  return f->error;
}

/* ---- Frechet --------------------------------------------------------------------------------------------- */

/* Rows whose mean is exactly `mean` and whose covariance by 1/(n-1) is exactly m m^T: normals, whitened by their own
 * moments. x (n, d) float32. */
static float *exact_rows(size_t n, size_t d, const double *mean, const double *m, uint64_t seed) {
  float *x = normals(n, d, seed);
  double *y = malloc(n * d * sizeof *y), *c = calloc(d * d, sizeof *c), *w = malloc(d * sizeof *w);
  for (size_t j = 0; j < d; j++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i * d + j];
    for (size_t i = 0; i < n; i++) y[i * d + j] = (double)x[i * d + j] - sum / (double)n;
  }
  dsm_matrix_outer_sum(y, n, d, c);
  for (size_t i = 0; i < d * d; i++) c[i] /= (double)(n - 1);
  assert_ok(dsm_symmetric_eigen(c, d, true, w));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) {
      double value = mean[j];
      for (size_t k = 0; k < d; k++) {
        double along = 0;
        for (size_t l = 0; l < d; l++) along += c[k * d + l] * y[i * d + l];
        value += m[j * d + k] * along / sqrt(w[k]);
      }
      x[i * d + j] = (float)value;
    }
  free(y);
  free(c);
  free(w);
  return x;
}

static void covariance_of(const double *m, size_t d, double *c) {
  dsm_matrix_rows_product(m, m, d, d, d, c);
}

/* Given mean and covariance the distance is the closed form, to the rounding of float32 in the file. The values lie far from
 * 0, as temperatures do. */
static void frechet_of_given_moments_is_the_closed_form(void **state) {
  enum { N = 3000, D = 3 };
  (void)state;
  const double mean_a[D] = {300, -20, 7}, mean_b[D] = {301, -20, 6.5},
               m_a[D * D] = {2, 0, 0, 0.5, 1, 0, -1, 0.3, 0.8},
               m_b[D * D] = {1, 0, 0, 0.2, 1.5, 0, 0, 0, 0.5};
  double a[D * D], b[D * D], expected;
  covariance_of(m_a, D, a);
  covariance_of(m_b, D, b);
  assert_ok(dsm_frechet_distance(mean_a, a, mean_b, b, D, &expected));
  float *x = exact_rows(N, D, mean_a, m_a, 1), *y = exact_rows(2 * N, D, mean_b, m_b, 2);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  const dsm_eval_options o = options_of("frechet,frechet@pca");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "frechet");
  assert_near(row->figure.value, expected, 1e-4 * expected);
  assert_int_equal(row->figure.samples, N);
  assert_int_equal(row->figure.reference, 2 * N);
  assert_near(e.row[2].figure.value, expected, 1e-3 * expected); /* a rotation, of float32 */
  assert_string_equal(e.row[2].space, "pca");
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* Of n and m rows of one law N(0, I) the distance is on average (d + d (d + 1) / 4) (1/n + 1/m): means differ by
 * d (1/n + 1/m), roots of covariances by a quarter of the square of what these differ by. Its limit is 0. */
static void frechet_has_the_bias_of_its_number_of_rows(void **state) {
  enum { N = 1500, D = 12, SETS = 5 };
  (void)state;
  const double bias = (D + D * (D + 1) / 4.0) * (2.0 / N);
  double mean = 0, limit = 0, error = 0;
  for (uint64_t set = 0; set < SETS; set++) {
    float *x = normals(N, D, 10 + set), *y = normals(N, D, 20 + set);
    put_vectors(SAMPLES, x, N, D);
    put_vectors(REFERENCE, y, N, D);
    const dsm_eval_options o = options_of("frechet");
    dsm_evaluation e = evaluate(&o);
    mean += row_of(&e, "frechet")->figure.value / SETS;
    limit += row_of(&e, "frechet_limit")->figure.value / SETS;
    error += root_of(&row_of(&e, "frechet_limit")->figure) / SETS;
    /* 1/n of the floor, from half of the rows, is twice that */
    assert_near(row_of(&e, "frechet")->floor.value, 2 * bias, 0.8 * bias);
    dsm_evaluation_destroy(&e);
    free(x);
    free(y);
  }
  assert_near(mean, bias, 0.15 * bias); /* a sum of 90 squares, over 5 sets: deviates by 7 % */
  assert_near(limit, 0, errors * error / sqrt(SETS));
}

static void frechet_of_too_few_rows_says_what_to_take(void **state) {
  enum { N = 40, D = 60 };
  (void)state;
  float *x = normals(N, D, 1), *y = normals(N, D, 2);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, N, D);
  dsm_eval_options o = options_of("frechet");
  const char *text = refusal(&o, DSM_BAD_DATA);
  assert_non_null(strstr(text, "40 samples"));
  assert_non_null(strstr(text, "frechet_shrunk"));
  assert_non_null(strstr(text, "frechet@pca"));
  o.metrics = "frechet_shrunk,frechet@pca";
  o.components = 5;
  dsm_evaluation e = evaluate(&o);
  assert_true(isfinite(row_of(&e, "frechet_shrunk")->figure.value));
  assert_near(number_of(row_of(&e, "frechet"), "dimensions"), 5, 0);
  dsm_evaluation_destroy(&e);
  o.metrics = NULL; /* what suits leaves it out with a note */
  e = evaluate(&o);
  assert_true(e.notes > 0);
  assert_non_null(strstr(e.note[0], "too few for a covariance"));
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- distances along lines ------------------------------------------------------------------------------- */

/* In every direction N(0, I) and N(0, 9 I) are |3 - 1| apart. */
static void sliced_distance_of_scaled_normals_is_the_closed_form(void **state) {
  enum { N = 10000, D = 3 };
  (void)state;
  float *x = normals(N, D, 3), *y = normals(2 * N, D, 4);
  for (size_t i = 0; i < N * D; i++) x[i] *= 3;
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  const dsm_eval_options o = options_of("sliced");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "sliced");
  assert_near(row->figure.value, 2, errors * row->figure.error);
  assert_true(row->figure.error < 0.03);
  assert_true(row->floor.value < 0.06);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* N(1, 1) is 1 away from N(0, 1), and N(0, 4) E|z| = (2/pi)^(1/2). */
static void wasserstein_distance_of_each_feature_is_the_closed_form(void **state) {
  enum { N = 10000, D = 3 };
  (void)state;
  float *x = normals(N, D, 5), *y = normals(2 * N, D, 6);
  for (size_t i = 0; i < N; i++) {
    x[i * D] += 1;
    x[i * D + 1] *= 2;
  }
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  const dsm_eval_options o = options_of("wasserstein");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "wasserstein");
  const double expected[D] = {1, sqrt(2 / acos(-1)), 0}, *value = column_of(row, "each_value", NULL),
               *error = column_of(row, "each_error", NULL);
  for (int j = 0; j < 2; j++) assert_near(value[j], expected[j], errors * error[j]);
  assert_true(value[2] < 0.04);
  assert_near(row->figure.value, (value[0] + value[1] + value[2]) / 3, 1e-12);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* Uniform on 0 ... 1 and on 1/2 ... 3/2: half of each is where the other is not. */
static void separation_of_overlapping_boxes_is_their_disjoint_share(void **state) {
  enum { N = 20000 };
  (void)state;
  float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
  for (size_t i = 0; i < N; i++) {
    y[i] = ((float)i + 0.5F) / N;
    x[i] = y[i] + 0.5F;
  }
  put_vectors(SAMPLES, x, N, 1);
  put_vectors(REFERENCE, y, N, 1);
  const dsm_eval_options o = options_of("separation");
  dsm_evaluation e = evaluate(&o);
  assert_near(row_of(&e, "separation")->figure.value, 0.5,
              1e-3); /* the last bin and the one above hold one value more */
  assert_true(row_of(&e, "separation")->floor.value < 0.01);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- kernels --------------------------------------------------------------------------------------------- */

/* With x - y ~ N(m, 2 I) the mean of exp(-|x-y|^2 / 2 s^2) is (s^2 / (s^2 + 2))^(d/2) exp(-m^2 / (2 s^2 + 4)); and that of
 * (x.y / d + 1)^3, x ~ N(m e, I), y ~ N(0, I), is 1 + 3 E (x.y)^2 / d^2, as odd powers of y have no mean. */
static void kernel_distances_of_shifted_normals_are_the_closed_forms(void **state) {
  enum { N = 4000, D = 2 };
  (void)state;
  const double m = 1.5;
  float *x = normals(N, D, 7), *y = normals(2 * N, D, 8);
  for (size_t i = 0; i < N; i++) x[i * D] += (float)m;
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  const dsm_eval_options o = options_of("mmd,kernel");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "mmd");
  const double s = number_of(row, "bandwidth"), s2 = s * s;
  assert_near(s, sqrt(2 * 2 * log(2.0)), 0.05); /* |x-y|^2 / 2 is exponential with mean 2 */
  const double expected = 2 * pow(s2 / (s2 + 2), D / 2.0) * (1 - exp(-m * m / (2 * s2 + 4)));
  assert_near(row->figure.value, expected, errors * row->figure.error);
  assert_true(row->figure.error < 0.05 * expected);
  assert_near(row->floor.value, 0, errors * row->floor.error);

  row = row_of(&e, "kernel");
  /* E (x.x')^2 = (E x_1^2)^2 + (E x_2^2)^2 of independent x, x' of one law, where the second moments are diagonal */
  const double xx = pow(1 + m * m, 2) + 1, yy = 2, xy = 1 + m * m + 1;
  /* of x, x': E u = m^2, E u^3 = sum of E (x_1 x_1' + x_2 x_2')^3 = M3^2 + 3 M1^2 (M1 the mean, M3 = m^3 + 3 m) */
  const double third = pow(m * m * m + 3 * m, 2) + 3 * m * m;
  const double of_xx = 1 + 3 * m * m / D + 3 * xx / (D * D) + third / (D * D * D),
               of_yy = 1 + 3 * yy / (D * D), of_xy = 1 + 3 * xy / (D * D);
  assert_near(row->figure.value, of_xx + of_yy - 2 * of_xy, errors * row->figure.error);
  assert_near(row->floor.value, 0, errors * row->floor.error);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- classifier ------------------------------------------------------------------------------------------ */

static void classifier_is_at_chance_for_one_law_and_sees_a_shift(void **state) {
  enum { N = 2000, D = 4 };
  (void)state;
  float *x = normals(N, D, 9), *y = normals(2 * N, D, 10);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  dsm_eval_options o = options_of("c2st");
  o.steps = 150;
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "c2st");
  assert_near(row->figure.value, 0.5, errors * row->figure.error);
  assert_near(row->floor.value, 0.5, errors * row->floor.error);
  assert_true(row->figure.error > 0.003 && row->figure.error < 0.02); /* (1 / 12 (1/n + 1/m))^(1/2) of 4000 */
  dsm_evaluation_destroy(&e);
  for (size_t i = 0; i < N; i++) x[i * D + 1] += 4; /* Phi(4 / 2^(1/2)) = 0.9977 */
  put_vectors(SAMPLES, x, N, D);
  e = evaluate(&o);
  assert_near(row_of(&e, "c2st")->figure.value, 0.9977, 0.003);
  dsm_evaluation_destroy(&e);
  /* the same spread in a ring: no plane tells them apart, the network does */
  for (size_t i = 0; i < N; i++) {
    x[i * D + 1] -= 4;
    for (size_t j = 0; j < D; j++) x[i * D + j] *= 3;
  }
  put_vectors(SAMPLES, x, N, D);
  e = evaluate(&o);
  assert_true(row_of(&e, "c2st")->figure.value > 0.9);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* A network learns few rows of many dimensions by heart. Had it seen those of the test, it would know them. */
static void classifier_is_tested_on_rows_that_it_has_not_seen(void **state) {
  enum { N = 100, D = 100 };
  (void)state;
  float *x = normals(N, D, 31), *y = normals(2 * N, D, 32);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  dsm_eval_options o = options_of("c2st");
  o.steps = 100;
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "c2st");
  assert_near(row->figure.value, 0.5, errors * row->figure.error);
  assert_near(row->floor.value, 0.5, errors * row->floor.error);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- neighbours ------------------------------------------------------------------------------------------ */

static void precision_and_recall_know_what_is_missing(void **state) {
  enum { N = 1000, D = 2 };
  (void)state;
  float *x = normals(N, D, 11), *y = normals(2 * N, D, 12);
  for (size_t i = 0; i < 2 * N; i += 2) y[i * D] += 20;         /* two clusters */
  for (size_t i = 0; i < N; i++) x[i * D] += i % 10 ? 0 : 1000; /* one of them, and a tenth nowhere */
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 2 * N, D);
  const dsm_eval_options o = options_of("precision_recall");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *precision = row_of(&e, "precision"), *recall = row_of(&e, "recall");
  assert_near(precision->figure.value, 0.88, 0.03); /* 0.9 less what lies between the balls */
  assert_near(recall->figure.value, 0.49, 0.04);
  assert_true(precision->floor.value > 0.93 && recall->floor.value > 0.93);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

static void copies_of_the_training_data_are_seen(void **state) {
  enum { N = 900, M = 3000, D = 8 };
  (void)state;
  float *x = normals(N, D, 13), *y = normals(M, D, 14);
  for (size_t i = 0; i < N; i += 3) /* a third of them, almost */
    for (size_t j = 0; j < D; j++) x[i * D + j] = y[i * D + j] + 1e-3F * x[i * D + j];
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, M, D);
  const dsm_eval_options o = options_of("nearest");
  dsm_evaluation e = evaluate(&o);
  assert_near(row_of(&e, "copies")->figure.value, 1.0 / 3, 0.01);
  assert_true(row_of(&e, "copies")->floor.value < 0.01);
  assert_true(row_of(&e, "nearest")->figure.value < row_of(&e, "nearest")->floor.value);
  assert_near(row_of(&e, "nearest")->floor.value, 1.2, 0.2);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- correlations, errors -------------------------------------------------------------------------------- */

static void two_point_of_features_is_the_difference_of_correlations(void **state) {
  enum { N = 20000, D = 2 };
  (void)state;
  float *x = normals(N, D, 15), *y = normals(N, D, 16);
  for (size_t i = 0; i < N; i++)
    x[i * D + 1] = 100 + 5 * (0.6F * x[i * D] + 0.8F * x[i * D + 1]); /* correlation 0.6 */
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, N, D);
  const dsm_eval_options o = options_of("two_point");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "two_point");
  assert_near(row->figure.value, 0.6, errors * row->figure.error);
  assert_true(row->figure.error < 0.02);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* Over many data sets the figures scatter as each of them says. A deviation of 16 has itself an error of 18 %, and those of
 * jackknives from 10 groups have 24 %, of which the mean is taken. */
static void errors_are_what_figures_scatter_by(void **state) {
  enum { N = 600, D = 2, SETS = 16, METRICS = 4 };
  static const char *const names[METRICS] = {"frechet", "sliced", "wasserstein", "mmd"};
  (void)state;
  double value[METRICS][SETS], error[METRICS] = {0};
  for (uint64_t set = 0; set < SETS; set++) {
    float *x = normals(N, D, 100 + set), *y = normals(2 * N, D, 200 + set);
    for (size_t i = 0; i < N * D; i++) x[i] = 1.5F * x[i] + 1;
    put_vectors(SAMPLES, x, N, D);
    put_vectors(REFERENCE, y, 2 * N, D);
    dsm_eval_options o = options_of("frechet,sliced,wasserstein,mmd");
    o.subsample = N;
    dsm_evaluation e = evaluate(&o);
    for (int k = 0; k < METRICS; k++) {
      value[k][set] = row_of(&e, names[k])->figure.value;
      error[k] += row_of(&e, names[k])->figure.error / SETS;
    }
    dsm_evaluation_destroy(&e);
    free(x);
    free(y);
  }
  for (int k = 0; k < METRICS; k++) {
    double mean = 0, square = 0;
    for (int set = 0; set < SETS; set++) mean += value[k][set] / SETS;
    for (int set = 0; set < SETS; set++) square += (value[k][set] - mean) * (value[k][set] - mean);
    const double ratio = error[k] / sqrt(square / (SETS - 1));
    if (!(ratio > 0.6 && ratio < 1.7))
      fail_msg("%s: error %.3g, scatter %.3g", names[k], error[k], error[k] / ratio);
  }
}

/* Reported errors, in the mean of squares, over the deviation of the figures of so many sets; of several kinds of them. */
static double error_over_scatter(const dsm_figure *figure, size_t kinds, size_t sets) {
  double scatter = 0, reported = 0;
  for (size_t k = 0; k < kinds; k++, figure += sets) {
    double mean = 0;
    for (size_t set = 0; set < sets; set++) mean += figure[set].value / (double)sets;
    for (size_t set = 0; set < sets; set++) {
      scatter += (figure[set].value - mean) * (figure[set].value - mean) / (double)(sets - 1);
      reported += figure[set].error * figure[set].error / (double)sets;
    }
  }
  return sqrt(reported / scatter);
}

/* Perfect samples, with samples and reference drawn anew: the balls of recall are made by few samples, and the two halves of
 * c2st err alike. The jackknife of balls errs upwards, by a fifth here; two deviations of 20 have an error of 11 %. */
static void errors_of_recall_and_c2st_cover_both_sides(void **state) {
  enum { N = 400, D = 4, SETS = 20, METRICS = 3 };
  static const char *const names[METRICS] = {"precision", "recall", "c2st"};
  (void)state;
  dsm_figure figure[METRICS][2][SETS];
  for (uint64_t set = 0; set < SETS; set++) {
    float *x = normals(N, D, 300 + set), *y = normals(4 * N, D, 400 + set);
    put_vectors(SAMPLES, x, N, D);
    put_vectors(REFERENCE, y, 4 * N, D);
    dsm_eval_options o = options_of("precision_recall,c2st");
    o.steps = 40;
    dsm_evaluation e = evaluate(&o);
    for (int k = 0; k < METRICS; k++) {
      figure[k][0][set] = row_of(&e, names[k])->figure;
      figure[k][1][set] = row_of(&e, names[k])->floor;
    }
    dsm_evaluation_destroy(&e);
    free(x);
    free(y);
  }
  for (int k = 0; k < METRICS; k++) {
    const double ratio = error_over_scatter(figure[k][0], 2, SETS);
    if (!(ratio > 0.95 && ratio < 1.5)) fail_msg("%s: error over scatter is %.3g", names[k], ratio);
  }
}

/* Rows (n, CLASSES) of probabilities, softmax of normals: what a classifier makes of varied data. */
enum { CLASSES_OF_SCORE = 8 };
static void put_probabilities(const char *name, size_t n, uint64_t seed) {
  float *p = normals(n, CLASSES_OF_SCORE, seed);
  for (size_t i = 0; i < n; i++) {
    float sum = 0;
    for (size_t j = 0; j < CLASSES_OF_SCORE; j++)
      sum += p[i * CLASSES_OF_SCORE + j] = expf(4 * p[i * CLASSES_OF_SCORE + j]);
    for (size_t j = 0; j < CLASSES_OF_SCORE; j++) p[i * CLASSES_OF_SCORE + j] /= sum;
  }
  put_file(name, p, 2, (const size_t[]){n, CLASSES_OF_SCORE});
  free(p);
}

/* Splits of fewer rows score lower: the floor has to be cut as the samples are. */
static void inception_score_is_compared_at_equal_rows(void **state) {
  enum { N = 300, M = 4000, SETS = 20 };
  (void)state;
  char given[128], beside[128];
  dsm_figure value[SETS];
  double off = 0, square = 0;
  snprintf(given, sizeof given, "%s", path_of("probable"));
  snprintf(beside, sizeof beside, "%s", path_of("probable_reference"));
  float *x = normals(N, 2, 1);
  put_vectors(SAMPLES, x, N, 2);
  put_vectors(REFERENCE, x, N, 2);
  dsm_eval_options o = options_of("inception");
  o.probabilities = (dsm_eval_input){.file = given, .dataset = "samples"};
  o.reference_probabilities = (dsm_eval_input){.file = beside, .dataset = "samples"};
  put_probabilities("probable_reference", M, 500);
  for (uint64_t set = 0; set < SETS; set++) {
    put_probabilities("probable", N, 501 + set);
    o.seed = set;
    dsm_evaluation e = evaluate(&o);
    const dsm_eval_row *row = row_of(&e, "inception");
    assert_int_equal(row->floor.reference, N);
    value[set] = row->figure;
    /* the deviation over the splits, by 1/K, is what papers report */
    assert_near(number_of(row, "deviation"), 3 * row->figure.error, 1e-9);
    off += (row->figure.value - row->floor.value) / SETS;
    square += (row->figure.error * row->figure.error + row->floor.error * row->floor.error) / SETS;
    dsm_evaluation_destroy(&e);
  }
  assert_near(off, 0, errors * sqrt(square / SETS));
  const double ratio = error_over_scatter(value, 1, SETS);
  if (!(ratio > 0.7 && ratio < 1.5)) fail_msg("error over scatter is %.3g", ratio);

  put_probabilities("probable_reference", 100, 500); /* fills three of the splits of 30 rows */
  dsm_evaluation e = evaluate(&o);
  assert_int_equal(row_of(&e, "inception")->floor.reference, 90);
  dsm_evaluation_destroy(&e);
  put_probabilities("probable_reference", 29, 500);
  e = evaluate(&o);
  assert_true(isnan(row_of(&e, "inception")->floor.value));
  dsm_evaluation_destroy(&e);
  free(x);
}

/* Far from 0 the cubic kernel is large beside what it differs by. Of one law the figure is about 9 m^4 (s^2 / n) d-th parts: not
 * 0, and its error is of that size, as long as there are digits for it. */
static void kernel_distance_of_a_large_mean_has_an_error_or_none_at_all(void **state) {
  enum { N = 1000, D = 2 };
  static const double means[] = {1e3, 1e4, 1e6};
  (void)state;
  float *x = normals(N, D, 41), *y = normals(2 * N, D, 42);
  for (int k = 0; k < 3; k++) {
    float *a = malloc(N * D * sizeof *a), *b = malloc(2 * N * D * sizeof *b);
    for (size_t i = 0; i < N * D; i++) a[i] = (float)(means[k] + (double)x[i]);
    for (size_t i = 0; i < 2 * N * D; i++) b[i] = (float)(means[k] + (double)y[i]);
    put_vectors(SAMPLES, a, N, D);
    put_vectors(REFERENCE, b, 2 * N, D);
    const dsm_eval_options o = options_of("kernel");
    dsm_evaluation e = evaluate(&o);
    const dsm_figure *f = &row_of(&e, "kernel")->figure;
    if (k < 2) {
      const double size = 9 * pow(means[k], 4) * 2 / N;
      assert_near(f->value, 0, errors * f->error + size);
      assert_true(f->error > 0.1 * size && f->error < 10 * size);
      assert_int_equal(e.notes, 0);
    } else {
      assert_true(isnan(f->value) && isnan(f->error));
      assert_non_null(strstr(e.note[0], "no digits left"));
    }
    dsm_evaluation_destroy(&e);
    free(a);
    free(b);
  }
  free(x);
  free(y);
}

/* With rows not much more than dimensions the bias is not of order 1/n. */
static void frechet_limit_needs_rows_for_each_dimension(void **state) {
  enum { N = 119, D = 40 };
  (void)state;
  float *x = normals(N, D, 43), *y = normals(6 * D, D, 44);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, 6 * D, D);
  dsm_eval_options o = options_of("frechet");
  dsm_evaluation e = evaluate(&o);
  assert_true(isnan(row_of(&e, "frechet_limit")->figure.value));
  assert_true(isfinite(row_of(&e, "frechet")->figure.value));
  assert_non_null(strstr(e.note[0], "fewer than 3 rows for each of the 40 dimensions (119 and 240)"));
  dsm_evaluation_destroy(&e);
  o.metrics = "frechet@pca";
  o.components = 10;
  e = evaluate(&o);
  assert_near(row_of(&e, "frechet_limit")->figure.value, 0, 10 * row_of(&e, "frechet_limit")->figure.error);
  assert_int_equal(e.notes, 0);
  assert_non_null(strstr(row_of(&e, "frechet")->protocol, "fewer than 10 rows for each of 40 numbers"));
  dsm_evaluation_destroy(&e);
  put_vectors(REFERENCE, y, 6 * D * D / 3, 3); /* 3,200 rows of 3 numbers: enough */
  put_vectors(SAMPLES, x, N, 3);
  o.components = 2;
  e = evaluate(&o);
  assert_null(strstr(row_of(&e, "frechet")->protocol, "fewer than"));
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

static void c2st_of_few_rows_says_so(void **state) {
  enum { N = 30, D = 2 };
  (void)state;
  float *x = normals(N, D, 45);
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, x, N, D); /* 15 of them against 15 samples */
  const dsm_eval_options o = options_of("c2st");
  dsm_evaluation e = evaluate(&o);
  assert_true(isnan(row_of(&e, "c2st")->figure.value));
  assert_int_equal(e.notes, 1);
  assert_non_null(strstr(e.note[0], "c2st: 15 against 15 rows are too few"));
  dsm_evaluation_destroy(&e);
  free(x);
}

static void a_feature_that_does_not_vary_has_no_correlation(void **state) {
  enum { N = 5000, D = 3 };
  (void)state;
  float *x = normals(N, D, 46), *y = normals(N, D, 47);
  for (size_t i = 0; i < N; i++) {
    x[i * D] = 3;
    y[i * D + 1] = 0.6F * y[i * D] + 0.8F * y[i * D + 1];
    x[i * D + 2] = y[i * D + 2] = 0.1F; /* nowhere */
  }
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, N, D);
  const dsm_eval_options o = options_of("two_point");
  dsm_evaluation e = evaluate(&o);
  const dsm_figure *f = &row_of(&e, "two_point")->figure;
  assert_near(f->value, 0.6 / sqrt(3), 0.02);
  assert_true(f->error > 0 && f->error < 0.02);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* ---- spaces ---------------------------------------------------------------------------------------------- */

static void channels_of_unequal_size_are_scaled_and_it_is_said(void **state) {
  enum { N = 300, D = 2 };
  (void)state;
  float *x = normals(N, D, 17), *y = normals(N, D, 18);
  for (size_t i = 0; i < N; i++) {
    x[i * D] = 300 + 1000 * x[i * D];
    y[i * D] = 300 + 1000 * y[i * D];
  }
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, N, D);
  dsm_eval_options o = options_of(NULL);
  o.steps = 20;
  dsm_evaluation e = evaluate(&o);
  assert_string_equal(row_of(&e, "sliced")->space, "scaled");
  assert_string_equal(row_of(&e, "wasserstein")->space, "raw"); /* in the units of the data */
  assert_true(row_of(&e, "sliced")->figure.value < 0.5);
  assert_true(e.notes > 0 && strstr(e.note[0], "@scaled"));
  assert_non_null(strstr(row_of(&e, "sliced")->protocol, "Space: each channel"));
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

/* Showers of 3 layers of 4, 2 and 1 voxels: energies 1.1 times those of the reference, one voxel of the first layer not hit. */
static void profiles_of_layers_are_in_their_units(void **state) {
  enum { N = 40, D = 7 };
  (void)state;
  float x[N * D], y[N * D];
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < D; j++) {
      y[i * D + j] = j == 0 ? 0 : (float)(1 + j);
      x[i * D + j] = j == 1 ? 0 : 1.1F * (float)(j < 4 ? (j == 0 ? 2 : 1 + j) : 1 + j);
    }
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, y, N, D);
  dsm_eval_options o = options_of("profile,separation@layers");
  o.layers = "4,2,1";
  dsm_evaluation e = evaluate(&o);
  size_t layers;
  const double *energy = column_of(row_of(&e, "profile_energy"), "reference", &layers);
  assert_int_equal(layers, 3);
  assert_near(energy[0], 2 + 3 + 4, 1e-6);
  assert_near(energy[2], 7, 1e-6);
  assert_near(column_of(row_of(&e, "profile_hits"), "samples", NULL)[0], 3, 0);
  assert_near(row_of(&e, "profile_energy")->figure.value, 0.1, 1e-6);
  assert_near(row_of(&e, "profile_energy")->floor.value, 0, 1e-12);
  assert_near(row_of(&e, "profile_hits")->figure.value, 0, 1e-12);
  /* of energy, three energies, hits and three of them: the energies are apart, the hits are not */
  assert_near(row_of(&e, "separation")->figure.value, 0.5, 1e-12);
  dsm_evaluation_destroy(&e);
  o.layers = "4,2";
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "these are 6 voxels, but a shower has 7"));
  o.layers = NULL;
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "--layers"));
}

static void features_and_probabilities_come_from_files(void **state) {
  enum { N = 400, D = 2, K = 3, CLASSES = 4 };
  (void)state;
  char given[128], beside[128];
  float *x = normals(N, D, 19), *f = normals(N, K, 20), *g = normals(N, K, 21), p[N * CLASSES] = {0};
  for (size_t i = 0; i < N * K; i++) f[i] += 2;
  for (size_t i = 0; i < N; i++) p[i * CLASSES + i % CLASSES] = 1;
  put_vectors(SAMPLES, x, N, D);
  put_vectors(REFERENCE, x, N, D);
  put_file("given", f, 2, (const size_t[]){N, K});
  put_file("given_reference", g, 2, (const size_t[]){N, K});
  dsm_eval_options o = options_of("frechet@features");
  snprintf(given, sizeof given, "%s", path_of("given"));
  snprintf(beside, sizeof beside, "%s", path_of("given_reference"));
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "--features"));
  o.features = (dsm_eval_input){.file = given, .dataset = "samples"};
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "of the samples only"));
  o.reference_features = (dsm_eval_input){.file = beside, .dataset = "samples"};
  dsm_evaluation e = evaluate(&o);
  assert_near(row_of(&e, "frechet")->figure.value, 3 * 4, errors * row_of(&e, "frechet")->figure.error);
  dsm_evaluation_destroy(&e);

  o = options_of("inception");
  put_file("given", p, 2, (const size_t[]){N, CLASSES});
  o.probabilities = (dsm_eval_input){.file = given, .dataset = "samples"};
  e = evaluate(&o);
  assert_near(row_of(&e, "inception")->figure.value, CLASSES, 1e-9);
  assert_near(row_of(&e, "inception")->figure.error, 0, 1e-9);
  dsm_evaluation_destroy(&e);
  p[5 * CLASSES] = 0.5F;
  put_file("given", p, 2, (const size_t[]){N, CLASSES});
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "row 5 holds no probabilities"));
  free(x);
  free(f);
  free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frechet_of_given_moments_is_the_closed_form),
      cmocka_unit_test(frechet_has_the_bias_of_its_number_of_rows),
      cmocka_unit_test(frechet_of_too_few_rows_says_what_to_take),
      cmocka_unit_test(sliced_distance_of_scaled_normals_is_the_closed_form),
      cmocka_unit_test(wasserstein_distance_of_each_feature_is_the_closed_form),
      cmocka_unit_test(separation_of_overlapping_boxes_is_their_disjoint_share),
      cmocka_unit_test(kernel_distances_of_shifted_normals_are_the_closed_forms),
      cmocka_unit_test(classifier_is_at_chance_for_one_law_and_sees_a_shift),
      cmocka_unit_test(classifier_is_tested_on_rows_that_it_has_not_seen),
      cmocka_unit_test(precision_and_recall_know_what_is_missing),
      cmocka_unit_test(copies_of_the_training_data_are_seen),
      cmocka_unit_test(two_point_of_features_is_the_difference_of_correlations),
      cmocka_unit_test(errors_are_what_figures_scatter_by),
      cmocka_unit_test(errors_of_recall_and_c2st_cover_both_sides),
      cmocka_unit_test(inception_score_is_compared_at_equal_rows),
      cmocka_unit_test(kernel_distance_of_a_large_mean_has_an_error_or_none_at_all),
      cmocka_unit_test(frechet_limit_needs_rows_for_each_dimension),
      cmocka_unit_test(c2st_of_few_rows_says_so),
      cmocka_unit_test(a_feature_that_does_not_vary_has_no_correlation),
      cmocka_unit_test(channels_of_unequal_size_are_scaled_and_it_is_said),
      cmocka_unit_test(profiles_of_layers_are_in_their_units),
      cmocka_unit_test(features_and_probabilities_come_from_files),
  };
  return cmocka_run_group_tests(tests, eval_begin, eval_end);
}
