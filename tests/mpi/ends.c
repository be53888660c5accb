/* A program that ends badly in a chosen way, for ends.sh. */
#include <stdio.h>
#include <string.h>
#include "dsmpi/dist.h"

static dsm_status fail_here(void) {
  DSM_FAIL(DSM_IO, "the disk of rank 1 is gone");
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  dsm_comm *comm;
  dsm_status status = dsm_comm_create(&comm);
  if (status != DSM_OK) {
    if (dsm_trail()[0]) fprintf(stderr, "%s\n", dsm_trail());
    return dsm_status_exit_code(status);
  }
  int rank = dsm_comm_rank(comm);
  if (rank == 1 && strcmp(how, "abort") == 0) dsm_comm_abort(comm, fail_here());
  if (rank == 1) DSM_ASSERT(strcmp(how, "assert") != 0);
  status = dsm_agree(comm, rank == 1 && strcmp(how, "agree") == 0 ? fail_here() : DSM_OK);
  if (status != DSM_OK && rank == 0) fprintf(stderr, "%s\n", dsm_trail());
  dsm_comm_destroy(&comm);
  return dsm_status_exit_code(status);
}
