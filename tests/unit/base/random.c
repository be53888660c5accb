/* Random numbers as pure functions. Known answers: kat_vectors of the Random123 distribution. */
#include "dsmpi/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MANY = 1 << 22 };

static const dsm_random_key some_key = {
    .seed = 20260131, .stream = DSM_STREAM_NOISE, .step = 17, .sample = 123456789};

/* Largest distance allowed between a sample moment and its expectation, in its own standard deviations. The
 * numbers are fixed, so a test that passes once passes always; 4 is what one looks at before blaming chance.
 */
static const double moment_sigmas = 4.0;

static void philox_gives_the_published_words(void **state) {
  (void)state;
  /* A counter word 3 of all ones cannot be written as a stream below 2^8 alone, but with sample and step it
   * can: each row is the key and the counter of kat_vectors, taken apart into the fields of dsm_random_key.
   */
  static const struct {
    dsm_random_key key;
    uint64_t block;
    uint32_t words[4];
  } rows[] = {
      {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{UINT64_MAX, 0xff, 0xffffffffff, 0xffffffffffff},
       0xffffffff,
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      /* counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0 */
      {{0x299f31d0a4093822, 0x03, 0x4413198a2e, 0x707385a308d3},
       0x243f6a88,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    uint32_t words[4];
    dsm_random_bits(rows[r].key, 4 * rows[r].block, 4, words);
    for (int i = 0; i < 4; i++) assert_int_equal(words[i], rows[r].words[i]);
  }
}

static void every_field_of_the_key_changes_the_numbers(void **state) {
  (void)state;
  dsm_random_key keys[] = {some_key, some_key, some_key, some_key, some_key, some_key, some_key, some_key};
  keys[1].seed ^= 1;
  keys[2].seed ^= UINT64_C(1) << 63;
  keys[3].stream = DSM_STREAM_TIME;
  keys[4].step++;
  keys[5].step += UINT64_C(1) << 32;
  keys[6].sample++;
  keys[7].sample += UINT64_C(1) << 47;
  enum { COUNT = sizeof keys / sizeof *keys, WORDS = 64 };
  uint32_t bits[COUNT][WORDS];
  for (int k = 0; k < COUNT; k++) dsm_random_bits(keys[k], 0, WORDS, bits[k]);
  for (int a = 0; a < COUNT; a++)
    for (int b = 0; b < a; b++) {
      int equal = 0;
      for (int i = 0; i < WORDS; i++) equal += bits[a][i] == bits[b][i];
      assert_int_equal(equal, 0);
    }
}

static void a_row_read_in_pieces_is_the_same_row(void **state) {
  (void)state;
  enum { LENGTH = 1531 };
  static uint32_t bits[LENGTH], bits_piece[LENGTH];
  static float uniform[LENGTH], normal[LENGTH], piece[LENGTH];
  dsm_random_bits(some_key, 0, LENGTH, bits);
  dsm_random_uniform(some_key, 0, LENGTH, uniform);
  dsm_random_normal(some_key, 0, LENGTH, normal);
  static const size_t firsts[] = {0, 1, 2, 3, 4, 6, 510, 511, 512, 514, 1024, 1530};
  static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 511, 512, 513, 1025};
  for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++)
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      size_t first = firsts[f], n = lengths[l];
      if (first + n > LENGTH) continue;
      memset(piece, 0xff, sizeof piece);
      memset(bits_piece, 0xff, sizeof bits_piece);
      dsm_random_bits(some_key, first, n, bits_piece);
      assert_memory_equal(bits_piece, bits + first, n * sizeof *bits);
      if (n < LENGTH) assert_int_equal(bits_piece[n], UINT32_MAX); /* nothing written beyond */
      dsm_random_uniform(some_key, first, n, piece);
      assert_memory_equal(piece, uniform + first, n * sizeof *piece);
      assert_true(isnan(piece[n]));
      if (first % 2) continue;
      memset(piece, 0xff, sizeof piece);
      dsm_random_normal(some_key, first, n, piece);
      assert_memory_equal(piece, normal + first, n * sizeof *piece);
      assert_true(isnan(piece[n]));
    }
}

/* The numbers of many rows at once are those of the rows one by one, also where sample numbers outgrow 32 bits. */
static void rows_at_once_are_the_rows_one_by_one(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 31, 64, 255, 256, 257, 600};
  enum { ROWS = 300, LENGTH = 600 };
  static float many[ROWS * LENGTH + 1], one[LENGTH];
  static double uniform[ROWS + 1];
  dsm_random_key start = some_key;
  start.sample = UINT32_MAX - ROWS / 2;
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
    for (size_t rows = 1; rows <= ROWS; rows += 23) {
      const size_t n = lengths[l];
      memset(many, 0xff, sizeof many);
      dsm_random_normal_rows(start, rows, n, many);
      assert_true(isnan(many[rows * n])); /* nothing written beyond */
      dsm_random_key key = start;
      for (size_t row = 0; row < rows; row++, key.sample++) {
        dsm_random_normal(key, 0, n, one);
        assert_memory_equal(many + row * n, one, n * sizeof *one);
      }
    }
  memset(uniform, 0xff, sizeof uniform);
  dsm_random_uniform_rows(start, ROWS, uniform);
  assert_true(isnan(uniform[ROWS]));
  for (size_t row = 0; row < ROWS; row++) {
    dsm_random_key key = start;
    key.sample += row;
    assert_true(uniform[row] == dsm_random_uniform_double(key, 0));
  }
}

