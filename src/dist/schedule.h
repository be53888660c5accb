/** @file schedule.h
 *  Who sends what to whom so that the leaves of all ranks are summed in tree order (tree.h), as pure functions
 * of counts. No MPI, no numbers.
 *
 *  The number of ranks is written as a product of factors, size = f1 f2 f3 ... In stage i, groups of f_i ranks
 * at distance f1 ... f_{i-1} divide among themselves the slice of the vector that they hold in common: each
 * member gets from the others what they have of its share, and joins it. What ranks have is their forest; the
 * members' forests together are that of a longer run of leaves. After the last stage each rank holds the root
 * for its slice, and the stages are gone through backwards to hand the slices out.
 *
 *      8 ranks, factors 2 2 2          rank 0        rank 1        rank 2        rank 3   ...
 *      stage 0, distance 1          half 0 of 0+1 half 1 of 0+1 half 0 of 2+3 half 1 of 2+3
 *      stage 1, distance 2          quarters 0 and 2 of 0+1+2+3 go to ranks 0 and 2, 1 and 3 to ranks 1 and 3
 *      stage 2, distance 4          eighths of the sum of all
 *
 *  Factors 2 2 2 are recursive halving and doubling; 2 2 3 the mixed schedule for 2^k odd; {size} the general
 * form in which everybody sends to everybody. Any factors are right for any number of leaves; shape() finds
 * quick ones. */
#ifndef DSMPI_DIST_SCHEDULE_H
#define DSMPI_DIST_SCHEDULE_H

#include "dsmpi/status.h"

/* 2^63 ranks have no more factors. */
enum { DSM_FACTORS_MAX = 63 };

/** Factors for `leaves` dealt out by dsm_leaf_range(), equal on all ranks. Small ones take the fewest messages;
 *  but where the forests of their groups have several pieces, they send more floats than large ones. The
 *  cheapest of: the primes of `size`, smallest first; its twos and then the odd rest; `size` itself.
 *  @param[in]  floats  of the vector, for weighing bytes against messages
 *  @param[out] factor  DSM_FACTORS_MAX entries at most
 *  @return their number; 0 for one rank */
size_t dsm__schedule_shape(size_t leaves, int size, size_t floats, int *factor);

/** Where floats stand on a rank. Slot i holds piece i of the rank's forest, as long as the vector; the root
 *  ends up in slot 0. */
enum { DSM_INBOX = -1 };
typedef struct dsm_place {
  int slot; /* or DSM_INBOX */
  size_t at;
} dsm_place;

/** A message. The k-th from a rank to another is the k-th that the other receives from it. */
typedef struct dsm_transfer {
  int peer;
  bool receive;
  dsm_place place;
  size_t count;
} dsm_transfer;

/** into += from, over the `count` of its phase. Left and right may be exchanged: a + b = b + a to the bit. */
typedef struct dsm_addition {
  dsm_place into, from;
} dsm_addition;

/** Transfers that may be under way together, then additions, in order. The list entries of phase p are those
 *  from the end of phase p - 1 on. */
typedef struct dsm_phase {
  size_t transfers_end, additions_end;
  size_t count; /* floats of each addition */
} dsm_phase;

typedef struct dsm_schedule {
  size_t phases, transfers, additions;
  dsm_phase *phase;
  dsm_transfer *transfer;
  dsm_addition *addition;
  size_t inbox;         /* floats */
  size_t most_together; /* transfers of the fullest phase */
} dsm_schedule;

/** The steps of one rank for a vector of `floats`. Not collective, but all ranks must give the same leaves,
 *  size, floats and factors. @return DSM_OK; DSM_NO_MEMORY */
dsm_status dsm__schedule_create(size_t leaves, int rank, int size, size_t floats, const int *factor,
                                size_t factors, dsm_schedule *schedule);
void dsm__schedule_destroy(dsm_schedule *schedule);

#endif
