/* Cost of the gradient sum across ranks: the tree against an in-place MPI_Allreduce of floats (mode fast),
 * one leaf a rank, at sizes of 4 to 200 MB. Run it as  mpirun -np 2 bench_reduce [leaves a rank] [floats a
 * round, 0 = default]  on quiet cores. */
#include <stdio.h>
#include <stdlib.h>
#include "dist/reducer.h"
#include "dsmpi/clock.h"
#include "dsmpi/config.h"

enum { REPEATS = 15 };

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Median over the repeats of the time of the slowest rank, in seconds; also the share of local additions. */
static dsm_status measure(dsm_comm *comm, dsm_reducer_params params, size_t round, double *median,
                          double *summing) {
  dsm_reducer *r;
  double seconds[REPEATS], communication;
  DSM_TRY(dsm_reducer_create(comm, &params, &r));
  DSM_TRY(dsm__reducer_set_round(r, round));
  for (int k = -2; k < REPEATS; k++) { /* two to warm up */
    size_t first, leaves;
    const float *sum;
    dsm_reducer_range(r, &first, &leaves);
    for (size_t leaf = 0; leaf < leaves; leaf++) {
      float *x = dsm_reducer_leaf(r);
      for (size_t i = 0; i < params.count; i++) x[i] = (float)(i % 7) + 0.25f;
      dsm_reducer_push(r);
    }
    DSM_TRY(dsm_comm_barrier(comm));
    double start = dsm_seconds(), mine;
    DSM_TRY(dsm_reducer_finish(r, &sum));
    mine = dsm_seconds() - start;
    DSM_TRY(dsm_comm_statistics(comm, &mine, 1, NULL, NULL, k < 0 ? NULL : &seconds[k], NULL));
  }
  qsort(seconds, REPEATS, sizeof *seconds, by_value);
  *median = seconds[REPEATS / 2];
  dsm_reducer_times(r, &communication, summing);
  *summing /= communication + *summing;
  dsm_reducer_destroy(&r);
  return DSM_OK;
}

static dsm_status run(dsm_comm *comm, size_t leaves_a_rank, size_t round) {
  static const size_t megabytes[] = {4, 25, 40, 200};
  bool speaks = dsm_comm_rank(comm) == 0;
  size_t leaves = leaves_a_rank * (size_t)dsm_comm_size(comm);
  if (speaks)
    printf("# %d ranks on %d hosts, %s, %zu leaves; median of %d\n#   MB   fast ms   tree ms   ratio   "
           "adding %%\n",
           dsm_comm_size(comm), dsm_comm_hosts(comm), dsm_comm_library(), leaves, REPEATS);
  for (size_t i = 0; i < sizeof megabytes / sizeof *megabytes; i++) {
    double fast, tree, none, summing;
    dsm_reducer_params p = {.leaves = leaves, .count = megabytes[i] * 1000000 / sizeof(float)};
    p.mode = DSM_REDUCE_FAST;
    DSM_TRY(measure(comm, p, 0, &fast, &none));
    p.mode = DSM_REDUCE_TREE;
    DSM_TRY(measure(comm, p, round, &tree, &summing));
    if (speaks)
      printf("%6zu  %8.2f  %8.2f  %6.2f  %9.1f\n", megabytes[i], fast * 1e3, tree * 1e3, tree / fast,
             summing * 100);
  }
  return DSM_OK;
}

int main(int argc, char **argv) {
  dsm_comm *comm;
  dsm_status status = dsm_comm_create(&comm);
  if (status == DSM_OK)
    status = run(comm, argc > 1 ? strtoul(argv[1], NULL, 10) : 1, argc > 2 ? strtoul(argv[2], NULL, 10) : 0);
  if (status != DSM_OK) fprintf(stderr, "%s\n", dsm_trail());
  dsm_comm_destroy(&comm);
  return dsm_status_exit_code(status);
}
