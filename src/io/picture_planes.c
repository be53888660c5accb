#include <stdlib.h>
#include <string.h>
#include "dsmpi/io.h"
#include "dsmpi/memory.h"

/* Where the middle plane begins in a sample. */
static size_t middle(dsm_shape s) {
  size_t plane = 0;
  for (int axis = 0; axis < s.rank - 3; axis++) plane = plane * s.n[axis] + s.n[axis] / 2;
  return plane * s.n[s.rank - 3] * s.n[s.rank - 2] * s.n[s.rank - 1];
}

dsm_status dsm_picture_planes(const float *x, size_t count, dsm_shape sample, const double *low,
                              const double *high, size_t columns, size_t zoom, dsm_picture *picture) {
  *picture = (dsm_picture){0};
  DSM_ASSERT(dsm_picture_kind_of(sample) == DSM_PICTURE_PLANES);
  const size_t *n = sample.n + (sample.rank - 3);
  const size_t size = n[0] * n[1] * n[2], d = dsm_shape_count(sample);
  float *planes = NULL;
  if (sample.rank > 3) DSM_TRY(DSM_ALLOC(count * size, &planes));
  for (size_t i = 0; planes && i < count; i++)
    memcpy(planes + i * size, x + i * d + middle(sample), size * sizeof *x);
  const dsm_status status =
      dsm_picture_grid(planes ? planes : x, count, n[0], n[1], n[2], low, high, columns, zoom, picture);
  free(planes);
  DSM_TRY(status);
  return DSM_OK;
}
