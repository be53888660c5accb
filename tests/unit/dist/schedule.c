/* Schedules of all ranks, executed here without MPI, for every number of ranks up to 64: each float must become
 * the canonical tree over its leaves, whatever the factors. */
#include "dist/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "dist/tree.h"
#include "dsmpi/dist.h"

enum { RANKS = 64, LARGE = 1 << 20 };

/* A sum that remembers how it was made: commutative, as floats are, but not associative. */
static uint64_t joined(uint64_t a, uint64_t b) {
  uint64_t h = (a + b) * 0x9E3779B97F4A7C15u + ((a ^ b) ^ ((a ^ b) >> 29)) * 0xBF58476D1CE4E5B9u + 1;
  return h ^ (h >> 31);
}
static uint64_t leaf(size_t i, size_t x) {
  return joined(i * 0xC2B2AE3D27D4EB4Fu, x * 0x165667B19E3779F9u + 12345);
}
static uint64_t node_value(size_t leaves, unsigned level, size_t index, size_t x) {
  if (level == 0) return leaf(index, x);
  uint64_t left = node_value(leaves, level - 1, 2 * index, x);
  size_t right_begins = (2 * index + 1) << (level - 1);
  return right_begins < leaves ? joined(left, node_value(leaves, level - 1, 2 * index + 1, x)) : left;
}

/* ---- an imaginary cluster ------------------------------------------------------------------------------ */

typedef struct machine {
  dsm_schedule schedule;
  size_t slots, floats;
  uint64_t *slot, *inbox; /* slot i from i * floats on */
} machine;

static machine cluster[RANKS];

static machine start(size_t leaves, int rank, int size, size_t floats, const int *factor, size_t factors) {
  machine m = {.floats = floats};
  dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
  size_t first, count;
  dsm_leaf_range(leaves, rank, size, &first, &count);
  m.slots = dsm__tree_forest(leaves, first, count, nodes);
  assert_int_equal(dsm__schedule_create(leaves, rank, size, floats, factor, factors, &m.schedule), DSM_OK);
  m.slot = malloc(m.slots * floats * sizeof *m.slot);
  m.inbox = malloc((m.schedule.inbox + 1) * sizeof *m.inbox);
  for (size_t i = 0; i < m.slots; i++)
    for (size_t x = 0; x < floats; x++)
      m.slot[i * floats + x] = node_value(leaves, nodes[i].level, nodes[i].index, x);
  return m;
}

static void stop(machine *m) {
  dsm__schedule_destroy(&m->schedule);
  free(m->slot);
  free(m->inbox);
}

/* Address of `count` floats that must lie inside. */
static uint64_t *at(const machine *m, dsm_place place, size_t count) {
  if (place.slot == DSM_INBOX) {
    assert_true(place.at + count <= m->schedule.inbox);
    return m->inbox + place.at;
  }
  assert_true((size_t)place.slot < m->slots && place.at + count <= m->floats);
  return m->slot + (size_t)place.slot * m->floats + place.at;
}

static size_t transfers_begin(const machine *m, size_t phase) {
  return phase > 0 ? m->schedule.phase[phase - 1].transfers_end : 0;
}

/* The k-th message that `from` sends `to` in a phase; NULL if there is none. */
static const dsm_transfer *sent(int from, int to, size_t phase, size_t k) {
  const dsm_schedule *s = &cluster[from].schedule;
  for (size_t t = transfers_begin(&cluster[from], phase); t < s->phase[phase].transfers_end; t++)
    if (!s->transfer[t].receive && s->transfer[t].peer == to && k-- == 0) return &s->transfer[t];
  return NULL;
}

/* All messages of a phase arrive: each is awaited, has the right length, and lands where nothing else of the
 * phase is sent from or lands. */
