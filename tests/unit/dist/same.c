/* Do the ranks of a job mean the same, and who is named when they do not; lists of ranks and cores as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "dist/same.h"
#include "dsmpi/dist.h"

enum { RANKS = 8 };
static dsm__same_word word[RANKS];

/* Letters are texts, one a rank; two ranks a host. */
static bool judge(const char *texts, char *who, size_t size) {
  for (int r = 0; texts[r]; r++) {
    const char text[2] = {texts[r], '\0'};
    word[r] = (dsm__same_word){.digest = dsm__same_digest(text)};
    snprintf(word[r].host, sizeof word[r].host, "node%d", 1 + r / 2);
    snprintf(word[r].shown, sizeof word[r].shown, "%s", text);
  }
  return dsm__same_judge(word, (int)strlen(texts), who, size);
}

static void the_same_everywhere_is_fine(void **state) {
  (void)state;
  char who[256];
  assert_true(judge("a", who, sizeof who));
  assert_true(judge("aaaaaaaa", who, sizeof who));
  assert_string_equal(who, "");
}

static void one_that_differs_is_named(void **state) {
  (void)state;
  char who[256];
  for (size_t r = 0; r < RANKS; r++) { /* wherever it is */
    char texts[] = "aaaaaaaa", expected[64];
    texts[r] = 'b';
    assert_false(judge(texts, who, sizeof who));
    snprintf(expected, sizeof expected, "'b' on rank %zu (node%zu)", r, 1 + r / 2);
    assert_non_null(strstr(who, expected));
  }
  assert_false(judge("aabaaaaa", who, sizeof who));
  assert_string_equal(who, "'a' on ranks 0, 1, 3-7 (node1 and others); 'b' on rank 2 (node2)");
}

static void many_kinds_are_cut(void **state) {
  (void)state;
  char who[1024], little[32];
  assert_false(judge("abcdefgh", who, sizeof who));
  assert_non_null(strstr(who, "'d' on rank 3 (node2); and more"));
  assert_null(strstr(who, "'e'"));
  assert_false(judge("abcdefgh", little, sizeof little)); /* cut, not overrun */
  assert_int_equal(strlen(little), sizeof little - 1);
}

static void ranks_are_listed_in_runs(void **state) {
  (void)state;
  char text[128], little[48];
  const int rank[] = {0, 1, 2, 3, 5, 8, 9};
  assert_string_equal(dsm_ranks_text(rank, 1, text, sizeof text), "rank 0");
  assert_string_equal(dsm_ranks_text(rank, 2, text, sizeof text), "ranks 0, 1");
  assert_string_equal(dsm_ranks_text(rank, 7, text, sizeof text), "ranks 0-3, 5, 8, 9");
  assert_string_equal(dsm_ranks_text(rank, 7, little, sizeof little), "ranks 0-3, ...");
}

static void cores_are_listed_in_runs(void **state) {
  (void)state;
  char text[64];
  uint64_t mask[DSM_PLACE_WORDS] = {0};
  assert_string_equal(dsm_cores_text(mask, text, sizeof text), "");
  mask[0] = UINT64_C(0x8000000000000105);
  mask[1] = 3;
  mask[DSM_PLACE_WORDS - 1] = UINT64_C(1) << 63;
  assert_string_equal(dsm_cores_text(mask, text, sizeof text), "0,2,8,63-65,1023");
}

static void this_process_has_a_place(void **state) {
  (void)state;
  dsm_rank_place place;
  int cores = 0;
  dsm_rank_place_find(NULL, &place);
  for (int i = 0; i < DSM_PLACE_WORDS; i++) cores += __builtin_popcountll(place.mask[i]);
  assert_int_equal(place.allowed, dsm_comm_cores());
  assert_true(place.online >= 1 && place.host[0]);
  if (place.allowed <= 64 * DSM_PLACE_WORDS) assert_int_equal(cores, place.allowed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_everywhere_is_fine), cmocka_unit_test(one_that_differs_is_named),
      cmocka_unit_test(many_kinds_are_cut),          cmocka_unit_test(ranks_are_listed_in_runs),
      cmocka_unit_test(cores_are_listed_in_runs),    cmocka_unit_test(this_process_has_a_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