static void normals_agree_with_float64_arithmetic_on_the_same_bits(void **state) {
  (void)state;
  uint32_t *bits = malloc(MANY * sizeof *bits);
  float *normal = malloc(MANY * sizeof *normal);
  assert_non_null(bits);
  assert_non_null(normal);
  double worst_absolute = 0, worst_relative = 0;
  for (uint64_t row = 0; row < 2; row++) {
    dsm_random_key key = some_key;
    key.step = row;
    dsm_random_bits(key, 0, MANY, bits);
    dsm_random_normal(key, 0, MANY, normal);
    for (size_t j = 0; j < MANY; j += 2) {
      double radius = sqrt(-2 * log(((double)bits[j] + 0.5) * 0x1p-32));
      double angle = 2 * M_PI * ((double)bits[j + 1] * 0x1p-32);
      double exact[2] = {radius * cos(angle), radius * sin(angle)};
      for (int k = 0; k < 2; k++) {
        double error = fabs((double)normal[j + (size_t)k] - exact[k]), relative = error / fabs(exact[k]);
        if (!(error <= 1e-6 || relative <= 4e-7))
          fail_msg("row %d, element %zu: %.9g, but float64 gives %.17g", (int)row, j + (size_t)k,
                   (double)normal[j + (size_t)k], exact[k]);
        if (error > worst_absolute) worst_absolute = error;
        if (fabs(exact[k]) > 1e-3 && relative > worst_relative) worst_relative = relative;
      }
    }
  }
  assert_true(worst_relative <=
              4e-7); /* where it is not the absolute error that counts, a polynomial would show */
  print_message("worst error: %.2g absolute; %.2g relative where |z| > 1e-3\n", worst_absolute,
                worst_relative);
  free(bits);
  free(normal);
}

static void normals_have_the_moments_of_a_gaussian(void **state) {
  (void)state;
  float *z = malloc(MANY * sizeof *z);
  assert_non_null(z);
  dsm_random_normal(some_key, 0, MANY, z);
  double sum[5] = {0}, pair = 0, next = 0, beyond_3 = 0;
  for (size_t i = 0; i < MANY; i++) {
    double power = 1, x = z[i];
    for (int k = 1; k <= 4; k++) sum[k] += power *= x;
    if (i % 2)
      pair += x * (double)z[i - 1];
    else if (i > 0)
      next += x * (double)z[i - 1];
    beyond_3 += fabs(x) > 3;
  }
  static const double expected[5] = {1, 0, 1, 0, 3}, variance[5] = {0, 1, 2, 15, 96}; /* of z^k */
  for (int k = 1; k <= 4; k++) {
    double distance = (sum[k] / MANY - expected[k]) / sqrt(variance[k] / MANY);
    if (fabs(distance) > moment_sigmas) fail_msg("moment %d is off by %.1f standard deviations", k, distance);
  }
  assert_true(fabs(pair) < moment_sigmas * sqrt(MANY / 2)); /* cosine and sine of one pair are independent */
  assert_true(fabs(next) < moment_sigmas * sqrt(MANY / 2));
  const double tail = 2.699796063e-3 * MANY; /* erfc(3 / sqrt 2) */
  assert_true(fabs(beyond_3 - tail) < moment_sigmas * sqrt(tail));
  free(z);
}

static void uniforms_stay_inside_the_open_interval_and_fill_it(void **state) {
  (void)state;
  float *u = malloc(MANY * sizeof *u);
  assert_non_null(u);
  dsm_random_uniform(some_key, 0, MANY, u);
  uint32_t *bits = malloc(MANY * sizeof *bits);
  assert_non_null(bits);
  dsm_random_bits(some_key, 0, MANY, bits);
  double cells[64] = {0}, chi2 = 0;
  for (size_t i = 0; i < MANY; i++) {
    assert_true(u[i] > 0 && u[i] < 1);
    assert_true((double)u[i] == ((double)(bits[i] >> 9) + 0.5) / 8388608.0);
    cells[(int)(u[i] * 64)]++;
  }
  for (int c = 0; c < 64; c++) chi2 += (cells[c] - MANY / 64) * (cells[c] - MANY / 64) / (MANY / 64);
  assert_true(fabs(chi2 - 63) < moment_sigmas * sqrt(2 * 63));
  free(u);
  free(bits);
}

