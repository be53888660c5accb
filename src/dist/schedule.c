/* Steps of a rank, stage by stage: see schedule.h. Checked without MPI for every number of ranks up to 64 in
 * tests/unit/dist/schedule.c. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>
#include "dsmpi/dist.h"
#include "dsmpi/memory.h"
#include "tree.h"

/* A node of the tree, for the slice in hand, and where its floats are. */
typedef struct piece {
  dsm_tree_node node;
  dsm_place place;
} piece;

/* A part of the vector. */
typedef struct slice {
  size_t at, count;
} slice;

typedef struct builder {
  size_t leaves;
  int rank, size;
  dsm_schedule *s; /* lists that are missing are not written, only counted */
  size_t pieces;
  piece *piece; /* what this rank has */
} builder;

static slice share(slice whole, int member, int members) {
  slice part;
  dsm_leaf_range(whole.count, member, members, &part.at, &part.count);
  part.at += whole.at;
  return part;
}

/* Nodes that the run of `stride` ranks around `rank` has together. */
static size_t forest_of(const builder *b, int rank, int stride, dsm_tree_node *nodes) {
  size_t first, last, count;
  const int start = rank - rank % stride;
  dsm_leaf_range(b->leaves, start, b->size, &first, &count);
  dsm_leaf_range(b->leaves, start + stride - 1, b->size, &last, &count);
  return dsm__tree_forest(b->leaves, first, last + count - first, nodes);
}

static void add_transfer(builder *b, int peer, bool receive, dsm_place place, size_t count) {
  if (count == 0) return;
  if (b->s->transfer)
    b->s->transfer[b->s->transfers] =
        (dsm_transfer){.peer = peer, .receive = receive, .place = place, .count = count};
  b->s->transfers++;
}

static void add_addition(builder *b, dsm_place into, dsm_place from) {
  if (b->s->addition) b->s->addition[b->s->additions] = (dsm_addition){.into = into, .from = from};
  b->s->additions++;
}

static void end_phase(builder *b, size_t count) {
  dsm_schedule *s = b->s;
  if (s->phase) {
    const size_t begin = s->phases > 0 ? s->phase[s->phases - 1].transfers_end : 0;
    s->phase[s->phases] =
        (dsm_phase){.transfers_end = s->transfers, .additions_end = s->additions, .count = count};
    if (s->transfers - begin > s->most_together) s->most_together = s->transfers - begin;
  }
  s->phases++;
}

/* Joins the pieces of the whole group, given in leaf order, down to the forest of the group. A sum stays where
 * one of its halves is: in the lower slot, so that the root comes to slot 0, and rather in a slot than in the
 * inbox. */
static void join(builder *b, const piece *all, size_t n, size_t count) {
  dsm_tree_stack stack = {.leaves = b->leaves};
  dsm_place place[DSM_TREE_FOREST_MAX + 1];
  for (size_t i = 0; i < n; i++) {
    size_t top = stack.depth;
    place[top] = all[i].place;
    for (size_t joins = dsm__tree_push(&stack, all[i].node); joins > 0; joins--, top--) {
      dsm_place into = place[top - 1], from = place[top];
      if (into.slot == DSM_INBOX || (from.slot != DSM_INBOX && from.slot < into.slot)) {
        into = place[top];
        from = place[top - 1];
      }
      if (count > 0) add_addition(b, into, from);
      place[top - 1] = into;
    }
  }
  b->pieces = stack.depth;
  for (size_t i = 0; i < stack.depth; i++) b->piece[i] = (piece){stack.node[i], place[i]};
}

