/** @file internal.h
 *  What the files of this folder share: the communicator's inside and the turn from MPI's error codes to
 * ours. */
#ifndef DSMPI_DIST_INTERNAL_H
#define DSMPI_DIST_INTERNAL_H

#include <limits.h>
#include <mpi.h>
#include "dsmpi/dist.h"

struct dsm_comm {
  MPI_Comm mpi; /* a duplicate of the world, errors returned */
  int rank, size;
  int local_rank, local_size, hosts;
  bool started_mpi;     /* then destroy ends it */
  const char *launcher; /* NULL: none */
  char host[MPI_MAX_PROCESSOR_NAME];
};

/** DSM_OK for MPI_SUCCESS, else DSM_INTERNAL with MPI's own text and the call. */
dsm_status dsm__mpi_check(int code, const char *call);
#define DSM_MPI(call) DSM_TRY(dsm__mpi_check((call), #call))

/** The one narrowing of sizes to MPI's int; callers bound their sizes before. */
static inline int dsm__mpi_int(size_t n) {
  DSM_ASSERT(n <= INT_MAX);
  return (int)n;
}

#endif
