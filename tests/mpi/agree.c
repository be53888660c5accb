/* Agreement on failure, the small collectives, and who is where. */
#include "mpi_test.h"

#include <stdio.h>
#include <string.h>

static dsm_status fail_here(dsm_status status) {
  DSM_FAIL(status, "cannot do the thing of rank %d", rank());
}
static dsm_status called(dsm_status status) {
  DSM_AGREE(comm, status);
  return DSM_OK;
}

static void success_of_all_is_success(void **state) {
  (void)state;
  ASSERT_ON_ALL(dsm_agree(comm, DSM_OK) == DSM_OK);
  ASSERT_ON_ALL(called(DSM_OK) == DSM_OK);
}

/* Message and place are those of rank `r`; the rank and its host are named when there is more than one. */
static bool trail_names(int r) {
  char words[64], who[300];
  snprintf(words, sizeof words, "cannot do the thing of rank %d", r);
  snprintf(who, sizeof who, "rank %d (%s): ", r, dsm_comm_host(comm)); /* the tests run on one host */
  bool named = size() == 1 || strncmp(dsm_trail(), who, strlen(who)) == 0;
  return named && strstr(dsm_trail(), words) && strstr(dsm_trail(), "tests/mpi/agree.c");
}

static void a_failure_on_any_one_rank_is_the_failure_of_all(void **state) {
  (void)state;
  for (int bad = 0; bad < size(); bad++) {
    dsm_trail_clear();
    dsm_status mine = rank() == bad ? fail_here(DSM_IO) : DSM_OK;
    dsm_status all = dsm_agree(comm, mine);
    ASSERT_ON_ALL(all == DSM_IO);
    ASSERT_ON_ALL(trail_names(bad));
  }
}

static void of_several_failures_the_lowest_rank_speaks(void **state) {
  (void)state;
  for (int bad = 0; bad < size(); bad++) {
    dsm_status mine = rank() >= bad ? fail_here(rank() == bad ? DSM_BAD_DATA : DSM_NO_MEMORY) : DSM_OK;
    dsm_status all = dsm_agree(comm, mine);
    ASSERT_ON_ALL(all == DSM_BAD_DATA);
    ASSERT_ON_ALL(trail_names(bad));
  }
}

static void the_place_of_agreement_joins_the_trail(void **state) {
  (void)state;
  dsm_status mine = rank() == size() - 1 ? fail_here(DSM_BAD_DATA) : DSM_OK;
  dsm_status all = called(mine);
  ASSERT_ON_ALL(all == DSM_BAD_DATA && trail_names(size() - 1));
  const char *first = strstr(dsm_trail(), "tests/mpi/agree.c");
  ASSERT_ON_ALL(first && strstr(first + 1, "tests/mpi/agree.c"));
}

static void long_trails_arrive_cut_but_whole_in_front(void **state) {
  (void)state;
  static char text[40000];
  memset(text, 'x', sizeof text - 1);
  memcpy(text, "begins", 6);
  dsm_status mine = rank() == size() - 1 ? dsm_trail_set(DSM_IO, text) : DSM_OK;
  dsm_status all = dsm_agree(comm, mine);
  ASSERT_ON_ALL(all == DSM_IO && strstr(dsm_trail(), "beginsxxx"));
}

static void broadcast_copies_from_any_root(void **state) {
  (void)state;
  for (int root = 0; root < size(); root++) {
    char text[32] = "";
    if (rank() == root) snprintf(text, sizeof text, "from %d", root);
    char expected[32];
    snprintf(expected, sizeof expected, "from %d", root);
    ASSERT_ON_ALL(dsm_comm_broadcast(comm, text, sizeof text, root) == DSM_OK);
    ASSERT_ON_ALL(strcmp(text, expected) == 0);
  }
  ASSERT_ON_ALL(dsm_comm_broadcast(comm, NULL, 0, 0) == DSM_OK);
}

static void allgather_keeps_the_order_of_ranks(void **state) {
  (void)state;
  int mine[2] = {rank(), 100 + rank()};
  int *all = calloc((size_t)size() * 2, sizeof *all);
  ASSERT_ON_ALL(all && dsm_comm_allgather(comm, mine, sizeof mine, all) == DSM_OK);
  bool good = true;
  for (int r = 0; r < size(); r++) good = good && all[2 * r] == r && all[2 * r + 1] == 100 + r;
  ASSERT_ON_ALL(good);
  free(all);
}

static void statistics_find_extremes_and_their_rank(void **state) {
  (void)state;
  double n = size(), x[2] = {rank(), -3.0 * rank()}, min[2], mean[2], max[2];
  int where[2];
  ASSERT_ON_ALL(dsm_comm_statistics(comm, x, 2, min, mean, max, where) == DSM_OK);
  ASSERT_ON_ALL(min[0] == 0 && max[0] == n - 1 && mean[0] == (n - 1) / 2 && where[0] == size() - 1);
  ASSERT_ON_ALL(min[1] == -3 * (n - 1) && max[1] == 0 && where[1] == 0);
}

static void ranks_know_their_place(void **state) {
  (void)state;
  ASSERT_ON_ALL(rank() >= 0 && rank() < size());
  ASSERT_ON_ALL(dsm_comm_hosts(comm) == 1 && dsm_comm_local_size(comm) == size());
  ASSERT_ON_ALL(dsm_comm_local_rank(comm) == rank());
  ASSERT_ON_ALL(dsm_comm_host(comm)[0] != '\0');
  ASSERT_ON_ALL(dsm_comm_cores() >= 1);
  ASSERT_ON_ALL(strpbrk(dsm_comm_library(), "0123456789") && !strchr(dsm_comm_library(), ','));
  ASSERT_ON_ALL(dsm_comm_barrier(comm) == DSM_OK);
}

static void a_text_that_is_not_the_same_on_any_one_rank_is_refused_by_all(void **state) {
  (void)state;
  ASSERT_ON_ALL(dsm_comm_same(comm, DSM_BAD_CONFIG, "texts", "", "same", "mend it") == DSM_OK);
  for (int odd = 0; size() > 1 && odd < size(); odd++) {
    const char *mine = rank() == odd ? "odd" : "even";
    char words[64];
    snprintf(words, sizeof words, "'odd' on rank %d (%.30s)", odd, dsm_comm_host(comm));
    dsm_trail_clear();
    ASSERT_ON_ALL(dsm_comm_same(comm, DSM_BAD_CONFIG, "texts", mine, mine, "mend it") == DSM_BAD_CONFIG);
    ASSERT_ON_ALL(strstr(dsm_trail(), "ranks of one job have different texts: ") != NULL);
    ASSERT_ON_ALL(strstr(dsm_trail(), words) != NULL && strstr(dsm_trail(), "; mend it") != NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(success_of_all_is_success),
      cmocka_unit_test(a_failure_on_any_one_rank_is_the_failure_of_all),
      cmocka_unit_test(of_several_failures_the_lowest_rank_speaks),
      cmocka_unit_test(the_place_of_agreement_joins_the_trail),
      cmocka_unit_test(a_text_that_is_not_the_same_on_any_one_rank_is_refused_by_all),
      cmocka_unit_test(long_trails_arrive_cut_but_whole_in_front),
      cmocka_unit_test(broadcast_copies_from_any_root),
      cmocka_unit_test(allgather_keeps_the_order_of_ranks),
      cmocka_unit_test(statistics_find_extremes_and_their_rank),
      cmocka_unit_test(ranks_know_their_place),
  };
  RUN_MPI_TESTS(tests);
}
