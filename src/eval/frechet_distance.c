#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/eval.h"
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "frechet.h"

dsm_status dsm__frechet_by_root(const double *mean_a, const double *a, const double *mean_b, const double *b,
                                const double *root_b, size_t d, double *distance) {
  double sum = 0, trace;
  DSM_TRY(dsm_trace_of_root(root_b, a, d, &trace));
  for (size_t i = 0; i < d; i++) {
    const double shift = mean_a[i] - mean_b[i];
    sum += shift * shift + a[i * d + i] + b[i * d + i];
  }
  *distance = sum - 2 * trace;
  return DSM_OK;
}

dsm_status dsm_frechet_distance(const double *mean_a, const double *a, const double *mean_b, const double *b,
                                size_t d, double *distance) {
  dsm_status status = DSM_OK;
  double *root = NULL;
  DSM_TRY_DONE(DSM_ALLOC(d * d, &root));
  memcpy(root, b, d * d * sizeof *root);
  DSM_TRY_DONE(dsm_symmetric_root(root, d));
  DSM_TRY_DONE(dsm__frechet_by_root(mean_a, a, mean_b, b, root, d, distance));
done:
  free(root);
  return status;
}

double dsm_shrink_covariance(double *s, size_t d, double n) {
  const double p = (double)d;
  double trace = 0, square = 0;
  for (size_t i = 0; i < d; i++) trace += s[i * d + i];
  for (size_t i = 0; i < d * d; i++) square += s[i] * s[i];
  const double rest = (n + 1 - 2 / p) * (square - trace * trace / p),
               r = rest > 0 ? fmin(1, ((1 - 2 / p) * square + trace * trace) / rest) : 1;
  for (size_t i = 0; i < d * d; i++) s[i] *= 1 - r;
  for (size_t i = 0; i < d; i++) s[i * d + i] += r * trace / p;
  return r;
}
