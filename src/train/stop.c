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
static bool listening[SIGNALS];
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

/* A variable that holds a whole number; -1: none. */
static long long number_in(const char *name) {
  const char *text = getenv(name);
  return text && text[0] && strspn(text, "0123456789") == strlen(text) ? strtoll(text, NULL, 10) : -1;
}

/* New versions set SLURM_JOB_END_TIME; else squeue knows. A task of an array is asked for by array and task: the job number
 * of one of them is also that of the whole array, of which squeue would show another task first. */
double dsm__slurm_left(void) {
  const long long job = number_in("SLURM_JOB_ID"), end = number_in("SLURM_JOB_END_TIME");
  const long long array = number_in("SLURM_ARRAY_JOB_ID"), task = number_in("SLURM_ARRAY_TASK_ID");
  char name[64], command[160], line[64] = "";
  if (job < 0) return -1;
  if (end > 0) return (double)(end - (long long)time(NULL));
  snprintf(name, sizeof name, "%lld", job);
  if (array >= 0 && task >= 0) snprintf(name, sizeof name, "%lld_%lld", array, task);
  snprintf(command, sizeof command, "timeout 20 squeue -h -j %s -o %%L 2>/dev/null", name);
  FILE *answer = popen(command, "r");
  if (!answer) return -1;
  const bool said = fgets(line, sizeof line, answer) != NULL;
  pclose(answer);
  return said ? dsm__slurm_seconds(line) : -1;
}

static void listen_to(int number) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) {
    if (watched[i] != number || listening[i]) continue;
    sigaction(number, &action, &before[i]);
    listening[i] = true;
  }
}

void dsm_stop_listen(void) {
  listen_to(SIGUSR1);
}

void dsm__stop_watch(double hours, const char *file, bool root) {
  const double now = dsm_seconds(), left = root ? dsm__slurm_left() : -1;
  char text[32];
  for (int i = 0; i < SIGNALS; i++) listen_to(watched[i]);
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
  for (int i = 0; i < SIGNALS; i++) {
    if (listening[i]) sigaction(watched[i], &before[i], NULL);
    listening[i] = false;
  }
  signalled = 0;
}

void dsm__stop_reserve(double seconds) {
  reserve = seconds;
}

bool dsm__stop_near(double seconds) {
  return deadline > 0 && dsm_seconds() + seconds >= deadline - reserve;
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
