/* The mathematics on arrays, against numbers worked out by hand and against definitions. */
#include "eval_test.h"

static const double rounding = 1e-12;

/* ---- jackknife ------------------------------------------------------------------------------------------- */

/* Of a mean of n values in groups of one the jackknife is s / sqrt(n), and finds no bias. */
static void jackknife_of_a_mean_is_its_standard_error(void **state) {
  enum { G = 7 };
  (void)state;
  const double x[G] = {3, 1, 4, 1, 5, 9, 2};
  double sum = 0, square = 0, without[G], share[G], shift;
  for (int i = 0; i < G; i++) sum += x[i];
  for (int i = 0; i < G; i++) {
    square += (x[i] - sum / G) * (x[i] - sum / G);
    without[i] = (sum - x[i]) / (G - 1);
    share[i] = 1.0 / G;
  }
  assert_near(dsm_jackknife(sum / G, without, share, G, &shift), square / (G * (G - 1)), rounding);
  assert_near(shift, 0, rounding);
}

/* The variance by 1/n is too small by (n - 1)/n; without its 1/n bias it is the one by 1/(n - 1). */
static void jackknife_takes_off_the_bias_of_the_variance(void **state) {
  enum { G = 5 };
  (void)state;
  const double x[G] = {2, 7, 1, 8, 2};
  double without[G], share[G], shift, all = 0;
  for (int leave = -1; leave < G; leave++) {
    double sum = 0, square = 0, n = 0;
    for (int i = 0; i < G; i++) {
      if (i == leave) continue;
      sum += x[i];
      square += x[i] * x[i];
      n++;
    }
    const double variance = square / n - sum / n * (sum / n);
    if (leave < 0) {
      all = variance;
    } else {
      without[leave] = variance;
      share[leave] = 1.0 / G;
    }
  }
  dsm_jackknife(all, without, share, G, &shift);
  assert_near(all + shift, all * G / (G - 1), rounding);
}

/* Groups of unequal size: the estimate is a mean, its groups are of 1, 2 and 3 rows. */
static void jackknife_weighs_groups_of_unequal_share(void **state) {
  (void)state;
  const double x[6] = {1, 2, 4, 8, 16, 32}, all = 63.0 / 6;
  const double without[3] = {62.0 / 5, 57.0 / 4, 7.0 / 3}, share[3] = {1.0 / 6, 2.0 / 6, 3.0 / 6};
  double shift, expected = 0;
  const double h[3] = {6, 3, 2};
  for (int j = 0; j < 3; j++) { /* a pseudo-value of a mean is the mean of the group */
    const double mean = j == 0 ? x[0] : j == 1 ? (x[1] + x[2]) / 2 : (x[3] + x[4] + x[5]) / 3;
    expected += (mean - all) * (mean - all) / (h[j] - 1) / 3;
  }
  assert_near(dsm_jackknife(all, without, share, 3, &shift), expected, 1e-10);
  assert_near(shift, 0, 1e-10);
  assert_true(isnan(dsm_jackknife(all, without, share, 1, &shift)));
}

/* ---- Frechet --------------------------------------------------------------------------------------------- */

static void frechet_of_commuting_covariances_is_by_their_roots(void **state) {
  (void)state;
  const double mean_a[3] = {1, 2, 3}, mean_b[3] = {1, 0, 4}, a[9] = {4, 0, 0, 0, 9, 0, 0, 0, 0},
               b[9] = {1, 0, 0, 0, 16, 0, 0, 0, 25};
  double distance; /* singular covariances too: |mean|^2 = 5, roots (2-1)^2 + (3-4)^2 + (0-5)^2 */
  assert_ok(dsm_frechet_distance(mean_a, a, mean_b, b, 3, &distance));
  assert_near(distance, 5 + 27, 1e-6);
}

/* tr (A B)^(1/2) in two dimensions is (tr AB + 2 (det A det B)^(1/2))^(1/2). */
static void frechet_of_covariances_that_do_not_commute(void **state) {
  (void)state;
  const double zero[2] = {0, 0}, a[4] = {2, 0.7, 0.7, 1}, b[4] = {1, -0.4, -0.4, 3};
  double distance, back;
  const double product = 2 * 1 + 2 * 0.7 * -0.4 + 1 * 3, det_a = 2 - 0.49, det_b = 3 - 0.16;
  const double expected = 2 + 1 + 1 + 3 - 2 * sqrt(product + 2 * sqrt(det_a * det_b));
  assert_ok(dsm_frechet_distance(zero, a, zero, b, 2, &distance));
  assert_ok(dsm_frechet_distance(zero, b, zero, a, 2, &back));
  assert_near(distance, expected, rounding);
  assert_near(back, expected, rounding);
}

