#include <float.h>
#include <math.h>

#include "dataset_private.h"

static size_t first_bad(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!(fabsf(x[i]) <= FLT_MAX)) return i;
  return n;
}

dsm_status dsm__dataset_check_finite(const dsm_dataset *d, const uint64_t *row, size_t n, const float *x) {
  for (size_t i = 0; i < n; i++, x += d->row_elements) {
    int bad = 0; /* counted without leaving the loop, so that it vectorises */
    for (size_t j = 0; j < d->row_elements; j++) bad |= !(fabsf(x[j]) <= FLT_MAX);
    if (!bad) continue;
    size_t j = first_bad(x, d->row_elements);
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s': row %llu, channel %zu, pixel %zu is %s%s; leave such rows out with data.rows, or "
             "repair "
             "the file",
             d->name, d->path, (unsigned long long)(d->info.first + row[i]), j % d->channels, j / d->channels,
             isnan(x[j]) ? "NaN"
             : x[j] > 0  ? "infinity"
                         : "-infinity",
             !isnan(x[j]) && d->element.number == DSM__F64 ? " (or too large for float32)" : "");
  }
  return DSM_OK;
}
