/* Float64 matrices through BLAS and the LAPACK that comes with OpenBLAS. Its own header for LAPACK is not in every
 * package, so the one routine needed is declared here, as Fortran compilers call it. */
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "products.h"

/* Divide and conquer for a symmetric matrix. The two last arguments are the lengths of the texts. */
extern void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *w,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info,
                    size_t job_length, size_t triangle_length);

enum { SIDE_MAX = 32768 /* keeps n^2 within int */ };

static int blas_int(size_t n) {
  DSM_ASSERT(n <= INT_MAX);
  return (int)n;
}

/* ---- products ------------------------------------------------------------------------------------------ */

static void product(CBLAS_TRANSPOSE turn_b, const double *a, const double *b, size_t m, size_t n, size_t k,
                    double *c) {
  dsm__blas_start();
  cblas_dgemm(CblasRowMajor, CblasNoTrans, turn_b, blas_int(m), blas_int(n), blas_int(k), 1, a, blas_int(k),
              b, blas_int(turn_b == CblasTrans ? k : n), 0, c, blas_int(n));
}

void dsm_matrix_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c) {
  product(CblasNoTrans, a, b, m, n, k, c);
}

void dsm_matrix_rows_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c) {
  product(CblasTrans, a, b, m, n, k, c);
}

void dsm_matrix_outer_sum(const double *x, size_t n, size_t d, double *c) {
  dsm__blas_start();
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, blas_int(d), blas_int(n), 1, x, blas_int(d), 0, c,
              blas_int(d));
}

/* ---- eigenproblems ------------------------------------------------------------------------------------- */

static dsm_status check(const double *a, size_t n) {
  if (n > SIDE_MAX)
    DSM_FAIL(DSM_BAD_DATA, "an eigenproblem of %zu x %zu is beyond the %d x %d that can be solved here", n, n,
             (int)SIDE_MAX, (int)SIDE_MAX);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      if (!isfinite(a[i * n + j]))
        DSM_FAIL(DSM_BAD_DATA, "eigenvalues: entry (%zu, %zu) of the matrix is %g", i, j, a[i * n + j]);
  return DSM_OK;
}

dsm_status dsm_symmetric_eigen(double *a, size_t n, bool vectors, double *w) {
  dsm_status status = DSM_OK;
  double *work = NULL, most;
  int *iwork = NULL, imost, info = 0;
  const int ask = -1, side = (int)n;
  /* a row of ours is a column of Fortran's: our lower triangle is its upper one, its eigenvectors are our rows */
  const char *job = vectors ? "V" : "N", *triangle = "U";
  if (n == 0) return DSM_OK;
  DSM_TRY(check(a, n));
  dsm__blas_start();
  dsyevd_(job, triangle, &side, a, &side, w, &most, &ask, &imost, &ask, &info, 1, 1);
  const int lwork = (int)most, liwork = imost;
  DSM_TRY_DONE(DSM_ALLOC((size_t)lwork, &work));
  DSM_TRY_DONE(DSM_ALLOC((size_t)liwork, &iwork));
  dsyevd_(job, triangle, &side, a, &side, w, work, &lwork, iwork, &liwork, &info, 1, 1);
  if (info != 0)
    DSM_FAIL_DONE(DSM_INTERNAL, "eigenvalues of a %zu x %zu matrix: dsyevd ended with %d", n, n, info);
done:
  free(work);
  free(iwork);
  return status;
}

/* ---- roots --------------------------------------------------------------------------------------------- */

dsm_status dsm_symmetric_root(double *a, size_t n) {
  dsm_status status = DSM_OK;
  double *w = NULL, *scaled = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n, &w));
  DSM_TRY_DONE(DSM_ALLOC(n * n, &scaled));
  DSM_TRY_DONE(dsm_symmetric_eigen(a, n, true, w));
  /* a = sum over k of w_k v_k v_k^T, so its root is y^T y with the rows y_k = w_k^(1/4) v_k */
  for (size_t k = 0; k < n; k++) {
    const double scale = sqrt(sqrt(fmax(w[k], 0)));
    for (size_t j = 0; j < n; j++) scaled[k * n + j] = scale * a[k * n + j];
  }
  dsm_matrix_outer_sum(scaled, n, n, a);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) a[j * n + i] = a[i * n + j];
done:
  free(w);
  free(scaled);
  return status;
}

dsm_status dsm_trace_of_root(const double *r, const double *a, size_t n, double *trace) {
  dsm_status status = DSM_OK;
  double *half = NULL, *whole = NULL, *w = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n * n, &half));
  DSM_TRY_DONE(DSM_ALLOC(n * n, &whole));
  DSM_TRY_DONE(DSM_ALLOC(n, &w));
  dsm_matrix_product(r, a, n, n, n, half);
  dsm_matrix_product(half, r, n, n, n, whole);
  DSM_TRY_DONE(dsm_symmetric_eigen(whole, n, false, w));
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += sqrt(fmax(w[k], 0));
  *trace = sum;
done:
  free(half);
  free(whole);
  free(w);
  return status;
}