static void shrinkage_goes_towards_equal_variances(void **state) {
  (void)state;
  double s[4] = {3, 1, 1, 1}; /* d = 2: r = (tr S)^2 / (n (tr S^2 - (tr S)^2 / 2)) = 16 / (10 * 4) */
  assert_near(dsm_shrink_covariance(s, 2, 10), 0.4, rounding);
  const double expected[4] = {0.6 * 3 + 0.4 * 2, 0.6, 0.6, 0.6 + 0.4 * 2};
  for (int i = 0; i < 4; i++) assert_near(s[i], expected[i], rounding);
  double few[4] = {3, 1, 1, 1};
  assert_near(dsm_shrink_covariance(few, 2, 2), 1, rounding);
  assert_near(few[1], 0, rounding);
}

/* ---- inception ------------------------------------------------------------------------------------------- */

static void inception_score_of_constructed_probabilities_is_exact(void **state) {
  (void)state;
  double sure[16] = {0}, unsure[12], half[8] = {0.5, 0.5, 0, 0, 0, 0, 0.5, 0.5}, counts[4] = {2, 0, 0, 6};
  for (int i = 0; i < 4; i++) sure[i * 4 + i] = 1;
  for (int i = 0; i < 12; i++) unsure[i] = 0.25;
  assert_near(dsm_inception_score(sure, 4, 4), 4, rounding);   /* certain of each of four classes */
  assert_near(dsm_inception_score(unsure, 3, 4), 1, rounding); /* of none */
  assert_near(dsm_inception_score(half, 2, 4), 2, rounding);   /* H(p(y)) = ln 4, H(p(y | x)) = ln 2 */
  assert_near(dsm_inception_score(counts, 2, 2), 2, rounding); /* rows are divided by their sums */
}

/* ---- the line -------------------------------------------------------------------------------------------- */

static void distance_on_the_line_is_that_of_quantiles(void **state) {
  (void)state;
  const double a[3] = {0, 1, 2}, b[3] = {5, 6, 7}, c[2] = {0, 6}, d[1] = {1};
  assert_near(dsm_wasserstein_line(a, 3, b, 3, 1), 5, rounding);
  assert_near(dsm_wasserstein_line(a, 3, b, 3, 2), 25, rounding);
  /* steps of a at thirds, of c at a half: |0-0|/3 + |1-0|/6 + |1-6|/6 + |2-6|/3 */
  assert_near(dsm_wasserstein_line(a, 3, c, 2, 1), 1.0 / 6 + 5.0 / 6 + 4.0 / 3, rounding);
  assert_near(dsm_wasserstein_line(c, 2, a, 3, 1), 1.0 / 6 + 5.0 / 6 + 4.0 / 3, rounding);
  assert_near(dsm_wasserstein_line(a, 3, d, 1, 2), 2.0 / 3, rounding);
}

static void separation_is_0_for_equal_and_1_for_disjoint_histograms(void **state) {
  (void)state;
  const double a[3] = {1, 2, 1}, twice[3] = {2, 4, 2}, b[3] = {0, 0, 5}, c[3] = {1, 1, 0};
  assert_near(dsm_separation(a, twice, 3), 0, rounding);
  assert_near(dsm_separation(b, c, 3), 1, rounding);
  /* p = 1/4 1/2 1/4, q = 0 0 1 */
  assert_near(dsm_separation(a, b, 3), 0.5 * (0.25 + 0.5 + 0.75 * 0.75 / 1.25), rounding);
}

/* ---- area under the curve -------------------------------------------------------------------------------- */

static void area_counts_pairs_and_half_of_ties(void **state) {
  (void)state;
  double positive[3] = {3, 1, 2}, negative[4] = {2, 0, 5, 1}, error;
  /* of 12 pairs: 3 beats 2 0 1; 2 beats 0 1, ties 2; 1 beats 0, ties 1 */
  assert_near(dsm_area_under_curve(positive, 3, negative, 4, &error), (3 + 2.5 + 1.5) / 12, rounding);
  /* placements of the positives 3/4, 2.5/4, 1.5/4; of the negatives (0,1,2,5): 1, 2.5/3, 1.5/3, 0 */
  const double p[3] = {3.0 / 4, 2.5 / 4, 1.5 / 4}, n[4] = {1, 2.5 / 3, 1.5 / 3, 0}, area = 7.0 / 12;
  double of_p = 0, of_n = 0;
  for (int i = 0; i < 3; i++) of_p += (p[i] - area) * (p[i] - area) / 2;
  for (int i = 0; i < 4; i++) of_n += (n[i] - area) * (n[i] - area) / 3;
  assert_near(error, sqrt(of_p / 3 + of_n / 4), rounding);
}

