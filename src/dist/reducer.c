/* The gradient sum over the leaves of all ranks, with bits that do not depend on the number of ranks.
 *
 * Inside a rank, finished nodes of the tree (tree.h) stand in slots, a stack: the next leaf is written on
 * top, push() joins what can be joined, and what is left after the last leaf is the rank's forest. Across
 * ranks, the vector travels in rounds; in each round every rank owns a slice:
 *
 *      slots of rank r             inbox of the owner of a slice          slot 0 of all
 *      piece 0  [  |  |  ]  Alltoallv  rank 0, piece 0 [ ] \                   Allgatherv
 *      piece 1  [  |  |  ]  --------->  rank 0, piece 1 [ ]  > joins -> [ ]  ----------> [  |  |  ]
 *                                      rank 2, piece 0 [ ] /
 *
 * One Alltoallv for each piece number sends straight out of the slots, without packing; the owner's own
 * pieces stay where they are. A round bounds the inbox and keeps counts and displacements inside MPI's int.
 */
#include "reducer.h"

#include <stdlib.h>
#include <string.h>
#include "dsmpi/config.h"
#include "dsmpi/memory.h"
#include "internal.h"
#include "tree.h"

enum {
  ROUND_LEAST = 1 << 20, /* floats a round, at least: 4 MiB */
  SLICE_LEAST = 1 << 14, /* floats a slice, at least: below 64 KiB latency shows */
  FAST_PIECE = 1 << 30,  /* floats an MPI_Allreduce */
  JOIN_BLOCK = 1 << 18,  /* floats touched by one pass over all joins: 1 MiB, stays in the cache */
  LINE = DSM_ALIGNMENT / sizeof(float)
};

struct dsm_reducer {
  dsm_comm *comm;
  size_t leaves, count, first, mine; /* leaves of all ranks, floats a leaf, leaves of this rank */
  int mode;
  dsm_reducer_hooks hooks;

  size_t pushed;        /* leaves of this rank done in this step */
  dsm_tree_stack stack; /* which node stands in which slot */
  float *slots;         /* slot i begins at i * stride */
  size_t slot_count, stride;

  size_t round;           /* floats */
  size_t pieces, forests; /* nodes in all forests, and in the largest one */
  size_t *piece_of_rank;  /* size + 1: number of the first piece of each rank */
  dsm_tree_join *joins;   /* pieces - 1 */
  float **piece;          /* where each piece's slice is in this round */
  float *inbox;
  size_t inbox_floats;
  int *send_counts, *send_at, *receive_counts, *receive_at; /* of each rank */

  double communication, summing; /* seconds */
};

