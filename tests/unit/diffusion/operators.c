/* The operators of restoration: each against its definition, and each transpose against <A x, y> = <x, A^T y>. */
#include "posterior.h"

#include "dsmpi/random.h"

static dsm_operator *create(const dsm_operator_params *params) {
  dsm_operator *op = NULL;
  if (dsm_operator_create(params, &op) != DSM_OK) fail_msg("%s", dsm_trail());
  return op;
}

static void draw(uint64_t row, size_t n, double *x) {
  float z[512];
  assert_true(n <= 512);
  dsm_random_normal((dsm_random_key){5, DSM_STREAM_DATA, 0, row}, 0, n, z);
  for (size_t j = 0; j < n; j++) x[j] = (double)z[j];
}

/* Samples of one, two, three axes and several channels; kernels of other lengths than 1 on each axis. */
static const double weights[] = {0.3,  -0.1, 0.2,  0.7,  0.05, 0.1,  0.4,  0.02, -0.3, 0.6, 0.1,  0.2,
                                 0.25, -0.2, 0.15, 0.31, 0.11, 0.5,  0.07, -0.4, 0.9,  0.8, 0.33, 0.21,
                                 0.13, 0.6,  -0.1, 0.22, 0.45, 0.17, 0.3,  -0.1, 0.2,  0.7, 0.05, 0.1,
                                 0.4,  0.02, -0.3, 0.6,  0.1,  0.2,  0.25, -0.2, 0.15};
static const struct row {
  dsm_shape sample, kernel;
  size_t factor;
} rows[] = {{{2, {6, 2, 1, 1, 1}}, {1, {3, 1, 1, 1, 1}}, 3},
            {{3, {4, 6, 3, 1, 1}}, {2, {5, 3, 1, 1, 1}}, 2},
            {{3, {2, 4, 1, 1, 1}}, {3, {5, 9, 1, 1, 1}}, 2}, /* a kernel larger than the sample */
            {{4, {4, 2, 6, 2, 1}}, {3, {3, 1, 5, 1, 1}}, 2}};
enum { ROWS = sizeof rows / sizeof *rows, MOST = 512 };

/* Sums of up to 500 products of order 1 in float64. */
static const double rounding = 1e-12;

static void assert_adjoint(const dsm_operator *op) {
  double x[MOST], y[MOST], ax[MOST], aty[MOST], left = 0, right = 0;
  const size_t d = dsm_operator_columns(op), m = dsm_operator_rows(op);
  assert_int_equal(m, dsm_shape_count(dsm_operator_observation(op)));
  draw(1, d, x);
  draw(2, m, y);
  dsm_operator_apply(op, x, ax);
  dsm_operator_transpose(op, y, aty);
  for (size_t j = 0; j < m; j++) left += ax[j] * y[j];
  for (size_t j = 0; j < d; j++) right += x[j] * aty[j];
  assert_close(left, right, rounding, rounding);
  assert_true(fabs(left) > 1e-3);
}

static void each_transpose_is_the_adjoint(void **state) {
  (void)state;
  static double matrix[5 * MOST];
  draw(3, MOST, matrix);
  for (int r = 0; r < ROWS; r++)
    for (int kind = 0; kind < OPERATORS; kind++)
      for (int border = 0; border <= DSM_BORDER_PERIODIC; border++) {
        dsm_operator *op = create(&(dsm_operator_params){.kind = kind,
                                                         .sample = rows[r].sample,
                                                         .factor = rows[r].factor,
                                                         .kernel_shape = rows[r].kernel,
                                                         .kernel = weights,
                                                         .border = border,
                                                         .rows = 3,
                                                         .matrix = matrix});
        assert_adjoint(op);
        dsm_operator_destroy(&op);
        assert_null(op);
      }
}

/* ---- by hand, in one dimension --------------------------------------------------------------------------- */

static void a_blur_is_a_convolution_with_its_border(void **state) {
  (void)state;
  static const double x[5] = {1, 10, 100, 1000, 10000}, kernel[3] = {2, 3, 5};
  /* y_p = 2 x_{p+1} + 3 x_p + 5 x_{p-1} */
  static const double expected[3][5] = {
      {23, 235, 2350, 23500, 35000}, {28, 235, 2350, 23500, 55000}, {50023, 235, 2350, 23500, 35002}};
  for (int border = 0; border <= DSM_BORDER_PERIODIC; border++) {
    double y[5];
    dsm_operator *op = create(&(dsm_operator_params){.kind = DSM_OPERATOR_BLUR,
                                                     .sample = DSM_SHAPE(5, 1),
                                                     .kernel_shape = DSM_SHAPE(3),
                                                     .kernel = kernel,
                                                     .border = border});
    dsm_operator_apply(op, x, y);
    for (int p = 0; p < 5; p++) assert_close(y[p], expected[border][p], rounding, 0);
    dsm_operator_destroy(&op);
  }
}

