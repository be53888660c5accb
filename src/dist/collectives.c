/* Collective helpers on small data. */
#include "internal.h"

#include <stdlib.h>
#include "dsmpi/memory.h"

enum { BROADCAST_PIECE = 1 << 30 }; /* bytes; MPI counts are int */

dsm_status dsm_comm_barrier(dsm_comm *comm) {
  DSM_MPI(MPI_Barrier(comm->mpi));
  return DSM_OK;
}

dsm_status dsm_comm_broadcast(dsm_comm *comm, void *data, size_t bytes, int root) {
  if (comm->size == 1) return DSM_OK;
  for (size_t at = 0; at < bytes; at += BROADCAST_PIECE) {
    size_t n = bytes - at < BROADCAST_PIECE ? bytes - at : BROADCAST_PIECE;
    DSM_MPI(MPI_Bcast((char *)data + at, dsm__mpi_int(n), MPI_BYTE, root, comm->mpi));
  }
  return DSM_OK;
}

dsm_status dsm_comm_allgather(dsm_comm *comm, const void *data, size_t bytes, void *all) {
  int n = dsm__mpi_int(bytes);
  DSM_MPI(MPI_Allgather(data, n, MPI_BYTE, all, n, MPI_BYTE, comm->mpi));
  return DSM_OK;
}

dsm_status dsm_comm_statistics(dsm_comm *comm, const double *x, size_t n, double *min, double *mean,
                               double *max, int *max_rank) {
  dsm_status status = DSM_OK;
  double *all = NULL;
  size_t ranks = (size_t)comm->size;
  DSM_TRY_DONE(dsm_agree(comm, DSM_ALLOC(n * ranks, &all)));
  /* Gathered and then summed in the order of ranks: the same mean in every run. */
  DSM_TRY_DONE(dsm_comm_allgather(comm, x, n * sizeof *x, all));
  for (size_t i = 0; i < n; i++) {
    double least = all[i], most = all[i], sum = 0;
    int where = 0;
    for (size_t r = 0; r < ranks; r++) {
      double value = all[r * n + i];
      sum += value;
      if (value < least) least = value;
      if (value > most) {
        most = value;
        where = (int)r;
      }
    }
    if (min) min[i] = least;
    if (mean) mean[i] = sum / (double)ranks;
    if (max) max[i] = most;
    if (max_rank) max_rank[i] = where;
  }
done:
  free(all);
  return status;
}
