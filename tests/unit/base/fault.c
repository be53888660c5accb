/* Faults on request: who is struck, when, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dsmpi/fault.h"
#include "dsmpi/log.h"

static void plan(const char *text) {
  assert_int_equal(setenv("DSMPI_FAULT", text, 1), 0);
}

static void nothing_strikes_unless_asked(void **state) {
  (void)state;
  unsetenv("DSMPI_FAULT");
  assert_int_equal(dsm_fault_start(0, 2), DSM_OK);
  dsm_fault_step(1);
  for (int kind = 0; kind < DSM_FAULT_KINDS; kind++) assert_false(dsm_fault_strikes((dsm_fault)kind));
}

static void one_rank_is_struck_once_from_its_step_on(void **state) {
  (void)state;
  plan("1:3:nan,0:2:enospc,1:5:nan");
  assert_int_equal(dsm_fault_start(1, 2), DSM_OK);
  static const bool struck[] = {false, false, true, false, true, false};
  for (int step = 1; step <= 6; step++) {
    dsm_fault_step(step);
    assert_false(dsm_fault_strikes(DSM_FAULT_ENOSPC)); /* that is for rank 0 */
    assert_int_equal(dsm_fault_strikes(DSM_FAULT_NAN), struck[step - 1]);
    assert_false(dsm_fault_strikes(DSM_FAULT_NAN));
  }
  /* a step that is not reached exactly, as after a resume, does not save from it */
  assert_int_equal(dsm_fault_start(0, 2), DSM_OK);
  dsm_fault_step(10);
  assert_true(dsm_fault_strikes(DSM_FAULT_ENOSPC));
}

/* Status of a process that comes to step 2 with this fault. */
static int end_of(const char *text) {
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    plan(text);
    if (dsm_fault_start(0, 2) != DSM_OK) _exit(3);
    dsm_fault_step(1);
    dsm_fault_step(2);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, WUNTRACED), child);
  if (WIFSTOPPED(status)) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  return status;
}

static void processes_end_as_planned(void **state) {
  (void)state;
  int status = end_of("0:2:kill");
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  status = end_of("0:2:exit");
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  status = end_of("0:2:abort");
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  status = end_of("0:2:stop");
  assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  status = end_of("0:2:slow");
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  status = end_of("0:3:kill"); /* not yet */
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void mistakes_are_told(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "kill", "0:1", "0:1:kil", "0:1:killed", "x:1:kill", "0:1:kill;0:2:nan", "-1:2:kill"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    plan(wrong[i]);
    assert_int_equal(dsm_fault_start(0, 2), DSM_USAGE);
    assert_non_null(strstr(dsm_trail_message(), wrong[i]));
    assert_non_null(
        strstr(dsm_trail_message(), "kill, exit, stop, abort, nan, slow, enospc, eio, short, flip"));
    dsm_trail_clear();
  }
  plan("0:1:nan,2:1:kill");
  assert_int_equal(dsm_fault_start(0, 2), DSM_USAGE);
  assert_non_null(strstr(dsm_trail_message(), "there is no rank 2, only 2 ranks"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_strikes_unless_asked),
      cmocka_unit_test(one_rank_is_struck_once_from_its_step_on),
      cmocka_unit_test(processes_end_as_planned),
      cmocka_unit_test(mistakes_are_told),
  };
  dsm_log_set_level(DSM_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
