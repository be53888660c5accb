/* x = mean + L z,  L L^T = covariance (Cholesky),  z standard normal. */
#include <math.h>
#include <stdlib.h>

#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "make.h"

enum { DIMENSION_MAX = 4096 };

/* L (d x d, lower) and room for z, in one block. */
typedef struct gaussian {
  double *l;
  float *z;
} gaussian;

static dsm_status cholesky(const double *a, size_t d, double *l) {
  for (size_t j = 0; j < d; j++)
    for (size_t i = j; i < d; i++) {
      double s = a[i * d + j], mirror = a[j * d + i];
      if (!isfinite(s) || fabs(s - mirror) > 1e-9 * (fabs(s) + fabs(mirror)))
        DSM_FAIL(DSM_USAGE, "the covariance is not symmetric at (%zu, %zu): %g and %g", i, j, s, mirror);
      for (size_t k = 0; k < j; k++) s -= l[i * d + k] * l[j * d + k];
      if (i == j && !(s > 0))
        DSM_FAIL(DSM_USAGE, "the covariance is not positive definite (pivot %zu is %g)", i, s);
      l[i * d + j] = i == j ? sqrt(s) : s / l[j * d + j];
    }
  return DSM_OK;
}

static dsm_status begin(const dsm_make_params *p, int *rank, uint64_t *dims, const char **axes,
                        void **state) {
  size_t d = p->dimension;
  if (d < 1 || d > DIMENSION_MAX)
    DSM_FAIL(DSM_USAGE, "a Gaussian of %zu dimensions was asked for; 1 to %d can be made", d,
             (int)DIMENSION_MAX);
  for (size_t i = 0; p->mean && i < d; i++)
    if (!isfinite(p->mean[i])) DSM_FAIL(DSM_USAGE, "mean %zu is not a finite number", i);
  size_t head = (sizeof(gaussian) + 7) / 8;
  double *block;
  DSM_TRY(DSM_ALLOC(head + d * d + d, &block));
  *state = block;
  gaussian *g = (gaussian *)(void *)block;
  g->l = block + head;
  g->z = (float *)(void *)(block + head + d * d);
  if (p->covariance)
    DSM_TRY(cholesky(p->covariance, d, g->l));
  else
    for (size_t i = 0; i < d; i++) g->l[i * d + i] = 1;
  *rank = 2;
  dims[1] = d;
  *axes = "NC";
  return DSM_OK;
}

static void fill(const dsm_make_params *p, void *state, uint64_t sample, float *x) {
  const gaussian *g = state;
  size_t d = p->dimension;
  dsm_random_normal((dsm_random_key){p->seed, DSM_STREAM_DATA, 0, sample}, 0, d, g->z);
  for (size_t i = 0; i < d; i++) {
    double s = p->mean ? p->mean[i] : 0;
    for (size_t k = 0; k <= i; k++) s += g->l[i * d + k] * g->z[k];
    x[i] = (float)s;
  }
}

static dsm_status describe(const dsm_make_params *p, dsm__writer *w) {
  uint64_t n[2] = {p->dimension, p->dimension};
  if (p->mean) DSM_TRY(dsm__writer_reals(w, "mean", 1, n, p->mean));
  if (p->covariance) DSM_TRY(dsm__writer_reals(w, "covariance", 2, n, p->covariance));
  DSM_TRY(dsm__writer_text(
      w, "law", "normal with the attributes mean (zero if missing) and covariance (unit if missing)"));
  return DSM_OK;
}

const dsm__maker dsm__make_gaussian = {"gaussian", begin, fill, NULL, describe};