/* In two dimensions by its definition, with an index that wraps around. */
static void a_periodic_blur_follows_its_definition(void **state) {
  (void)state;
  const int h = 4, w = 6, c = 3, kh = 5, kw = 3;
  double x[4 * 6 * 3], y[4 * 6 * 3];
  dsm_operator *op = create(&(dsm_operator_params){.kind = DSM_OPERATOR_BLUR,
                                                   .sample = DSM_SHAPE(4, 6, 3),
                                                   .kernel_shape = DSM_SHAPE(5, 3, 1),
                                                   .kernel = weights,
                                                   .border = DSM_BORDER_PERIODIC});
  draw(4, 72, x);
  dsm_operator_apply(op, x, y);
  for (int a = 0; a < h; a++)
    for (int b = 0; b < w; b++)
      for (int k = 0; k < c; k++) {
        double sum = 0;
        for (int i = 0; i < kh; i++)
          for (int j = 0; j < kw; j++)
            sum += weights[i * kw + j] * x[((a - i + 2 + h) % h * w + (b - j + 1 + w) % w) * c + k];
        assert_close(y[(a * w + b) * c + k], sum, rounding, rounding);
      }
  dsm_operator_destroy(&op);
}

static void an_average_is_the_mean_of_its_block(void **state) {
  (void)state;
  double x[4 * 6 * 3], y[2 * 3 * 3];
  dsm_operator *op =
      create(&(dsm_operator_params){.kind = DSM_OPERATOR_AVERAGE, .sample = DSM_SHAPE(4, 6, 3), .factor = 2});
  assert_true(dsm_shape_equal(dsm_operator_observation(op), DSM_SHAPE(2, 3, 3)));
  draw(4, 72, x);
  dsm_operator_apply(op, x, y);
  for (int a = 0; a < 2; a++)
    for (int b = 0; b < 3; b++)
      for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) sum += x[((2 * a + k / 2) * 6 + 2 * b + k % 2) * 3 + c];
        assert_close(y[(a * 3 + b) * 3 + c], sum / 4, rounding, rounding);
      }
  dsm_operator_destroy(&op);
}

static void a_matrix_is_applied_row_by_row(void **state) {
  (void)state;
  static const double matrix[6] = {1, 2, 3, -4, 5, 6}, x[3] = {1, 10, 100};
  double y[2];
  dsm_operator *op = create(&(dsm_operator_params){
      .kind = DSM_OPERATOR_MATRIX, .sample = DSM_SHAPE(3), .rows = 2, .matrix = matrix});
  dsm_operator_apply(op, x, y);
  assert_close(y[0], 321, rounding, 0);
  assert_close(y[1], 646, rounding, 0);
  assert_false(dsm_operator_keeps_channels(op));
  dsm_operator_destroy(&op);
}

/* ---- what cannot be -------------------------------------------------------------------------------------- */

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  static const double zero[9] = {0}, odd[3] = {1, NAN, 1};
  dsm_operator *op = NULL;
  const dsm_shape plane = DSM_SHAPE(4, 6, 1), vector = DSM_SHAPE(4);
  dsm_operator_params p = {.kind = DSM_OPERATOR_AVERAGE, .sample = plane, .factor = 4};
  assert_refused(dsm_operator_create(&p, &op), "factor of 4");
  p.factor = 1;
  assert_refused(dsm_operator_create(&p, &op), "factor of 1");
  p = (dsm_operator_params){.kind = DSM_OPERATOR_AVERAGE, .sample = vector, .factor = 2};
  assert_refused(dsm_operator_create(&p, &op), "no space");
  p = (dsm_operator_params){
      .kind = DSM_OPERATOR_BLUR, .sample = vector, .kernel_shape = DSM_SHAPE(3), .kernel = weights};
  assert_refused(dsm_operator_create(&p, &op), "no space");
  p.sample = plane;
  assert_refused(dsm_operator_create(&p, &op), "needs 2 axes");
  p.kernel_shape = DSM_SHAPE(3, 2);
  assert_refused(dsm_operator_create(&p, &op), "odd");
  p.kernel_shape = DSM_SHAPE(3, 3);
  p.kernel = zero;
  assert_int_equal(dsm_operator_create(&p, &op), DSM_BAD_DATA);
  p.kernel_shape = DSM_SHAPE(1, 3);
  p.kernel = odd;
  assert_int_equal(dsm_operator_create(&p, &op), DSM_BAD_DATA);
  dsm_trail_clear();
  assert_null(op);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_transpose_is_the_adjoint),
      cmocka_unit_test(a_blur_is_a_convolution_with_its_border),
      cmocka_unit_test(a_periodic_blur_follows_its_definition),
      cmocka_unit_test(an_average_is_the_mean_of_its_block),
      cmocka_unit_test(a_matrix_is_applied_row_by_row),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
