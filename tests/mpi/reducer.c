/* The gradient sum on several ranks against the canonical tree, evaluated here element by element from its
 * definition and without any code of the engine. Each number of ranks is compared with the same reference, so
 * all numbers of ranks agree bit by bit. */
#include "mpi_test.h"

#include <math.h>
#include <string.h>
#include "dist/reducer.h"
#include "dsmpi/config.h"

/* Values over 16 binades and of both signs: nearly every change of order changes bits. */
static float leaf_value(size_t leaf, size_t i, unsigned step) {
  uint64_t h = (leaf * 0x9E3779B97F4A7C15u) ^ (i * 0xC2B2AE3D27D4EB4Fu) ^ (step * 0x165667B19E3779F9u);
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93u;
  h ^= h >> 32;
  float mantissa = (float)(int32_t)(h & 0xffffff) / 16777216.0f - 0.5f;
  return ldexpf(mantissa, (int)(h >> 60));
}

/* Sum of the leaves [first, first + width) that exist; width is a power of two. */
static float tree_sum(size_t leaves, size_t first, size_t width, size_t i, unsigned step) {
  if (width == 1) return leaf_value(first, i, step);
  size_t middle = first + width / 2;
  float left = tree_sum(leaves, first, width / 2, i, step);
  return middle < leaves ? left + tree_sum(leaves, middle, width / 2, i, step) : left;
}
static float reference(size_t leaves, size_t i, unsigned step) {
  size_t width = 1;
  while (width < leaves) width *= 2;
  return tree_sum(leaves, 0, width, i, step);
}

static dsm_reducer *reducer_of(size_t leaves, size_t count, int mode, size_t round) {
  dsm_reducer *r = NULL;
  dsm_reducer_params params = {.leaves = leaves, .count = count, .mode = mode};
  dsm_status status = dsm_reducer_create(comm, &params, &r);
  if (status == DSM_OK) status = dsm__reducer_set_round(r, round);
  if (status != DSM_OK) print_error("%s\n", dsm_trail());
  ASSERT_ON_ALL(status == DSM_OK);
  return r;
}

static const float *summed(dsm_reducer *r, size_t count, unsigned step) {
  size_t first, mine;
  const float *sum = NULL;
  dsm_reducer_range(r, &first, &mine);
  for (size_t leaf = first; leaf < first + mine; leaf++) {
    float *x = dsm_reducer_leaf(r);
    for (size_t i = 0; i < count; i++) x[i] = leaf_value(leaf, i, step);
    dsm_reducer_push(r);
  }
  ASSERT_ON_ALL(dsm_reducer_finish(r, &sum) == DSM_OK);
  return sum;
}

static bool same_bits(float a, float b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

/* Compares every `stride`-th element. */
static bool is_tree_sum(const float *sum, size_t leaves, size_t count, size_t stride, unsigned step) {
  for (size_t i = 0; i < count; i += stride) {
    float expected = reference(leaves, i, step);
    if (same_bits(sum[i], expected)) continue;
    print_error("leaves %zu, floats %zu, step %u: element %zu is %a, expected %a\n", leaves, count, step, i,
                sum[i], expected);
    return false;
  }
  return true;
}

static void check_tree(size_t leaves, size_t count, size_t round, size_t stride) {
  dsm_reducer *r = reducer_of(leaves, count, DSM_REDUCE_TREE, round);
  for (unsigned step = 0; step < 2; step++) { /* the second one: is the engine ready again? */
    const float *sum = summed(r, count, step);
    ASSERT_ON_ALL(is_tree_sum(sum, leaves, count, stride, step));
  }
  dsm_reducer_destroy(&r);
}

static void tree_sum_is_the_canonical_tree(void **state) {
  (void)state;
  static const size_t leaves[] = {8, 9, 12, 13, 16, 21, 24, 31, 32, 37, 48, 64, 100};
  for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) check_tree(leaves[i], 1003, 0, 1);
}

static void tree_sum_works_with_one_leaf_a_rank(void **state) {
  (void)state;
  check_tree((size_t)size(), 5000, 0, 1);
  check_tree((size_t)size() + 1, 5000, 0, 1);
}

static void tree_sum_works_with_fewer_floats_than_ranks(void **state) {
  (void)state;
  for (size_t count = 1; count <= 9; count++) check_tree(24, count, 0, 1);
}

static void tree_sum_does_not_depend_on_rounds(void **state) {
  (void)state;
  static const size_t rounds[] = {1, 7, 64, 1000, 4095, 4096, 4097};
  for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
    check_tree(24, rounds[i] < 64 ? 50 : 4096, rounds[i], 1);
}

