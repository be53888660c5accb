/* The gradient sum over the leaves of all ranks, with bits that do not depend on the number of ranks.
 *
 * Inside a rank, finished nodes of the tree (tree.h) stand in slots, a stack: the next leaf is written on
 * top, push() joins what can be joined, and what is left after the last leaf is the rank's forest. Across
 * ranks, the vector travels in buckets, each by its schedule (schedule.h), several at a time (exchange.h).
 *
 *      last leaf of the rank   [      |      |   bucket 1   |   bucket 0   ]   backward ends <---- begins
 *      its joins, one bucket                                 [ += ]
 *      exchange with others                                  [ sum of all ]
 *
 * With overlap, a bucket leaves as soon as backward of the rank's last leaf has announced all its floats; else,
 * and for what is left, in finish(). */
#include "dsmpi/config.h"
#include "reducer_inside.h"

static float *slot(const dsm_reducer *r, size_t i) {
  return r->slots + i * r->stride;
}

/* slot into += slot from, over a range */
static void join(dsm_reducer *r, size_t into, size_t from, size_t start, size_t count) {
  const double begin = MPI_Wtime();
  r->hooks.accumulate(r->hooks.context, slot(r, into) + start, slot(r, from) + start, count);
  r->summing += MPI_Wtime() - begin;
}

void dsm__reducer_rewind(dsm_reducer *r) {
  r->pushed = r->begun = 0;
  r->stack = (dsm_tree_stack){.leaves = r->leaves};
  for (size_t b = 0; b < r->buckets; b++) {
    size_t start;
    dsm__reducer_bucket(r, b, &start, &r->missing[b]);
  }
}

void dsm_reducer_range(const dsm_reducer *r, size_t *first, size_t *count) {
  *first = r->first;
  *count = r->mine;
}

float *dsm_reducer_leaf(dsm_reducer *r) {
  DSM_ASSERT(r->pushed < r->mine);
  if (r->mode == DSM_REDUCE_FAST) return slot(r, r->pushed == 0 ? 0 : 1);
  return slot(r, r->stack.depth);
}

void dsm_reducer_push(dsm_reducer *r) {
  DSM_ASSERT(r->pushed < r->mine);
  if (r->mode == DSM_REDUCE_FAST) {
    if (r->pushed > 0) join(r, 0, 1, 0, r->count);
  } else if (r->buckets == 0 || r->pushed + 1 < r->mine) { /* else the joins are done bucket by bucket */
    size_t top = r->stack.depth, joins = dsm__tree_push(&r->stack, (dsm_tree_node){0, r->first + r->pushed});
    for (; joins > 0; joins--, top--) join(r, top - 1, top, 0, r->count);
  }
  r->pushed++;
}

/* Begins the next buckets while they are final, all of them once the last leaf is pushed, and lanes are free. */
static dsm_status begin_buckets(dsm_reducer *r) {
  while (r->begun < r->buckets && (r->missing[r->begun] == 0 || r->pushed == r->mine) &&
         !dsm__exchange_full(r->exchange)) {
    size_t start, count, top = r->last_top;
    const dsm_schedule *schedule = &r->schedule[dsm__reducer_bucket(r, r->begun, &start, &count)];
    for (size_t j = 0; j < r->last_joins; j++, top--) join(r, top - 1, top, start, count);
    DSM_TRY(dsm__exchange_start(r->exchange, schedule, slot(r, 0) + start, r->begun));
    r->begun++;
  }
  return DSM_OK;
}

/* Carries on until nothing more has arrived. */
static dsm_status carry_on(dsm_reducer *r) {
  size_t begun;
  do {
    begun = r->begun;
    DSM_TRY(dsm__exchange_poll(r->exchange));
    DSM_TRY(begin_buckets(r));
  } while (r->begun > begun);
  return DSM_OK;
}

static double summing_of(const dsm_reducer *r) {
  return r->summing + (r->exchange ? dsm__exchange_summing(r->exchange) : 0);
}

/* A failure waits for finish(), which can return it. */
static void go_on_meanwhile(dsm_reducer *r) {
  const double start = MPI_Wtime(), summing = summing_of(r);
  r->failure = carry_on(r);
  r->polling += MPI_Wtime() - start - (summing_of(r) - summing);
}

void dsm_reducer_ready(dsm_reducer *r, size_t offset, size_t count) {
  if (!r->overlap || r->pushed + 1 != r->mine || r->failure != DSM_OK) return;
  const size_t gradient = r->count - r->late, length = r->tuning.bucket;
  DSM_ASSERT(count <= gradient && offset <= gradient - count);
  while (count > 0) {
    /* the bucket of the range's last float, and how much of the range lies in it */
    const size_t end = offset + count, bucket = (gradient - end) / length;
    size_t start, whole;
    dsm__reducer_bucket(r, bucket, &start, &whole);
    const size_t n = start > offset ? end - start : count;
    DSM_ASSERT(r->missing[bucket] >= n);
    r->missing[bucket] -= n;
    count -= n;
  }
  if (r->begun < r->buckets && r->missing[r->begun] == 0) go_on_meanwhile(r);
}

void dsm_reducer_progress(dsm_reducer *r) {
  if (!r->overlap || r->failure != DSM_OK || !dsm__exchange_busy(r->exchange)) return;
  go_on_meanwhile(r);
}

static dsm_status finish_tree(dsm_reducer *r) {
  DSM_TRY(r->failure);
  DSM_TRY(begin_buckets(r));
  while (dsm__exchange_busy(r->exchange)) {
    DSM_TRY(dsm__exchange_wait(r->exchange));
    DSM_TRY(begin_buckets(r));
  }
  return DSM_OK;
}

static dsm_status finish_fast(dsm_reducer *r) {
  for (size_t start = 0; start < r->count; start += r->tuning.bucket) {
    const size_t left = r->count - start, length = left < r->tuning.bucket ? left : r->tuning.bucket;
    DSM_MPI(MPI_Allreduce(MPI_IN_PLACE, slot(r, 0) + start, dsm__mpi_int(length), MPI_FLOAT, MPI_SUM,
                          r->comm->mpi));
    r->sent += (double)length * sizeof(float);
  }
  return DSM_OK;
}

dsm_status dsm_reducer_finish(dsm_reducer *r, const float **sum) {
  DSM_ASSERT(r->pushed == r->mine);
  const double start = MPI_Wtime(), summing = summing_of(r);
  if (r->comm->size > 1) DSM_TRY(r->mode == DSM_REDUCE_FAST ? finish_fast(r) : finish_tree(r));
  r->exposed += MPI_Wtime() - start - (summing_of(r) - summing);
  dsm__reducer_rewind(r);
  *sum = slot(r, 0);
  return DSM_OK;
}

dsm_reducer_facts dsm_reducer_facts_of(const dsm_reducer *r) {
  return (dsm_reducer_facts){.overlap = r->overlap,
                             .exposed = r->exposed,
                             .polling = r->polling,
                             .summing = summing_of(r),
                             .sent = r->sent + (r->exchange ? dsm__exchange_sent(r->exchange) : 0)};
}
