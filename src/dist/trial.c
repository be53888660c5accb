/* MPI started where it can do no harm: in a child process. On some login nodes MPI_Init is refused, ends the process, or
 * never returns. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dsmpi/clock.h"
#include "internal.h"

enum { WORDS = 8192 };
static const char mark[] = "\nlevel: ";

static void be_the_child(int out) {
  dsm_comm *comm;
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  const dsm_status status = dsm_comm_create(&comm);
  if (status == DSM_OK)
    dprintf(out, "%s%s\n", mark, dsm_comm_thread_level(comm));
  else
    dprintf(out, "%s\n", dsm_trail_message());
  if (status == DSM_OK) dsm_comm_destroy(&comm);
  _exit(status == DSM_OK ? 0 : 1);
}

/* What comes from `in` until its end or `deadline`. @return false: the deadline came first. */
static bool read_words(int in, double deadline, char words[WORDS]) {
  size_t used = 0;
  words[0] = '\0';
  for (;;) {
    const double left = deadline - dsm_seconds();
    struct pollfd ready = {.fd = in, .events = POLLIN};
    if (left <= 0) return false;
    if (poll(&ready, 1, (int)(1000 * left) + 1) < 0 && errno != EINTR) return false;
    if (!(ready.revents & (POLLIN | POLLHUP))) continue;
    char rest[512],
        *to = used + 1 < WORDS ? words + used : rest; /* more than there is room for is read and dropped */
    const ssize_t n = read(in, to, used + 1 < WORDS ? WORDS - 1 - used : sizeof rest);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (to != rest) used += (size_t)n;
    words[used] = '\0';
  }
}

/* The first line that is neither empty nor a frame, in one piece. */
static void first_words(const char *words, char *text, size_t size) {
  snprintf(text, size, "no word");
  for (const char *at = words; *at;) {
    const size_t length = strcspn(at, "\n");
    if (strspn(at, "- \t*=") < length) {
      snprintf(text, size, "%.*s", (int)length, at);
      return;
    }
    at += length + (at[length] != '\0');
  }
}

dsm_status dsm_comm_trial(double limit, char *level, size_t size) {
  int way[2], ended = 0;
  char words[WORDS], told[256];
  if (pipe(way) != 0) DSM_FAIL(DSM_INTERNAL, "no pipe: %s", strerror(errno));
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    close(way[0]);
    be_the_child(way[1]);
  }
  close(way[1]);
  if (child < 0) {
    close(way[0]);
    DSM_FAIL(DSM_LAUNCHER, "no process can be started: %s (ulimit -u?)", strerror(errno));
  }
  const bool in_time = read_words(way[0], dsm_seconds() + limit, words);
  if (!in_time) kill(child, SIGKILL);
  while (waitpid(child, &ended, 0) < 0 && errno == EINTR) continue;
  close(way[0]);
  const char *found = strstr(words, mark);
  if (found && in_time) {
    snprintf(level, size, "%.*s", (int)strcspn(found + strlen(mark), "\n"), found + strlen(mark));
    return DSM_OK;
  }
  first_words(words, told, sizeof told);
  if (!in_time) DSM_FAIL(DSM_LAUNCHER, "MPI does not start within %.0f s; it said: %s", limit, told);
  if (WIFSIGNALED(ended))
    DSM_FAIL(DSM_LAUNCHER, "starting MPI ends in signal %d; it said: %s", WTERMSIG(ended), told);
  DSM_FAIL(DSM_LAUNCHER, "MPI does not start; it said: %s", told);
}