static void area_of_ordered_sets_is_1(void **state) {
  (void)state;
  double above[2] = {3, 4}, below[2] = {1, 2}, error;
  assert_near(dsm_area_under_curve(above, 2, below, 2, &error), 1, rounding);
  assert_near(error, 0, rounding);
  assert_near(dsm_area_under_curve(below, 2, above, 2, &error), 0, rounding);
}

/* ---- MMD ------------------------------------------------------------------------------------------------- */

enum { NA = 6, NB = 5 };

static double kernel(double x, double y) {
  return exp(-(x - y) * (x - y) / 2);
}

/* MMD^2 of sets without the rows leave_a, leave_b (-1: with all). */
static double mmd(const double *a, const double *b, int leave_a, int leave_b) {
  double aa = 0, bb = 0, ab = 0;
  const double n = NA - (leave_a >= 0), m = NB - (leave_b >= 0);
  for (int i = 0; i < NA; i++)
    for (int j = 0; j < NA; j++)
      if (i != j && i != leave_a && j != leave_a) aa += kernel(a[i], a[j]);
  for (int i = 0; i < NB; i++)
    for (int j = 0; j < NB; j++)
      if (i != j && i != leave_b && j != leave_b) bb += kernel(b[i], b[j]);
  for (int i = 0; i < NA; i++)
    for (int j = 0; j < NB; j++)
      if (i != leave_a && j != leave_b) ab += kernel(a[i], b[j]);
  return aa / (n * (n - 1)) + bb / (m * (m - 1)) - 2 * ab / (n * m);
}

static double jackknifed(const double *x, int n) {
  double mean = 0, square = 0;
  for (int i = 0; i < n; i++) mean += x[i] / n;
  for (int i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
  return square * (n - 1) / n;
}

static void mmd_and_its_variance_are_those_of_the_definition(void **state) {
  (void)state;
  const double a[NA] = {0, 1, 3, -1, 2, 0.5}, b[NB] = {1, 4, 2, 2.5, 0};
  double aa[NA] = {0}, ab[NA] = {0}, bb[NB] = {0}, ba[NB] = {0}, without_a[NA], without_b[NB], variance;
  for (int i = 0; i < NA; i++) {
    for (int j = 0; j < NA; j++) aa[i] += i == j ? 0 : kernel(a[i], a[j]);
    for (int j = 0; j < NB; j++) ab[i] += kernel(a[i], b[j]);
    without_a[i] = mmd(a, b, i, -1);
  }
  for (int i = 0; i < NB; i++) {
    for (int j = 0; j < NB; j++) bb[i] += i == j ? 0 : kernel(b[i], b[j]);
    for (int j = 0; j < NA; j++) ba[i] += kernel(b[i], a[j]);
    without_b[i] = mmd(a, b, -1, i);
  }
  assert_near(dsm_mmd_of_sums(aa, ab, NA, bb, ba, NB, &variance), mmd(a, b, -1, -1), rounding);
  assert_near(variance, jackknifed(without_a, NA) + jackknifed(without_b, NB), rounding);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jackknife_of_a_mean_is_its_standard_error),
      cmocka_unit_test(jackknife_takes_off_the_bias_of_the_variance),
      cmocka_unit_test(jackknife_weighs_groups_of_unequal_share),
      cmocka_unit_test(frechet_of_commuting_covariances_is_by_their_roots),
      cmocka_unit_test(frechet_of_covariances_that_do_not_commute),
      cmocka_unit_test(shrinkage_goes_towards_equal_variances),
      cmocka_unit_test(inception_score_of_constructed_probabilities_is_exact),
      cmocka_unit_test(distance_on_the_line_is_that_of_quantiles),
      cmocka_unit_test(separation_is_0_for_equal_and_1_for_disjoint_histograms),
      cmocka_unit_test(area_counts_pairs_and_half_of_ties),
      cmocka_unit_test(area_of_ordered_sets_is_1),
      cmocka_unit_test(mmd_and_its_variance_are_those_of_the_definition),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
