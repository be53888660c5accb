/* Cost of the gradient sum across ranks: the tree against an in-place MPI_Allreduce of floats (mode fast), at
 * sizes of 4 to 200 MB, in turns. Run it on quiet cores:
 *   mpirun -np 2 bench_reduce [leaves a rank] [floats a bucket] [lanes] [floats a message]
 * where the last three are 0 or absent for the defaults. */
#include <stdio.h>
#include <stdlib.h>
#include "dist/reducer.h"
#include "dsmpi/clock.h"
#include "dsmpi/config.h"

enum { REPEATS = 15, MODES = 2 /* as enum dsm_reduction */ };

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Seconds of one finish() on the slowest rank. */
static dsm_status once(dsm_comm *comm, dsm_reducer *r, size_t count, double *seconds) {
  size_t first, leaves;
  const float *sum;
  dsm_reducer_range(r, &first, &leaves);
  for (size_t leaf = 0; leaf < leaves; leaf++) {
    float *x = dsm_reducer_leaf(r);
    for (size_t i = 0; i < count; i++) x[i] = (float)(i % 7) + 0.25f;
    dsm_reducer_push(r);
  }
  DSM_TRY(dsm_comm_barrier(comm));
  const double start = dsm_seconds();
  DSM_TRY(dsm_reducer_finish(r, &sum));
  const double mine = dsm_seconds() - start;
  DSM_TRY(dsm_comm_statistics(comm, &mine, 1, NULL, NULL, seconds, NULL));
  return DSM_OK;
}

/* Medians of both modes; also the share of local sums in the tree's time. */
static dsm_status measure(dsm_comm *comm, dsm_reducer_params params, const dsm_reducer_tuning *tuning,
                          double median[MODES], double *summing) {
  dsm_reducer *r[MODES];
  double seconds[MODES][REPEATS], warm_up;
  for (int mode = 0; mode < MODES; mode++) {
    params.mode = mode;
    DSM_TRY(dsm__reducer_create(comm, &params, mode == DSM_REDUCE_TREE ? tuning : NULL, &r[mode]));
  }
  for (int k = -2; k < REPEATS; k++)
    for (int mode = 0; mode < MODES; mode++)
      DSM_TRY(once(comm, r[mode], params.count, k < 0 ? &warm_up : &seconds[mode][k]));
  const dsm_reducer_facts facts = dsm_reducer_facts_of(r[DSM_REDUCE_TREE]);
  *summing = facts.summing / (facts.exposed + facts.summing);
  for (int mode = 0; mode < MODES; mode++) {
    qsort(seconds[mode], REPEATS, sizeof seconds[mode][0], by_value);
    median[mode] = seconds[mode][REPEATS / 2];
    dsm_reducer_destroy(&r[mode]);
  }
  return DSM_OK;
}

static dsm_status run(dsm_comm *comm, size_t leaves_a_rank, const dsm_reducer_tuning *tuning) {
  static const size_t megabytes[] = {4, 25, 40, 200};
  const bool speaks = dsm_comm_rank(comm) == 0;
  const size_t leaves = leaves_a_rank * (size_t)dsm_comm_size(comm);
  if (speaks)
    printf("# %d ranks on %d hosts, %s, %zu leaves; medians of %d\n#   MB   fast ms   tree ms   ratio   "
           "adding %%\n",
           dsm_comm_size(comm), dsm_comm_hosts(comm), dsm_comm_library(), leaves, REPEATS);
  for (size_t i = 0; i < sizeof megabytes / sizeof *megabytes; i++) {
    double median[MODES] = {0}, summing = 0;
    const dsm_reducer_params params = {.leaves = leaves, .count = megabytes[i] * 1000000 / sizeof(float)};
    DSM_TRY(measure(comm, params, tuning, median, &summing));
    const double fast = median[DSM_REDUCE_FAST], tree = median[DSM_REDUCE_TREE];
    if (speaks)
      printf("%6zu  %8.2f  %8.2f  %6.2f  %9.1f\n", megabytes[i], fast * 1e3, tree * 1e3, tree / fast,
             summing * 100);
  }
  return DSM_OK;
}

int main(int argc, char **argv) {
  size_t number[] = {1, 0, 0, 0};
  for (int i = 1; i < argc && i <= 4; i++) number[i - 1] = strtoul(argv[i], NULL, 10);
  const dsm_reducer_tuning tuning = {.bucket = number[1], .lanes = number[2], .message = number[3]};
  dsm_comm *comm;
  dsm_status status = dsm_comm_create(&comm);
  if (status == DSM_OK) status = run(comm, number[0], &tuning);
  if (status != DSM_OK) fprintf(stderr, "%s\n", dsm_trail());
  dsm_comm_destroy(&comm);
  return dsm_status_exit_code(status);
}
