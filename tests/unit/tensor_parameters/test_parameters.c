#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/parameters.h"
#include "dsmpi/random.h"

static int make_table(void **state) {
  return dsm_parameters_create((dsm_parameters **)state) != DSM_OK;
}
static int free_table(void **state) {
  dsm_parameters_destroy((dsm_parameters **)state);
  return *state != NULL;
}

static const dsm_parameter *add(dsm_parameters *table, const char *name, dsm_shape shape, dsm_init init,
                                float gain) {
  const dsm_parameter *p = NULL;
  assert_int_equal(dsm_parameters_add(table, name, shape, true, init, gain, &p), DSM_OK);
  return p;
}

static void offsets_follow_each_other_and_names_are_found(void **state) {
  dsm_parameters *table = *state;
  char name[64] = "conv.weight"; /* copied by the table */
  const dsm_parameter *first = add(table, name, DSM_SHAPE(8, 3, 3, 4), DSM_INIT_FAN_AVG, 1);
  memset(name, 'x', sizeof name - 1);
  size_t expected = 8 * 3 * 3 * 4;
  for (int i = 0; i < 300; i++) { /* enough for the list to grow several times */
    snprintf(name, sizeof name, "layer.%d.bias", i);
    const dsm_parameter *p = add(table, name, DSM_SHAPE(5), DSM_INIT_ZERO, 0);
    assert_int_equal(p->offset, expected);
    expected += 5;
  }
  assert_int_equal(dsm_parameters_entries(table), 301);
  assert_int_equal(dsm_parameters_count(table), expected);
  assert_ptr_equal(dsm_parameters_find(table, "conv.weight"), first);
  assert_ptr_equal(dsm_parameters_entry(table, 0), first);
  assert_ptr_equal(dsm_parameters_find(table, "layer.299.bias"), dsm_parameters_entry(table, 300));
  assert_null(dsm_parameters_find(table, "layer.300.bias"));
}

static void unusable_names_and_shapes_are_refused(void **state) {
  dsm_parameters *table = *state;
  add(table, "a", DSM_SHAPE(2), DSM_INIT_ONE, 0);
  const char *const bad[] = {"a", "", ".", "group/name"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(dsm_parameters_add(table, bad[i], DSM_SHAPE(2), false, DSM_INIT_ONE, 0, NULL),
                     DSM_INTERNAL);
    assert_non_null(strstr(dsm_trail_message(), bad[i]));
  }
  dsm_shape shapes[] = {{.rank = 0}, {.rank = 1, .n = {0}}, {.rank = 2, .n = {SIZE_MAX / 2, 3}}, {.rank = 6}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    assert_int_equal(dsm_parameters_add(table, "b", shapes[i], false, DSM_INIT_ONE, 0, NULL), DSM_INTERNAL);
  assert_int_equal(dsm_parameters_entries(table), 1);
  assert_int_equal(dsm_parameters_count(table), 2);
}

static void init_gives_zeros_ones_and_bounded_uniforms(void **state) {
  dsm_parameters *table = *state;
  const float gain = 0.5f;
  const dsm_parameter *bias = add(table, "b", DSM_SHAPE(7), DSM_INIT_ZERO, 0);
  const dsm_parameter *scale = add(table, "s", DSM_SHAPE(7), DSM_INIT_ONE, 0);
  const dsm_parameter *conv = add(table, "w", DSM_SHAPE(32, 3, 3, 16), DSM_INIT_FAN_AVG, gain);
  const dsm_parameter *other = add(table, "w2", DSM_SHAPE(32, 3, 3, 16), DSM_INIT_FAN_AVG, gain);
  const size_t count = dsm_parameters_count(table);
  float *w = malloc(count * sizeof *w), *again = malloc(count * sizeof *w);
  memset(w, 0xff, count * sizeof *w);
  dsm_parameters_init(table, 42, w);
  for (size_t i = 0; i < 7; i++) {
    assert_true(w[bias->offset + i] == 0.0f);
    assert_true(w[scale->offset + i] == 1.0f);
  }
  const double bound = gain * sqrt(6.0 / (9 * 32 + 9 * 16)); /* fan_out = 9 x 32, fan_in = 9 x 16 */
  const size_t n = dsm_shape_count(conv->shape);
  double sum = 0, squares = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    const double x = w[conv->offset + i];
    sum += x, squares += x * x, largest = fmax(largest, fabs(x));
  }
  assert_true(largest <= bound * (1 + 1e-6));
  assert_true(largest > 0.99 * bound);
  /* standard errors of mean and of mean square of n uniforms, five of them */
  assert_true(fabs(sum / (double)n) < 5 * bound / sqrt(3.0 * (double)n));
  assert_true(fabs(squares / (double)n - bound * bound / 3) < 5 * bound * bound * sqrt(4.0 / 45 / (double)n));
  assert_memory_not_equal(w + conv->offset, w + other->offset, n * sizeof *w);

  dsm_parameters_init(table, 42, again);
  assert_memory_equal(w, again, count * sizeof *w);
  dsm_parameters_init(table, 43, again);
  assert_memory_not_equal(w + conv->offset, again + conv->offset, n * sizeof *w);
  free(w);
  free(again);
}

