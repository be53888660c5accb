/* Checks, memory and schedules of the gradient sum. */
#include <stdlib.h>
#include "dsmpi/config.h"
#include "dsmpi/memory.h"
#include "reducer_inside.h"

enum {
  /* All ranks on one machine: a bucket stays in the cache from one rank's sum to the other's copy. */
  NEAR_BUCKET = 1 << 20,
  NEAR_LANES = 1,
  NEAR_MESSAGE = 1 << 28,
  /* Between machines: what is not sent when backward ends is waited for, so buckets are small; messages stay
   * below the 64 KiB from which Open MPI's TCP first asks the receiver, who is computing. */
  FAR_BUCKET = 1 << 18,
  FAR_LANES = 8,
  FAR_MESSAGE = 15 << 10,
  FAST_PIECE = 1 << 28, /* floats an MPI_Allreduce */
  LINE = DSM_ALIGNMENT / sizeof(float)
};

static void add(void *context, float *y, const float *x, size_t n) {
  (void)context;
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* All ranks must sum the same thing; anything else is a mistake of the caller that would end in a hang or in
 * wrong numbers. */
static dsm_status check_equal(dsm_comm *comm, const dsm_reducer_params *p) {
  enum { N = 5 };
  long long mine[2 * N] = {(long long)p->leaves, (long long)p->count, (long long)p->late, p->mode,
                           p->overlap};
  long long least[2 * N];
  for (int i = 0; i < N; i++) mine[N + i] = -mine[i];
  DSM_MPI(MPI_Allreduce(mine, least, 2 * N, MPI_LONG_LONG, MPI_MIN, comm->mpi));
  for (int i = 0; i < N; i++)
    if (least[i] != -least[N + i])
      DSM_FAIL(DSM_INTERNAL,
               "gradient sum: ranks differ: leaves, floats, late, mode, overlap are %zu, %zu, %zu, %d, %d on "
               "rank %d",
               p->leaves, p->count, p->late, p->mode, p->overlap, comm->rank);
  return DSM_OK;
}

static dsm_status check_params(dsm_comm *comm, const dsm_reducer_params *p) {
  if (p->mode != DSM_REDUCE_TREE && p->mode != DSM_REDUCE_FAST)
    DSM_FAIL(DSM_INTERNAL, "gradient sum: mode %d is neither tree nor fast", p->mode);
  DSM_ASSERT(p->late <= p->count);
  DSM_TRY(check_equal(comm, p));
  if (p->leaves < (size_t)comm->size)
    DSM_FAIL(DSM_BAD_CONFIG,
             "%d ranks but only %zu micro-batches a step (train.batch / train.micro_batch): start at most "
             "%zu ranks, or "
             "raise train.batch, or lower train.micro_batch",
             comm->size, p->leaves, p->leaves);
  return DSM_OK;
}

/* Slots in use at the fullest moment, the leaf being written included. */
static size_t slots_needed(const dsm_reducer *r) {
  if (r->mode == DSM_REDUCE_FAST) return r->mine > 1 ? 2 : 1;
  dsm_tree_stack stack = {.leaves = r->leaves};
  size_t most = 0;
  for (size_t i = 0; i < r->mine; i++) {
    if (stack.depth + 1 > most) most = stack.depth + 1;
    dsm__tree_push(&stack, (dsm_tree_node){0, r->first + i});
  }
  return most;
}

static dsm_status allocate_slots(dsm_reducer *r) {
  r->stride = (r->count + LINE - 1) / LINE * LINE;
  r->slot_count = slots_needed(r);
  size_t floats;
  if (r->stride < r->count || __builtin_mul_overflow(r->slot_count, r->stride, &floats))
    DSM_FAIL(DSM_NO_MEMORY, "gradient sum: %zu arrays of %zu floats do not fit in memory", r->slot_count,
             r->count);
  DSM_TRY(DSM_ALLOC(floats, &r->slots));
  return DSM_OK;
}

static void set_tuning(dsm_reducer *r, const dsm_reducer_tuning *t) {
  if (t) r->tuning = *t;
  dsm_reducer_tuning *u = &r->tuning;
  if (r->mode == DSM_REDUCE_FAST) {
    if (u->bucket == 0) u->bucket = FAST_PIECE;
    return;
  }
  if (u->bucket == 0) u->bucket = r->overlap ? FAR_BUCKET : NEAR_BUCKET;
  if (u->lanes == 0) u->lanes = r->overlap ? FAR_LANES : NEAR_LANES;
  if (u->message == 0) u->message = r->comm->hosts > 1 ? FAR_MESSAGE : NEAR_MESSAGE;
}

dsm_bucket_length dsm__reducer_bucket(const dsm_reducer *r, size_t bucket, size_t *start, size_t *count) {
  const size_t end = r->count - r->late, length = r->tuning.bucket;
  if (bucket * length >= end) { /* behind the gradient's */
    *start = end;
    *count = r->late;
    return DSM_BUCKET_LATE;
  }
  const size_t stop = end - bucket * length;
  *count = stop < length ? stop : length;
  *start = stop - *count;
  return *count == length ? DSM_BUCKET_FULL : DSM_BUCKET_REST;
}

static dsm_status plan_exchange(dsm_reducer *r) {
  int factor[DSM_FACTORS_MAX] = {r->comm->size};
  const size_t gradient = r->count - r->late, length = r->tuning.bucket;
  r->buckets = (gradient + length - 1) / length + (r->late > 0);
  const size_t factors =
      r->tuning.direct
          ? 1
          : dsm__schedule_shape(r->leaves, r->comm->size, length < r->count ? length : r->count, factor);
  DSM_TRY(DSM_ALLOC(r->buckets, &r->missing));
  for (size_t b = 0; b < r->buckets; b++) {
    size_t start, count;
    dsm_schedule *s = &r->schedule[dsm__reducer_bucket(r, b, &start, &count)];
    if (s->phases == 0)
      DSM_TRY(dsm__schedule_create(r->leaves, r->comm->rank, r->comm->size, count, factor, factors, s));
  }
  const dsm_exchange_params params = {.schedule = r->schedule,
                                      .schedules = DSM_BUCKET_LENGTHS,
                                      .lanes = r->tuning.lanes,
                                      .stride = r->stride,
                                      .message = r->tuning.message,
                                      .hooks = r->hooks};
  DSM_TRY(dsm__exchange_create(r->comm, &params, &r->exchange));
  return DSM_OK;
}

/* Where the last leaf of the rank stands, and what is joined when it is done. */
static void find_last_joins(dsm_reducer *r) {
  dsm_tree_stack stack = {.leaves = r->leaves};
  for (size_t i = 0; i < r->mine; i++) {
    r->last_top = stack.depth;
    r->last_joins = dsm__tree_push(&stack, (dsm_tree_node){0, r->first + i});
  }
}

static dsm_status prepare(dsm_reducer *r) {
  DSM_TRY(allocate_slots(r));
  if (r->mode == DSM_REDUCE_FAST || r->comm->size == 1) return DSM_OK;
  find_last_joins(r);
  DSM_TRY(plan_exchange(r));
  return DSM_OK;
}

dsm_status dsm__reducer_create(dsm_comm *comm, const dsm_reducer_params *params,
                               const dsm_reducer_tuning *tuning, dsm_reducer **reducer) {
  dsm_status status = DSM_OK;
  dsm_reducer *r = NULL;
  *reducer = NULL;
  DSM_TRY(check_params(comm, params)); /* equal on all ranks: no agreement needed */
  status = DSM_ALLOC(1, &r);
  DSM_TRY_DONE(dsm_agree(comm, status));
  *r = (dsm_reducer){.comm = comm,
                     .leaves = params->leaves,
                     .count = params->count,
                     .late = params->late,
                     .mode = params->mode};
  r->hooks = params->hooks ? *params->hooks : (dsm_reducer_hooks){.accumulate = add};
  /* Ranks of one machine move their messages themselves: hiding that behind computing only costs. */
  const bool far = params->overlap == DSM_OVERLAP_AUTO ? comm->hosts > 1 : params->overlap == DSM_OVERLAP_ON;
  r->overlap = far && comm->size > 1 && r->mode == DSM_REDUCE_TREE;
  set_tuning(r, tuning);
  dsm_leaf_range(r->leaves, comm->rank, comm->size, &r->first, &r->mine);
  DSM_TRY_DONE(dsm_agree(comm, prepare(r)));
  dsm__reducer_rewind(r);
  *reducer = r;
done:
  if (status != DSM_OK) dsm_reducer_destroy(&r);
  return status;
}

dsm_status dsm_reducer_create(dsm_comm *comm, const dsm_reducer_params *params, dsm_reducer **reducer) {
  DSM_TRY(dsm__reducer_create(comm, params, NULL, reducer));
  return DSM_OK;
}

void dsm_reducer_destroy(dsm_reducer **reducer) {
  if (!reducer || !*reducer) return;
  dsm_reducer *r = *reducer;
  *reducer = NULL;
  const bool stuck =
      r->exchange && dsm__exchange_busy(r->exchange); /* MPI failed and may still use the slots */
  dsm__exchange_destroy(&r->exchange);
  for (int i = 0; i < DSM_BUCKET_LENGTHS; i++) dsm__schedule_destroy(&r->schedule[i]);
  free(r->missing);
  if (!stuck) free(r->slots);
  free(r);
}

size_t dsm_reducer_memory(const dsm_reducer *r) {
  size_t bytes = sizeof *r + r->slot_count * r->stride * sizeof(float) + r->buckets * sizeof *r->missing;
  for (int i = 0; i < DSM_BUCKET_LENGTHS; i++) {
    const dsm_schedule *s = &r->schedule[i];
    bytes += s->phases * sizeof *s->phase + s->transfers * sizeof *s->transfer +
             s->additions * sizeof *s->addition;
  }
  return bytes + (r->exchange ? dsm__exchange_memory(r->exchange) : 0);
}
