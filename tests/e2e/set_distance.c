#include "set_distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BISECTIONS = 60 /* of an interval as long as the largest eigenvalue: float64 has 53 bits */ };
static const double pi = 3.14159265358979323846,
                    singular = 1e-13; /* a pivot below that part of the trace is none */

/* ---- sliced Wasserstein-2 ---- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void choose_direction(size_t j, size_t directions, size_t d, float *u) {
  double square = 0;
  if (d == 2) {
    u[0] = (float)cos(pi * (double)j / (double)directions);
    u[1] = (float)sin(pi * (double)j / (double)directions);
    return;
  }
  dsm_random_normal((dsm_random_key){0, DSM_STREAM_PROJECTION, 0, j}, 0, d, u);
  for (size_t i = 0; i < d; i++) square += (double)u[i] * (double)u[i];
  for (size_t i = 0; i < d; i++) u[i] = (float)((double)u[i] / sqrt(square));
}

dsm_status projections_create(const float *x, size_t n, size_t d, size_t directions, projections *p) {
  dsm_status status = DSM_OK;
  float *u = NULL;
  *p = (projections){n, directions, NULL};
  DSM_TRY_DONE(DSM_ALLOC(d, &u));
  DSM_TRY_DONE(DSM_ALLOC(n * directions, &p->value));
  for (size_t j = 0; j < directions; j++) {
    double *value = p->value + j * n;
    choose_direction(j, directions, d, u);
    for (size_t i = 0; i < n; i++)
      for (size_t k = 0; k < d; k++) value[i] += (double)u[k] * (double)x[i * d + k];
    qsort(value, n, sizeof *value, ascending);
  }
done:
  free(u);
  if (status != DSM_OK) projections_destroy(p);
  return status;
}

void projections_destroy(projections *p) {
  free(p->value);
  *p = (projections){.value = NULL};
}

/* Both quantile functions are steps; between two neighbouring jumps of either nothing changes. */
static double squared_distance(const double *a, size_t n, const double *b, size_t m) {
  double sum = 0, q = 0;
  for (size_t i = 0, j = 0; i < n && j < m;) {
    const double end_a = (double)(i + 1) / (double)n, end_b = (double)(j + 1) / (double)m;
    const double end = fmin(end_a, end_b), apart = a[i] - b[j];
    sum += (end - q) * apart * apart;
    q = end;
    i += end_a <= end, j += end_b <= end;
  }
  return sum;
}

double sliced_distance(const projections *a, const projections *b) {
  double sum = 0;
  DSM_ASSERT(a->directions == b->directions);
  for (size_t j = 0; j < a->directions; j++)
    sum += squared_distance(a->value + j * a->n, a->n, b->value + j * b->n, b->n);
  return sqrt(sum / (double)a->directions);
}

/* ---- Frechet ---- */

dsm_status moments_create(const float *x, size_t n, size_t d, moments *m) {
  dsm_status status = DSM_OK;
  double *away = NULL;
  *m = (moments){.d = d};
  DSM_TRY_DONE(DSM_ALLOC(d, &m->mean));
  DSM_TRY_DONE(DSM_ALLOC(d * d, &m->covariance));
  DSM_TRY_DONE(DSM_ALLOC(d, &away));
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) m->mean[k] += (double)x[i * d + k] / (double)n;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) away[k] = (double)x[i * d + k] - m->mean[k];
    for (size_t k = 0; k < d; k++)
      for (size_t l = 0; l < d; l++) m->covariance[k * d + l] += away[k] * away[l] / (double)(n - 1);
  }
done:
  free(away);
  if (status != DSM_OK) moments_destroy(m);
  return status;
}

void moments_destroy(moments *m) {
  free(m->mean);
  free(m->covariance);
  *m = (moments){.d = 0};
}

static double trace(const double *a, size_t d) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k * d + k];
  return sum;
}

/* a = L L^T, L over a, its upper triangle zero. Where a is singular, so is L: a column of zeros. */
static void cholesky(double *a, size_t d) {
  const double least = singular * trace(a, d);
  for (size_t k = 0; k < d; k++) {
    const double root = a[k * d + k] > least ? sqrt(a[k * d + k]) : 0;
    for (size_t i = k; i < d; i++) a[i * d + k] = root > 0 ? a[i * d + k] / root : 0;
    for (size_t i = k + 1; i < d; i++)
      for (size_t j = k + 1; j <= i; j++) a[i * d + j] -= a[i * d + k] * a[j * d + k];
    for (size_t j = k + 1; j < d; j++) a[k * d + j] = 0;
  }
}

/* out = L^T b L for a lower L; `half` (d, d) is room for b L. */
static void between(const double *l, const double *b, size_t d, double *half, double *out) {
  memset(half, 0, d * d * sizeof *half);
  memset(out, 0, d * d * sizeof *out);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++)
      for (size_t j = 0; j <= k; j++) half[i * d + j] += b[i * d + k] * l[k * d + j];
  for (size_t k = 0; k < d; k++)
    for (size_t i = 0; i <= k; i++)
      for (size_t j = 0; j < d; j++) out[i * d + j] += l[k * d + i] * half[k * d + j];
}

