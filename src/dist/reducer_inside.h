/** @file reducer_inside.h
 *  What reducer.c (the life of a step) and reducer_create.c (how it is set up) share. */
#ifndef DSMPI_DIST_REDUCER_INSIDE_H
#define DSMPI_DIST_REDUCER_INSIDE_H

#include "exchange.h"
#include "internal.h"
#include "reducer.h"
#include "schedule.h"
#include "tree.h"

/* Buckets are cut from the end of the gradient, where backward begins, to its start; the late floats behind
 * the gradient are the last one:
 *
 *      [ n-2 |  n-3  | ... |   1   |   0   | n-1 ]
 *        rest   full    ...   full    full   late        schedule of its length */
typedef enum dsm_bucket_length {
  DSM_BUCKET_FULL,
  DSM_BUCKET_REST,
  DSM_BUCKET_LATE,
  DSM_BUCKET_LENGTHS
} dsm_bucket_length;

struct dsm_reducer {
  dsm_comm *comm;
  size_t leaves, count, first, mine; /* leaves of all ranks, floats a leaf, leaves of this rank */
  size_t late;
  int mode;
  bool overlap;
  dsm_reducer_hooks hooks;
  dsm_reducer_tuning tuning;

  dsm_tree_stack stack; /* which node stands in which slot */
  float *slots;         /* slot i begins at i * stride */
  size_t slot_count, stride;
  size_t pushed; /* leaves of this rank done in this step */

  /* tree mode on several ranks */
  size_t last_top, last_joins; /* slot of the rank's last leaf, and its joins: done bucket by bucket */
  dsm_schedule schedule[DSM_BUCKET_LENGTHS];
  dsm_exchange *exchange;
  size_t buckets, begun; /* of this step; begun in order, on all ranks */
  size_t *missing;       /* floats of each bucket that are not final yet */
  dsm_status failure;    /* of MPI while others computed, kept for finish() */

  double exposed, polling, summing, sent; /* see dsm_reducer_facts */
};

/** Range of a bucket, and the schedule for its length. */
dsm_bucket_length dsm__reducer_bucket(const dsm_reducer *r, size_t bucket, size_t *start, size_t *count);
/** Makes it ready for the first leaf of a step. */
void dsm__reducer_rewind(dsm_reducer *r);

#endif
