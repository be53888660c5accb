/* The distances of set_distance.c and eight_points.c against closed forms.
 *
 * Tolerances: points are float32, of size 1 to 10, so sums over them are good to 1e-6; moments are given in float64, and the
 * roots of eigenvalues that bisection and a Cholesky factor leave are good to 1e-7 where a covariance is singular (the root of
 * float64's 1e-16 and some), 1e-12 elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include "eight_points.h"

enum { N = 300, D = 40 };
static const double of_points = 1e-6, of_moments = 1e-11, of_singular = 1e-6;

static void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

static void assert_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.10g, expected %.10g", value, expected);
}

static void draw(uint64_t set, size_t n, size_t d, float *x) {
  dsm_random_normal_rows((dsm_random_key){1, DSM_STREAM_DATA, set, 0}, n, d, x);
}

static double sliced_of(const float *x, size_t n, const float *y, size_t m, size_t d) {
  projections a, b;
  assert_ok(projections_create(x, n, d, 32, &a));
  assert_ok(projections_create(y, m, d, 32, &b));
  const double distance = sliced_distance(&a, &b);
  projections_destroy(&a);
  projections_destroy(&b);
  return distance;
}

/* In the plane the mean of (c.u)^2 over evenly spaced u is |c|^2 / 2, and the distance of x to 3 x is 2 |x| / sqrt 2 likewise.
 */
static void sliced_distance_of_moved_and_stretched_points(void **state) {
  (void)state;
  float x[N][2], moved[N][2], stretched[N][2];
  double square = 0;
  draw(0, N, 2, x[0]);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 2; k++) {
      moved[N - 1 - i][k] = x[i][k] + (k ? 4.0f : 3.0f); /* in another order too */
      stretched[i][k] = 3 * x[i][k];
      square += (double)x[i][k] * (double)x[i][k] / N;
    }
  assert_near(sliced_of(x[0], N, x[0], N, 2), 0, of_points);
  assert_near(sliced_of(x[0], N, moved[0], N, 2), 5 / sqrt(2), of_points);
  assert_near(sliced_of(x[0], N, stretched[0], N, 2), 2 * sqrt(square / 2), of_points);
}

static void sets_of_different_sizes_are_compared_as_laws(void **state) {
  (void)state;
  static const float one[] = {0}, two[] = {1, 0}, five[] = {0, 0, 1, 1, 1};
  float x[N][3], thrice[3 * N][3];
  assert_near(sliced_of(one, 1, two, 2, 1), sqrt(0.5), of_points);
  /* u = -1 turns the order round, but not the amount of 0.1 that must go from 0 to 1 */
  assert_near(sliced_of(two, 2, five, 5, 1), sqrt(0.1), of_points);
  draw(1, N, 3, x[0]);
  for (int i = 0; i < 3 * N; i++)
    for (int k = 0; k < 3; k++) thrice[i][k] = x[i % N][k];
  assert_near(sliced_of(x[0], N, thrice[0], 3 * N, 3), 0, of_points);
}

static double frechet_of(const double *mean_a, const double *a, const double *mean_b, const double *b,
                         size_t d) {
  double distance, zero[D] = {0}, a_[D * D], b_[D * D];
  moments x = {d, zero, a_}, y = {d, zero, b_};
  for (size_t i = 0; i < d * d; i++) a_[i] = a[i], b_[i] = b[i];
  if (mean_a) x.mean = (double *)mean_a;
  if (mean_b) y.mean = (double *)mean_b;
  assert_ok(frechet_distance(&x, &y, &distance));
  return distance;
}

