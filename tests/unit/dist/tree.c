/* The canonical summation tree against its definition, for every number of ranks up to 64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "dist/tree.h"
#include "dsmpi/dist.h"

enum { RANKS = 64, PIECES = RANKS * 32 };

static const size_t leaf_counts[] = {1,   2,   3,   4,   5,    6,    7,    8,    9,    12,   15,
                                     16,  17,  23,  24,  31,   32,   33,   48,   63,   64,   65,
                                     96,  97,  100, 127, 128,  129,  192,  255,  256,  257,  384,
                                     500, 640, 767, 768, 1000, 1023, 1024, 1025, 3072, 4095, 5000};
enum { LEAF_COUNTS = sizeof leaf_counts / sizeof *leaf_counts };

/* A sum that remembers how it was made: neither associative nor commutative. */
static uint64_t joined(uint64_t left, uint64_t right) {
  uint64_t h = left * 0x9E3779B97F4A7C15u + (right ^ (right >> 29)) * 0xBF58476D1CE4E5B9u + 1;
  return h ^ (h >> 31);
}
static uint64_t leaf(size_t i) {
  return joined(i, 12345);
}

/* The definition, word by word. */
static uint64_t node_value(size_t leaves, unsigned level, size_t index) {
  if (level == 0) return leaf(index);
  uint64_t left = node_value(leaves, level - 1, 2 * index);
  size_t right_begins = (2 * index + 1) << (level - 1);
  return right_begins < leaves ? joined(left, node_value(leaves, level - 1, 2 * index + 1)) : left;
}
static uint64_t root_value(size_t leaves) {
  return node_value(leaves, dsm__tree_height(leaves), 0);
}

/* All forests, rank after rank. */
static size_t all_forests(size_t leaves, int ranks, dsm_tree_node *nodes) {
  size_t n = 0;
  for (int rank = 0; rank < ranks; rank++) {
    size_t first, count;
    dsm_leaf_range(leaves, rank, ranks, &first, &count);
    n += dsm__tree_forest(leaves, first, count, nodes + n);
    assert_true(n < PIECES - DSM_TREE_FOREST_MAX);
  }
  return n;
}

static void leaf_ranges_tile_the_leaves_evenly(void **state) {
  (void)state;
  for (int ranks = 1; ranks <= RANKS; ranks++)
    for (size_t l = 0; l < LEAF_COUNTS; l++) {
      size_t next = 0, leaves = leaf_counts[l], last = SIZE_MAX;
      for (int rank = 0; rank < ranks; rank++) {
        size_t first, count;
        dsm_leaf_range(leaves, rank, ranks, &first, &count);
        assert_int_equal(first, next);
        assert_true(count == leaves / (size_t)ranks || count == leaves / (size_t)ranks + 1);
        assert_true(count <= last); /* the first ones have one more */
        last = count;
        next += count;
      }
      assert_int_equal(next, leaves);
    }
}

static void height_is_the_logarithm_rounded_up(void **state) {
  (void)state;
  assert_int_equal(dsm__tree_height(1), 0);
  assert_int_equal(dsm__tree_height(2), 1);
  assert_int_equal(dsm__tree_height(3), 2);
  assert_int_equal(dsm__tree_height(1024), 10);
  assert_int_equal(dsm__tree_height(1025), 11);
  assert_int_equal(dsm__tree_height((size_t)1 << 62), 62);
}

static void forest_nodes_tile_the_range_and_cannot_grow(void **state) {
  (void)state;
  dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
  for (size_t leaves = 1; leaves <= 40; leaves++)
    for (size_t first = 0; first < leaves; first++)
      for (size_t end = first + 1; end <= leaves; end++) {
        size_t n = dsm__tree_forest(leaves, first, end - first, nodes), at = first;
        assert_int_equal(n, dsm__tree_forest(leaves, first, end - first, NULL));
        for (size_t i = 0; i < n; i++) {
          size_t width = (size_t)1 << nodes[i].level, begin = nodes[i].index * width;
          assert_int_equal(begin, at);
          at = begin + width < leaves ? begin + width : leaves;
          assert_true(at <= end);
          if (nodes[i].level == dsm__tree_height(leaves)) continue;
          size_t above = nodes[i].index / 2 * (2 * width), above_end = above + 2 * width;
          if (above_end > leaves) above_end = leaves;
          assert_true(above < first || above_end > end);
        }
        assert_int_equal(at, end);
      }
}

