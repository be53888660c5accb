#include "dsmpi/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The address sanitizer stops the program on a request too large unless told to fail it, as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

static void memory_is_zeroed_and_aligned(void **state) {
  (void)state;
  for (size_t n = 1; n < 5000; n = n * 3 + 1) {
    float *x;
    assert_int_equal(DSM_ALLOC(n, &x), DSM_OK);
    assert_int_equal((uintptr_t)x % DSM_ALIGNMENT, 0);
    for (size_t i = 0; i < n; i++) assert_true(x[i] == 0);
    memset(x, 0xff, n * sizeof *x); /* the next one must not inherit it */
    free(x);
  }
}

static void nothing_is_no_memory_at_all(void **state) {
  (void)state;
  double *x = (double *)state;
  assert_int_equal(DSM_ALLOC(0, &x), DSM_OK);
  assert_null(x);
}

static void too_much_memory_is_a_failure_that_names_the_request(void **state) {
  (void)state;
  double *x = (double *)state;
  assert_int_equal(DSM_ALLOC(SIZE_MAX / 8 + 2, &x), DSM_NO_MEMORY); /* 8 bytes, modulo 2^64 */
  assert_null(x);
  assert_non_null(strstr(dsm_trail_message(), "2305843009213693953 elements of 8 bytes"));
  assert_int_equal(DSM_ALLOC((size_t)1 << 58, &x), DSM_NO_MEMORY); /* does not, but no machine has it */
  assert_null(x);
  assert_non_null(strstr(dsm_trail_message(), "2305843009213693952 bytes"));
}

static void an_arena_hands_out_separate_zeroed_pieces(void **state) {
  (void)state;
  dsm_arena *arena;
  assert_int_equal(dsm_arena_create(256, &arena), DSM_OK);
  enum { PIECES = 200 };
  unsigned char *piece[PIECES];
  for (size_t round = 0; round < 3; round++) {
    size_t used = 0;
    for (size_t i = 0; i < PIECES; i++) {
      size_t bytes = (i * 37 + round * 101) % 600; /* some larger than a block */
      piece[i] = dsm_arena_alloc(arena, bytes);
      assert_non_null(piece[i]);
      assert_int_equal((uintptr_t)piece[i] % 16, 0);
      for (size_t b = 0; b < bytes; b++) assert_int_equal(piece[i][b], 0);
      memset(piece[i], (int)i + 1, bytes);
      used += (bytes + 15) / 16 * 16;
      assert_int_equal(dsm_arena_used(arena), used);
    }
    for (size_t i = 0; i < PIECES; i++)
      for (size_t b = 0; b < (i * 37 + round * 101) % 600; b++)
        assert_int_equal(piece[i][b], (unsigned char)(i + 1));
    dsm_arena_reset(arena);
    assert_int_equal(dsm_arena_used(arena), 0);
  }
  dsm_arena_destroy(&arena);
  assert_null(arena);
  dsm_arena_destroy(&arena);
}

static void an_arena_reset_gives_the_same_memory_again(void **state) {
  (void)state;
  dsm_arena *arena;
  void *first[20];
  assert_int_equal(dsm_arena_create(128, &arena), DSM_OK);
  for (size_t i = 0; i < 20; i++) first[i] = dsm_arena_alloc(arena, 50 + 20 * i);
  dsm_arena_reset(arena);
  for (size_t i = 0; i < 20; i++) assert_ptr_equal(dsm_arena_alloc(arena, 50 + 20 * i), first[i]);
  dsm_arena_destroy(&arena);
}

static void an_arena_refuses_what_no_machine_has(void **state) {
  (void)state;
  dsm_arena *arena;
  assert_int_equal(dsm_arena_create(64, &arena), DSM_OK);
  assert_null(dsm_arena_alloc(arena, SIZE_MAX));
  assert_null(dsm_arena_alloc(arena, SIZE_MAX / 2));
  assert_null(dsm_arena_alloc(arena, (size_t)1 << 60));
  assert_non_null(dsm_arena_alloc(arena, 10)); /* and still works */
  dsm_arena_destroy(&arena);
}

static void an_arena_prints_text_of_any_length(void **state) {
  (void)state;
  dsm_arena *arena;
  char expected[301];
  assert_int_equal(dsm_arena_create(64, &arena), DSM_OK);
  memset(expected, ' ', 300);
  memcpy(expected + 298, "42", 3);
  assert_string_equal(dsm_arena_print(arena, "%300d", 42), expected);
  assert_string_equal(dsm_arena_print(arena, "%s", ""), "");
  dsm_arena_destroy(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_zeroed_and_aligned),
      cmocka_unit_test(nothing_is_no_memory_at_all),
      cmocka_unit_test(too_much_memory_is_a_failure_that_names_the_request),
      cmocka_unit_test(an_arena_hands_out_separate_zeroed_pieces),
      cmocka_unit_test(an_arena_reset_gives_the_same_memory_again),
      cmocka_unit_test(an_arena_refuses_what_no_machine_has),
      cmocka_unit_test(an_arena_prints_text_of_any_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