/* So that other builds and versions start from the same weights: the law is written out once more here. */
static void init_is_the_stated_function_of_seed_entry_element(void **state) {
  dsm_parameters *table = *state;
  add(table, "first", DSM_SHAPE(3), DSM_INIT_ONE, 0);
  const dsm_parameter *p = add(table, "second", DSM_SHAPE(4, 2), DSM_INIT_FAN_AVG, 1);
  float w[11], u[8];
  dsm_parameters_init(table, 7, w);
  dsm_random_uniform((dsm_random_key){.seed = 7, .stream = DSM_STREAM_INIT, .step = 1}, 0, 8, u);
  for (size_t i = 0; i < 8; i++) assert_true(w[p->offset + i] == 1.0f * (2 * u[i] - 1)); /* sqrt(6 / 6) */
}

static void files_keep_the_axes_of_pytorch(void **state) {
  dsm_parameters *table = *state;
  const dsm_parameter *conv = add(table, "conv3d", DSM_SHAPE(2, 3, 4, 5, 6), DSM_INIT_ZERO, 0);
  dsm_shape shape = dsm_parameter_file_shape(conv);
  assert_true(dsm_shape_equal(shape, DSM_SHAPE(2, 6, 3, 4, 5)));
  assert_true(dsm_shape_equal(
      dsm_parameter_file_shape(add(table, "linear", DSM_SHAPE(8, 5), DSM_INIT_ZERO, 0)), DSM_SHAPE(8, 5)));
  assert_true(dsm_shape_equal(dsm_parameter_file_shape(add(table, "bias", DSM_SHAPE(8), DSM_INIT_ZERO, 0)),
                              DSM_SHAPE(8)));

  float flat[2 * 3 * 4 * 5 * 6], file[2 * 3 * 4 * 5 * 6], back[2 * 3 * 4 * 5 * 6];
  for (size_t i = 0; i < 720; i++) flat[i] = (float)i;
  dsm_parameter_to_file(conv, sizeof *flat, flat, file);
  for (size_t o = 0, f = 0; o < 2; o++)
    for (size_t c = 0; c < 6; c++)
      for (size_t z = 0; z < 3; z++)
        for (size_t y = 0; y < 4; y++)
          for (size_t x = 0; x < 5; x++, f++)
            assert_true(file[f] == flat[(((o * 3 + z) * 4 + y) * 5 + x) * 6 + c]);
  dsm_parameter_from_file(conv, sizeof *flat, file, back);
  assert_memory_equal(flat, back, sizeof flat);
}

static void order_change_and_back_is_exact_for_every_rank_and_both_sizes(void **state) {
  dsm_parameters *table = *state;
  const dsm_shape shapes[] = {DSM_SHAPE(5), DSM_SHAPE(4, 3), DSM_SHAPE(4, 3, 2), DSM_SHAPE(3, 3, 3, 2),
                              DSM_SHAPE(1, 1, 1, 1)};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    char name[16];
    snprintf(name, sizeof name, "p%zu", s);
    const dsm_parameter *p = add(table, name, shapes[s], DSM_INIT_ZERO, 0);
    const size_t n = dsm_shape_count(p->shape);
    double flat[64], file[64], back[64];
    for (size_t i = 0; i < n; i++) flat[i] = 1.0 / (double)(i + 3);
    dsm_parameter_to_file(p, sizeof *flat, flat, file);
    dsm_parameter_from_file(p, sizeof *flat, file, back);
    assert_memory_equal(flat, back, n * sizeof *flat);
    if (p->shape.rank <= 2) assert_memory_equal(flat, file, n * sizeof *flat);
  }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_table, free_table)
  const struct CMUnitTest tests[] = {
      TEST(offsets_follow_each_other_and_names_are_found),
      TEST(unusable_names_and_shapes_are_refused),
      TEST(init_gives_zeros_ones_and_bounded_uniforms),
      TEST(init_is_the_stated_function_of_seed_entry_element),
      TEST(files_keep_the_axes_of_pytorch),
      TEST(order_change_and_back_is_exact_for_every_rank_and_both_sizes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
