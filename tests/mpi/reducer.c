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

/* How a sum is taken: none of this may be seen in its bits. */
typedef struct way {
  int overlap;
  dsm_reducer_tuning tuning;
} way;

static dsm_reducer *reducer_of(size_t leaves, size_t count, size_t late, int mode, way how) {
  dsm_reducer *r = NULL;
  dsm_reducer_params params = {
      .leaves = leaves, .count = count, .late = late, .mode = mode, .overlap = how.overlap};
  dsm_status status = dsm__reducer_create(comm, &params, &how.tuning, &r);
  if (status != DSM_OK) print_error("%s\n", dsm_trail());
  ASSERT_ON_ALL(status == DSM_OK);
  return r;
}

/* As backward does it: from the end to the start, in parts, announcing each; the late floats last. Ranks have
 * parts of different sizes, so they announce in different rhythms. */
static void compute_leaf(dsm_reducer *r, size_t leaf, size_t count, size_t late, unsigned step) {
  float *x = dsm_reducer_leaf(r);
  const size_t part = count / (3 + (size_t)rank()) + 1;
  for (size_t end = count - late; end > 0;) {
    const size_t start = end > part ? end - part : 0;
    for (size_t i = start; i < end; i++) x[i] = leaf_value(leaf, i, step);
    dsm_reducer_ready(r, start, end - start);
    dsm_reducer_progress(r);
    end = start;
  }
  for (size_t i = count - late; i < count; i++) x[i] = leaf_value(leaf, i, step);
  dsm_reducer_push(r);
}

