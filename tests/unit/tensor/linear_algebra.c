/* Float64 products, eigenvalues and roots against their definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dsmpi/linear_algebra.h"
#include "dsmpi/random.h"

enum { N = 37, K = 53 };
static const double rounding = 1e-12; /* of sums of 53 products of size 1, and of 37 eigenvalues up to 200 */

static void assert_close(double got, double wanted, double tolerance) {
  if (!(fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted)))) fail_msg("%.17g, not %.17g", got, wanted);
}

static void fill(double *x, size_t n, uint64_t sample) {
  float *z = malloc((n + 1) / 2 * 2 * sizeof *z);
  dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 0, sample}, 0, n, z);
  for (size_t i = 0; i < n; i++) x[i] = (double)z[i];
  free(z);
}

static void products_are_sums_of_products(void **state) {
  (void)state;
  static double a[N * K], b[K * N], c[N * N], d[K * K], e[N * N];
  fill(a, N * K, 0);
  fill(b, K * N, 1);
  dsm_matrix_product(a, b, N, N, K, c);
  dsm_matrix_rows_product(a, a, N, N, K, e);
  memset(d, 0, sizeof d);
  dsm_matrix_outer_sum(a, N, K, d);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double product = 0, rows = 0;
      for (size_t k = 0; k < K; k++) {
        product += a[i * K + k] * b[k * N + j];
        rows += a[i * K + k] * a[j * K + k];
      }
      assert_close(c[i * N + j], product, rounding);
      assert_close(e[i * N + j], rows, rounding);
    }
  for (size_t i = 0; i < K; i++)
    for (size_t j = 0; j < K; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += a[k * K + i] * a[k * K + j];
      assert_close(d[i * K + j], j <= i ? sum : 0, rounding); /* what is above the diagonal stays */
    }
}

/* x^T x / K, of full rank for N < K. */
static void covariance(double *c) {
  static double x[K * N];
  fill(x, K * N, 2);
  dsm_matrix_outer_sum(x, K, N, c);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < i; j++) c[j * N + i] = c[i * N + j];
}

static void eigenvectors_are_rows_and_ascend(void **state) {
  (void)state;
  static double c[N * N], v[N * N], w[N], alone[N], copy[N * N];
  covariance(c);
  memcpy(v, c, sizeof c);
  memcpy(copy, c, sizeof c);
  assert_int_equal(dsm_symmetric_eigen(v, N, true, w), DSM_OK);
  assert_int_equal(dsm_symmetric_eigen(copy, N, false, alone), DSM_OK);
  for (size_t k = 0; k < N; k++) {
    assert_close(alone[k], w[k], rounding);
    if (k) assert_true(w[k] >= w[k - 1]);
    for (size_t i = 0; i < N; i++) {
      double image = 0;
      for (size_t j = 0; j < N; j++) image += c[i * N + j] * v[k * N + j];
      assert_close(image, w[k] * v[k * N + i], 100 * rounding);
    }
  }
}

static void the_root_squared_is_the_matrix(void **state) {
  (void)state;
  static double c[N * N], root[N * N], square[N * N], trace, sum;
  covariance(c);
  memcpy(root, c, sizeof c);
  assert_int_equal(dsm_symmetric_root(root, N), DSM_OK);
  dsm_matrix_product(root, root, N, N, N, square);
  for (size_t i = 0; i < N * N; i++) assert_close(square[i], c[i], 100 * rounding);
  /* tr (a a)^(1/2) = tr a */
  assert_int_equal(dsm_trace_of_root(root, c, N, &trace), DSM_OK);
  for (size_t i = 0; i < N; i++) sum += c[i * N + i];
  assert_close(trace, sum, 100 * rounding);
}

static void what_is_not_finite_is_refused(void **state) {
  (void)state;
  double a[4] = {1, 0, (double)NAN, 1}, w[2];
  assert_int_equal(dsm_symmetric_eigen(a, 2, true, w), DSM_BAD_DATA);
  assert_non_null(strstr(dsm_trail_message(), "(1, 0)"));
  dsm_trail_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_are_sums_of_products),
      cmocka_unit_test(eigenvectors_are_rows_and_ascend),
      cmocka_unit_test(the_root_squared_is_the_matrix),
      cmocka_unit_test(what_is_not_finite_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
