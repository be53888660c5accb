/** @file reducer.h
 *  Knobs of the gradient sum that only tests and measurements turn; the sum in tree mode depends on none. */
#ifndef DSMPI_DIST_REDUCER_H
#define DSMPI_DIST_REDUCER_H

#include "dsmpi/dist.h"

/** 0 = the default, which depends on whether the sum overlaps. Equal on all ranks. */
typedef struct dsm_reducer_tuning {
  size_t bucket;  /* floats that travel together; in fast mode, floats of an MPI_Allreduce */
  size_t message; /* floats of a message at most */
  size_t lanes;   /* buckets under way together */
  bool direct;    /* one stage: everybody sends to everybody */
} dsm_reducer_tuning;

/** dsm_reducer_create() with other settings. */
dsm_status dsm__reducer_create(dsm_comm *comm, const dsm_reducer_params *params,
                               const dsm_reducer_tuning *tuning, dsm_reducer **reducer);

#endif
