/** @file dist.h
 *  Ranks: who is there, agreeing on failure, and the gradient sum that does not depend on the number of
 *  ranks. MPI appears nowhere else. No threads and no HDF5 here. */
#ifndef DSMPI_DIST_H
#define DSMPI_DIST_H

#include <stdint.h>
#include "dsmpi/status.h"

typedef struct dsm_comm dsm_comm;

/* ---- the communicator ---------------------------------------------------------------------------------- */

/** Starts MPI (thread level SERIALIZED asked for) and duplicates the world. Collective over the whole job.
 *  Before that, spares Open MPI searches that this job cannot need: a process on its own starts no daemon, ranks of one
 *  host look for no network (OMPI_MCA_pml=ob1); OMPI_MCA_* of the user win.
 *  Points the panic hook at MPI_Abort and sets the log's rank.
 *  @return DSM_OK; DSM_LAUNCHER (exit 69) when the launcher started several tasks but MPI sees one (srun
 *  without PMIx, another MPI's mpirun), found by comparing SLURM_STEP_NUM_TASKS, OMPI_COMM_WORLD_SIZE,
 *  PMI_SIZE, PMIX_RANK with the world's size, naming both numbers and what to try (srun --mpi=pmix). The
 *  message is printed once, by the task that calls itself number 0. */
dsm_status dsm_comm_create(dsm_comm **comm);
/** Ends MPI. Collective. Accepts NULL. */
void dsm_comm_destroy(dsm_comm **comm);
int dsm_comm_rank(const dsm_comm *comm);
int dsm_comm_size(const dsm_comm *comm);
/** Ranks on this host, and the number of distinct hosts. Known from create on. */
int dsm_comm_local_rank(const dsm_comm *comm);
int dsm_comm_local_size(const dsm_comm *comm);
int dsm_comm_hosts(const dsm_comm *comm);
const char *dsm_comm_host(const dsm_comm *comm);
/** "Open MPI 4.1.4". */
const char *dsm_comm_library(void);
/** Cores that this process may run on (its affinity mask). Not collective. */
int dsm_comm_cores(void);
/** "MPI_THREAD_SERIALIZED": what MPI promised about threads. */
const char *dsm_comm_thread_level(const dsm_comm *comm);
/** "mpirun", "srun", ...; NULL: nobody launched this job. */
const char *dsm_comm_launcher(const dsm_comm *comm);
/** Starts and ends MPI in a child process, for at most `limit` seconds: whatever it does there is survived. Not collective; in
 *  a process that has not started MPI itself.
 *  @param[out] level  as dsm_comm_thread_level
 *  @return DSM_OK; DSM_LAUNCHER with what MPI said. */
dsm_status dsm_comm_trial(double limit, char *level, size_t size);
/** Seconds by which the clock of `rank` is ahead of rank 0's, on rank 0; to about half of a message's way there and back.
 *  Collective over these two ranks; the others may call it too, and do nothing. */
dsm_status dsm_comm_clock_offset(dsm_comm *comm, int rank, double *offset);
/** True when the launcher (mpirun, srun) may have started other tasks beside this one, whose number it gives
 *  (0 when alone; `task` may be NULL). Needs no MPI: so help is printed once, and work for one process
 *  starts no MPI where it is alone. */
bool dsm_launched_several(int *task);

/** Makes a failure on any rank the failure of all. Collective; every rank passes its own status and gets the
 *  same result: DSM_OK if all passed DSM_OK, else the status of the lowest failing rank, whose trail, with
 *  "rank R (host): " in front when there is more than one rank, becomes the trail of every rank. */
dsm_status dsm_agree(dsm_comm *comm, dsm_status status);
#define DSM_AGREE(comm, call) DSM_TRY(dsm_agree((comm), (call)))
/** Prints the trail once, with rank and host, and ends all ranks through MPI_Abort with the status's exit
 *  code; for failures that the others cannot be told of. Does not return. */
void dsm_comm_abort(dsm_comm *comm, dsm_status status) __attribute__((noreturn));