static void add(void *context, float *y, const float *x, size_t n) {
  (void)context;
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void accumulate(const dsm_reducer *r, float *y, const float *x, size_t n) {
  r->hooks.accumulate(r->hooks.context, y, x, n);
}

static float *slot(const dsm_reducer *r, size_t i) {
  return r->slots + i * r->stride;
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

/* The forests of all ranks and the order in which their pieces are joined. */
static dsm_status plan_joins(dsm_reducer *r) {
  dsm_status status = DSM_OK;
  dsm_tree_node *nodes = NULL;
  int size = r->comm->size;
  DSM_TRY_DONE(DSM_ALLOC((size_t)size + 1, &r->piece_of_rank));
  for (int rank = 0; rank < size; rank++) {
    size_t first, count;
    dsm_leaf_range(r->leaves, rank, size, &first, &count);
    size_t n = dsm__tree_forest(r->leaves, first, count, NULL);
    if (n > r->forests) r->forests = n;
    r->piece_of_rank[rank + 1] = r->piece_of_rank[rank] + n;
  }
  r->pieces = r->piece_of_rank[size];
  DSM_TRY_DONE(DSM_ALLOC(r->pieces, &nodes));
  DSM_TRY_DONE(DSM_ALLOC(r->pieces, &r->joins));
  DSM_TRY_DONE(DSM_ALLOC(r->pieces, &r->piece));
  for (int rank = 0; rank < size; rank++) {
    size_t first, count;
    dsm_leaf_range(r->leaves, rank, size, &first, &count);
    dsm__tree_forest(r->leaves, first, count, nodes + r->piece_of_rank[rank]);
  }
  dsm__tree_joins(r->leaves, nodes, r->pieces, r->joins);
  DSM_TRY_DONE(DSM_ALLOC((size_t)size * 4, &r->send_counts));
  r->send_at = r->send_counts + size;
  r->receive_counts = r->send_at + size;
  r->receive_at = r->receive_counts + size;
done:
  free(nodes);
  return status;
}

static dsm_status allocate_inbox(dsm_reducer *r, size_t floats) {
  size_t size = (size_t)r->comm->size;
  if (floats == 0) floats = size * SLICE_LEAST > ROUND_LEAST ? size * SLICE_LEAST : ROUND_LEAST;
  if (floats > r->count) floats = r->count;
  size_t own = r->piece_of_rank[r->comm->rank + 1] - r->piece_of_rank[r->comm->rank];
  /* Every rank must come to the same round, so all pieces are counted here, own ones too. */
  while (floats > 1 && (floats > INT_MAX || (floats / size + 1) > INT_MAX / r->pieces)) floats /= 2;
  free(r->inbox);
  r->inbox = NULL;
  r->round = floats;
  r->inbox_floats = (r->pieces - own) * (floats / size + 1);
  DSM_TRY(DSM_ALLOC(r->inbox_floats, &r->inbox));
  return DSM_OK;
}

/* All ranks must sum the same thing; anything else is a mistake of the caller that would end in a hang or in
 * wrong numbers. */
static dsm_status check_equal(dsm_comm *comm, const dsm_reducer_params *p) {
  long long mine[6] = {(long long)p->leaves, (long long)p->count, p->mode}, least[6];
  for (int i = 0; i < 3; i++) mine[3 + i] = -mine[i];
  DSM_MPI(MPI_Allreduce(mine, least, 6, MPI_LONG_LONG, MPI_MIN, comm->mpi));
  for (int i = 0; i < 3; i++)
    if (least[i] != -least[3 + i])
      DSM_FAIL(DSM_INTERNAL, "gradient sum: ranks differ: leaves, floats, mode are %zu, %zu, %d on rank %d",
               p->leaves, p->count, p->mode, comm->rank);
  return DSM_OK;
}

static dsm_status check_params(dsm_comm *comm, const dsm_reducer_params *p) {
  if (p->mode != DSM_REDUCE_TREE && p->mode != DSM_REDUCE_FAST)
    DSM_FAIL(DSM_INTERNAL, "gradient sum: mode %d is neither tree nor fast", p->mode);
  DSM_TRY(check_equal(comm, p));
  if (p->leaves < (size_t)comm->size)
    DSM_FAIL(DSM_BAD_CONFIG,
             "%d ranks but only %zu micro-batches a step (train.batch / train.micro_batch): start at most "
             "%zu ranks, or "
             "raise train.batch, or lower train.micro_batch",
             comm->size, p->leaves, p->leaves);
  return DSM_OK;
}

dsm_status dsm_reducer_create(dsm_comm *comm, const dsm_reducer_params *params, dsm_reducer **reducer) {
  dsm_status status = DSM_OK;
  dsm_reducer *r = NULL;
  *reducer = NULL;
  DSM_TRY(check_params(comm, params)); /* equal on all ranks: no agreement needed */
  status = DSM_ALLOC(1, &r);
  DSM_TRY_DONE(dsm_agree(comm, status));
  *r = (dsm_reducer){.comm = comm, .leaves = params->leaves, .count = params->count, .mode = params->mode};
  r->hooks = params->hooks ? *params->hooks : (dsm_reducer_hooks){.accumulate = add};
  r->stack.leaves = r->leaves;
  dsm_leaf_range(r->leaves, comm->rank, comm->size, &r->first, &r->mine);
  status = allocate_slots(r);
  if (status == DSM_OK && comm->size > 1 && r->mode == DSM_REDUCE_TREE) status = plan_joins(r);
  DSM_TRY_DONE(dsm_agree(comm, status));
  DSM_TRY_DONE(dsm__reducer_set_round(r, 0));
  *reducer = r;
done:
  if (status != DSM_OK) dsm_reducer_destroy(&r);
  return status;
}

dsm_status dsm__reducer_set_round(dsm_reducer *r, size_t floats) {
  dsm_status status = DSM_OK;
  if (r->mode == DSM_REDUCE_FAST)
    r->round = floats == 0 || floats > FAST_PIECE ? FAST_PIECE : floats;
  else if (r->comm->size > 1)
    status = allocate_inbox(r, floats);
  DSM_AGREE(r->comm, status);
  return DSM_OK;
}

void dsm_reducer_destroy(dsm_reducer **reducer) {
  if (!reducer || !*reducer) return;
  dsm_reducer *r = *reducer;
  free(r->slots);
  free(r->piece_of_rank);
  free(r->joins);
  free(r->piece);
  free(r->inbox);
  free(r->send_counts);
  free(r);
  *reducer = NULL;
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
    if (r->pushed > 0) accumulate(r, slot(r, 0), slot(r, 1), r->count);
  } else {
    size_t top = r->stack.depth, joins = dsm__tree_push(&r->stack, (dsm_tree_node){0, r->first + r->pushed});
    for (; joins > 0; joins--, top--) accumulate(r, slot(r, top - 1), slot(r, top), r->count);
  }
  r->pushed++;
}

/* Sends this rank's forest, slice by slice, to the owners. */
static dsm_status scatter_pieces(dsm_reducer *r, size_t start, size_t length) {
  int size = r->comm->size, me = r->comm->rank;
  size_t own = r->stack.depth, at, mine;
  dsm_leaf_range(length, me, size, &at, &mine);
  float *free_place = r->inbox;
  for (int rank = 0; rank < size; rank++)
    for (size_t i = r->piece_of_rank[rank]; i < r->piece_of_rank[rank + 1]; i++) {
      if (rank == me) {
        r->piece[i] = slot(r, i - r->piece_of_rank[me]) + start + at;
      } else {
        r->piece[i] = free_place;
        free_place += mine;
      }
    }
  for (size_t p = 0; p < r->forests; p++) {
    for (int rank = 0; rank < size; rank++) {
      size_t first, count, its = r->piece_of_rank[rank + 1] - r->piece_of_rank[rank];
      dsm_leaf_range(length, rank, size, &first, &count);
      bool send = p < own && rank != me, receive = p < its && rank != me;
      r->send_counts[rank] = send ? dsm__mpi_int(count) : 0;
      r->send_at[rank] = dsm__mpi_int(first);
      r->receive_counts[rank] = receive ? dsm__mpi_int(mine) : 0;
      r->receive_at[rank] =
          receive ? dsm__mpi_int((size_t)(r->piece[r->piece_of_rank[rank] + p] - r->inbox)) : 0;
    }
    const float *from = slot(r, p < own ? p : 0) + start;
    DSM_MPI(MPI_Alltoallv(from, r->send_counts, r->send_at, MPI_FLOAT, r->inbox, r->receive_counts,
                          r->receive_at, MPI_FLOAT, r->comm->mpi));
  }
  return DSM_OK;
}

/* Joins the pieces of this rank's slice in tree order, a cache-sized block after the other; the sum goes to
 * its place in slot 0. */
static void join_slice(dsm_reducer *r, size_t start, size_t length) {
  size_t at, mine, block = JOIN_BLOCK / r->pieces > LINE ? JOIN_BLOCK / r->pieces : LINE;
  dsm_leaf_range(length, r->comm->rank, r->comm->size, &at, &mine);
  float *sum = slot(r, 0) + start + at;
  for (size_t b = 0; b < mine; b += block) {
    size_t n = mine - b < block ? mine - b : block;
    for (size_t j = 0; j < r->pieces - 1; j++)
      accumulate(r, r->piece[r->joins[j].into] + b, r->piece[r->joins[j].from] + b, n);
    if (r->piece[0] != sum) memcpy(sum + b, r->piece[0] + b, n * sizeof *sum);
  }
}

static dsm_status gather_slices(dsm_reducer *r, size_t start, size_t length) {
  int size = r->comm->size;
  for (int rank = 0; rank < size; rank++) {
    size_t first, count;
    dsm_leaf_range(length, rank, size, &first, &count);
    r->receive_counts[rank] = dsm__mpi_int(count);
    r->receive_at[rank] = dsm__mpi_int(first);
  }
  DSM_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, slot(r, 0) + start, r->receive_counts,
                         r->receive_at, MPI_FLOAT, r->comm->mpi));
  return DSM_OK;
}