static const float *summed(dsm_reducer *r, size_t count, size_t late, unsigned step) {
  size_t first, mine;
  const float *sum = NULL;
  dsm_reducer_range(r, &first, &mine);
  for (size_t leaf = first; leaf < first + mine; leaf++) compute_leaf(r, leaf, count, late, step);
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

static void check_tree(size_t leaves, size_t count, size_t late, way how, size_t stride) {
  dsm_reducer *r = reducer_of(leaves, count, late, DSM_REDUCE_TREE, how);
  for (unsigned step = 0; step < 2; step++) { /* the second one: is the engine ready again? */
    const float *sum = summed(r, count, late, step);
    ASSERT_ON_ALL(is_tree_sum(sum, leaves, count, stride, step));
  }
  dsm_reducer_destroy(&r);
}

static const way blocking = {.overlap = DSM_OVERLAP_OFF}, overlapping = {.overlap = DSM_OVERLAP_ON};
static const size_t leaf_counts[] = {8, 9, 12, 13, 16, 21, 24, 31, 32, 37, 48, 64, 100};
enum { LEAF_COUNTS = sizeof leaf_counts / sizeof *leaf_counts };

/* trap 8, trap 19: what every rank gets is the sum over all leaves, whoever has how many of them. */
static void tree_sum_is_the_canonical_tree(void **state) {
  (void)state;
  for (size_t i = 0; i < LEAF_COUNTS; i++) check_tree(leaf_counts[i], 1003, 0, blocking, 1);
}

static void overlap_does_not_change_bits(void **state) {
  (void)state;
  for (size_t i = 0; i < LEAF_COUNTS; i++) {
    check_tree(leaf_counts[i], 1003, 0, overlapping, 1);
    check_tree(leaf_counts[i], 1003, 7, (way){DSM_OVERLAP_ON, {.bucket = 100, .lanes = 2}}, 1);
    check_tree(leaf_counts[i], 1003, 7, (way){DSM_OVERLAP_OFF, {.bucket = 100, .lanes = 3}}, 1);
  }
}

static void the_general_form_has_the_same_bits(void **state) {
  (void)state;
  for (size_t i = 0; i < LEAF_COUNTS; i++) {
    check_tree(leaf_counts[i], 1003, 3, (way){DSM_OVERLAP_OFF, {.direct = true}}, 1);
    check_tree(leaf_counts[i], 1003, 3, (way){DSM_OVERLAP_ON, {.direct = true, .bucket = 128}}, 1);
  }
}

static void tree_sum_works_with_one_leaf_a_rank(void **state) {
  (void)state;
  for (size_t more = 0; more < 2; more++) {
    check_tree((size_t)size() + more, 5000, 5, blocking, 1);
    check_tree((size_t)size() + more, 5000, 5, (way){DSM_OVERLAP_ON, {.bucket = 999}}, 1);
  }
}

static void tree_sum_works_with_fewer_floats_than_ranks(void **state) {
  (void)state;
  for (size_t count = 1; count <= 9; count++)
    for (size_t late = 0; late <= count; late += count) {
      check_tree(24, count, late, blocking, 1);
      check_tree(24, count, late, overlapping, 1);
    }
}

static void tree_sum_does_not_depend_on_buckets_messages_and_lanes(void **state) {
  (void)state;
  static const size_t buckets[] = {1, 7, 64, 1000, 4095, 4096, 4097};
  for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
    for (size_t lanes = 1; lanes <= 5; lanes += 2) {
      const size_t count = buckets[i] < 64 ? 50 : 4096;
      check_tree(24, count, 1, (way){DSM_OVERLAP_OFF, {buckets[i], 11, lanes, false}}, 1);
      check_tree(24, count, 1, (way){DSM_OVERLAP_ON, {buckets[i], 1 << 20, lanes, false}}, 1);
    }
}

static void tree_sum_crosses_default_buckets(void **state) {
  (void)state;
  check_tree((size_t)size() + 3, (size_t)2500003, 6, blocking, 13);
  check_tree((size_t)size() + 3, (size_t)2500003, 6, overlapping, 13);
}

static void several_equal_sums_have_equal_bits_on_all_ranks(void **state) {
  (void)state;
  enum { LEAVES = 24, COUNT = 3000 };
  dsm_reducer *r = reducer_of(LEAVES, COUNT, 0, DSM_REDUCE_TREE, (way){.tuning = {.bucket = 1024}});
  const float *sum = summed(r, COUNT, 0, 5);
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
  static const size_t buckets[] = {0, 100, 4096};
  enum { LEAVES = 24, COUNT = 10000 };
  for (size_t k = 0; k < sizeof buckets / sizeof *buckets; k++) {
    dsm_reducer *r = reducer_of(LEAVES, COUNT, 0, DSM_REDUCE_FAST, (way){.tuning = {.bucket = buckets[k]}});
    for (unsigned step = 0; step < 2; step++) {
      const float *sum = summed(r, COUNT, 0, step);
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
    dsm_reducer *r = reducer_of(LEAVES, COUNT, 0, mode, blocking);
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
  const float *sum = summed(r, COUNT, 0, 1);
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

static void memory_times_and_bytes_are_known(void **state) {
  (void)state;
  enum { LEAVES = 16, COUNT = 100000 };
  for (int overlap = DSM_OVERLAP_AUTO; overlap <= DSM_OVERLAP_OFF; overlap++) {
    dsm_reducer *r = reducer_of(LEAVES, COUNT, 0, DSM_REDUCE_TREE, (way){.overlap = overlap});
    summed(r, COUNT, 0, 1);
    const dsm_reducer_facts facts = dsm_reducer_facts_of(r);
    ASSERT_ON_ALL(facts.exposed >= 0 && facts.polling >= 0 && (size() == 1 || facts.exposed > 0));
    ASSERT_ON_ALL(facts.summing > 0); /* all have more than one leaf, or a part of the sum over ranks */
    ASSERT_ON_ALL(facts.overlap == (overlap == DSM_OVERLAP_ON && size() > 1)); /* the tests run on one host */
    /* aligned shares: what an allreduce has to send */
    const double needed = 2 * (1 - 1.0 / size()) * COUNT * sizeof(float);
    ASSERT_ON_ALL(16 % size() != 0 || fabs(facts.sent - needed) < 1);
    dsm_reducer_destroy(&r);
  }
  dsm_reducer *r = reducer_of(LEAVES, COUNT, 0, DSM_REDUCE_TREE, blocking);
  size_t bytes = dsm_reducer_memory(r), leaf = COUNT * sizeof(float);
  ASSERT_ON_ALL(bytes >= leaf && bytes < 12 * leaf); /* log2(leaves) + 1 slots, an inbox of a few pieces */
  dsm_reducer_destroy(&r);
  dsm_reducer_destroy(&r);
  dsm_reducer_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tree_sum_is_the_canonical_tree),
      cmocka_unit_test(overlap_does_not_change_bits),
      cmocka_unit_test(the_general_form_has_the_same_bits),
      cmocka_unit_test(tree_sum_works_with_one_leaf_a_rank),
      cmocka_unit_test(tree_sum_works_with_fewer_floats_than_ranks),
      cmocka_unit_test(tree_sum_does_not_depend_on_buckets_messages_and_lanes),
      cmocka_unit_test(tree_sum_crosses_default_buckets),
      cmocka_unit_test(several_equal_sums_have_equal_bits_on_all_ranks),
      cmocka_unit_test(a_wrong_order_is_noticed),
      cmocka_unit_test(fast_sum_is_close_to_float64),
      cmocka_unit_test(not_a_number_and_infinity_travel),
      cmocka_unit_test(hooks_do_all_the_adding),
      cmocka_unit_test(too_many_ranks_are_refused_with_advice),
      cmocka_unit_test(ranks_that_disagree_are_refused),
      cmocka_unit_test(sums_too_large_for_memory_are_refused_on_all_ranks),
      cmocka_unit_test(memory_times_and_bytes_are_known),
  };
  RUN_MPI_TESTS(tests);
}
