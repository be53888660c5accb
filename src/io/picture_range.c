#include <math.h>
#include <stdlib.h>
#include "dsmpi/io.h"
#include "dsmpi/memory.h"

enum { SORTED = 1 << 18 };

static int ascending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

dsm_status dsm_value_range(const float *x, size_t pixels, size_t channels, size_t c, double outer,
                           double at[2], size_t *finite) {
  const size_t stride = pixels / SORTED + 1;
  float *value;
  size_t n = 0;
  *finite = 0;
  DSM_TRY(DSM_ALLOC(pixels / stride + 1, &value));
  for (size_t i = 0; i < pixels; i++) {
    const float v = x[i * channels + c];
    if (isfinite(v) && (*finite)++ % stride == 0) value[n++] = v;
  }
  qsort(value, n, sizeof *value, ascending);
  at[0] = n ? value[(size_t)floor(outer * (double)(n - 1))] : 0;
  at[1] = n ? value[(size_t)ceil((1 - outer) * (double)(n - 1))] : 0;
  free(value);
  return DSM_OK;
}
