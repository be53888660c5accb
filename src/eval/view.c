#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "internal.h"

static dsm_status check_finite(const dsm__view *v, const uint64_t *row, size_t n, const float *x) {
  const size_t d = v->space->elements;
  for (size_t i = 0; i < n; i++, x += d) {
    int bad = 0; /* counted without leaving the loop, so that it vectorises */
    for (size_t j = 0; j < d; j++) bad |= !(fabsf(x[j]) <= 3.4e38f);
    if (!bad) continue;
    size_t j = 0;
    while (fabsf(x[j]) <= 3.4e38f) j++;
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s': row %llu has the value %g; metrics take finite numbers: leave such rows out with "
             "--rows, or repair the file",
             v->input->dataset, v->input->file,
             (unsigned long long)(dsm_dataset_info_of(v->data)->first + row[i]), (double)x[j]);
  }
  return DSM_OK;
}

static dsm_status make_room(dsm__view *v, size_t n) {
  if (n <= v->room) return DSM_OK;
  free(v->x);
  v->x = NULL;
  v->room = 0;
  DSM_TRY(DSM_ALLOC(n * v->space->elements, &v->x));
  v->room = n;
  return DSM_OK;
}

dsm_status dsm__view_read(dsm__view *v, const uint64_t *row, size_t n, float *y) {
  const dsm__space *s = v->space;
  float *x = y;
  if (v->kept) {
    for (size_t i = 0; i < n; i++) memcpy(y + i * s->d, v->kept + row[i] * s->d, s->d * sizeof *y);
    return DSM_OK;
  }
  if (s->map) {
    DSM_TRY(make_room(v, n));
    x = v->x;
  }
  DSM_TRY(dsm_dataset_read(v->data, row, n, x));
  DSM_TRY(check_finite(v, row, n, x));
  if (s->map) s->map(s, x, n, y);
  return DSM_OK;
}

void dsm__view_close(dsm__view *v) {
  free(v->x);
  v->x = NULL;
  v->room = 0;
}
