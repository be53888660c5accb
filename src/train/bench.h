/** @file bench.h
 *  The parts of `dsmpi bench`: training (bench.c), evaluation (bench_evaluation.c), the words (bench_report.c),
 *  the file (bench_json.c). */
#ifndef DSMPI_TRAIN_BENCH_H
#define DSMPI_TRAIN_BENCH_H

#include "internal.h"

/** Seconds of a step and of its parts. */
typedef struct dsm__bench_step {
  double whole;
  double gradients;     /* forward and backward */
  double communication; /* of the gradient sum: what the step waits for */
  double polling;       /* of the gradient sum, while computing: the cost of hiding the rest */
  double sums;          /* local additions of the gradient sum */
  double optimizer;     /* clip, AdamW, averages */
} dsm__bench_step;

/** What is found on one rank: medians over steps, peaks. */
typedef struct dsm__bench_rank {
  dsm__bench_step step;
  double evaluation;                         /* seconds a block */
  double training_memory, evaluation_memory; /* peak resident bytes of each part alone */
  double sent;                               /* bytes a step */
  double started; /* seconds from the start of the process to the end of the first step */
} dsm__bench_rank;

/** What is found in all: of several ranks, the slowest and the largest. */
typedef struct dsm__bench_figures {
  int64_t steps;
  dsm__bench_rank worst; /* `step` is that of `slowest`, but for `whole` */
  int slowest;           /* the rank whose gradients take longest, so that it does not wait for others */
  bool overlap;          /* of the gradient sum with computing */
  double tree, stock;    /* seconds of the gradient sum by the tree and by MPI_Allreduce; 0 on one rank */
  double gflops, gbytes; /* the machine: SGEMM, memory */
  dsm_node_time *row;    /* operations of a micro-batch, slowest first */
  size_t rows;
} dsm__bench_figures;

/** Operations of a kind. */
typedef struct dsm__bench_group {
  const char *name;
  double seconds, flops, bytes;
} dsm__bench_group;
enum { DSM__BENCH_GROUPS = 7 };
/** Adds up the operations by kind, slowest first. */
void dsm__bench_groups(const dsm__bench_figures *f, dsm__bench_group group[DSM__BENCH_GROUPS]);

/** Peak memory of evaluating the network and seconds a block, nothing else being held but `w`. Not collective. */
dsm_status dsm__bench_evaluate(const dsm__session *s, const float *w, int64_t steps, dsm__bench_rank *mine);
/** Seconds of summing a gradient over the ranks, one leaf a rank: a median, of the slowest rank. Collective. */
dsm_status dsm__bench_sum(dsm__session *s, int mode, double *seconds);

/** Prints all, 80 columns. Rank 0. */
void dsm__bench_report(const dsm__session *s, const dsm__bench_figures *f);
/** Writes all. Rank 0. */
dsm_status dsm__bench_json(const dsm__session *s, const dsm__bench_figures *f, const char *path);

#endif
