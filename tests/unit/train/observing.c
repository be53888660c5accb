/* Observations in physical units and in the model's: both ways must see the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "train/restoration.h"

enum { H = 2, W = 4, C = 2, D = H * W * C, ROWS = 3 };

/* Kernels of which the sum is not 1 and borders of zeros make H shift differ from place to place. */
static const double kernel[9] = {0.5, 0.1, 0.0, 0.3, 1.0, 0.2, 0.0, -0.2, 0.4};

typedef struct fixture {
  dsm_normalization n;
  double matrix[ROWS * D];
  dsm__observing o;
} fixture;

static void open_fixture(fixture *f, int kind) {
  float z[ROWS * D];
  *f = (fixture){0};
  assert_int_equal(dsm_normalization_create(C, &f->n), DSM_OK);
  f->n.shift[0] = 100, f->n.shift[1] = -3;
  f->n.scale[0] = 20, f->n.scale[1] = 0.5;
  dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 0, 0}, 0, ROWS * D, z);
  for (int j = 0; j < ROWS * D; j++) f->matrix[j] = (double)z[j];
  const dsm_operator_params params = {.kind = kind,
                                      .sample = DSM_SHAPE(H, W, C),
                                      .factor = 2,
                                      .kernel_shape = DSM_SHAPE(3, 3),
                                      .kernel = kernel,
                                      .border = DSM_BORDER_ZERO,
                                      .rows = ROWS,
                                      .matrix = f->matrix};
  assert_int_equal(dsm__observing_open(&params, 0.7, &f->n, &f->o), DSM_OK);
}

static void close_fixture(fixture *f) {
  dsm__observing_close(&f->o);
  dsm_normalization_destroy(&f->n);
}

static void draw(uint64_t row, const fixture *f, float *x, double *normal) {
  dsm_random_normal((dsm_random_key){2, DSM_STREAM_DATA, 0, row}, 0, D, x);
  for (int j = 0; j < D; j++) {
    normal[j] = (double)x[j];
    x[j] = (float)(f->n.shift[j % C] + f->n.scale[j % C] * normal[j]);
  }
}

/* float32 observations of about 100 and 16 additions: 1e-5 of the numbers, over scales down to 0.5: 1e-3 */
static void both_units_see_the_same(void **state) {
  (void)state;
  for (int kind = DSM_OPERATOR_IDENTITY; kind <= DSM_OPERATOR_MATRIX; kind++) {
    fixture f;
    open_fixture(&f, kind);
    float x[D], y[D];
    double normal[D], wide[D], seen[D], expected[D], y_model[D], noise[D];
    draw(kind, &f, x, normal);
    for (int j = 0; j < D; j++) wide[j] = (double)x[j];
    dsm_operator_apply(f.o.physical, wide, seen);
    for (size_t k = 0; k < f.o.m; k++) y[k] = (float)seen[k];
    dsm__observing_to_model(&f.o, y, y_model, noise);
    dsm_operator_apply(f.o.model, normal, expected);
    for (size_t k = 0; k < f.o.m; k++) {
      if (!(fabs(y_model[k] - expected[k]) < 1e-3))
        fail_msg("kind %d, number %zu: %g, expected %g", kind, k, y_model[k], expected[k]);
      /* a change of y by one deviation of its noise is one by `noise` in the model's units */
      const float moved = y[k] + 0.7f;
      float all[D];
      double y_moved[D], unused[D];
      memcpy(all, y, sizeof all);
      all[k] = moved;
      dsm__observing_to_model(&f.o, all, y_moved, unused);
      assert_true(fabs(y_moved[k] - y_model[k] - noise[k]) < 1e-3 * noise[k] + 1e-4);
    }
    close_fixture(&f);
  }
}

static void rows_of_a_matrix_have_length_one(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, DSM_OPERATOR_MATRIX);
  for (size_t k = 0; k < ROWS; k++) {
    double one[ROWS] = {0}, row[D], square = 0;
    one[k] = 1;
    dsm_operator_transpose(f.o.model, one, row);
    for (int j = 0; j < D; j++) square += row[j] * row[j];
    assert_true(fabs(square - 1) < 1e-12);
  }
  close_fixture(&f);
}

static void what_is_missing_stays_missing(void **state) {
  (void)state;
  fixture f;
  open_fixture(&f, DSM_OPERATOR_AVERAGE);
  float y[D] = {0};
  double y_model[D], noise[D];
  y[1] = NAN;
  dsm__observing_to_model(&f.o, y, y_model, noise);
  assert_true(isnan(y_model[1]) && !isnan(y_model[0]) && noise[1] == 0.7 / 0.5);
  close_fixture(&f);
}

/* The noise of a row is its own wherever blocks are cut, and of the deviation that was asked for: 48000 numbers, 5
 * deviations of their deviation. */
static void degrading_is_a_function_of_the_row(void **state) {
  (void)state;
  enum { MANY = 3000 };
  static float x[MANY * D], whole[MANY * D], part[MANY * D];
  fixture f;
  double square = 0, normal[D];
  open_fixture(&f, DSM_OPERATOR_IDENTITY);
  for (int i = 0; i < MANY; i++) draw(7, &f, x + i * D, normal);
  dsm__observing_degrade(&f.o, 5, 0, MANY, x, whole);
  dsm__observing_degrade(&f.o, 5, 1000, MANY - 1000, x, part);
  assert_memory_equal(whole + 1000 * D, part, sizeof(float) * (MANY - 1000) * D);
  dsm__observing_degrade(&f.o, 6, 0, MANY, x, part);
  assert_memory_not_equal(whole, part, sizeof whole);
  for (int j = 0; j < MANY * D; j++) square += pow((double)whole[j] - (double)x[j], 2) / (MANY * D);
  assert_true(fabs(sqrt(square) / 0.7 - 1) < 5 / sqrt(2.0 * MANY * D));
  close_fixture(&f);
}

/* File order (C, H, W) against memory order (H, W, C), by the sample it picks. */
static void columns_of_a_matrix_are_in_the_order_of_files(void **state) {
  (void)state;
  double matrix[D] = {0};
  const int c = 1, h = 1, w = 2;
  matrix[(c * H + h) * W + w] = 3;
  assert_int_equal(dsm__matrix_to_memory_order(DSM_SHAPE(H, W, C), 1, matrix), DSM_OK);
  for (int j = 0; j < D; j++) assert_true(matrix[j] == (j == (h * W + w) * C + c ? 3 : 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_units_see_the_same),
      cmocka_unit_test(rows_of_a_matrix_have_length_one),
      cmocka_unit_test(what_is_missing_stays_missing),
      cmocka_unit_test(degrading_is_a_function_of_the_row),
      cmocka_unit_test(columns_of_a_matrix_are_in_the_order_of_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