/* Householder's reflections make the symmetric a tridiagonal: diagonal (d) and side (d, the first 0). `v` and `w` (d) are room.
 * With a unit vector v:  (1 - 2 v v^T) a (1 - 2 v v^T) = a - 2 v w^T - 2 w v^T,  w = a v - (v^T a v) v. */
static void tridiagonal(double *a, size_t d, double *v, double *w, double *diagonal, double *side) {
  for (size_t k = 0; k + 1 < d; k++) {
    double square = 0, inner = 0;
    diagonal[k] = a[k * d + k];
    for (size_t i = k + 1; i < d; i++) square += a[i * d + k] * a[i * d + k];
    side[k + 1] = a[(k + 1) * d + k] > 0 ? -sqrt(square) : sqrt(square);
    for (size_t i = k + 1; i < d; i++) v[i] = a[i * d + k] - (i == k + 1 ? side[k + 1] : 0);
    const double length = sqrt(2 * (square - side[k + 1] * a[(k + 1) * d + k]));
    if (!(length > 0)) continue;
    for (size_t i = k + 1; i < d; i++) v[i] /= length;
    for (size_t i = k + 1; i < d; i++) {
      w[i] = 0;
      for (size_t j = k + 1; j < d; j++) w[i] += a[i * d + j] * v[j];
      inner += v[i] * w[i];
    }
    for (size_t i = k + 1; i < d; i++) w[i] -= inner * v[i];
    for (size_t i = k + 1; i < d; i++)
      for (size_t j = k + 1; j < d; j++) a[i * d + j] -= 2 * (v[i] * w[j] + w[i] * v[j]);
  }
  diagonal[d - 1] = a[d * d - 1];
}

/* How many eigenvalues are below x: the negative pivots of T - x (Sturm). */
static size_t eigenvalues_below(const double *diagonal, const double *side, size_t d, double x) {
  size_t count = 0;
  double pivot = 1;
  for (size_t k = 0; k < d; k++) {
    pivot = diagonal[k] - x - side[k] * side[k] / pivot;
    if (pivot == 0) pivot = -1e-300;
    count += pivot < 0;
  }
  return count;
}

/* Sum of the roots of the eigenvalues of the positive semidefinite T; each by bisection, from 0 to their sum. */
static double sum_of_roots(const double *diagonal, const double *side, size_t d) {
  double sum = 0, all = 0;
  for (size_t k = 0; k < d; k++) all += diagonal[k];
  for (size_t k = 0; k < d; k++) {
    double low = 0, high = all * (1 + 1e-9);
    for (int b = 0; b < BISECTIONS; b++) {
      const double middle = (low + high) / 2;
      if (eigenvalues_below(diagonal, side, d, middle) > k)
        high = middle;
      else
        low = middle;
    }
    sum += sqrt(low);
  }
  return sum;
}

/* A B has the eigenvalues of L^T B L, A = L L^T, which is symmetric. */
dsm_status frechet_distance(const moments *a, const moments *b, double *distance) {
  dsm_status status = DSM_OK;
  const size_t d = a->d;
  double *l = NULL, *half = NULL, *product = NULL, *row = NULL, square = 0;
  DSM_ASSERT(b->d == d);
  DSM_TRY_DONE(DSM_ALLOC(d * d, &l));
  DSM_TRY_DONE(DSM_ALLOC(d * d, &half));
  DSM_TRY_DONE(DSM_ALLOC(d * d, &product));
  DSM_TRY_DONE(DSM_ALLOC(4 * d, &row));
  memcpy(l, a->covariance, d * d * sizeof *l);
  cholesky(l, d);
  between(l, b->covariance, d, half, product);
  tridiagonal(product, d, row, row + d, row + 2 * d, row + 3 * d);
  for (size_t k = 0; k < d; k++) square += pow(a->mean[k] - b->mean[k], 2);
  *distance = square + trace(a->covariance, d) + trace(b->covariance, d) -
              2 * sum_of_roots(row + 2 * d, row + 3 * d, d);
done:
  free(l);
  free(half);
  free(product);
  free(row);
  return status;
}

/* ---- files ---- */

dsm_status read_rows(const char *path, const char *rows, float **x, size_t *n, size_t *d) {
  dsm_status status = DSM_OK;
  dsm_dataset *set = NULL;
  uint64_t *row = NULL;
  *x = NULL;
  DSM_TRY(dsm_dataset_open(path, "/samples", "", rows, &set));
  const dsm_dataset_info *info = dsm_dataset_info_of(set);
  *n = (size_t)info->rows;
  *d = dsm_shape_count(info->sample);
  DSM_TRY_DONE(DSM_ALLOC(*n, &row));
  DSM_TRY_DONE(DSM_ALLOC(*n * *d, x));
  for (size_t i = 0; i < *n; i++) row[i] = i;
  DSM_TRY_DONE(dsm_dataset_read(set, row, *n, *x));
done:
  free(row);
  dsm_dataset_close(&set);
  return status;
}
