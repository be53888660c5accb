#include "dsmpi/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "dsmpi/clock.h"

#define CLEAR_LINE "\r\033[K"

static struct {
  pthread_mutex_t lock;
  dsm_log_level level;
  int rank, size;
  int file; /* -1: none */
  bool file_failed;
  bool transient_shown;
  size_t warnings;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = DSM_LOG_INFO, .size = 1, .file = -1};

/* write(2) of all bytes; false when the reader is gone or the disk full. A reader that is gone would raise
 * SIGPIPE, and the disposition of signals belongs to the program: so the signal is blocked for the thread and
 * taken back. */
static bool write_quietly(int descriptor, const char *text, size_t length) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);

  if (descriptor == STDOUT_FILENO) fflush(stdout); /* what was printed earlier stays earlier */
  while (length > 0) {
    ssize_t n = write(descriptor, text, length);
    if (n >= 0) {
      text += n;
      length -= (size_t)n;
    } else if (errno == EAGAIN) {
      /* non-blocking and full: a reader that does not read for a second loses the line */
      struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
      if (poll(&ready, 1, 1000) == 0) break;
    } else if (errno != EINTR) {
      break;
    }
  }
  if (!sigismember(&pending, SIGPIPE)) {
    const struct timespec now = {0};
    while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return length == 0;
}

static void clear_transient(void) {
  if (!logger.transient_shown) return;
  write_quietly(STDOUT_FILENO, CLEAR_LINE, strlen(CLEAR_LINE));
  logger.transient_shown = false;
}

/* The line with the time in front, to a file. False if it cannot be written. */
static bool write_stamped(int file, const char *line, size_t length) {
  char time_text[40];
  struct {
    char *text;
    size_t length;
  } stamped = {0};
  dsm_timestamp(time_text, sizeof time_text);
  size_t time_length = strlen(time_text);
  stamped.length = time_length + 1 + length;
  stamped.text = malloc(stamped.length);
  if (!stamped.text) return true; /* as little as there is to say of it */
  memcpy(stamped.text, time_text, time_length);
  stamped.text[time_length] = ' ';
  memcpy(stamped.text + time_length + 1, line, length);
  bool written = write_quietly(file, stamped.text, stamped.length);
  free(stamped.text);
  return written;
}

static void write_to_file(const char *line, size_t length) {
  if (!write_stamped(logger.file, line, length) && !logger.file_failed) {
    static const char notice[] =
        "dsmpi: warning: the log file cannot be written; lines are missing from it\n";
    logger.file_failed = true;
    logger.warnings++;
    write_quietly(STDERR_FILENO, notice, sizeof notice - 1);
  }
}

void dsm_log_set_level(dsm_log_level level) {
  pthread_mutex_lock(&logger.lock);
  logger.level = level;
  pthread_mutex_unlock(&logger.lock);
}

void dsm_log_set_rank(int rank, int size) {
  pthread_mutex_lock(&logger.lock);
  logger.rank = rank;
  logger.size = size;
  pthread_mutex_unlock(&logger.lock);
}

dsm_status dsm_log_open(const char *path) {
  int file = -1;
  if (path && logger.rank == 0) {
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) DSM_FAIL(DSM_IO, "cannot open the log file %s: %s", path, strerror(errno));
  }
  pthread_mutex_lock(&logger.lock);
  int before = logger.file;
  logger.file = file;
  logger.file_failed = false;
  pthread_mutex_unlock(&logger.lock);
  if (before >= 0) close(before);
  return DSM_OK;
}

/* Start of a line: what kind it is, and on other ranks than 0 whose. */
static size_t line_prefix(dsm_log_level level, char *text, size_t size) {
  const char *kind = level == DSM_LOG_ERROR     ? "dsmpi: error: "
                     : level == DSM_LOG_WARNING ? "dsmpi: warning: "
                                                : "";
  int length = logger.rank == 0 ? snprintf(text, size, "%s", kind)
                                : snprintf(text, size, "%srank %d of %d: ", kind, logger.rank, logger.size);
  return (size_t)length;
}

