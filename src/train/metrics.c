#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

dsm_status dsm__metrics_append(const char *path, const char *json) {
  FILE *file = fopen(path, "a");
  if (!file) DSM_FAIL(DSM_IO, "%s: cannot be opened for writing: %s", path, strerror(errno));
  const bool written = fprintf(file, "%s\n", json) > 0;
  if (fclose(file) != 0 || !written) DSM_FAIL(DSM_IO, "%s: cannot be written: %s", path, strerror(errno));
  return DSM_OK;
}

dsm_status dsm__metrics_rewind(const char *path, int64_t step) {
  dsm_status status = DSM_OK;
  char *line = NULL, beside[DSM_TEXT_MAX + 32];
  size_t room = 0;
  FILE *to = NULL, *from = fopen(path, "r");
  if (!from) return DSM_OK; /* nothing written yet */
  snprintf(beside, sizeof beside, "%s.tmp", path);
  to = fopen(beside, "w");
  if (!to) DSM_FAIL_DONE(DSM_IO, "%s: cannot be written: %s", beside, strerror(errno));
  while (getline(&line, &room, from) > 0) {
    long long at;
    /* a line cut off by a kill has no newline; whatever comes after the checkpoint will be computed again */
    if (strchr(line, '\n') && sscanf(line, "{\"step\": %lld", &at) == 1 && at <= step) fputs(line, to);
  }
  if (fflush(to) != 0 || fsync(fileno(to)) != 0 || rename(beside, path) != 0)
    DSM_FAIL_DONE(DSM_IO, "%s: cannot be rewritten: %s", path, strerror(errno));
done:
  free(line);
  fclose(from);
  if (to) fclose(to);
  return status;
}
