/* The end of a file that another process may be writing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

static dsm_status read_from(int fd, const char *path, off_t start, char *text, size_t room, size_t *length) {
  while (*length < room) {
    const ssize_t n = pread(fd, text + *length, room - *length, start + (off_t)*length);
    if (n == 0) break; /* shorter than it was a moment ago */
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) DSM_FAIL(DSM_IO, "%s cannot be read: %s", path, strerror(errno));
    *length += (size_t)n;
  }
  return DSM_OK;
}

dsm_status dsm__file_tail(const char *path, size_t most, char **text, size_t *length) {
  dsm_status status = DSM_OK;
  struct stat facts;
  *text = NULL;
  *length = 0;
  const int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name would wait for a writer */
  if (fd < 0)
    DSM_FAIL(errno == ENOENT || errno == ENOTDIR ? DSM_NOT_FOUND : DSM_IO, "%s cannot be opened: %s", path,
             strerror(errno));
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
    DSM_FAIL_DONE(DSM_IO, "%s is not a regular file", path);
  const off_t start = facts.st_size > (off_t)most ? facts.st_size - (off_t)most : 0;
  DSM_TRY_DONE(DSM_ALLOC(most + 1, text));
  DSM_TRY_DONE(read_from(fd, path, start, *text, most, length));
  if (start > 0) { /* what comes first is the end of a line */
    const char *newline = memchr(*text, '\n', *length);
    const size_t skip = newline ? (size_t)(newline + 1 - *text) : *length;
    memmove(*text, *text + skip, *length - skip);
    *length -= skip;
  }
  (*text)[*length] = '\0';
done:
  close(fd);
  if (status != DSM_OK) {
    free(*text);
    *text = NULL;
    *length = 0;
  }
  return status;
}
