#include "dsmpi/normalization.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"

dsm_status dsm_normalization_create(size_t channels, dsm_normalization *n) {
  memset(n, 0, sizeof *n);
  if (channels < 1 || channels > DSM_CHANNELS_MAX)
    DSM_FAIL(DSM_BAD_DATA, "%zu channels; dsmpi takes 1 to %d (is the right axis called C in data.axes?)",
             channels, (int)DSM_CHANNELS_MAX);
  double *block;
  DSM_TRY(DSM_ALLOC(4 * channels, &block)); /* one block; shift owns it */
  n->channels = channels;
  n->shift = block;
  n->scale = block + channels;
  n->min = block + 2 * channels;
  n->max = block + 3 * channels;
  for (size_t c = 0; c < channels; c++) {
    n->scale[c] = 1;
    n->min[c] = -INFINITY;
    n->max[c] = INFINITY;
  }
  return DSM_OK;
}

void dsm_normalization_destroy(dsm_normalization *n) {
  free(n->shift);
  memset(n, 0, sizeof *n);
}

/* float64 inside: the shift may be far larger than the spread (temperatures in kelvin, pressures in pascal).
 * A single channel has a loop of its own, as the other one vectorises over channels only. */
void dsm_normalize_values(const dsm_normalization *n, float *x, size_t pixels) {
  if (n->channels == 1) {
    double shift = n->shift[0], scale = n->scale[0];
    for (size_t p = 0; p < pixels; p++) x[p] = (float)((x[p] - shift) / scale);
    return;
  }
  for (size_t p = 0; p < pixels; p++, x += n->channels)
    for (size_t c = 0; c < n->channels; c++) x[c] = (float)((x[c] - n->shift[c]) / n->scale[c]);
}

void dsm_denormalize_values(const dsm_normalization *n, float *x, size_t pixels) {
  for (size_t p = 0; p < pixels; p++, x += n->channels)
    for (size_t c = 0; c < n->channels; c++) x[c] = (float)(x[c] * n->scale[c] + n->shift[c]);
}

void dsm_normalized_range(const dsm_normalization *n, size_t c, double *min, double *max) {
  *min = (n->min[c] - n->shift[c]) / n->scale[c];
  *max = (n->max[c] - n->shift[c]) / n->scale[c];
}