void dsm_log(dsm_log_level level, const char *format, ...) {
  char prefix[64], small[1024], *line = small;
  pthread_mutex_lock(&logger.lock);
  if (level == DSM_LOG_WARNING) logger.warnings++;
  bool shown = level <= logger.level && (logger.rank == 0 || level <= DSM_LOG_WARNING);
  size_t start = line_prefix(level, prefix, sizeof prefix);
  pthread_mutex_unlock(&logger.lock);
  if (!shown) return;

  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  memcpy(small, prefix, start);
  int needed = vsnprintf(small + start, sizeof small - start, format, arguments);
  size_t length = start + (needed > 0 ? (size_t)needed : 0);
  if (length + 1 > sizeof small) {
    char *large = malloc(length + 1);
    if (large) {
      memcpy(large, prefix, start);
      vsnprintf(large + start, length + 1 - start, format, again);
      line = large;
    } else {
      length = sizeof small - 1; /* better cut than lost */
    }
  }
  va_end(again);
  va_end(arguments);
  line[length] = '\n'; /* in place of the terminating zero */

  pthread_mutex_lock(&logger.lock);
  clear_transient();
  write_quietly(level <= DSM_LOG_WARNING ? STDERR_FILENO : STDOUT_FILENO, line, length + 1);
  if (logger.file >= 0) write_to_file(line, length + 1);
  pthread_mutex_unlock(&logger.lock);
  if (line != small) free(line);
}

/* For dsm_log_aside and dsm_log_last_words. */
static void write_aside(const char *path, dsm_log_level level, const char *text, bool on_stderr) {
  char prefix[64], line[4096];
  const size_t start = line_prefix(level, prefix, sizeof prefix);
  int n = snprintf(line, sizeof line, "%.*s%s\n", (int)start, prefix, text);
  if (n >= (int)sizeof line) {
    n = sizeof line - 1;
    line[n - 1] = '\n';
  }
  if (on_stderr) write_quietly(STDERR_FILENO, line, (size_t)n);
  const int file = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (file < 0) return;
  write_stamped(file, line, (size_t)n);
  close(file);
}

void dsm_log_aside(const char *path, const char *text) {
  pthread_mutex_lock(&logger.lock);
  logger.warnings++;
  write_aside(path, DSM_LOG_WARNING, text, false);
  pthread_mutex_unlock(&logger.lock);
}

void dsm_log_last_words(const char *path, const char *text) {
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_sec++;
  const bool locked = pthread_mutex_timedlock(&logger.lock, &soon) == 0;
  if (locked) clear_transient();
  write_aside(path, DSM_LOG_ERROR, text, true);
  if (locked) pthread_mutex_unlock(&logger.lock);
}

size_t dsm_log_warnings(void) {
  pthread_mutex_lock(&logger.lock);
  size_t warnings = logger.warnings;
  pthread_mutex_unlock(&logger.lock);
  return warnings;
}

/* Open MPI gives its ranks a pseudo-terminal whatever its own output is: a bar would fill the log file
 * behind it. So the launcher, our parent on this host, is asked too. */
static bool launcher_is_terminal(void) {
  char path[64];
  if (!getenv("OMPI_COMM_WORLD_RANK")) return true;
  snprintf(path, sizeof path, "/proc/%ld/fd/1", (long)getppid());
  const int output = open(path, O_WRONLY | O_NOCTTY);
  const bool terminal = output >= 0 && isatty(output);
  if (output >= 0) close(output);
  return terminal;
}

bool dsm_log_is_terminal(void) {
  const char *kind = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(kind && strcmp(kind, "dumb") == 0) && launcher_is_terminal();
}

/* Bytes of the longest start of `text` that fills at most `columns` columns; UTF-8 counts one column a
 * character. */
static size_t fitting_bytes(const char *text, size_t columns) {
  size_t bytes = 0;
  for (; text[bytes]; bytes++) {
    bool starts_character = ((unsigned char)text[bytes] & 0xc0) != 0x80;
    if (starts_character && columns-- == 0) break;
  }
  return bytes;
}

void dsm_log_transient(const char *text) {
  struct winsize window;
  char line[1024];
  pthread_mutex_lock(&logger.lock);
  if (!text) {
    clear_transient();
  } else if (logger.rank == 0 && logger.level >= DSM_LOG_INFO && dsm_log_is_terminal()) {
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
    size_t bytes =
        fitting_bytes(text, known ? window.ws_col - 1u : 79u); /* a wrapped line could not be cleared */
    int length = snprintf(line, sizeof line, CLEAR_LINE "%.*s", (int)bytes, text);
    if (length > 0) write_quietly(STDOUT_FILENO, line, strlen(line));
    logger.transient_shown = true;
  }
  pthread_mutex_unlock(&logger.lock);
}
