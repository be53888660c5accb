/* A small network that tells two sets of vectors apart. */
#ifndef DSMPI_EVAL_CLASSIFIER_H
#define DSMPI_EVAL_CLASSIFIER_H

#include <stdint.h>
#include "dsmpi/status.h"

typedef struct dsm__classifier_task {
  const double *a, *b; /* (na, d), (nb, d) */
  size_t na, nb, d;
  size_t fold; /* 0, 1: every second row, from this one on, is kept for the test */
  uint64_t seed, steps;
} dsm__classifier_task;
/* Trains on one half of either set and scores the other: score_a of the rows fold, fold + 2, ... of a, score_b of b: the
 * larger, the more like a. A function of the task alone. */
dsm_status dsm__classify(const dsm__classifier_task *task, double *score_a, double *score_b);
/* Rows of n that are kept for the test. */
size_t dsm__fold_rows(size_t n, size_t fold);

#endif