static void forest_is_what_the_binary_counter_leaves(void **state) {
  (void)state;
  dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
  for (int ranks = 1; ranks <= RANKS; ranks++)
    for (size_t l = 0; l < LEAF_COUNTS; l++)
      for (int rank = 0; rank < ranks; rank++) {
        size_t leaves = leaf_counts[l], first, count, depth = 0;
        uint64_t value[DSM_TREE_FOREST_MAX];
        dsm_leaf_range(leaves, rank, ranks, &first, &count);
        dsm_tree_stack stack = {.leaves = leaves};
        for (size_t i = 0; i < count; i++) {
          value[depth++] = leaf(first + i);
          for (size_t j = dsm__tree_push(&stack, (dsm_tree_node){0, first + i}); j > 0; j--, depth--)
            value[depth - 2] = joined(value[depth - 2], value[depth - 1]);
          assert_int_equal(depth, stack.depth);
        }
        size_t n = dsm__tree_forest(leaves, first, count, nodes);
        assert_int_equal(n, stack.depth);
        for (size_t i = 0; i < n; i++) {
          assert_int_equal(nodes[i].level, stack.node[i].level);
          assert_int_equal(nodes[i].index, stack.node[i].index);
          assert_true(value[i] == node_value(leaves, nodes[i].level, nodes[i].index));
        }
      }
}

static void joins_of_all_forests_make_the_root(void **state) {
  (void)state;
  static dsm_tree_node nodes[PIECES];
  static dsm_tree_join joins[PIECES];
  static uint64_t value[PIECES];
  for (size_t l = 0; l < LEAF_COUNTS; l++) {
    size_t leaves = leaf_counts[l];
    uint64_t root = root_value(leaves);
    for (int ranks = 1; ranks <= RANKS && (size_t)ranks <= leaves; ranks++) {
      size_t n = all_forests(leaves, ranks, nodes);
      for (size_t i = 0; i < n; i++) value[i] = node_value(leaves, nodes[i].level, nodes[i].index);
      dsm__tree_joins(leaves, nodes, n, joins);
      for (size_t j = 0; j + 1 < n; j++)
        value[joins[j].into] = joined(value[joins[j].into], value[joins[j].from]);
      assert_true(value[0] == root);
    }
  }
}

/* The check above must be able to fail: neighbours joined one by one are not the tree. */
static void a_wrong_order_is_noticed(void **state) {
  (void)state;
  uint64_t in_order = leaf(0);
  for (size_t i = 1; i < 4; i++) in_order = joined(in_order, leaf(i));
  assert_true(in_order != root_value(4));
  uint64_t shifted = joined(leaf(0), joined(joined(leaf(1), leaf(2)), leaf(3)));
  assert_true(shifted != root_value(4));
  assert_true(joined(joined(leaf(1), leaf(0)), joined(leaf(2), leaf(3))) != root_value(4));
  assert_true(joined(joined(leaf(0), leaf(1)), joined(leaf(2), leaf(3))) == root_value(4));
}

static void aligned_shares_have_one_piece(void **state) {
  (void)state;
  dsm_tree_node nodes[PIECES];
  assert_int_equal(all_forests(64, 8, nodes), 8);
  assert_int_equal(all_forests(24, 3, nodes), 3);
  assert_int_equal(all_forests(24, 6, nodes), 6);
  assert_int_equal(all_forests(24, 4, nodes), 8); /* 6 leaves each: 4 + 2 or 2 + 4 */
  assert_int_equal(all_forests(13, 1, nodes), 1);
}

static void very_large_counts_do_not_overflow(void **state) {
  (void)state;
  dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
  size_t leaves = (size_t)1 << 62;
  assert_int_equal(dsm__tree_forest(leaves, 0, leaves, nodes), 1);
  assert_int_equal(nodes[0].level, 62);
  assert_int_equal(dsm__tree_forest(leaves - 1, 1, leaves - 2, nodes), 62);
  assert_int_equal(dsm__tree_forest(leaves, 1, leaves - 2, nodes), 122);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(leaf_ranges_tile_the_leaves_evenly),
      cmocka_unit_test(height_is_the_logarithm_rounded_up),
      cmocka_unit_test(forest_nodes_tile_the_range_and_cannot_grow),
      cmocka_unit_test(forest_is_what_the_binary_counter_leaves),
      cmocka_unit_test(joins_of_all_forests_make_the_root),
      cmocka_unit_test(a_wrong_order_is_noticed),
      cmocka_unit_test(aligned_shares_have_one_piece),
      cmocka_unit_test(very_large_counts_do_not_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