static void uniform_double_is_made_of_two_words(void **state) {
  (void)state;
  double sum = 0;
  for (uint64_t i = 0; i < 100000; i++) {
    uint32_t bits[2];
    dsm_random_bits(some_key, 2 * i, 2, bits);
    double u = dsm_random_uniform_double(some_key, i);
    assert_true(u > 0 && u < 1);
    assert_true(u == (ldexp(bits[0], 20) + (double)(bits[1] >> 12) + 0.5) * 0x1p-52);
    sum += u - 0.5;
  }
  assert_true(fabs(sum) < moment_sigmas * sqrt(100000 / 12.0));
}

static void below_is_uniform_for_small_bounds(void **state) {
  (void)state;
  static const uint64_t bounds[] = {1, 2, 3, 7, 10, 64, 100};
  enum { DRAWS = 200000 };
  for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
    uint64_t bound = bounds[b];
    double counts[100] = {0}, chi2 = 0, expected = (double)DRAWS / (double)bound;
    for (uint64_t i = 0; i < DRAWS; i++) {
      uint64_t x = dsm_random_below(some_key, i, bound);
      assert_true(x < bound);
      counts[x]++;
    }
    for (uint64_t v = 0; v < bound; v++) chi2 += (counts[v] - expected) * (counts[v] - expected) / expected;
    double freedom = (double)bound - 1;
    assert_true(fabs(chi2 - freedom) <= moment_sigmas * sqrt(2 * freedom) + 1e-9);
  }
}

/* Without rejection a bound of 3/4 of the range would give every third value twice the weight of the others;
 * the values congruent to 0 modulo 3 are then drawn half the time instead of a third of it. */
static void below_is_unbiased_where_rejection_is_common(void **state) {
  (void)state;
  const uint64_t bound = UINT64_C(3) << 62;
  enum { DRAWS = 300000 };
  double thirds[3] = {0};
  for (uint64_t i = 0; i < DRAWS; i++) {
    uint64_t x = dsm_random_below(some_key, i, bound);
    assert_true(x < bound);
    thirds[x % 3]++;
  }
  for (int t = 0; t < 3; t++)
    assert_true(fabs(thirds[t] - DRAWS / 3.0) < moment_sigmas * sqrt(DRAWS * 2.0 / 9.0));
  assert_int_equal(dsm_random_below(some_key, 5, 1), 0);
}

static void a_permutation_visits_everything_once(void **state) {
  (void)state;
  static const uint64_t sizes[] = {0, 1, 2, 3, 1000, 65537};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    uint64_t n = sizes[s], *order = calloc(n + 1, sizeof *order);
    bool *seen = calloc(n + 1, sizeof *seen);
    assert_non_null(order);
    assert_non_null(seen);
    order[n] = 42;
    dsm_random_permutation(some_key, n, order);
    assert_int_equal(order[n], 42);
    uint64_t fixed = 0;
    for (uint64_t i = 0; i < n; i++) {
      assert_true(order[i] < n && !seen[order[i]]);
      seen[order[i]] = true;
      fixed += order[i] == i;
    }
    if (n >= 1000) assert_true(fixed < 8); /* Poisson with mean 1 */
    free(order);
    free(seen);
  }
}

static void all_permutations_of_four_are_equally_likely(void **state) {
  (void)state;
  enum { DRAWS = 48000 };
  double counts[256] = {0}, chi2 = 0;
  for (uint64_t i = 0; i < DRAWS; i++) {
    uint64_t p[4];
    dsm_random_key key = some_key;
    key.sample = i;
    dsm_random_permutation(key, 4, p);
    counts[p[0] + 4 * p[1] + 16 * p[2] + 64 * p[3]]++;
  }
  int kinds = 0;
  for (int c = 0; c < 256; c++)
    if (counts[c] > 0) {
      kinds++;
      chi2 += (counts[c] - DRAWS / 24.0) * (counts[c] - DRAWS / 24.0) / (DRAWS / 24.0);
    }
  assert_int_equal(kinds, 24);
  assert_true(fabs(chi2 - 23) < moment_sigmas * sqrt(2 * 23));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_words),
      cmocka_unit_test(every_field_of_the_key_changes_the_numbers),
      cmocka_unit_test(a_row_read_in_pieces_is_the_same_row),
      cmocka_unit_test(rows_at_once_are_the_rows_one_by_one),
      cmocka_unit_test(normals_agree_with_float64_arithmetic_on_the_same_bits),
      cmocka_unit_test(normals_have_the_moments_of_a_gaussian),
      cmocka_unit_test(uniforms_stay_inside_the_open_interval_and_fill_it),
      cmocka_unit_test(uniform_double_is_made_of_two_words),
      cmocka_unit_test(below_is_uniform_for_small_bounds),
      cmocka_unit_test(below_is_unbiased_where_rejection_is_common),
      cmocka_unit_test(a_permutation_visits_everything_once),
      cmocka_unit_test(all_permutations_of_four_are_equally_likely),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
