/* "start:stop", as Python writes it; unlike Python's, a range that leaves the data is an error. */
#include <errno.h>
#include <stdlib.h>

#include "dataset_private.h"

static dsm_status bad_range(const char *name, dsm_status failure, const char *text) {
  DSM_FAIL(failure,
           "%s is '%s'; write start:stop, where either may be missing or negative (from the end), as in "
           "\"0:50000\", \"50000:\" or \":-1000\"",
           name, text);
}

static const char *skip_spaces(const char *c) {
  while (*c == ' ') c++;
  return c;
}

dsm_status dsm_rows_parse(const char *name, dsm_status failure, const char *text, uint64_t rows,
                          uint64_t *first, uint64_t *count) {
  int64_t bound[2] = {0, (int64_t)rows};
  const char *c = skip_spaces(text ? text : "");
  *first = 0;
  *count = rows;
  if (!*c) return DSM_OK;
  for (int i = 0; i < 2; i++) {
    c = skip_spaces(c);
    if (*c && *c != ':') {
      char *end;
      errno = 0;
      long long v = strtoll(c, &end, 10);
      if (end == c) return bad_range(name, failure, text);
      c = skip_spaces(end);
      /* Out of range also when the number itself is too long for the machine. */
      if (errno || v > (long long)rows || v < -(long long)rows)
        DSM_FAIL(failure, "%s is '%s', but the dataset has %llu rows", name, text, (unsigned long long)rows);
      bound[i] = v < 0 ? v + (int64_t)rows : v;
    }
    if (*c != (i == 0 ? ':' : '\0')) return bad_range(name, failure, text);
    if (i == 0) c++;
  }
  if (bound[0] >= bound[1])
    DSM_FAIL(failure, "%s is '%s', which leaves nothing of the dataset's %llu rows", name, text,
             (unsigned long long)rows);
  *first = (uint64_t)bound[0];
  *count = (uint64_t)(bound[1] - bound[0]);
  return DSM_OK;
}
