#include <math.h>
#include <stdlib.h>
#include "internal.h"

enum { SIDE = 1024, REPEATS = 5 };
static const size_t STREAM = (size_t)16 << 20; /* floats */

dsm_status dsm__machine_limits(int threads, double *gflops, double *gbytes) {
  dsm_status status = DSM_OK;
  float *a = NULL, *b = NULL;
  void *scratch = NULL;
  const dsm_matmul product = {.batch = 1, .m = SIDE, .n = SIDE, .k = SIDE, .alpha = 1.0f};
  dsm_kernels kernels, *k = &kernels;
  DSM_TRY_DONE(dsm_kernels_fast(k, threads, NULL));
  DSM_TRY_DONE(DSM_ALLOC(STREAM, &a));
  DSM_TRY_DONE(DSM_ALLOC(STREAM, &b));
  DSM_TRY_DONE(dsm_alloc(k->matmul_scratch(k, &product), 1, &scratch));
  for (size_t i = 0; i < STREAM; i++) a[i] = b[i] = 1.0f / (float)(1 + i % 7);
  double fastest_product = INFINITY, fastest_stream = INFINITY;
  for (int i = 0; i < REPEATS; i++) {
    double start = dsm_seconds();
    k->matmul(k, &product, a + 2 * SIDE * SIDE, b, a, scratch);
    fastest_product = fmin(fastest_product, dsm_seconds() - start);
    start = dsm_seconds();
    k->affine(k, b, a, 2.0f, 0.0f, STREAM);
    fastest_stream = fmin(fastest_stream, dsm_seconds() - start);
  }
  *gflops = 2.0 * SIDE * SIDE * SIDE / fastest_product * 1e-9;
  *gbytes = 2.0 * (double)STREAM * sizeof(float) / fastest_stream * 1e-9;
done:
  free(a);
  free(b);
  free(scratch);
  return status;
}
