/* Which places of ranks are worth a warning, and which are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "train/placement.h"

enum { RANKS_MAX = 64 };
static dsm__rank_facts ranks[RANKS_MAX];
static int count;

/* Another rank on host `node`, which has `online` cores, with `threads` threads on the cores of `mask`. */
static void rank_on(const char *node, int online, uint64_t mask, int threads) {
  dsm__rank_facts *r = &ranks[count++];
  *r = (dsm__rank_facts){.threads = threads};
  snprintf(r->place.host, sizeof r->place.host, "%s", node);
  r->place.online = online;
  r->place.mask[0] = mask;
  r->place.allowed = __builtin_popcountll(mask);
  snprintf(r->processor, sizeof r->processor, "old");
  snprintf(r->kernels, sizeof r->kernels, "avx2");
  snprintf(r->blas, sizeof r->blas, "OpenBLAS (Haswell)");
}

static dsm__placement judge(void) {
  dsm__placement verdict;
  assert_int_equal(dsm__placement_judge(ranks, count, &verdict), DSM_OK);
  count = 0;
  return verdict;
}

static void expect_none(const char *what) {
  const dsm__placement v = judge();
  if (v.crowd[0] || v.overlap[0] || v.mixed[0]) fail_msg("%s: %s%s%s", what, v.crowd, v.overlap, v.mixed);
}

static void expect_words(const char *text, const char *words) {
  if (!strstr(text, words)) fail_msg("expected \"%s\", received \"%s\"", words, text);
}

static void usual_places_are_fine(void **state) {
  (void)state;
  rank_on("a", 2, 3, 2);
  expect_none("one process on all cores");
  for (int r = 0; r < 2; r++) rank_on("a", 2, UINT64_C(1) << r, 1);
  expect_none("a core each");
  for (int r = 0; r < 4; r++) rank_on("a", 8, 0xff, 2);
  expect_none("free to run anywhere, cores enough");
  for (int r = 0; r < 4; r++) rank_on("a", 8, r < 2 ? 0x0f : 0xf0, 2);
  expect_none("two ranks a socket");
  for (int r = 0; r < 4; r++) rank_on(r < 2 ? "a" : "b", 2, UINT64_C(1) << r % 2, 1);
  expect_none("the same masks on two hosts");
}

static void masks_that_hold_ranks_together_are_told(void **state) {
  (void)state;
  for (int r = 0; r < 2; r++) rank_on("a", 4, 1, 1);
  dsm__placement v = judge();
  expect_words(v.overlap,
               "overlapping affinity masks: ranks 0, 1 on a have 2 threads but may run on 1 core only (0)");
  assert_string_equal(v.crowd, "");

  rank_on("a", 8, 1, 1); /* two on one core among others that are free */
  rank_on("a", 8, 0xff, 1);
  rank_on("a", 8, 1, 1);
  expect_words(judge().overlap, "ranks 0, 2 on a have 2 threads but may run on 1 core only (0)");

  rank_on("a", 8, 3, 2); /* neither inside the other */
  rank_on("a", 8, 6, 2);
  expect_words(judge().overlap, "ranks 0, 1 on a have 4 threads but may run on 3 cores only (0-2)");

  rank_on("a", 8, 1, 1); /* the second host has it */
  rank_on("b", 8, 2, 1);
  rank_on("b", 8, 2, 1);
  expect_words(judge().overlap, "ranks 1, 2 on b");
}

static void threads_beyond_the_mask_of_one_rank_are_told(void **state) {
  (void)state;
  rank_on("a", 8, 1, 1);
  rank_on("a", 8, 6, 4);
  expect_words(judge().overlap,
               "more threads than cores: rank 1 on a has 4 threads and may run on 2 cores only (1-2)");
}

static void crowds_are_told_once(void **state) {
  (void)state;
  for (int r = 0; r < 3; r++) rank_on("a", 2, 3, 1);
  dsm__placement v = judge();
  expect_words(v.crowd,
               "3 ranks with 3 threads in all take turns on the 2 cores of a; start at most 2 ranks a host");
  assert_string_equal(v.overlap, ""); /* the same thing by another name */
  rank_on("a", 4, 15, 8);
  expect_words(judge().crowd,
               "1 rank with 8 threads in all take turns on the 4 cores of a; set train.threads=4");
}

static void masks_that_are_not_known_whole_are_left_alone(void **state) {
  (void)state;
  rank_on("a", 4096, 0, 64);
  ranks[0].place.allowed = 64; /* cores beyond those that masks hold */
  expect_none("cores from 1024 on");
}

static void mixed_processors_are_named(void **state) {
  (void)state;
  rank_on("a", 2, 1, 1);
  rank_on("a", 2, 2, 1);
  rank_on("b", 2, 1, 1);
  snprintf(ranks[2].processor, sizeof ranks[2].processor, "new");
  expect_none("another name, the same kernels");
  rank_on("a", 2, 1, 1);
  rank_on("a", 2, 2, 1);
  rank_on("b", 2, 1, 1);
  snprintf(ranks[2].kernels, sizeof ranks[2].kernels, "avx512");
  expect_words(judge().mixed,
               "mixed processors: ranks 0, 1 (a): old, kernels avx2, OpenBLAS (Haswell); rank 2 (b): old, "
               "kernels avx512, OpenBLAS (Haswell); bits may differ");
  rank_on("a", 2, 1, 1);
  rank_on("b", 2, 1, 1);
  snprintf(ranks[1].blas, sizeof ranks[1].blas, "OpenBLAS (Zen)");
  expect_words(judge().mixed, "rank 1 (b): old, kernels avx2, OpenBLAS (Zen)");
}

static void many_ranks_of_many_kinds_fit(void **state) {
  (void)state;
  for (int r = 0; r < RANKS_MAX; r++) {
    rank_on("a-host-whose-name-is-as-long-as-names-of-hosts-may-ever-become", 64, UINT64_C(1) << r % 7, 3);
    memset(ranks[r].processor, 'p', sizeof ranks[r].processor - 1);
    memset(ranks[r].blas, 'b', sizeof ranks[r].blas - 1);
    ranks[r].kernels[0] = (char)('a' + r % 20);
  }
  const dsm__placement v = judge();
  assert_true(strlen(v.mixed) > 200 && strlen(v.mixed) < sizeof v.mixed);
  assert_true(v.crowd[0] != '\0');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(usual_places_are_fine),
      cmocka_unit_test(masks_that_hold_ranks_together_are_told),
      cmocka_unit_test(threads_beyond_the_mask_of_one_rank_are_told),
      cmocka_unit_test(crowds_are_told_once),
      cmocka_unit_test(masks_that_are_not_known_whole_are_left_alone),
      cmocka_unit_test(mixed_processors_are_named),
      cmocka_unit_test(many_ranks_of_many_kinds_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
