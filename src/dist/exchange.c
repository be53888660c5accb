/* The engine: posts the transfers of a phase, and when all have arrived adds and posts the next phase.
 *
 * Requests of all lanes stand in one array, lane i from i * width on, so that one MPI call asks for all of
 * them. Messages of a vector bear its number as tag; several between the same two ranks keep their order. */
#include "exchange.h"

#include <stdlib.h>
#include "dsmpi/memory.h"

enum {
  TAGS = 1 << 15,     /* every MPI has tags up to 32767 */
  ADD_BLOCK = 1 << 16 /* floats touched by one pass over all additions: 256 KiB, stays in the cache */
};

typedef struct lane {
  const dsm_schedule *schedule; /* NULL = free */
  float *base, *inbox;
  int tag;
  size_t phase, pending; /* requests of this phase that have not completed */
} lane;

struct dsm_exchange {
  dsm_comm *comm;
  dsm_reducer_hooks hooks;
  size_t lanes, busy, stride, message;
  size_t inbox, width; /* floats and requests of a lane */
  lane *lane;
  float *memory;
  MPI_Request *request;
  int *completed;
  double summing, sent;
};

/* Messages of a transfer. */
static size_t pieces_of(const dsm_exchange *e, size_t count) {
  return (count + e->message - 1) / e->message;
}

static size_t requests_of(const dsm_exchange *e, const dsm_schedule *s) {
  size_t most = 0, t = 0;
  for (size_t p = 0; p < s->phases; p++) {
    size_t n = 0;
    for (; t < s->phase[p].transfers_end; t++) n += pieces_of(e, s->transfer[t].count);
    if (n > most) most = n;
  }
  return most;
}

static dsm_status allocate(dsm_exchange *e, const dsm_exchange_params *p) {
  for (size_t i = 0; i < p->schedules; i++) {
    const size_t requests = requests_of(e, &p->schedule[i]);
    if (requests > e->width) e->width = requests;
    if (p->schedule[i].inbox > e->inbox) e->inbox = p->schedule[i].inbox;
  }
  DSM_TRY(DSM_ALLOC(e->lanes, &e->lane));
  DSM_TRY(DSM_ALLOC(e->lanes * e->inbox, &e->memory));
  DSM_TRY(DSM_ALLOC(e->lanes * e->width, &e->request));
  DSM_TRY(DSM_ALLOC(e->lanes * e->width, &e->completed));
  for (size_t i = 0; i < e->lanes; i++) e->lane[i].inbox = e->memory + i * e->inbox;
  for (size_t i = 0; i < e->lanes * e->width; i++) e->request[i] = MPI_REQUEST_NULL;
  return DSM_OK;
}

dsm_status dsm__exchange_create(dsm_comm *comm, const dsm_exchange_params *params, dsm_exchange **exchange) {
  dsm_status status = DSM_OK;
  dsm_exchange *e = NULL;
  *exchange = NULL;
  DSM_ASSERT(params->message > 0 && params->message <= INT_MAX && params->lanes > 0 && params->lanes < TAGS);
  DSM_TRY(DSM_ALLOC(1, &e));
  e->comm = comm;
  e->hooks = params->hooks;
  e->lanes = params->lanes;
  e->stride = params->stride;
  e->message = params->message;
  DSM_TRY_DONE(allocate(e, params));
  *exchange = e;
  e = NULL;
done:
  dsm__exchange_destroy(&e);
  return status;
}

void dsm__exchange_destroy(dsm_exchange **exchange) {
  if (!exchange || !*exchange) return;
  dsm_exchange *e = *exchange;
  *exchange = NULL;
  if (e->busy > 0) return; /* MPI may still write there */
  free(e->lane);
  free(e->memory);
  free(e->request);
  free(e->completed);
  free(e);
}

bool dsm__exchange_busy(const dsm_exchange *e) {
  return e->busy > 0;
}

bool dsm__exchange_full(const dsm_exchange *e) {
  return e->busy == e->lanes;
}

static float *address(const dsm_exchange *e, const lane *l, dsm_place place) {
  return place.slot == DSM_INBOX ? l->inbox + place.at : l->base + (size_t)place.slot * e->stride + place.at;
}

