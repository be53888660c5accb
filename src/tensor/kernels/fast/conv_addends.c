#include "fast.h"

static void add_row(float *restrict y, const float *restrict row, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += row[i];
}

void dsm__add_to_positions(float *y, const dsm_conv2d_addends *add, size_t first, size_t count,
                           size_t positions, size_t channels) {
  if (add == NULL) return;
  for (size_t q = first; q < first + count; q++) {
    float *to = y + q * channels;
    if (add->bias != NULL) add_row(to, add->bias, channels);
    if (add->sample != NULL) add_row(to, add->sample + q / positions * channels, channels);
    if (add->residual != NULL) add_row(to, add->residual + q * channels, channels);
  }
}