static void tree_sum_crosses_default_rounds(void **state) {
  (void)state;
  check_tree((size_t)size() + 3, (size_t)2500003, 0, 13);
}

static void several_equal_sums_have_equal_bits_on_all_ranks(void **state) {
  (void)state;
  enum { LEAVES = 24, COUNT = 3000 };
  dsm_reducer *r = reducer_of(LEAVES, COUNT, DSM_REDUCE_TREE, 1024);
  const float *sum = summed(r, COUNT, 5);
  float *all = malloc((size_t)size() * COUNT * sizeof *all);
  ASSERT_ON_ALL(all && dsm_comm_allgather(comm, sum, COUNT * sizeof *sum, all) == DSM_OK);
  bool equal = true;
  for (int other = 0; other < size(); other++)
    equal = equal && memcmp(all + (size_t)other * COUNT, sum, COUNT * sizeof *sum) == 0;
  ASSERT_ON_ALL(equal);
  free(all);
  dsm_reducer_destroy(&r);
}

/* The comparison must be able to fail: leaves added in another order give other bits. */
static void a_wrong_order_is_noticed(void **state) {
  (void)state;
  enum { LEAVES = 24, COUNT = 200 };
  float in_order[COUNT], shifted[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    in_order[i] = 0;
    for (size_t leaf = 0; leaf < LEAVES; leaf++) in_order[i] += leaf_value(leaf, i, 0);
    shifted[i] = leaf_value(0, i, 0); /* pairs (1,2) (3,4) ... instead of (0,1) (2,3) ... */
    for (size_t leaf = 1; leaf < LEAVES; leaf += 2)
      shifted[i] +=
          leaf + 1 < LEAVES ? leaf_value(leaf, i, 0) + leaf_value(leaf + 1, i, 0) : leaf_value(leaf, i, 0);
  }
  size_t differ_in_order = 0, differ_shifted = 0;
  for (size_t i = 0; i < COUNT; i++) {
    differ_in_order += !same_bits(in_order[i], reference(LEAVES, i, 0));
    differ_shifted += !same_bits(shifted[i], reference(LEAVES, i, 0));
  }
  ASSERT_ON_ALL(differ_in_order > COUNT / 4 && differ_shifted > COUNT / 4);
}

static void fast_sum_is_close_to_float64(void **state) {
  (void)state;
  static const size_t rounds[] = {0, 100, 4096};
  enum { LEAVES = 24, COUNT = 10000 };
  for (size_t k = 0; k < sizeof rounds / sizeof *rounds; k++) {
    dsm_reducer *r = reducer_of(LEAVES, COUNT, DSM_REDUCE_FAST, rounds[k]);
    for (unsigned step = 0; step < 2; step++) {
      const float *sum = summed(r, COUNT, step);
      bool close = true;
      for (size_t i = 0; i < COUNT; i++) {
        double exact = 0, scale = 0;
        for (size_t leaf = 0; leaf < LEAVES; leaf++) {
          exact += leaf_value(leaf, i, step);
          scale += fabs(leaf_value(leaf, i, step));
        }
        /* each of 23 additions errs by at most 2^-24 of a partial sum, which is at most `scale` */
        close = close && fabs(sum[i] - exact) <= (LEAVES - 1) * 0x1p-24 * scale;
      }
      ASSERT_ON_ALL(close);
    }
    dsm_reducer_destroy(&r);
  }
}

static void not_a_number_and_infinity_travel(void **state) {
  (void)state;
  enum { LEAVES = 24, COUNT = 100 };
  for (int mode = DSM_REDUCE_TREE; mode <= DSM_REDUCE_FAST; mode++) {
    dsm_reducer *r = reducer_of(LEAVES, COUNT, mode, 0);
    size_t first, mine;
    const float *sum = NULL;
    dsm_reducer_range(r, &first, &mine);
    for (size_t leaf = first; leaf < first + mine; leaf++) {
      float *x = dsm_reducer_leaf(r);
      for (size_t i = 0; i < COUNT; i++) x[i] = 1;
      if (leaf == LEAVES - 1) x[3] = NAN;
      if (leaf == 0) x[COUNT - 1] = INFINITY;
      dsm_reducer_push(r);
    }
    ASSERT_ON_ALL(dsm_reducer_finish(r, &sum) == DSM_OK);
    ASSERT_ON_ALL(isnan(sum[3]) && isinf(sum[COUNT - 1]) && sum[4] == LEAVES);
    dsm_reducer_destroy(&r);
  }
}

