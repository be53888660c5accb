/* A counter at rank 0, asked by short messages.
 *
 *      rank 1   ── asks: is done, wants one ──▶   rank 0: the next number, or NONE
 *               ── tells: so far, closes ─────▶           (no answer)
 *
 * They travel on a communicator of their own. */
#include "internal.h"

#include <stdlib.h>
#include <time.h>
#include "dsmpi/memory.h"

enum { TAG_NOTE, TAG_ANSWER };
static const int64_t NONE = -1;
static const double TELL_SECONDS = 0.5;

/* What a rank says. */
typedef struct note {
  double share;
  int32_t asks, closes;
} note;

/* What rank 0 knows of a rank. */
typedef struct worker {
  bool busy;
  double share, since;
  uint64_t done;
} worker;

struct dsm_queue {
  dsm_comm *comm;
  MPI_Comm mpi;
  uint64_t count;
  bool closed;
  /* rank 0 */
  uint64_t given;
  int idle; /* ranks that were told that there is nothing more */
  double first_idle, last_idle, longest;
  worker *worker; /* (ranks) */
  /* the others */
  note sent;
  MPI_Request sending;
  double told;
  bool close_told;
};

dsm_status dsm_queue_create(dsm_comm *comm, uint64_t count, dsm_queue **queue) {
  dsm_status status = DSM_OK;
  dsm_queue *q = NULL;
  *queue = NULL;
  status = DSM_ALLOC(1, &q);
  if (q) *q = (dsm_queue){.comm = comm, .mpi = MPI_COMM_NULL, .count = count, .sending = MPI_REQUEST_NULL};
  if (status == DSM_OK && comm->rank == 0) status = DSM_ALLOC((size_t)comm->size, &q->worker);
  DSM_TRY_DONE(dsm_agree(comm, status)); /* where it fails on another rank, what is here can be destroyed */
  DSM_TRY_DONE(dsm__mpi_check(MPI_Comm_dup(comm->mpi, &q->mpi), "MPI_Comm_dup"));
  *queue = q;
  q = NULL;
done:
  dsm_queue_destroy(&q);
  return status;
}

void dsm_queue_destroy(dsm_queue **queue) {
  dsm_queue *q = *queue;
  if (!q) return;
  if (q->sending != MPI_REQUEST_NULL) MPI_Wait(&q->sending, MPI_STATUS_IGNORE);
  if (q->mpi != MPI_COMM_NULL) MPI_Comm_free(&q->mpi);
  free(q->worker);
  free(q);
  *queue = NULL;
}

/* ---- rank 0 -------------------------------------------------------------------------------------------- */

/* The rank is done with what it had; its next number, or NONE. */
static int64_t serve(dsm_queue *q, int rank) {
  worker *w = &q->worker[rank];
  const double now = MPI_Wtime();
  if (w->busy) {
    w->done++;
    if (now - w->since > q->longest) q->longest = now - w->since;
  }
  *w = (worker){.busy = !q->closed && q->given < q->count, .since = now, .done = w->done};
  if (w->busy) return (int64_t)q->given++;
  if (q->idle++ == 0) q->first_idle = now;
  q->last_idle = now;
  return NONE;
}

/* Hears and answers one note, if there is one. */
static dsm_status hear_one(dsm_queue *q, bool *heard) {
  int flag;
  note n;
  MPI_Status from;
  DSM_MPI(MPI_Iprobe(MPI_ANY_SOURCE, TAG_NOTE, q->mpi, &flag, &from));
  *heard = flag;
  if (!flag) return DSM_OK;
  const int rank = from.MPI_SOURCE;
  DSM_MPI(MPI_Recv(&n, sizeof n, MPI_BYTE, rank, TAG_NOTE, q->mpi, MPI_STATUS_IGNORE));
  if (n.closes) q->closed = true;
  q->worker[rank].share = n.share;
  if (!n.asks) return DSM_OK;
  int64_t answer = serve(q, rank);
  /* a few bytes: MPI takes them at once, whether or not the other end is waiting, which it is */
  DSM_MPI(MPI_Send(&answer, 1, MPI_INT64_T, rank, TAG_ANSWER, q->mpi));
  return DSM_OK;
}

static dsm_status hear(dsm_queue *q, bool *any) {
  bool heard = q->comm->size > 1;
  *any = false;
  while (heard) {
    DSM_TRY(hear_one(q, &heard));
    *any |= heard;
  }
  return DSM_OK;
}

static dsm_status next_of_root(dsm_queue *q, int64_t *item) {
  bool any;
  DSM_TRY(hear(q, &any));
  *item = serve(q, 0);
  while (*item == NONE && q->idle < q->comm->size) {
    DSM_TRY(hear(q, &any));
    if (!any) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* the core is others' */
  }
  return DSM_OK;
}

/* ---- the others ---------------------------------------------------------------------------------------- */

static dsm_status send(dsm_queue *q, note n) {
  DSM_MPI(MPI_Wait(&q->sending, MPI_STATUS_IGNORE));
  n.closes = q->closed;
  q->sent = n;
  q->close_told = q->closed;
  q->told = MPI_Wtime();
  DSM_MPI(MPI_Isend(&q->sent, sizeof q->sent, MPI_BYTE, 0, TAG_NOTE, q->mpi, &q->sending));
  return DSM_OK;
}

static dsm_status next_of_other(dsm_queue *q, int64_t *item) {
  DSM_TRY(send(q, (note){.asks = 1}));
  DSM_MPI(MPI_Recv(item, 1, MPI_INT64_T, 0, TAG_ANSWER, q->mpi, MPI_STATUS_IGNORE));
  return DSM_OK;
}

static dsm_status tell_root(dsm_queue *q, double share) {
  int over;
  if (q->closed == q->close_told && MPI_Wtime() - q->told < TELL_SECONDS) return DSM_OK;
  DSM_MPI(MPI_Test(&q->sending, &over, MPI_STATUS_IGNORE));
  if (over) DSM_TRY(send(q, (note){.share = share}));
  return DSM_OK;
}

/* ---- any ----------------------------------------------------------------------------------------------- */

dsm_status dsm_queue_next(dsm_queue *q, uint64_t *item, bool *more) {
  int64_t next;
  DSM_TRY(q->comm->rank == 0 ? next_of_root(q, &next) : next_of_other(q, &next));
  *more = next != NONE;
  *item = *more ? (uint64_t)next : 0;
  return DSM_OK;
}

dsm_status dsm_queue_tell(dsm_queue *q, double share) {
  bool any;
  if (q->comm->rank > 0) return tell_root(q, share);
  q->worker[0].share = share;
  return hear(q, &any);
}

void dsm_queue_close(dsm_queue *q) {
  q->closed = true;
}

dsm_queue_facts dsm_queue_facts_of(const dsm_queue *q) {
  dsm_queue_facts facts = {0};
  if (q->comm->rank > 0) return facts;
  facts.longest = q->longest;
  facts.spread = q->last_idle - q->first_idle;
  facts.least = UINT64_MAX;
  for (int r = 0; r < q->comm->size; r++) {
    const worker *w = &q->worker[r];
    facts.done += (double)w->done + (w->busy ? w->share : 0);
    if (w->done < facts.least) facts.least = w->done;
    if (w->done > facts.most) facts.most = w->done;
  }
  return facts;
}
