#include "atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "dsmpi/clock.h"
#include "dsmpi/fault.h"
#include "dsmpi/host.h"
#include "dsmpi/io.h"

#define TEMPORARY_MARK       ".tmp-"
#define FOREIGN_IDLE_SECONDS 3600.0 /* longer than any write, and than clocks of hosts differ */

enum { HOST_MAX = 128 };

/* The folder that holds `path`: "." for a bare name, "/" for a name in the root. */
static void folder_of(const char *path, char folder[DSM_PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    snprintf(folder, DSM_PATH_MAX, ".");
  else
    snprintf(folder, DSM_PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

dsm_status dsm_temporary_name(const char *path, char *temporary, size_t size) {
  char host[HOST_MAX];
  const int length = snprintf(temporary, size, "%s" TEMPORARY_MARK "%s-%ld", path,
                              dsm_host_name(host, sizeof host), (long)getpid());
  if (length < 0 || (size_t)length >= size) DSM_FAIL(DSM_IO, "%s: the name is too long", path);
  return DSM_OK;
}

/* What earlier writers of `path` left in its folder. A folder that cannot be read is no reason not to write. */
static void remove_leftovers_of(const char *path) {
  char folder[DSM_PATH_MAX], start[DSM_PATH_MAX];
  const char *slash = strrchr(path, '/');
  folder_of(path, folder);
  snprintf(start, sizeof start, "%s" TEMPORARY_MARK, slash ? slash + 1 : path);
  if (dsm_remove_leftovers(folder, start) != DSM_OK) dsm_trail_clear();
}

dsm_status dsm__atomic_begin(const char *path, char temporary[DSM_PATH_MAX]) {
  struct stat info;
  if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode))
    DSM_FAIL(DSM_IO, "%s is %s, not a regular file; choose another name or move it away", path,
             S_ISLNK(info.st_mode)   ? "a symbolic link"
             : S_ISDIR(info.st_mode) ? "a folder"
                                     : "a device, pipe or socket");
  remove_leftovers_of(path);
  DSM_TRY(dsm_temporary_name(path, temporary, DSM_PATH_MAX));
  if (unlink(temporary) != 0 && errno != ENOENT)
    DSM_FAIL(DSM_IO, "cannot write %s: cannot remove the older %s: %s", path, temporary, strerror(errno));
  return DSM_OK;
}

/* Opens `path`, flushes it and closes it. */
static dsm_status flush_path(const char *path, int flags) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", path, strerror(errno));
  int failed = fsync(fd) != 0, code = errno;
  if (close(fd) != 0 && !failed) failed = 1, code = errno;
  /* some network file systems cannot flush folders; their rename is durable or nothing is */
  if (failed && !(flags & O_DIRECTORY && (code == EINVAL || code == ENOTSUP)))
    DSM_FAIL(DSM_IO, "cannot flush %s to the disk: %s", path, strerror(code));
  return DSM_OK;
}

dsm_status dsm__atomic_commit(const char *temporary, const char *path) {
  char folder[DSM_PATH_MAX];
  folder_of(path, folder);
  DSM_TRY(flush_path(temporary, O_NOFOLLOW));
  if (rename(temporary, path) != 0)
    DSM_FAIL(DSM_IO, "cannot rename %s to %s: %s", temporary, path, strerror(errno));
  DSM_TRY(flush_path(folder, O_DIRECTORY));
  return DSM_OK;
}

dsm_status dsm_file_write(const char *path, const void *bytes, size_t size) {
  dsm_status status = DSM_OK;
  char temporary[DSM_PATH_MAX];
  DSM_TRY(dsm__atomic_begin(path, temporary));
  DSM_TRY(dsm__check_size_limit(path, size));
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot create %s: %s", path, strerror(errno));
  DSM_TRY_DONE(dsm__reserve(fd, path, size));
  DSM_TRY_DONE(dsm__write_at(fd, path, bytes, size, 0));
  DSM_TRY_DONE(dsm__atomic_commit(temporary, path));
done:
  close(fd); /* flushed by commit: nothing is left that could fail */
  if (status != DSM_OK) unlink(temporary);
  return status;
}

dsm_status dsm_file_append(const char *path, const char *text) {
  size_t length = strlen(text);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), code = fd < 0 ? errno : 0;
  while (code == 0 && length > 0) {
    const ssize_t n = write(fd, text, length);
    if (n < 0 && errno != EINTR) code = errno;
    if (n > 0) text += n, length -= (size_t)n;
  }
  if (fd >= 0 && close(fd) != 0 && code == 0) code = errno;
  if (code) DSM_FAIL(DSM_IO, "cannot write %s: %s", path, strerror(code));
  return DSM_OK;
}

/* ---- room and transfers -------------------------------------------------------------------------------- */

const char *dsm__space_text(const char *path, uint64_t needed, char *text, size_t size) {
  char folder[DSM_PATH_MAX], needed_text[32], free_text[32];
  struct statvfs room;
  folder_of(path, folder);
  dsm_bytes((double)needed, needed_text, sizeof needed_text);
  if (statvfs(folder, &room) == 0) {
    dsm_bytes((double)room.f_bavail * (double)room.f_frsize, free_text, sizeof free_text);
    snprintf(text, size, "%s needed, %s free", needed_text, free_text);
  } else {
    snprintf(text, size, "%s needed", needed_text);
  }
  return text;
}