static void add_and_count(void *context, float *y, const float *x, size_t n) {
  *(size_t *)context += n;
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void hooks_do_all_the_adding(void **state) {
  (void)state;
  enum { LEAVES = 16, COUNT = 1000 };
  size_t added = 0;
  dsm_reducer_hooks hooks = {.accumulate = add_and_count, .context = &added};
  dsm_reducer_params params = {.leaves = LEAVES, .count = COUNT, .mode = DSM_REDUCE_TREE, .hooks = &hooks};
  dsm_reducer *r = NULL;
  ASSERT_ON_ALL(dsm_reducer_create(comm, &params, &r) == DSM_OK);
  const float *sum = summed(r, COUNT, 1);
  ASSERT_ON_ALL(is_tree_sum(sum, LEAVES, COUNT, 1, 1));
  double mine = (double)added, mean;
  ASSERT_ON_ALL(dsm_comm_statistics(comm, &mine, 1, NULL, &mean, NULL, NULL) == DSM_OK);
  /* 15 additions of each element, all ranks together: as few as possible */
  ASSERT_ON_ALL(fabs(mean * size() - (LEAVES - 1.0) * COUNT) < 0.5);
  dsm_reducer_destroy(&r);
}

static void too_many_ranks_are_refused_with_advice(void **state) {
  (void)state;
  if (size() == 1) return;
  dsm_reducer *r = NULL;
  dsm_reducer_params params = {.leaves = (size_t)size() - 1, .count = 10, .mode = DSM_REDUCE_TREE};
  ASSERT_ON_ALL(dsm_reducer_create(comm, &params, &r) == DSM_BAD_CONFIG);
  ASSERT_ON_ALL(r == NULL && strstr(dsm_trail(), "train.micro_batch") && strstr(dsm_trail(), "train.batch"));
}

static void ranks_that_disagree_are_refused(void **state) {
  (void)state;
  if (size() == 1) return;
  dsm_reducer *r = NULL;
  dsm_reducer_params params = {.leaves = 16, .count = rank() == 1 ? 11 : 10, .mode = DSM_REDUCE_TREE};
  ASSERT_ON_ALL(dsm_reducer_create(comm, &params, &r) == DSM_INTERNAL && r == NULL);
}

static void sums_too_large_for_memory_are_refused_on_all_ranks(void **state) {
  (void)state;
  dsm_reducer *r = NULL;
  dsm_reducer_params params = {.leaves = 16, .count = SIZE_MAX / 16, .mode = DSM_REDUCE_TREE};
  ASSERT_ON_ALL(dsm_reducer_create(comm, &params, &r) == DSM_NO_MEMORY && r == NULL);
}

static void memory_and_times_are_known(void **state) {
  (void)state;
  enum { LEAVES = 16, COUNT = 100000 };
  dsm_reducer *r = reducer_of(LEAVES, COUNT, DSM_REDUCE_TREE, 0);
  double communication, summing;
  summed(r, COUNT, 1);
  dsm_reducer_times(r, &communication, &summing);
  ASSERT_ON_ALL(communication >= 0 && summing >= 0 && (size() == 1 || communication > 0));
  size_t bytes = dsm_reducer_memory(r), leaf = COUNT * sizeof(float);
  ASSERT_ON_ALL(bytes >= leaf && bytes < 12 * leaf); /* log2(leaves) + 1 slots, an inbox of a few pieces */
  dsm_reducer_destroy(&r);
  dsm_reducer_destroy(&r);
  dsm_reducer_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tree_sum_is_the_canonical_tree),
      cmocka_unit_test(tree_sum_works_with_one_leaf_a_rank),
      cmocka_unit_test(tree_sum_works_with_fewer_floats_than_ranks),
      cmocka_unit_test(tree_sum_does_not_depend_on_rounds),
      cmocka_unit_test(tree_sum_crosses_default_rounds),
      cmocka_unit_test(several_equal_sums_have_equal_bits_on_all_ranks),
      cmocka_unit_test(a_wrong_order_is_noticed),
      cmocka_unit_test(fast_sum_is_close_to_float64),
      cmocka_unit_test(not_a_number_and_infinity_travel),
      cmocka_unit_test(hooks_do_all_the_adding),
      cmocka_unit_test(too_many_ranks_are_refused_with_advice),
      cmocka_unit_test(ranks_that_disagree_are_refused),
      cmocka_unit_test(sums_too_large_for_memory_are_refused_on_all_ranks),
      cmocka_unit_test(memory_and_times_are_known),
  };
  RUN_MPI_TESTS(tests);
}
