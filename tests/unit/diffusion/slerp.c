/* Between two latents: ends, angles and lengths. */
#include "check.h"

#include "dsmpi/random.h"

enum { D = 300 };

static void draw(uint64_t row, float *z) {
  dsm_random_normal((dsm_random_key){3, DSM_STREAM_DATA, 0, row}, 0, D, z);
}

static double length(const float *z) {
  double sum = 0;
  for (int j = 0; j < D; j++) sum += (double)z[j] * (double)z[j];
  return sqrt(sum);
}

static double angle(const float *a, const float *b) {
  double sum = 0;
  for (int j = 0; j < D; j++) sum += (double)a[j] * (double)b[j];
  return acos(fmin(1, sum / length(a) / length(b)));
}

/* Rounding to float32: 1e-7 of a length, sqrt(1e-7) of an angle near 0 as acos has it, 1e-6 elsewhere. */
static void it_turns_evenly_from_one_end_to_the_other(void **state) {
  (void)state;
  float a[D], b[D], z[D], back[D];
  draw(0, a);
  draw(1, b);
  const double longer = length(a) / length(b);
  for (int j = 0; j < D; j++) b[j] = (float)((double)b[j] * longer);
  const double theta = angle(a, b);
  assert_true(theta > 1.4 && theta < 1.8); /* as good as orthogonal */
  for (int k = 0; k <= 10; k++) {
    dsm_slerp(a, b, D, k / 10.0, z);
    dsm_slerp(b, a, D, 1 - k / 10.0, back);
    assert_close(length(z), length(a), 1e-6, 0);
    assert_close(angle(a, z), theta * k / 10.0, 0, k ? 1e-6 : 1e-3);
    assert_close(angle(z, b), theta * (10 - k) / 10.0, 0, k < 10 ? 1e-6 : 1e-3);
    for (int j = 0; j < D; j++) assert_close((double)z[j], (double)back[j], 0, 1e-6);
  }
}

static void the_ends_are_what_was_given(void **state) {
  (void)state;
  float a[D], b[D], z[D];
  draw(0, a);
  draw(1, b);
  dsm_slerp(a, b, D, 0, z);
  assert_memory_equal(z, a, sizeof a);
  dsm_slerp(a, b, D, 1, z);
  assert_memory_equal(z, b, sizeof b);
}

static void it_is_straight_where_there_is_no_circle(void **state) {
  (void)state;
  float a[D], b[D], z[D];
  static const float factors[] = {1, 2, 0, -1};
  draw(0, a);
  for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
    for (int j = 0; j < D; j++) b[j] = factors[k] * a[j];
    dsm_slerp(a, b, D, 0.25, z);
    for (int j = 0; j < D; j++)
      assert_close((double)z[j], (0.75 + 0.25 * (double)factors[k]) * (double)a[j], 1e-6, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_turns_evenly_from_one_end_to_the_other),
      cmocka_unit_test(the_ends_are_what_was_given),
      cmocka_unit_test(it_is_straight_where_there_is_no_circle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