dsm_status dsm__check_size_limit(const char *path, uint64_t bytes) {
  struct rlimit limit;
  char space[128];
  if (bytes > INT64_MAX ||
      (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur))
    DSM_FAIL(DSM_IO, "cannot write %s: %s, see ulimit -f (%s)", path, strerror(EFBIG),
             dsm__space_text(path, bytes, space, sizeof space));
  return DSM_OK;
}

dsm_status dsm__reserve(int fd, const char *path, uint64_t bytes) {
  char space[128];
  int code = 0;
  if (bytes == 0) return DSM_OK;
  do code = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) == 0 ? 0 : errno;
  while (code == EINTR);
  if (code == EOPNOTSUPP || code == ENOSYS || code == EINVAL) { /* the file system does not reserve */
    struct statvfs room;
    bool full = fstatvfs(fd, &room) == 0 && (double)room.f_bavail * (double)room.f_frsize < (double)bytes;
    code = full ? ENOSPC : 0;
  }
  if (code)
    DSM_FAIL(DSM_IO, "cannot write %s: %s (%s)", path, strerror(code),
             dsm__space_text(path, bytes, space, sizeof space));
  return DSM_OK;
}

/* A write whose middle byte arrives with one bit flipped. */
static ssize_t write_flipped(int fd, const char *bytes, size_t size, uint64_t offset) {
  const char wrong = (char)(bytes[size / 2] ^ 4);
  const ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
  if (n > (ssize_t)(size / 2) && pwrite(fd, &wrong, 1, (off_t)(offset + size / 2)) != 1) return -1;
  return n;
}

static ssize_t write_once(int fd, const char *bytes, size_t size, uint64_t offset) {
  const int failure = dsm_fault_strikes(DSM_FAULT_ENOSPC) ? ENOSPC
                      : dsm_fault_strikes(DSM_FAULT_EIO)  ? EIO
                                                          : 0;
  if (failure) {
    errno = failure;
    return -1;
  }
  if (dsm_fault_strikes(DSM_FAULT_FLIP)) return write_flipped(fd, bytes, size, offset);
  if (size > 1 && dsm_fault_strikes(DSM_FAULT_SHORT)) size /= 2;
  return pwrite(fd, bytes, size, (off_t)offset);
}

int dsm__write_bytes(int fd, const void *bytes, size_t size, uint64_t offset) {
  const char *from = bytes;
  while (size > 0) {
    const ssize_t n = write_once(fd, from, size, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : ENOSPC;
    from += n, size -= (size_t)n, offset += (uint64_t)n;
  }
  return 0;
}

dsm_status dsm__write_at(int fd, const char *path, const void *bytes, size_t size, uint64_t offset) {
  const int failure = dsm__write_bytes(fd, bytes, size, offset);
  if (failure) DSM_FAIL(DSM_IO, "cannot write %s: %s", path, strerror(failure));
  return DSM_OK;
}

dsm_status dsm__read_at(int fd, const char *path, void *bytes, size_t size, uint64_t offset) {
  char *to = bytes;
  while (size > 0) {
    ssize_t n = pread(fd, to, size, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) DSM_FAIL(DSM_IO, "cannot read %s: %s", path, strerror(errno));
    if (n == 0) DSM_FAIL(DSM_BAD_DATA, "%s is cut off at byte %llu", path, (unsigned long long)offset);
    to += n, size -= (size_t)n, offset += (uint64_t)n;
  }
  return DSM_OK;
}

/* ---- leftovers ----------------------------------------------------------------------------------------- */

/* True if `name` is a temporary name of ours whose writer is gone: no process of that number on this host, or, on
 * another host, `idle_seconds` since the last write exceed an hour. */
static bool is_dead(const char *name, double idle_seconds) {
  const char *mark = NULL;
  for (const char *p = strstr(name, TEMPORARY_MARK); p; p = strstr(p + 1, TEMPORARY_MARK)) mark = p;
  if (!mark) return false;
  const char *host = mark + strlen(TEMPORARY_MARK), *dash = strrchr(host, '-');
  if (!dash || dash == host) return false;
  char *end, here[HOST_MAX];
  errno = 0;
  long pid = strtol(dash + 1, &end, 10);
  if (end == dash + 1 || *end != '\0' || errno || pid <= 0 || pid > INT_MAX) return false;
  dsm_host_name(here, sizeof here);
  if (strlen(here) == (size_t)(dash - host) && strncmp(here, host, strlen(here)) == 0)
    return !dsm_pid_runs(pid);
  return idle_seconds > FOREIGN_IDLE_SECONDS;
}

dsm_status dsm_remove_leftovers(const char *folder, const char *start) {
  dsm_status status = DSM_OK;
  DIR *stream = opendir(folder);
  if (!stream && errno == ENOENT) return DSM_OK;
  if (!stream) DSM_FAIL(DSM_IO, "cannot read folder %s: %s", folder, strerror(errno));
  for (const struct dirent *entry; (errno = 0, entry = readdir(stream));) {
    struct stat info;
    if (strncmp(entry->d_name, start, strlen(start)) != 0) continue;
    if (fstatat(dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
      continue;
    if (!is_dead(entry->d_name, difftime(time(NULL), info.st_mtime))) continue;
    if (unlinkat(dirfd(stream), entry->d_name, 0) != 0 && errno != ENOENT)
      DSM_FAIL_DONE(DSM_IO, "cannot delete %s/%s: %s", folder, entry->d_name, strerror(errno));
  }
  if (errno) DSM_FAIL_DONE(DSM_IO, "cannot read folder %s: %s", folder, strerror(errno));
done:
  closedir(stream);
  return status;
}
