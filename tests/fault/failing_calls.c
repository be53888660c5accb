/* Preloaded into the program (LD_PRELOAD), lets a chosen one of the calls fail that could change what is below a folder:
 *   FAILING_CALLS_BELOW  absolute path; calls for paths that begin so count, from 1
 *   FAILING_CALLS_AT     "7": the seventh fails; "7+": it and all that follow; unset: none, they are counted only
 *   FAILING_CALLS_AS     ENOSPC, EDQUOT, EIO or EROFS; KILL: in place of the call the process is killed
 *   FAILING_CALLS_RANK   of this rank; unset: of every process
 *   FAILING_CALLS_LOG    file to which a line is appended for each call: "7 pwrite /scratch/run/log.txt"
 * The system is asked directly: whoever else stands in for the C library stays out of it. What goes through stdio is seen
 * when it is opened, not when it is written. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
  const char *name;
  int number;
} failures[] = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO}, {"EROFS", EROFS}};

static atomic_long calls;

static bool concerned(void) {
  const char *wanted = getenv("FAILING_CALLS_RANK"), *rank = getenv("OMPI_COMM_WORLD_RANK");
  return !wanted || strcmp(wanted, rank ? rank : "0") == 0;
}

static void note(long n, const char *call, const char *path) {
  char line[PATH_MAX + 64];
  const char *log = getenv("FAILING_CALLS_LOG");
  const int length = snprintf(line, sizeof line, "%ld %s %s\n", n, call, path);
  if (!log || length <= 0) return;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || syscall(SYS_write, fd, line, length) != length) abort(); /* the test would see too few */
  close(fd);
}

/* The errno of a call for an absolute path; 0: it may go on. */
static int failure_of(const char *call, const char *path) {
  const char *below = getenv("FAILING_CALLS_BELOW"), *at = getenv("FAILING_CALLS_AT"),
             *as = getenv("FAILING_CALLS_AS");
  if (!below || strncmp(path, below, strlen(below)) != 0 || !concerned()) return 0;
  const long n = atomic_fetch_add(&calls, 1) + 1;
  note(n, call, path);
  if (!at || !as) return 0;
  char *end;
  const long first = strtol(at, &end, 10);
  if (n < first || (n > first && *end != '+')) return 0;
  if (strcmp(as, "KILL") == 0) syscall(SYS_kill, getpid(), SIGKILL);
  for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
    if (strcmp(as, failures[i].name) == 0) return failures[i].number;
  abort(); /* a word that is not known */
}

/* True, with errno set, if the call is to fail. */
static bool path_fails(const char *call, int folder, const char *path) {
  char place[64], whole[2 * PATH_MAX];
  const int before = errno;
  ssize_t n = 0;
  if (path[0] != '/') {
    snprintf(place, sizeof place, "/proc/self/fd/%d", folder);
    n = readlink(folder == AT_FDCWD ? "/proc/self/cwd" : place, whole, PATH_MAX);
    if (n < 0) n = 0;
    whole[n++] = '/';
  }
  snprintf(whole + n, sizeof whole - (size_t)n, "%s", path);
  const int failure = failure_of(call, whole);
  errno = failure ? failure : before;
  return failure != 0;
}

static bool descriptor_fails(const char *call, int fd) {
  char place[64], path[PATH_MAX];
  const int before = errno;
  snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(place, path, sizeof path - 1);
  errno = before;
  if (n <= 0 || path[0] != '/') return false; /* a pipe or socket */
  path[n] = '\0';
  return path_fails(call, AT_FDCWD, path);
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *bytes, size_t size) {
  return descriptor_fails("write", fd) ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *piece, int count) {
  return descriptor_fails("writev", fd) ? -1 : syscall(SYS_writev, fd, piece, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  return descriptor_fails("pwrite", fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}

/* ---- room and flushes ---------------------------------------------------------------------------------- */

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) {
  return descriptor_fails("fallocate", fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  return fallocate64(fd, mode, offset, bytes);
}

int ftruncate64(int fd, off64_t size) {
  return descriptor_fails("ftruncate", fd) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size) {
  return ftruncate64(fd, size);
}

int fsync(int fd) {
  return descriptor_fails("fsync", fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  return descriptor_fails("fdatasync", fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* ---- names --------------------------------------------------------------------------------------------- */

int rename(const char *from, const char *to) {
  return path_fails("rename", AT_FDCWD, to) ? -1
                                            : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int link(const char *from, const char *to) {
  return path_fails("link", AT_FDCWD, to) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
  return path_fails("mkdir", AT_FDCWD, path) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static int open_any(int folder, const char *path, int flags, va_list arguments) {
  const bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
  const mode_t mode = makes ? va_arg(arguments, mode_t) : 0;
  if ((flags & O_ACCMODE) != O_RDONLY && path_fails("open", folder, path)) return -1;
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPEN(name)                                                                                           \
  int name(const char *path, int flags, ...) {                                                               \
    va_list arguments;                                                                                       \
    va_start(arguments, flags);                                                                              \
    const int fd = open_any(AT_FDCWD, path, flags, arguments);                                               \
    va_end(arguments);                                                                                       \
    return fd;                                                                                               \
  }
OPEN(open)
OPEN(open64)

/* What the compiler makes of open without a mode, where it checks such calls. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) {
  return open(path, flags);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) {
  return open(path, flags);
}

#define FOPEN(name)                                                                                          \
  FILE *name(const char *path, const char *mode) {                                                           \
    FILE *(*real)(const char *, const char *) =                                                              \
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, #name);                                    \
    return strpbrk(mode, "wa+") && path_fails("fopen", AT_FDCWD, path) ? NULL : real(path, mode);            \
  }
FOPEN(fopen)
FOPEN(fopen64)