/** Refuses a job whose ranks do not have the same `text`, on all of them alike: "ranks of one job have different WHAT: ...",
 *  naming ranks and hosts with what each is to be `shown` by (short, may be ""), then `advice`. Collective.
 *  @return DSM_OK; `otherwise` */
dsm_status dsm_comm_same(dsm_comm *comm, dsm_status otherwise, const char *what, const char *shown,
                         const char *text, const char *advice);

/** "rank 3", "ranks 0-3, 8" for n ranks in ascending order; cut with "..." where there is no room. Returns `text`. */
const char *dsm_ranks_text(const int *rank, size_t n, char *text, size_t size);

/** Where a rank may run. Holds no pointers. */
enum { DSM_PLACE_WORDS = 16 };
typedef struct dsm_rank_place {
  char host[64];
  int online;                     /* cores of the host */
  int allowed;                    /* of them in its affinity mask */
  uint64_t mask[DSM_PLACE_WORDS]; /* core c: bit c % 64 of word c / 64; cores from 1024 on are counted only */
} dsm_rank_place;
/** That of this process; NULL `comm`: there is no job. Not collective. */
void dsm_rank_place_find(const dsm_comm *comm, dsm_rank_place *place);
/** "0-3,8" of a mask. Returns `text`. */
const char *dsm_cores_text(const uint64_t *mask, char *text, size_t size);

/** Collective helpers on small data. */
dsm_status dsm_comm_barrier(dsm_comm *comm);
dsm_status dsm_comm_broadcast(dsm_comm *comm, void *data, size_t bytes, int root);
/** all[r * bytes ...] = data of rank r, on every rank. */
dsm_status dsm_comm_allgather(dsm_comm *comm, const void *data, size_t bytes, void *all);
/** Over ranks, for tables: minimum, mean, maximum of each of n values, and the rank of the maximum. Any
 *  output may be NULL. */
dsm_status dsm_comm_statistics(dsm_comm *comm, const double *x, size_t n, double *min, double *mean,
                               double *max, int *max_rank);

/* ---- work dealt out while it is done ------------------------------------------------------------------- */

/** Items 0 ... count - 1, given one by one and in this order to whichever rank asks next, so that fast and slow ranks end
 *  together. Rank 0 keeps the counter. MPI moves nothing by itself: rank 0 answers when it comes by, in dsm_queue_next
 *  and dsm_queue_tell. */
typedef struct dsm_queue dsm_queue;
/** Collective. @return DSM_OK; DSM_NO_MEMORY */
dsm_status dsm_queue_create(dsm_comm *comm, uint64_t count, dsm_queue **queue);
/** Collective, after each rank has been told that there is no more. Accepts NULL in `*queue`. */
void dsm_queue_destroy(dsm_queue **queue);
/** The item in hand is done, if there was one; takes the next. Every rank calls it until `*more` is false, also one that has
 *  failed, after dsm_queue_close. Waits for the answer; rank 0 waits, at the end, until the others have been told. */
dsm_status dsm_queue_next(dsm_queue *queue, uint64_t *item, bool *more);
/** Tells how far the item in hand is, from 0 to 1, and on rank 0 answers the others. To be called often; never waits. */
dsm_status dsm_queue_tell(dsm_queue *queue, double share);
/** No more items are given out; those in hand are to be finished. On any rank; goes with the next tell or next. */
void dsm_queue_close(dsm_queue *queue);
/** What rank 0 knows; all zero on the others. */
typedef struct dsm_queue_facts {
  double done;    /* items, those in hand by their shares */
  double longest; /* seconds of the longest item that is done */
  double spread;  /* seconds between the first rank that found nothing more and the last one, at the end */
  uint64_t least, most; /* items a rank has done */
} dsm_queue_facts;
dsm_queue_facts dsm_queue_facts_of(const dsm_queue *queue);

/* ---- gradient sum -------------------------------------------------------------------------------------- */

