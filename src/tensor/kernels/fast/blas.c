/* The only file that talks to OpenBLAS. */
#include <cblas.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include "fast.h"

static int blas_int(size_t n) {
  DSM_ASSERT(n <= INT_MAX);
  return (int)n;
}

void dsm__sgemm(size_t m, size_t n, size_t k, float alpha, dsm__operand a, dsm__operand b, float beta,
                float *c, size_t c_pitch) {
  cblas_sgemm(CblasRowMajor, a.transpose ? CblasTrans : CblasNoTrans, b.transpose ? CblasTrans : CblasNoTrans,
              blas_int(m), blas_int(n), blas_int(k), alpha, a.at, blas_int(a.pitch), b.at, blas_int(b.pitch),
              beta, c, blas_int(c_pitch));
}

void dsm__blas_one_thread(void) {
  /* OpenBLAS with OpenMP takes as many threads as omp_get_max_threads() says outside parallel regions, one
   * inside. Our own regions name their number of threads, so this setting is free for OpenBLAS. */
  if (omp_get_max_threads() != 1) omp_set_num_threads(1);
}

const char *dsm_kernels_blas(void) {
  static char text[128];
#pragma omp critical(dsm_kernels_blas)
  if (text[0] == '\0') {
    static const char *const threading[] = {"sequential", "pthreads", "OpenMP"};
    const int kind = openblas_get_parallel();
    char name[32] = "OpenBLAS", version[32] = "";
    sscanf(openblas_get_config(), "%31s %31s", name, version);
    snprintf(text, sizeof text, "%s %s (%s, %s)", name, version, openblas_get_corename(),
             kind >= 0 && kind <= 2 ? threading[kind] : "unknown threading");
  }
  return text;
}