static dsm_status post(dsm_exchange *e, lane *l, const dsm_transfer *t) {
  float *at = address(e, l, t->place);
  MPI_Request *request = e->request + (size_t)(l - e->lane) * e->width;
  for (size_t done = 0; done < t->count; done += e->message) {
    const int n = dsm__mpi_int(t->count - done < e->message ? t->count - done : e->message);
    if (t->receive)
      DSM_MPI(MPI_Irecv(at + done, n, MPI_FLOAT, t->peer, l->tag, e->comm->mpi, &request[l->pending++]));
    else
      DSM_MPI(MPI_Isend(at + done, n, MPI_FLOAT, t->peer, l->tag, e->comm->mpi, &request[l->pending++]));
  }
  if (!t->receive) e->sent += (double)t->count * sizeof(float);
  return DSM_OK;
}

/* Receives first, so that what arrives finds its place. */
static dsm_status post_phase(dsm_exchange *e, lane *l) {
  const dsm_schedule *s = l->schedule;
  const size_t begin = l->phase > 0 ? s->phase[l->phase - 1].transfers_end : 0;
  for (int receive = 1; receive >= 0; receive--)
    for (size_t t = begin; t < s->phase[l->phase].transfers_end; t++)
      if (s->transfer[t].receive == (receive == 1)) DSM_TRY(post(e, l, &s->transfer[t]));
  return DSM_OK;
}

/* All additions on a block that fits in the cache, then the next block. */
static void add_phase(dsm_exchange *e, const lane *l) {
  const dsm_schedule *s = l->schedule;
  const size_t begin = l->phase > 0 ? s->phase[l->phase - 1].additions_end : 0;
  const size_t end = s->phase[l->phase].additions_end, count = s->phase[l->phase].count;
  if (begin == end) return;
  const double start = MPI_Wtime();
  for (size_t b = 0; b < count; b += ADD_BLOCK) {
    const size_t n = count - b < ADD_BLOCK ? count - b : ADD_BLOCK;
    for (size_t a = begin; a < end; a++)
      e->hooks.accumulate(e->hooks.context, address(e, l, s->addition[a].into) + b,
                          address(e, l, s->addition[a].from) + b, n);
  }
  e->summing += MPI_Wtime() - start;
}

/* Goes on through the phases until there is something to wait for, or the end. */
static dsm_status carry_on(dsm_exchange *e, lane *l) {
  while (l->pending == 0) {
    add_phase(e, l);
    if (++l->phase == l->schedule->phases) {
      l->schedule = NULL;
      e->busy--;
      break;
    }
    DSM_TRY(post_phase(e, l));
  }
  return DSM_OK;
}

dsm_status dsm__exchange_start(dsm_exchange *e, const dsm_schedule *schedule, float *base, size_t number) {
  lane *l = e->lane;
  DSM_ASSERT(!dsm__exchange_full(e));
  while (l->schedule) l++;
  l->schedule = schedule;
  l->base = base;
  l->tag = (int)(number % TAGS);
  l->phase = l->pending = 0;
  e->busy++;
  DSM_TRY(post_phase(e, l));
  DSM_TRY(carry_on(e, l));
  return DSM_OK;
}

static dsm_status carry_on_with(dsm_exchange *e, int completed) {
  for (int i = 0; i < completed; i++) {
    lane *l = &e->lane[(size_t)e->completed[i] / e->width];
    if (--l->pending == 0) DSM_TRY(carry_on(e, l));
  }
  return DSM_OK;
}

dsm_status dsm__exchange_poll(dsm_exchange *e) {
  int completed = 1;
  while (e->busy > 0 && completed > 0) {
    DSM_MPI(MPI_Testsome(dsm__mpi_int(e->lanes * e->width), e->request, &completed, e->completed,
                         MPI_STATUSES_IGNORE));
    DSM_TRY(carry_on_with(e, completed));
  }
  return DSM_OK;
}

dsm_status dsm__exchange_wait(dsm_exchange *e) {
  int completed;
  DSM_ASSERT(e->busy > 0);
  DSM_MPI(MPI_Waitsome(dsm__mpi_int(e->lanes * e->width), e->request, &completed, e->completed,
                       MPI_STATUSES_IGNORE));
  DSM_TRY(carry_on_with(e, completed));
  return DSM_OK;
}

double dsm__exchange_summing(const dsm_exchange *e) {
  return e->summing;
}

double dsm__exchange_sent(const dsm_exchange *e) {
  return e->sent;
}

size_t dsm__exchange_memory(const dsm_exchange *e) {
  return sizeof *e + e->lanes * (sizeof *e->lane + e->inbox * sizeof(float) +
                                 e->width * (sizeof *e->request + sizeof(int)));
}
