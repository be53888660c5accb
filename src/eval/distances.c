#include "distances.h"

#include <math.h>
#include "dsmpi/linear_algebra.h"

static double square(const double *x, size_t d) {
  double sum[4] = {0}; /* in a fixed order that vectorises */
  size_t j = 0;
  for (; j + 4 <= d; j += 4)
    for (size_t l = 0; l < 4; l++) sum[l] += x[j + l] * x[j + l];
  for (; j < d; j++) sum[0] += x[j] * x[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void dsm__squared_distances(const double *x, size_t n, const double *y, size_t ny, size_t d, double *out) {
  double of_x[DSM__BLOCK];
  DSM_ASSERT(n <= DSM__BLOCK);
  dsm_matrix_rows_product(x, y, n, ny, d, out);
  for (size_t i = 0; i < n; i++) of_x[i] = square(x + i * d, d);
  for (size_t j = 0; j < ny; j++) {
    const double of_y = square(y + j * d, d);
    for (size_t i = 0; i < n; i++) out[i * ny + j] = fmax(of_x[i] + of_y - 2 * out[i * ny + j], 0);
  }
}
