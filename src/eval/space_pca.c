/* Principal axes of the reference, from some of its rows: eigenvectors of their covariance, or, where a row has more
 * numbers than there are rows, of the matrix of their scalar products, which has the same eigenvalues. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"
#include "internal.h"

enum {
  ROWS = 2048 /* used */,
  BLOCK = 64 /* rows projected at a time */,
  FAIR = 10 /* rows of the reference for each number of a row; with fewer, the floor is too low */
};

static void project(const dsm__space *s, const float *x, size_t n, float *y) {
  const size_t m = s->elements;
  double *centred = s->work, *along = s->work + BLOCK * m;
  for (size_t done = 0; done < n; done += BLOCK) {
    const size_t rows = n - done < BLOCK ? n - done : BLOCK;
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < m; j++) centred[i * m + j] = (double)x[(done + i) * m + j] - s->mean[j];
    dsm_matrix_rows_product(centred, s->basis, rows, s->d, m, along);
    for (size_t i = 0; i < rows * s->d; i++) y[done * s->d + i] = (float)along[i];
  }
}

/* Axes of the centred rows x (n, m), into s->basis; the share of the variance along them. */
static dsm_status axes_of(dsm__space *s, const double *x, size_t n, double *share) {
  dsm_status status = DSM_OK;
  const size_t m = s->elements, side = m <= n ? m : n;
  double *matrix = NULL, *w = NULL, sum = 0, kept = 0;
  DSM_TRY_DONE(DSM_ALLOC(side * side, &matrix));
  DSM_TRY_DONE(DSM_ALLOC(side, &w));
  if (m <= n)
    dsm_matrix_outer_sum(x, n, m, matrix);
  else
    dsm_matrix_rows_product(x, x, n, n, m, matrix);
  DSM_TRY_DONE(dsm_symmetric_eigen(matrix, side, true, w));
  for (size_t k = 0; k < side; k++) sum += fmax(w[k], 0);
  for (size_t k = 0; k < s->d; k++) {
    const double *u = matrix + (side - 1 - k) * side; /* the largest eigenvalues are the last */
    double *v = s->basis + k * m, square = 0;
    kept += fmax(w[side - 1 - k], 0);
    if (m <= n) {
      for (size_t j = 0; j < m; j++) v[j] = u[j];
      continue;
    }
    dsm_matrix_product(u, x, 1, m, n, v);
    for (size_t j = 0; j < m; j++) square += v[j] * v[j];
    for (size_t j = 0; j < m; j++) v[j] /= square > 0 ? sqrt(square) : 1;
  }
  *share = sum > 0 ? kept / sum : 1;
done:
  free(matrix);
  free(w);
  return status;
}

static dsm_status make(dsm__space *s, double *x, size_t n, double *share) {
  for (size_t j = 0; j < s->elements; j++) s->mean[j] = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < s->elements; j++) s->mean[j] += x[i * s->elements + j] / (double)n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < s->elements; j++) x[i * s->elements + j] -= s->mean[j];
  DSM_TRY(axes_of(s, x, n, share));
  return DSM_OK;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

dsm_status dsm__space_pca(dsm__eval *e, dsm__pair *raw, dsm__space *s) {
  dsm_status status = DSM_OK;
  const size_t m = raw->space.d, n = least(raw->view[DSM__REFERENCE].rows, ROWS);
  double *x = NULL, share = 0;
  *s = (dsm__space){.name = "pca", .elements = m, .map = project};
  s->d = s->channels = least(e->options->components, least(m, n - 1));
  status = DSM_ALLOC(m, &s->mean);
  if (status == DSM_OK) status = DSM_ALLOC(s->d * m, &s->basis);
  if (status == DSM_OK) status = DSM_ALLOC(BLOCK * (m + s->d), &s->work);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  /* one rank for all, as processors of several kinds may round eigenvectors differently */
  if (dsm_comm_rank(e->comm) == 0) {
    status = dsm__draw_vectors(e, &raw->view[DSM__REFERENCE], n, &x);
    if (status == DSM_OK) status = make(s, x, n, &share);
  }
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm_comm_broadcast(e->comm, s->mean, m * sizeof *s->mean, 0));
  DSM_TRY_DONE(dsm_comm_broadcast(e->comm, s->basis, s->d * m * sizeof *s->basis, 0));
  DSM_TRY_DONE(dsm_comm_broadcast(e->comm, &share, sizeof share, 0));
  snprintf(s->text, sizeof s->text,
           "along the first %zu principal axes of %zu rows of the reference, %.4g %% of their variance", s->d,
           n, 100 * share);
  if (raw->view[DSM__REFERENCE].rows / m < FAIR)
    dsm_append(s->text, sizeof s->text,
               "; the reference, of which the floor is made too, has fewer than %d rows for each of %zu "
               "numbers, and axes follow the rows that they are fitted to: perfect samples may be further "
               "than the floor",
               (int)FAIR, m);
done:
  free(x);
  return status;
}
