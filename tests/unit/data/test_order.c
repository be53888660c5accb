#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "data/order.h"

static const struct shape {
  uint64_t rows, phase, block, window;
} shapes[] = {{1, 0, 1, 1},    {1, 2, 3, 3},     {10, 0, 1, 10},    {10, 0, 3, 3},
              {100, 0, 7, 21}, {100, 5, 7, 21},  {100, 6, 7, 1},    {97, 3, 10, 1000},
              {64, 0, 64, 64}, {64, 63, 64, 64}, {1000, 9, 10, 35}, {5, 0, 100, 100}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static dsm_order *order_of(const struct shape *s, uint64_t seed) {
  dsm_order *o;
  assert_int_equal(dsm__order_create(s->rows, s->phase, s->block, s->window, seed, &o), DSM_OK);
  return o;
}

static void every_epoch_is_a_permutation(void **state) {
  (void)state;
  for (int i = 0; i < SHAPES; i++) {
    dsm_order *o = order_of(&shapes[i], 3);
    unsigned char *seen = calloc(shapes[i].rows, 1);
    for (uint64_t p = 0; p < 3 * shapes[i].rows; p++) {
      uint64_t row = dsm_order_row(o, p);
      assert_true(row < shapes[i].rows);
      assert_int_equal(seen[row], p / shapes[i].rows);
      seen[row]++;
    }
    free(seen);
    dsm_order_destroy(&o);
    assert_null(o);
  }
}

/* Rows of a window come from as few blocks as fit, and each block from one window only. */
static void windows_hold_whole_blocks(void **state) {
  (void)state;
  for (int i = 0; i < SHAPES; i++) {
    const struct shape *s = &shapes[i];
    dsm_order *o = order_of(s, 5);
    uint64_t blocks = (s->rows + s->phase - 1) / s->block + 1, per_window = s->window / s->block;
    uint64_t *window_of = calloc(blocks, sizeof *window_of), window = 0;
    if (per_window < 1) per_window = 1;
    for (uint64_t p = 0; p < s->rows; window++) {
      uint64_t end = dsm__order_window_end(o, p), touched = 0;
      assert_true(end > p && end <= s->rows);
      for (; p < end; p++) {
        uint64_t b = (dsm_order_row(o, p) + s->phase) / s->block;
        assert_true(window_of[b] == 0 || window_of[b] == window + 1);
        if (window_of[b] == 0) touched++;
        window_of[b] = window + 1;
      }
      assert_true(touched <= per_window);
    }
    free(window_of);
    dsm_order_destroy(&o);
  }
}

static void any_position_is_found_without_the_ones_before(void **state) {
  (void)state;
  for (int i = 0; i < SHAPES; i++) {
    dsm_order *forward = order_of(&shapes[i], 8), *back = order_of(&shapes[i], 8);
    uint64_t n = 3 * shapes[i].rows, *row = malloc(n * sizeof *row);
    for (uint64_t p = 0; p < n; p++) row[p] = dsm_order_row(forward, p);
    for (uint64_t p = n; p-- > 0;) assert_int_equal(dsm_order_row(back, p), row[p]);
    dsm_order *late = order_of(&shapes[i], 8);
    assert_int_equal(dsm_order_row(late, n - 1), row[n - 1]);
    free(row);
    dsm_order_destroy(&forward);
    dsm_order_destroy(&back);
    dsm_order_destroy(&late);
  }
}

static void epochs_and_seeds_differ(void **state) {
  (void)state;
  struct shape s = {1000, 0, 10, 100};
  dsm_order *a = order_of(&s, 1), *b = order_of(&s, 2);
  int same_seed = 0, same_epoch = 0, in_place = 0;
  for (uint64_t p = 0; p < s.rows; p++) {
    uint64_t row = dsm_order_row(a, p);
    same_seed += row == dsm_order_row(b, p);
    in_place += row == p;
  }
  for (uint64_t p = 0; p < s.rows; p++) same_epoch += dsm_order_row(b, p) == dsm_order_row(b, p + s.rows);
  /* By chance 1 of 1,000 each; 15 has a probability below 1e-11. */
  assert_true(same_seed < 15 && same_epoch < 15 && in_place < 15);
  dsm_order_destroy(&a);
  dsm_order_destroy(&b);
}

/* Where a row ends up, averaged over epochs, does not depend on where it stands in the file. */
static void rows_are_spread_evenly(void **state) {
  (void)state;
  struct shape s = {60, 0, 5, 20};
  dsm_order *o = order_of(&s, 11);
  double mean[60] = {0};
  enum { EPOCHS = 4000 };
  for (uint64_t p = 0; p < EPOCHS * s.rows; p++) mean[dsm_order_row(o, p)] += (double)(p % s.rows) / EPOCHS;
  /* Mean 29.5, standard deviation of one position 17.3, of the mean of 4,000 of them 0.27: five of these. */
  for (int r = 0; r < 60; r++) assert_true(mean[r] > 29.5 - 1.4 && mean[r] < 29.5 + 1.4);
  dsm_order_destroy(&o);
}

static void large_orders_cost_little(void **state) {
  (void)state;
  dsm_order *o;
  /* 10^12 rows: only blocks and one window are ever held. */
  assert_int_equal(dsm_order_create(UINT64_C(1000000000000), 1000000, 1000000, 1, &o), DSM_OK);
  uint64_t row = dsm_order_row(o, UINT64_C(999999999999));
  assert_true(row < UINT64_C(1000000000000));
  assert_int_equal(dsm_order_row(o, UINT64_C(999999999999)), row);
  dsm_order_destroy(&o);
}

static void impossible_orders_are_refused(void **state) {
  (void)state;
  dsm_order *o;
  assert_int_equal(dsm_order_create(0, 1, 1, 1, &o), DSM_INTERNAL);
  assert_int_equal(dsm_order_create(5, 0, 1, 1, &o), DSM_INTERNAL);
  assert_null(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_epoch_is_a_permutation),
      cmocka_unit_test(windows_hold_whole_blocks),
      cmocka_unit_test(any_position_is_found_without_the_ones_before),
      cmocka_unit_test(epochs_and_seeds_differ),
      cmocka_unit_test(rows_are_spread_evenly),
      cmocka_unit_test(large_orders_cost_little),
      cmocka_unit_test(impossible_orders_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
