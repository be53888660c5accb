/** @file mpi_test.h
 *  Asserting on several ranks: the verdict is reduced first, so that a lone failure fails everywhere instead
 * of leaving the other ranks waiting in the next collective. */
#ifndef DSMPI_TESTS_MPI_TEST_H
#define DSMPI_TESTS_MPI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "dsmpi/dist.h"

static dsm_comm *comm;

static int rank(void) {
  return dsm_comm_rank(comm);
}
static int size(void) {
  return dsm_comm_size(comm);
}

static void assert_on_all(bool good, const char *what, const char *file, int line) {
  double mine = good ? 1 : 0, least;
  if (!good) print_error("rank %d of %d: %s\n", rank(), size(), what);
  if (dsm_comm_statistics(comm, &mine, 1, &least, NULL, NULL, NULL) != DSM_OK) least = 0;
  _assert_true(least == 1, what, file, line);
}
/** True on every rank; collective. */
#define ASSERT_ON_ALL(condition) assert_on_all((condition), #condition, __FILE__, __LINE__)

/** Runs the tests between start and end of MPI. */
#define RUN_MPI_TESTS(tests)                                                                                 \
  do {                                                                                                       \
    if (dsm_comm_create(&comm) != DSM_OK) {                                                                  \
      print_error("%s\n", dsm_trail());                                                                      \
      return 1;                                                                                              \
    }                                                                                                        \
    int failed = cmocka_run_group_tests(tests, NULL, NULL);                                                  \
    dsm_comm_destroy(&comm);                                                                                 \
    return failed;                                                                                           \
  } while (0)

#endif
