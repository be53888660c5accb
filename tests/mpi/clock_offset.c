/* Clocks that differ are found to differ by as much, with the right sign. The program has a clock_gettime of its own, which
 * tells each rank another time of day. */
#include "mpi_test.h"

#include <math.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double ahead; /* seconds by which this rank's clock is */

int clock_gettime(clockid_t clock, struct timespec *time) {
  const long failed = syscall(SYS_clock_gettime, clock, time);
  if (failed == 0 && clock == CLOCK_REALTIME) time->tv_sec += (time_t)ahead;
  return (int)failed;
}

static void clocks_of_one_machine_agree(void **state) {
  (void)state;
  double offset;
  for (int r = 0; r < size(); r++) {
    ASSERT_ON_ALL(dsm_comm_clock_offset(comm, r, &offset) == DSM_OK);
    ASSERT_ON_ALL(fabs(offset) <
                  5); /* half of the way there and back, on a machine that is busy with other things */
  }
}

static void a_clock_that_is_ahead_is_found(void **state) {
  (void)state;
  double offset;
  ahead = 1000.0 * rank();
  for (int r = 0; r < size(); r++) {
    ASSERT_ON_ALL(dsm_comm_clock_offset(comm, r, &offset) == DSM_OK);
    ASSERT_ON_ALL(rank() != 0 || fabs(offset - 1000.0 * r) < 5);
  }
  ahead = -1000.0 * rank();
  for (int r = 0; r < size(); r++) {
    ASSERT_ON_ALL(dsm_comm_clock_offset(comm, r, &offset) == DSM_OK);
    ASSERT_ON_ALL(rank() != 0 || fabs(offset + 1000.0 * r) < 5);
  }
  ahead = 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clocks_of_one_machine_agree),
      cmocka_unit_test(a_clock_that_is_ahead_is_found),
  };
  RUN_MPI_TESTS(tests);
}
