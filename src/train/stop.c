/* Who may end a run early: the clock, the end of a Slurm job's time, SIGUSR1 or SIGTERM, a file named STOP. Each rank
 * only wishes; the wish rides in the gradient sum, so all ranks stop after the same step. A signal handler does nothing
 * but note the signal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"

/* A batch system and its launcher may both pass on the same signal: only one that comes later means "at once". */
enum { SECOND_SIGNAL_AFTER = 5 /* seconds */ };
/* Before the end of a Slurm job, for leaving the loop, MPI's end, and clocks that differ. */
#define SLURM_MARGIN 20.0

enum { SIGNALS = 2 };
static const int watched[SIGNALS] = {SIGUSR1, SIGTERM};
static struct sigaction before[SIGNALS]; /* what was done about them before */
static bool watching;
static volatile sig_atomic_t signalled; /* the first signal's number */
static volatile time_t signalled_at;
static double deadline, reserve, file_checked;
static char stop_file[DSM_TEXT_MAX + 16];

/* time() and write() may be called in a signal handler. */
static void note_signal(int number) {
  const int error = errno;
  const time_t now = time(NULL);
  if (!signalled) {
    signalled_at = now;
    signalled = number;
  } else if (now - signalled_at >= SECOND_SIGNAL_AFTER) {
    static const char text[] = "dsmpi: a second signal: ending at once; the last checkpoint is whole\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(75);
    _exit(75);
  }
  errno = error;
}

/* "1-02:03:04", "02:03:04", "03:04" or "04" in seconds; below 0: none of these ("UNLIMITED"). */
double dsm__slurm_seconds(const char *text) {
  long days = 0, part[3], count = 0;
  const char *at = text, *dash = strchr(text, '-');
  char *end;
  if (dash) {
    days = strtol(text, &end, 10);
    if (end != dash) return -1;
    at = dash + 1;
  }
  for (;; at = end + 1) {
    if (count == 3 || *at < '0' || *at > '9') return -1;
    part[count++] = strtol(at, &end, 10);
    if (*end != ':') break;
  }
  if (*end != '\0' && *end != '\n') return -1;
  double seconds = 0;
  for (long i = 0; i < count; i++) seconds = 60 * seconds + (double)part[i];
  if (dash && count < 3) seconds *= count == 1 ? 3600 : 60; /* days-hours[:minutes] */
  return 86400.0 * (double)days + seconds;
}

/* New versions set SLURM_JOB_END_TIME; else squeue knows. */
double dsm__slurm_left(void) {
  const char *job = getenv("SLURM_JOB_ID"), *end = getenv("SLURM_JOB_END_TIME");
  char command[128], line[64] = "";
  if (!job || !job[0] || strspn(job, "0123456789_") != strlen(job)) return -1;
  if (end && strtoll(end, NULL, 10) > 0) return (double)(strtoll(end, NULL, 10) - (long long)time(NULL));
  snprintf(command, sizeof command, "timeout 20 squeue -h -j %s -o %%L 2>/dev/null", job);
  FILE *answer = popen(command, "r");
  if (!answer) return -1;
  const bool said = fgets(line, sizeof line, answer) != NULL;
  pclose(answer);
  return said ? dsm__slurm_seconds(line) : -1;
}

void dsm__stop_watch(double hours, const char *file, bool root) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  const double now = dsm_seconds(), left = root ? dsm__slurm_left() : -1;
  char text[32];
  sigemptyset(&action.sa_mask);
  signalled = 0;
  for (int i = 0; i < SIGNALS; i++) sigaction(watched[i], &action, watching ? NULL : &before[i]);
  watching = true;
  reserve = 0;
  deadline = hours > 0 ? now + 3600 * hours : 0;
  if (left >= 0) {
    const double end = now + left - SLURM_MARGIN;
    if (deadline == 0 || end < deadline) deadline = end;
    dsm_info("time     %s are left to this Slurm job; the run stops in time",
             dsm_duration(left, text, sizeof text));
  }
  file_checked = 0;
  stop_file[0] = '\0';
  if (file) strncpy(stop_file, file, sizeof stop_file - 1);
}

void dsm__stop_unwatch(void) {
  for (int i = 0; watching && i < SIGNALS; i++) sigaction(watched[i], &before[i], NULL);
  watching = false;
}

void dsm__stop_reserve(double seconds) {
  reserve = seconds;
}

dsm__stop_reason dsm__stop_wanted(bool root) {
  const double now = dsm_seconds();
  if (signalled) return signalled == SIGTERM ? DSM__STOP_TERM : DSM__STOP_SIGNAL;
  if (!root) return DSM__GO_ON;
  if (deadline > 0 && now >= deadline - reserve) return DSM__STOP_TIME;
  if (stop_file[0] && now - file_checked >= 1.0) { /* a look a second is kind to a parallel file system */
    file_checked = now;
    if (access(stop_file, F_OK) == 0) return DSM__STOP_FILE;
  }
  return DSM__GO_ON;
}

const char *dsm__stop_text(dsm__stop_reason reason) {
  static const char *const text[DSM__STOP_REASONS] = {[DSM__GO_ON] = "",
                                                      [DSM__STOP_TIME] = "time limit",
                                                      [DSM__STOP_SIGNAL] = "SIGUSR1",
                                                      [DSM__STOP_TERM] = "SIGTERM",
                                                      [DSM__STOP_FILE] = "STOP file"};
  return text[reason];
}
