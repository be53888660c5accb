/** @file exchange.h
 *  Runs schedules over MPI, several at a time: each in a lane with an inbox and requests of its own. Nothing
 *  here waits but dsm__exchange_wait(). */
#ifndef DSMPI_DIST_EXCHANGE_H
#define DSMPI_DIST_EXCHANGE_H

#include "internal.h"
#include "schedule.h"

typedef struct dsm_exchange_params {
  const dsm_schedule *schedule; /* those that will be run */
  size_t schedules;
  size_t lanes;   /* that may be under way together */
  size_t stride;  /* floats between two slots */
  size_t message; /* floats of the longest message; longer transfers are cut */
  dsm_reducer_hooks hooks;
} dsm_exchange_params;

typedef struct dsm_exchange dsm_exchange;
/** Not collective. @return DSM_OK; DSM_NO_MEMORY */
dsm_status dsm__exchange_create(dsm_comm *comm, const dsm_exchange_params *params, dsm_exchange **exchange);
/** Accepts NULL. If MPI failed with messages under way, their memory is left to it. */
void dsm__exchange_destroy(dsm_exchange **exchange);

/** True while anything is under way; while no lane is free. */
bool dsm__exchange_busy(const dsm_exchange *exchange);
bool dsm__exchange_full(const dsm_exchange *exchange);
/** Begins a schedule on the vector that starts at `base` in slot 0; a lane must be free. All ranks begin the
 *  same schedules in the same order: the next one that a rank waits for then has a lane on every rank, and
 *  nobody waits for ever.
 *  @param[in] number  of the vector, equal on all ranks, different among those under way modulo 2^15 */
dsm_status dsm__exchange_start(dsm_exchange *exchange, const dsm_schedule *schedule, float *base,
                               size_t number);
/** Carries on with what has arrived, until nothing more has. */
dsm_status dsm__exchange_poll(dsm_exchange *exchange);
/** Waits until something has arrived, and carries on with it; something must be under way. */
dsm_status dsm__exchange_wait(dsm_exchange *exchange);

/** Seconds of additions, bytes sent, since creation; bytes held. */
double dsm__exchange_summing(const dsm_exchange *exchange);
double dsm__exchange_sent(const dsm_exchange *exchange);
size_t dsm__exchange_memory(const dsm_exchange *exchange);

#endif
