/* Work dealt out while it is done. */
#include "mpi_test.h"

#include <math.h>
#include <string.h>
#include <time.h>

static void work_for(int milliseconds) {
  nanosleep(&(struct timespec){.tv_nsec = 1000000L * milliseconds}, NULL);
}

/* Takes all items; `taken` counts, on every rank, how often each was given to any. */
static void take_all(uint64_t count, int slow_rank, uint64_t close_at, double *taken,
                     dsm_queue_facts *facts) {
  dsm_queue *queue;
  uint64_t item;
  bool more = true;
  double sum[64];
  memset(taken, 0, 64 * sizeof *taken);
  assert_int_equal(dsm_queue_create(comm, count, &queue), DSM_OK);
  while (dsm_queue_next(queue, &item, &more) == DSM_OK && more) {
    assert_true(item < count);
    taken[item]++;
    for (int part = 0; part < 4; part++) {
      work_for(rank() == slow_rank ? 20 : 2);
      if (item == close_at) dsm_queue_close(queue);
      assert_int_equal(dsm_queue_tell(queue, 0.25 * (part + 1)), DSM_OK);
    }
  }
  *facts = dsm_queue_facts_of(queue);
  dsm_queue_destroy(&queue);
  assert_null(queue);
  ASSERT_ON_ALL(dsm_comm_statistics(comm, taken, 64, NULL, sum, NULL, NULL) == DSM_OK);
  for (int i = 0; i < 64; i++) taken[i] = nearbyint(sum[i] * size()); /* from the mean over ranks */
}

static void each_item_is_given_once(void **state) {
  (void)state;
  double taken[64];
  dsm_queue_facts facts;
  static const uint64_t counts[] = {0, 1, 3, 40};
  for (int c = 0; c < 4; c++) {
    take_all(counts[c], -1, UINT64_MAX, taken, &facts);
    for (uint64_t i = 0; i < 64; i++) ASSERT_ON_ALL(taken[i] == (i < counts[c] ? 1 : 0));
    ASSERT_ON_ALL(rank() > 0 || (facts.done == (double)counts[c] && facts.least <= facts.most));
  }
}

static void a_slow_rank_takes_fewer_and_all_end_together(void **state) {
  (void)state;
  double taken[64];
  dsm_queue_facts facts;
  take_all(40, size() - 1, UINT64_MAX, taken, &facts);
  if (size() == 1) return;
  /* one of 80 ms beside others of 8 ms: it has at most about a tenth of a fair share, and none is idle for longer than its
   * longest item took, but for how late rank 0 comes by */
  ASSERT_ON_ALL(rank() > 0 || facts.least < facts.most);
  ASSERT_ON_ALL(rank() > 0 || facts.spread <= facts.longest + 0.05);
}

static void when_one_closes_nothing_more_is_given_out(void **state) {
  (void)state;
  double taken[64], sum = 0;
  dsm_queue_facts facts;
  take_all(64, -1, 3, taken, &facts);
  for (int i = 0; i < 64; i++) sum += taken[i];
  ASSERT_ON_ALL(sum >= 4 && sum < 64);
  for (int i = 1; i < 64; i++) ASSERT_ON_ALL(taken[i] <= taken[i - 1]); /* those before are done */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_item_is_given_once),
                                     cmocka_unit_test(a_slow_rank_takes_fewer_and_all_end_together),
                                     cmocka_unit_test(when_one_closes_nothing_more_is_given_out)};
  RUN_MPI_TESTS(tests);
}
