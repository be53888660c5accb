#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "internal.h"

dsm_status dsm__metrics_append(const char *path, const char *json) {
  char line[DSM__METRICS_LINE_MAX + 1];
  if (snprintf(line, sizeof line, "%s\n", json) >= (int)sizeof line)
    DSM_FAIL(DSM_INTERNAL, "a line of %zu characters is too long for %s", strlen(json), path);
  DSM_TRY(dsm_file_append(path, line));
  return DSM_OK;
}

/** Moves the lines to be kept to the front of `text`; returns their bytes. A line cut off by a kill has no newline, and
 * whatever comes after the checkpoint will be computed again. */
static size_t keep_lines(char *text, size_t size, int64_t step) {
  size_t kept = 0;
  for (size_t at = 0, length; at < size; at += length) {
    char *end = memchr(text + at, '\n', size - at);
    long long of_line;
    length = end ? (size_t)(end - text) + 1 - at : size - at;
    if (!end) continue;
    *end = '\0'; /* sscanf looks for it */
    const bool keep = sscanf(text + at, "{\"step\": %lld", &of_line) == 1 && of_line <= step;
    *end = '\n';
    if (!keep) continue;
    memmove(text + kept, text + at, length);
    kept += length;
  }
  return kept;
}

dsm_status dsm__metrics_rewind(const char *path, int64_t step) {
  dsm_status status = DSM_OK;
  char *text = NULL;
  struct stat facts;
  FILE *file = fopen(path, "r");
  if (!file && errno == ENOENT) return DSM_OK; /* nothing written yet */
  if (!file || fstat(fileno(file), &facts) != 0)
    DSM_FAIL_DONE(DSM_IO, "cannot read %s: %s", path, strerror(errno));
  DSM_TRY_DONE(DSM_ALLOC((size_t)facts.st_size + 1, &text));
  const size_t size = fread(text, 1, (size_t)facts.st_size, file);
  if (size < (size_t)facts.st_size) DSM_FAIL_DONE(DSM_IO, "cannot read %s: %s", path, strerror(errno));
  const size_t kept = keep_lines(text, size, step);
  if (kept < size) DSM_TRY_DONE(dsm_file_write(path, text, kept));
done:
  free(text);
  if (file) fclose(file);
  return status;
}
