/* A failure on any rank becomes the failure of all, so that all leave together instead of waiting for the one
 * that left. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/log.h"

/* Fixed, so that even a failure for lack of memory gets through. Longer trails lose their tail. */
typedef struct notice {
  int status;
  char trail[16 * 1024 - sizeof(int)];
} notice;

static const char *last_words(dsm_status status) {
  const char *trail = dsm_trail();
  return trail[0] ? trail : dsm_status_text(status);
}

dsm_status dsm_agree(dsm_comm *comm, dsm_status status) {
  if (comm->size == 1) return status;
  int failing = status == DSM_OK ? comm->size : comm->rank, lowest;
  DSM_MPI(MPI_Allreduce(&failing, &lowest, 1, MPI_INT, MPI_MIN, comm->mpi));
  if (lowest == comm->size) return DSM_OK;

  notice n = {.status = (int)status};
  if (comm->rank == lowest)
    snprintf(n.trail, sizeof n.trail, "rank %d (%s): %s", comm->rank, comm->host, last_words(status));
  DSM_MPI(MPI_Bcast(&n, dsm__mpi_int(sizeof n), MPI_BYTE, lowest, comm->mpi));
  return dsm_trail_set((dsm_status)n.status, n.trail);
}

void dsm_comm_abort(dsm_comm *comm, dsm_status status) {
  int code = dsm_status_exit_code(status);
  if (comm->size > 1)
    dsm_error("rank %d (%s): %s", comm->rank, comm->host, last_words(status));
  else
    dsm_error("%s", last_words(status));
  MPI_Abort(comm->mpi, code);
  _Exit(code); /* MPI_Abort should not return; nothing may run after it */
}
