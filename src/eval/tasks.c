/* Tasks dealt out in turn: task t to rank t % size. */
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

static dsm_status mine(const dsm__eval *e, size_t tasks, size_t width, dsm__task compute, void *self,
                       double *out) {
  const size_t rank = (size_t)dsm_comm_rank(e->comm), size = (size_t)dsm_comm_size(e->comm);
  for (size_t t = rank; t < tasks; t += size) {
    DSM_TRY(compute(self, t, out + t / size * width));
    dsm__alive(e);
  }
  return DSM_OK;
}

dsm_status dsm__tasks(const dsm__eval *e, size_t tasks, size_t width, dsm__task compute, void *self,
                      double *out) {
  dsm_status status = DSM_OK;
  dsm_comm *comm = e->comm;
  const size_t size = (size_t)dsm_comm_size(comm), each = (tasks + size - 1) / size;
  double *own = NULL, *all = NULL;
  if (tasks == 0) return DSM_OK;
  if (size == 1) return mine(e, tasks, width, compute, self, out);
  status = DSM_ALLOC(each * width, &own);
  if (status == DSM_OK) status = DSM_ALLOC(size * each * width, &all);
  if (status == DSM_OK) status = mine(e, tasks, width, compute, self, own);
  DSM_TRY_DONE(dsm_agree(comm, status));
  DSM_TRY_DONE(dsm_comm_allgather(comm, own, each * width * sizeof *own, all));
  for (size_t t = 0; t < tasks; t++)
    for (size_t i = 0; i < width; i++) out[t * width + i] = all[(t % size * each + t / size) * width + i];
done:
  free(own);
  free(all);
  return status;
}
