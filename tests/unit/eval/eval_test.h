/* What the tests of metrics share: arrays put into files, an evaluation of them, its lines. */
#ifndef DSMPI_TESTS_EVAL_TEST_H
#define DSMPI_TESTS_EVAL_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dsmpi/dsmpi.h"

enum { SAMPLES, REFERENCE, SIDES };

static inline void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

/* |got - wanted| <= tolerance */
#define assert_near(got, wanted, tolerance) check_near(__FILE__, __LINE__, #got, got, wanted, tolerance)
static inline void check_near(const char *file, int line, const char *what, double got, double wanted,
                              double tolerance) {
  if (fabs(got - wanted) <= tolerance) return; /* false for NAN */
  print_error("%s:%d: %s is %.9g, expected %.9g: off by %.3g, allowed %.3g\n", file, line, what, got, wanted,
              fabs(got - wanted), tolerance);
  _fail(file, line);
}

/* Starts MPI and makes a folder of its own; and the end of both. For cmocka_run_group_tests. */
int eval_begin(void **state);
int eval_end(void **state);
/* Writes x, dims[0] rows, as /samples of the file of that side. */
void put(int side, const float *x, int rank, const size_t *dims);
/* Path of the file `name` in the folder. */
const char *path_of(const char *name);
void put_file(const char *name, const float *x, int rank, const size_t *dims);
/* Defaults with both sides and these metrics. */
dsm_eval_options options_of(const char *metrics);
/* The evaluation; owned by the test. */
dsm_evaluation evaluate(const dsm_eval_options *options);
/* What it is refused for. */
const char *refusal(const dsm_eval_options *options, dsm_status expected);
const dsm_eval_row *row_of(const dsm_evaluation *e, const char *metric);
const double *column_of(const dsm_eval_row *row, const char *name, size_t *count);
double number_of(const dsm_eval_row *row, const char *name);
/* (n, d) independent standard normals, owned by the caller: free(). */
float *normals(size_t n, size_t d, uint64_t seed);

#endif