/* tr (A B)^(1/2) = sqrt(tr(A B) + 2 sqrt(det A det B)) of 2 x 2 matrices, which need not commute. */
static void frechet_distance_in_the_plane(void **state) {
  (void)state;
  static const double mean_a[] = {1, 2}, mean_b[] = {-2, 6}, a[] = {2, 0.5, 0.5, 1}, b[] = {1, -0.9, -0.9, 3};
  const double of_product = 2 * 1 + 0.5 * -0.9 + 0.5 * -0.9 + 1 * 3, dets = (2 - 0.25) * (3 - 0.81);
  assert_near(frechet_of(mean_a, a, mean_b, b, 2), 25 + 3 + 4 - 2 * sqrt(of_product + 2 * sqrt(dets)),
              of_moments);
  assert_near(frechet_of(mean_a, a, mean_a, a, 2), 0, of_moments);
  static const double one[] = {1, 0, 0, 0}, other[] = {0, 0, 0, 4}; /* along different axes */
  assert_near(frechet_of(NULL, one, NULL, other, 2), 5, of_singular);
}

/* Q diag(a) Q^T and Q diag(b) Q^T, Q = 1 - 2 v v^T: tr (A B)^(1/2) = sum sqrt(a b). Some of the a and b are 0. */
static void frechet_distance_of_many_dimensions(void **state) {
  (void)state;
  static double v[D], a[D], b[D], full_a[D * D], full_b[D * D];
  double square = 0;
  for (int zeros = 0; zeros < 2; zeros++) {
    double expected = 0;
    for (int i = 0; i < D; i++) {
      v[i] = cos(3 * i);
      square += v[i] * v[i];
      a[i] = zeros && i % 3 == 0 ? 0 : 1 + i;
      b[i] = zeros && i % 4 == 0 ? 0 : 1.0 / (1 + i * i);
      expected += a[i] + b[i] - 2 * sqrt(a[i] * b[i]);
    }
    for (int i = 0; i < D; i++) v[i] /= sqrt(square);
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++) {
        full_a[i * D + j] = full_b[i * D + j] = 0;
        for (int k = 0; k < D; k++) {
          const double q = ((i == k) - 2 * v[i] * v[k]) * ((j == k) - 2 * v[j] * v[k]);
          full_a[i * D + j] += q * a[k];
          full_b[i * D + j] += q * b[k];
        }
      }
    square = 0;
    assert_near(frechet_of(NULL, full_a, NULL, full_b, D), expected,
                zeros ? D * of_singular : 100 * of_moments);
  }
}

static void moments_are_those_of_the_points(void **state) {
  (void)state;
  static const float x[] = {1, 0, 3, 4, 5, -1};
  moments m;
  assert_ok(moments_create(x, 3, 2, &m));
  assert_near(m.mean[0], 3, of_points);
  assert_near(m.mean[1], 1, of_points);
  assert_near(m.covariance[0], 4, of_points);
  assert_near(m.covariance[1], -1, of_points);
  assert_near(m.covariance[2], -1, of_points);
  assert_near(m.covariance[3], 7, of_points);
  moments_destroy(&m);
}

/* Between sets of the law the ratio scatters by a fifth or so; 2 is what presets must stay below. A thirtieth of the points in
 * the wrong one of two neighbouring modes, or modes half as wide again, are beyond it. */
static void fresh_points_have_ratio_one_and_small_faults_show(void **state) {
  (void)state;
  fresh_points fresh;
  double ratio, mean = 0;
  static float x[POINTS][2];
  assert_ok(fresh_points_create(&fresh));
  for (uint64_t set = 0; set < 4; set++) {
    for (uint64_t i = 0; i < POINTS; i++) true_point(set, i, x[i]);
    assert_ok(fresh_ratio(&fresh, x[0], &ratio));
    assert_true(ratio > 0.5 && ratio < 1.6);
    mean += ratio / 4;
  }
  assert_true(fabs(mean - 1) < 0.35);
  for (int i = 0; i < POINTS / 30; i++) x[i][0] = 2, x[i][1] = 0;
  assert_ok(fresh_ratio(&fresh, x[0], &ratio));
  assert_true(ratio > 2);
  fresh_points_destroy(&fresh);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sliced_distance_of_moved_and_stretched_points),
      cmocka_unit_test(sets_of_different_sizes_are_compared_as_laws),
      cmocka_unit_test(frechet_distance_in_the_plane),
      cmocka_unit_test(frechet_distance_of_many_dimensions),
      cmocka_unit_test(moments_are_those_of_the_points),
      cmocka_unit_test(fresh_points_have_ratio_one_and_small_faults_show),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
