/* Who may end a run early: the clock, SIGUSR1, a file named STOP. Each rank only wishes; the wish rides in
 * the gradient sum, so all ranks stop after the same step. A signal handler does nothing but set the flag. */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

static volatile sig_atomic_t signalled;
static double deadline, file_checked;
static char stop_file[DSM_TEXT_MAX + 16];

static void note_signal(int number) {
  (void)number;
  signalled = 1;
}

void dsm__stop_watch(double at, const char *file) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
  signalled = 0;
  deadline = at;
  file_checked = 0;
  stop_file[0] = '\0';
  if (file) strncpy(stop_file, file, sizeof stop_file - 1);
}

dsm__stop_reason dsm__stop_wanted(int rank) {
  const double now = dsm_seconds();
  if (signalled) return DSM__STOP_SIGNAL;
  if (deadline > 0 && now >= deadline) return DSM__STOP_TIME;
  if (rank == 0 && stop_file[0] &&
      now - file_checked >= 1.0) { /* a look a second is kind to a parallel file system */
    file_checked = now;
    if (access(stop_file, F_OK) == 0) return DSM__STOP_FILE;
  }
  return DSM__GO_ON;
}

const char *dsm__stop_text(dsm__stop_reason reason) {
  static const char *const text[DSM__STOP_REASONS] = {[DSM__GO_ON] = "",
                                                      [DSM__STOP_TIME] = "time limit",
                                                      [DSM__STOP_SIGNAL] = "SIGUSR1",
                                                      [DSM__STOP_FILE] = "STOP file"};
  return text[reason];
}