/** First leaf and number of leaves of `rank` when `leaves` leaves are dealt out in contiguous runs, the
 *  first leaves % size ranks having one more. Pure. */
void dsm_leaf_range(size_t leaves, int rank, int size, size_t *first, size_t *count);

/** Local arithmetic of the engine, replaceable for simulation and for faster sums. */
typedef struct dsm_reducer_hooks {
  void (*accumulate)(void *context, float *y, const float *x, size_t n); /* y += x */
  void *context;
} dsm_reducer_hooks;

/** How the sum is taken. TREE: the fixed pairwise tree over all leaves: node (level l, index i) is the sum
 *  of the leaves [i 2^l, (i+1) 2^l), a missing right half counting as absent; so the bits depend on the
 *  leaves alone, not on ranks.
 *  FAST: leaves added in order on each rank, then MPI_Allreduce(MPI_FLOAT, MPI_SUM). Values as enum
 *  dsm_reduction. */
typedef struct dsm_reducer_params {
  size_t leaves; /* of all ranks, >= number of ranks */
  size_t count;  /* floats a leaf */
  size_t late;   /* of them at the end, which ready() never announces: they travel last */
  int mode;      /* enum dsm_reduction */
  int overlap;   /* enum dsm_overlap: AUTO = between hosts. Tree only; bits do not depend on it */
  const dsm_reducer_hooks *hooks; /* NULL = plain loop; copied */
} dsm_reducer_params;

typedef struct dsm_reducer dsm_reducer;
/** Collective. @return DSM_OK; DSM_BAD_CONFIG if there are more ranks than leaves, naming both and what to
 *  change (train.batch, train.micro_batch, ranks); DSM_NO_MEMORY. */
dsm_status dsm_reducer_create(dsm_comm *comm, const dsm_reducer_params *params, dsm_reducer **reducer);
void dsm_reducer_destroy(dsm_reducer **reducer);
/** This rank's leaves. */
void dsm_reducer_range(const dsm_reducer *reducer, size_t *first, size_t *count);
/** Where the next leaf of this rank is to be written (count floats, contents undefined), in leaf order.
 *  Borrowed until push. */
float *dsm_reducer_leaf(dsm_reducer *reducer);
/** These floats of the leaf being written are final. Only heard for the last leaf of this rank, where the sum
 *  overlaps: they may then be joined and sent while the rest is still computed, and must not be touched again.
 *  Optional; each float but the late ones at most once. Best from the end to the start, as backward does it.
 *  Not collective; never waits. */
void dsm_reducer_ready(dsm_reducer *reducer, size_t offset, size_t count);
/** Carries on with what has arrived; MPI moves nothing by itself, so call it often while computing. Costs
 *  nothing when nothing is under way. Not collective; never waits. */
void dsm_reducer_progress(dsm_reducer *reducer);
/** The leaf is complete: it is joined with finished neighbours (a binary counter of partial sums). Not
 *  collective. */
void dsm_reducer_push(dsm_reducer *reducer);
/** Sum over the leaves of all ranks, equal on all of them; afterwards the reducer is ready for the next
 *  step. Collective.
 *  @param[out] sum  count floats, borrowed until the next dsm_reducer_leaf() */
dsm_status dsm_reducer_finish(dsm_reducer *reducer, const float **sum);
/** Bytes held. */
size_t dsm_reducer_memory(const dsm_reducer *reducer);
/** Where the time of this rank went since creation, in seconds. */
typedef struct dsm_reducer_facts {
  bool overlap;   /* buckets leave while the last leaf is computed */
  double exposed; /* in finish(), but for sums: communication, and waiting for slower ranks, not hidden */
  double polling; /* in ready() and progress(), but for sums: what hiding costs the computing */
  double summing; /* local sums, wherever they were done */
  double sent;    /* bytes; fast: of the vector, as MPI does not tell */
} dsm_reducer_facts;
dsm_reducer_facts dsm_reducer_facts_of(const dsm_reducer *reducer);

#endif
