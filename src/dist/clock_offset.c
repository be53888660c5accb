/* How far the clocks of hosts are apart. Rank 0 asks the first rank of each host a few times what time it is; the answer
 * that came back soonest says it best: it was given in the middle of the way there and back, or at most half of it off. */
#include <time.h>
#include "internal.h"

enum { QUESTIONS = 8, TAG = 77 };

static double clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static dsm_status ask(dsm_comm *comm, int rank, double *offset) {
  double soonest = 1e30, there;
  for (int i = 0; i < QUESTIONS; i++) {
    const double start = clock_now();
    DSM_MPI(MPI_Send(NULL, 0, MPI_DOUBLE, rank, TAG, comm->mpi));
    DSM_MPI(MPI_Recv(&there, 1, MPI_DOUBLE, rank, TAG, comm->mpi, MPI_STATUS_IGNORE));
    const double end = clock_now();
    if (end - start >= soonest) continue;
    soonest = end - start;
    *offset = there - 0.5 * (start + end);
  }
  return DSM_OK;
}

static dsm_status answer(dsm_comm *comm) {
  for (int i = 0; i < QUESTIONS; i++) {
    DSM_MPI(MPI_Recv(NULL, 0, MPI_DOUBLE, 0, TAG, comm->mpi, MPI_STATUS_IGNORE));
    const double now = clock_now();
    DSM_MPI(MPI_Send(&now, 1, MPI_DOUBLE, 0, TAG, comm->mpi));
  }
  return DSM_OK;
}

dsm_status dsm_comm_clock_offset(dsm_comm *comm, int rank, double *offset) {
  *offset = 0;
  if (rank == 0) return DSM_OK;
  if (comm->rank == 0) DSM_TRY(ask(comm, rank, offset));
  if (comm->rank == rank) DSM_TRY(answer(comm));
  return DSM_OK;
}