static void deliver(int size, size_t phase) {
  for (int rank = 0; rank < size; rank++) {
    const machine *m = &cluster[rank];
    const dsm_transfer *t = m->schedule.transfer;
    size_t from_peer[RANKS] = {0};
    const size_t begin = transfers_begin(m, phase), end = m->schedule.phase[phase].transfers_end;
    assert_true(end - begin <= m->schedule.most_together);
    for (size_t i = begin; i < end; i++) {
      assert_true(t[i].count > 0 && t[i].peer >= 0 && t[i].peer < size && t[i].peer != rank);
      if (!t[i].receive) continue;
      uint64_t *to = at(m, t[i].place, t[i].count);
      for (size_t j = begin; j < end; j++) {
        const uint64_t *other = at(m, t[j].place, t[j].count);
        assert_true(j == i || other + t[j].count <= to || to + t[i].count <= other);
      }
      const dsm_transfer *s = sent(t[i].peer, rank, phase, from_peer[t[i].peer]++);
      assert_non_null(s);
      assert_int_equal(s->count, t[i].count);
      const uint64_t *from = at(&cluster[t[i].peer], s->place, s->count);
      for (size_t x = 0; x < t[i].count; x++) to[x] = from[x];
    }
    for (int peer = 0; peer < size; peer++) assert_null(sent(peer, rank, phase, from_peer[peer]));
  }
}

static void add(const machine *m, size_t phase) {
  const dsm_schedule *s = &m->schedule;
  const dsm_phase p = s->phase[phase];
  for (size_t a = phase > 0 ? s->phase[phase - 1].additions_end : 0; a < p.additions_end; a++) {
    uint64_t *into = at(m, s->addition[a].into, p.count);
    const uint64_t *from = at(m, s->addition[a].from, p.count);
    for (size_t x = 0; x < p.count; x++) into[x] = joined(into[x], from[x]);
  }
}

static void check(size_t leaves, int size, size_t floats, const int *factor, size_t factors) {
  for (int rank = 0; rank < size; rank++) cluster[rank] = start(leaves, rank, size, floats, factor, factors);
  for (size_t phase = 0; phase < cluster[0].schedule.phases; phase++) {
    deliver(size, phase);
    for (int rank = 0; rank < size; rank++) add(&cluster[rank], phase);
  }
  for (size_t x = 0; x < floats; x++) {
    const uint64_t root = node_value(leaves, dsm__tree_height(leaves), 0, x);
    for (int rank = 0; rank < size; rank++) assert_true(cluster[rank].slot[x] == root);
  }
  for (int rank = 0; rank < size; rank++) {
    assert_int_equal(cluster[rank].schedule.phases, 2 * factors);
    assert_int_equal(cluster[rank].schedule.transfers,
                     cluster[rank].schedule.phase[2 * factors - 1].transfers_end);
    stop(&cluster[rank]);
  }
}

/* ---- the claims ---------------------------------------------------------------------------------------- */

static size_t leaf_counts_for(int size, size_t *leaves) {
  const size_t n = (size_t)size, some[] = {n, n + 1, 2 * n - 1, 2 * n, 3 * n, 4 * n, 64, 96, 100, 127, 192};
  size_t count = 0;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++)
    if (some[i] >= n) leaves[count++] = some[i];
  return count;
}

static void every_number_of_ranks_makes_the_canonical_tree(void **state) {
  (void)state;
  for (int size = 2; size <= RANKS; size++) {
    size_t leaves[16], n = leaf_counts_for(size, leaves);
    for (size_t l = 0; l < n; l++) {
      int factor[DSM_FACTORS_MAX];
      const size_t factors = dsm__schedule_shape(leaves[l], size, LARGE, factor);
      check(leaves[l], size, (size_t)size + 3, factor, factors);
      check(leaves[l], size, 3, factor, factors); /* fewer floats than most have ranks */
    }
  }
}

static void the_general_form_makes_the_canonical_tree(void **state) {
  (void)state;
  for (int size = 2; size <= RANKS; size += size < 16 ? 1 : 5) {
    size_t leaves[16], n = leaf_counts_for(size, leaves);
    for (size_t l = 0; l < n; l++) check(leaves[l], size, (size_t)size + 3, &size, 1);
  }
}

static void any_factors_in_any_order_make_the_canonical_tree(void **state) {
  (void)state;
  static const struct {
    int size, factor[4];
    size_t factors;
  } row[] = {{12, {2, 2, 3}, 3}, {12, {3, 2, 2}, 3}, {12, {4, 3}, 2},      {12, {6, 2}, 2},
             {30, {5, 3, 2}, 3}, {16, {4, 4}, 2},    {24, {2, 3, 2, 2}, 4}};
  for (size_t r = 0; r < sizeof row / sizeof *row; r++)
    for (size_t leaves = (size_t)row[r].size; leaves <= 70; leaves++)
      check(leaves, row[r].size, 37, row[r].factor, row[r].factors);
}