static dsm_status finish_tree(dsm_reducer *r) {
  for (size_t start = 0; start < r->count; start += r->round) {
    size_t length = r->count - start < r->round ? r->count - start : r->round;
    double t0 = MPI_Wtime();
    DSM_TRY(scatter_pieces(r, start, length));
    double t1 = MPI_Wtime();
    join_slice(r, start, length);
    double t2 = MPI_Wtime();
    DSM_TRY(gather_slices(r, start, length));
    r->communication += t1 - t0 + MPI_Wtime() - t2;
    r->summing += t2 - t1;
  }
  return DSM_OK;
}

static dsm_status finish_fast(dsm_reducer *r) {
  double t0 = MPI_Wtime();
  for (size_t start = 0; start < r->count; start += r->round) {
    size_t length = r->count - start < r->round ? r->count - start : r->round;
    DSM_MPI(MPI_Allreduce(MPI_IN_PLACE, slot(r, 0) + start, dsm__mpi_int(length), MPI_FLOAT, MPI_SUM,
                          r->comm->mpi));
  }
  r->communication += MPI_Wtime() - t0;
  return DSM_OK;
}

dsm_status dsm_reducer_finish(dsm_reducer *r, const float **sum) {
  DSM_ASSERT(r->pushed == r->mine);
  if (r->comm->size > 1) DSM_TRY(r->mode == DSM_REDUCE_FAST ? finish_fast(r) : finish_tree(r));
  r->pushed = 0;
  r->stack.depth = 0;
  *sum = slot(r, 0);
  return DSM_OK;
}

size_t dsm_reducer_memory(const dsm_reducer *r) {
  size_t ranks = r->piece_of_rank ? (size_t)r->comm->size : 0;
  return sizeof *r + (r->slot_count * r->stride + r->inbox_floats) * sizeof(float) +
         r->pieces * (sizeof *r->joins + sizeof *r->piece) +
         ranks * (4 * sizeof(int) + sizeof *r->piece_of_rank);
}

void dsm_reducer_times(const dsm_reducer *r, double *communication, double *summing) {
  *communication = r->communication;
  *summing = r->summing;
}