/* The group's members exchange their pieces of `whole`, each keeping its share. */
static dsm_status gather_pieces(builder *b, int stride, int factor, slice whole) {
  dsm_status status = DSM_OK;
  const int member = b->rank / stride % factor, base = b->rank - member * stride;
  const slice mine = share(whole, member, factor);
  size_t total = 0;
  piece *all = NULL;
  for (int m = 0; m < factor; m++) total += forest_of(b, base + m * stride, stride, NULL);
  DSM_TRY_DONE(DSM_ALLOC(total, &all));

  /* Each starts with its next neighbour: nobody is sent to by all at once. */
  for (int step = 1; step < factor; step++) {
    const int m = (member + step) % factor;
    const slice its = share(whole, m, factor);
    for (size_t i = 0; i < b->pieces; i++) {
      const dsm_place place = {b->piece[i].place.slot, b->piece[i].place.at + its.at - whole.at};
      add_transfer(b, base + m * stride, false, place, its.count);
    }
  }
  size_t n = 0;
  for (int m = 0; m < factor; m++) {
    dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
    const size_t its = forest_of(b, base + m * stride, stride, nodes);
    for (size_t i = 0; i < its; i++, n++) {
      if (m == member) {
        all[n] = b->piece[i];
        all[n].place.at += mine.at - whole.at;
      } else {
        all[n] = (piece){nodes[i], {DSM_INBOX, b->s->inbox}};
        add_transfer(b, base + m * stride, true, all[n].place, mine.count);
        b->s->inbox += mine.count;
      }
    }
  }
  join(b, all, n, mine.count);
  end_phase(b, mine.count);
done:
  free(all);
  return status;
}

/* The way back: everybody hands its share of the root to the group. */
static void hand_out(builder *b, int stride, int factor, slice whole) {
  const int member = b->rank / stride % factor, base = b->rank - member * stride;
  const slice mine = share(whole, member, factor);
  for (int step = 1; step < factor; step++) {
    const int to = (member + step) % factor, from = (member + factor - step) % factor;
    const slice its = share(whole, from, factor);
    add_transfer(b, base + to * stride, false, (dsm_place){0, mine.at}, mine.count);
    add_transfer(b, base + from * stride, true, (dsm_place){0, its.at}, its.count);
  }
  end_phase(b, 0);
}

static dsm_status walk(builder *b, size_t floats, const int *factor, size_t factors) {
  slice whole[DSM_FACTORS_MAX + 1] = {{0, floats}};
  int stride[DSM_FACTORS_MAX + 1] = {1};
  dsm_tree_node nodes[DSM_TREE_FOREST_MAX];
  b->pieces = forest_of(b, b->rank, 1, nodes);
  for (size_t i = 0; i < b->pieces; i++) b->piece[i] = (piece){nodes[i], {(int)i, 0}};
  b->s->phases = b->s->transfers = b->s->additions = b->s->inbox = 0;

  for (size_t i = 0; i < factors; i++) {
    DSM_TRY(gather_pieces(b, stride[i], factor[i], whole[i]));
    whole[i + 1] = share(whole[i], b->rank / stride[i] % factor[i], factor[i]);
    stride[i + 1] = stride[i] * factor[i];
  }
  DSM_ASSERT(stride[factors] == b->size && b->pieces == 1 && b->piece[0].place.slot == 0);
  for (size_t i = factors; i > 0; i--) hand_out(b, stride[i - 1], factor[i - 1], whole[i - 1]);
  return DSM_OK;
}

dsm_status dsm__schedule_create(size_t leaves, int rank, int size, size_t floats, const int *factor,
                                size_t factors, dsm_schedule *schedule) {
  dsm_status status = DSM_OK;
  piece pieces[DSM_TREE_FOREST_MAX];
  builder b = {.leaves = leaves, .rank = rank, .size = size, .s = schedule, .piece = pieces};
  *schedule = (dsm_schedule){0};
  DSM_TRY_DONE(walk(&b, floats, factor, factors)); /* lengths */
  DSM_TRY_DONE(DSM_ALLOC(schedule->phases, &schedule->phase));
  DSM_TRY_DONE(DSM_ALLOC(schedule->transfers, &schedule->transfer));
  DSM_TRY_DONE(DSM_ALLOC(schedule->additions, &schedule->addition));
  DSM_TRY_DONE(walk(&b, floats, factor, factors)); /* the steps themselves */
done:
  if (status != DSM_OK) dsm__schedule_destroy(schedule);
  return status;
}

void dsm__schedule_destroy(dsm_schedule *schedule) {
  free(schedule->phase);
  free(schedule->transfer);
  free(schedule->addition);
  *schedule = (dsm_schedule){0};
}
