/* How much time a Slurm job has left, in Slurm's words; signals that come early. */
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "train/internal.h"

static void durations_are_read_as_slurm_writes_them(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } known[] = {{"4", 4},
               {"1:00\n", 60}, /* as squeue prints it */
               {"03:04", 184},
               {"02:03:04", 7384},
               {"1-02:03:04", 93784},
               {"10-00:00:00\n", 864000},
               {"2-3", 183600},
               {"2-3:30", 185400},
               {"0:00", 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const double seconds = dsm__slurm_seconds(known[i].text);
    if (seconds != known[i].seconds)
      fail_msg("\"%s\": %g expected, %g received", known[i].text, known[i].seconds, seconds);
  }
}

static void everything_else_is_unknown(void **state) {
  (void)state;
  static const char *const unknown[] = {"",        "UNLIMITED", "INVALID\n", "NOT_SET", "1:", ":1",
                                        "1:2:3:4", "-1:00",     "x-1:00",    "1:00 h",  "1-"};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
    if (dsm__slurm_seconds(unknown[i]) >= 0) fail_msg("\"%s\" was taken for a duration", unknown[i]);
}

/* A squeue that knows job 7 with ten minutes to go, task 2 of array 7 with five seconds, and job 8 without limit. */
static int put_squeue_first(void **state) {
  static char folder[] = "/tmp/dsmpi-squeue.XXXXXX";
  char path[64], search[4096];
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/squeue", folder);
  FILE *file = fopen(path, "w");
  if (!file) return -1;
  fputs("#!/bin/sh\ncase \"$*\" in *'-j 7_2 '*) echo 0:05 ;; *'-j 7 '*) echo 10:00 ;; *) echo UNLIMITED ;; "
        "esac\n",
        file);
  fclose(file);
  chmod(path, 0755);
  snprintf(search, sizeof search, "%s:%s", folder, getenv("PATH"));
  *state = folder;
  return setenv("PATH", search, 1);
}

static int remove_squeue(void **state) {
  char path[64];
  snprintf(path, sizeof path, "%s/squeue", (char *)*state);
  unlink(path);
  return rmdir(*state);
}

static dsm__stop_reason wish_of_job(const char *job, const char *array, const char *task) {
  const char *const name[] = {"SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"}, *const value[] = {
                                                                                                job, array,
                                                                                                task};
  for (int i = 0; i < 3; i++) value[i] ? setenv(name[i], value[i], 1) : unsetenv(name[i]);
  unsetenv("SLURM_JOB_END_TIME");
  dsm__stop_watch(0, NULL, true);
  const dsm__stop_reason wish = dsm__stop_wanted(true);
  dsm__stop_unwatch();
  for (int i = 0; i < 3; i++) unsetenv(name[i]);
  return wish;
}

static void a_task_of_an_array_asks_for_its_own_time(void **state) {
  (void)state;
  assert_int_equal(wish_of_job("7", NULL, NULL), DSM__GO_ON);
  assert_int_equal(wish_of_job("7", "7", "2"), DSM__STOP_TIME); /* the number of this task is the array's */
  assert_int_equal(wish_of_job("9", "7", "2"), DSM__STOP_TIME);
  assert_int_equal(wish_of_job("8", NULL, NULL), DSM__GO_ON);
  assert_int_equal(wish_of_job("7; echo 0:05", NULL, NULL), DSM__GO_ON);
}

static volatile sig_atomic_t own;
static void count_own(int number) {
  (void)number;
  own++;
}

static void a_signal_before_the_run_is_kept_for_it(void **state) {
  (void)state;
  signal(SIGUSR1, count_own);
  dsm_stop_listen();
  raise(SIGUSR1); /* while MPI starts, say */
  assert_int_equal(own, 0);
  dsm__stop_watch(0, NULL, true);
  assert_int_equal(dsm__stop_wanted(false), DSM__STOP_SIGNAL);
  dsm__stop_unwatch();
  raise(SIGUSR1);
  assert_int_equal(own, 1); /* given back */
  dsm__stop_watch(0, NULL, true);
  assert_int_equal(dsm__stop_wanted(false), DSM__GO_ON); /* the next run begins without wishes */
  dsm__stop_unwatch();
  signal(SIGUSR1, SIG_DFL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_read_as_slurm_writes_them),
      cmocka_unit_test(everything_else_is_unknown),
      cmocka_unit_test_setup_teardown(a_task_of_an_array_asks_for_its_own_time, put_squeue_first,
                                      remove_squeue),
      cmocka_unit_test(a_signal_before_the_run_is_kept_for_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