static void powers_of_two_with_aligned_shares_halve_and_double(void **state) {
  (void)state;
  int factor[DSM_FACTORS_MAX];
  assert_int_equal(dsm__schedule_shape(32, 8, LARGE, factor), 3);
  for (int i = 0; i < 3; i++) assert_int_equal(factor[i], 2);
  for (int rank = 0; rank < 8; rank++) {
    dsm_schedule s;
    assert_int_equal(dsm__schedule_create(32, rank, 8, 800, factor, 3, &s), DSM_OK);
    assert_int_equal(s.phases, 6);
    assert_int_equal(s.transfers, 12); /* one out, one in, a phase */
    static const int distance[] = {1, 2, 4, 4, 2, 1};
    static const size_t count[] = {400, 200, 100, 100, 200, 400};
    for (size_t t = 0; t < s.transfers; t++) {
      assert_int_equal(s.transfer[t].peer, rank ^ distance[t / 2]);
      assert_int_equal(s.transfer[t].count, count[t / 2]);
    }
    assert_int_equal(s.additions, 3);
    dsm__schedule_destroy(&s);
  }
}

static void shapes_follow_ranks_and_leaves(void **state) {
  (void)state;
  int factor[DSM_FACTORS_MAX];
  assert_int_equal(dsm__schedule_shape(5, 1, LARGE, factor), 0);
  assert_int_equal(dsm__schedule_shape(24, 6, LARGE, factor), 2); /* mixed: 2 3 */
  assert_int_equal(factor[0], 2);
  assert_int_equal(factor[1], 3);
  assert_int_equal(dsm__schedule_shape(28, 7, LARGE, factor), 1);
  assert_int_equal(factor[0], 7);
  assert_int_equal(dsm__schedule_shape(5, 4, LARGE, factor), 1); /* halving would carry two pieces around */
  assert_int_equal(factor[0], 4);
  assert_int_equal(dsm__schedule_shape(4096, 1024, LARGE, factor), 10);
}

/* With aligned shares, each rank sends what an allreduce has to: 2 n (1 - 1/size). */
static void no_more_is_sent_than_needed(void **state) {
  (void)state;
  for (int size = 2; size <= RANKS; size++) {
    int factor[DSM_FACTORS_MAX], odd = size;
    while (odd % 2 == 0) odd /= 2;
    if (odd == 9 || odd > 13) continue; /* there, some bytes more save many messages */
    const size_t floats = (size_t)size * 100;
    const size_t factors = dsm__schedule_shape((size_t)size * 4, size, floats, factor);
    for (int rank = 0; rank < size; rank++) {
      dsm_schedule s;
      size_t sends = 0;
      assert_int_equal(dsm__schedule_create((size_t)size * 4, rank, size, floats, factor, factors, &s),
                       DSM_OK);
      for (size_t t = 0; t < s.transfers; t++) sends += s.transfer[t].receive ? 0 : s.transfer[t].count;
      assert_int_equal(sends, 2 * (floats - 100));
      dsm__schedule_destroy(&s);
    }
  }
}

/* The checks above must be able to fail. */
static void a_wrong_order_is_noticed(void **state) {
  (void)state;
  assert_true(joined(leaf(0, 7), leaf(1, 7)) == joined(leaf(1, 7), leaf(0, 7)));
  const uint64_t pairs = joined(joined(leaf(0, 7), leaf(1, 7)), joined(leaf(2, 7), leaf(3, 7)));
  assert_true(pairs == node_value(4, 2, 0, 7));
  assert_true(joined(joined(joined(leaf(0, 7), leaf(1, 7)), leaf(2, 7)), leaf(3, 7)) != pairs);
  assert_true(joined(joined(leaf(0, 7), leaf(2, 7)), joined(leaf(1, 7), leaf(3, 7))) != pairs);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_number_of_ranks_makes_the_canonical_tree),
      cmocka_unit_test(the_general_form_makes_the_canonical_tree),
      cmocka_unit_test(any_factors_in_any_order_make_the_canonical_tree),
      cmocka_unit_test(powers_of_two_with_aligned_shares_halve_and_double),
      cmocka_unit_test(shapes_follow_ranks_and_leaves),
      cmocka_unit_test(no_more_is_sent_than_needed),
      cmocka_unit_test(a_wrong_order_is_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
