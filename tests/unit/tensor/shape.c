/* Shapes: counting, comparing, printing, broadcasting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "dsmpi/tensor.h"

static void shape_counts_and_fills_with_ones(void **state) {
  (void)state;
  const dsm_shape shape = DSM_SHAPE(32, 28, 28, 3);
  assert_int_equal(shape.rank, 4);
  assert_int_equal(dsm_shape_count(shape), 32 * 28 * 28 * 3);
  assert_int_equal(shape.n[4], 1);
  assert_int_equal(dsm_shape_count(DSM_SHAPE(1)), 1);
}

static void equal_shapes_have_equal_rank_and_sizes(void **state) {
  (void)state;
  assert_true(dsm_shape_equal(DSM_SHAPE(2, 3), DSM_SHAPE(2, 3)));
  assert_false(dsm_shape_equal(DSM_SHAPE(2, 3), DSM_SHAPE(3, 2)));
  assert_false(dsm_shape_equal(DSM_SHAPE(2, 3), DSM_SHAPE(2, 3, 1)));
}

static void shape_text_reads_like_a_tuple(void **state) {
  (void)state;
  char text[32], small[8];
  assert_string_equal(dsm_shape_text(DSM_SHAPE(32, 28, 28, 1), text, sizeof text), "(32, 28, 28, 1)");
  assert_string_equal(dsm_shape_text(DSM_SHAPE(7), text, sizeof text), "(7)");
  assert_string_equal(dsm_shape_text(DSM_SHAPE(32, 28, 28), small, sizeof small), "(32, 28");
}

static void broadcast_takes_the_larger_size_of_each_axis(void **state) {
  (void)state;
  dsm_shape out;
  assert_int_equal(dsm_shape_broadcast(DSM_SHAPE(4, 1, 3), DSM_SHAPE(1, 5, 3), &out), DSM_OK);
  assert_true(dsm_shape_equal(out, DSM_SHAPE(4, 5, 3)));
  assert_int_equal(dsm_shape_broadcast(DSM_SHAPE(4, 0), DSM_SHAPE(1, 1), &out), DSM_OK);
  assert_true(dsm_shape_equal(out, DSM_SHAPE(4, 0)));
}

static void broadcast_refuses_what_does_not_fit(void **state) {
  (void)state;
  dsm_shape out;
  assert_int_equal(dsm_shape_broadcast(DSM_SHAPE(4, 2), DSM_SHAPE(4, 3), &out), DSM_INTERNAL);
  assert_int_equal(dsm_shape_broadcast(DSM_SHAPE(4, 2), DSM_SHAPE(4, 2, 1), &out), DSM_INTERNAL);
  dsm_trail_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shape_counts_and_fills_with_ones),
      cmocka_unit_test(equal_shapes_have_equal_rank_and_sizes),
      cmocka_unit_test(shape_text_reads_like_a_tuple),
      cmocka_unit_test(broadcast_takes_the_larger_size_of_each_axis),
      cmocka_unit_test(broadcast_refuses_what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
