/* Maximum mean discrepancy with a Gaussian kernel, as wide as the reference is: its median distance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "distances.h"
#include "dsmpi/memory.h"
#include "internal.h"

enum { MEDIAN_ROWS = 500 };

/* What leaving out row i of n changes; a pair stands in two sums. */
static double without(const double *own, const double *other, size_t i, double n, double within,
                      double across, double m) {
  return (within - 2 * own[i]) / ((n - 1) * (n - 2)) - 2 * (across - other[i]) / ((n - 1) * m);
}

/* Jackknifed variance over the rows; in two passes, as these differ by little where the kernel is large. */
static double variance_without(const double *own, const double *other, size_t rows, double within,
                               double across, double m) {
  const double n = (double)rows;
  double mean = 0, square = 0;
  for (size_t i = 0; i < rows; i++) mean += without(own, other, i, n, within, across, m) / n;
  for (size_t i = 0; i < rows; i++) {
    const double off = without(own, other, i, n, within, across, m) - mean;
    square += off * off;
  }
  return (n - 1) / n * square;
}

double dsm_mmd_of_sums(const double *aa, const double *ab, size_t na, const double *bb, const double *ba,
                       size_t nb, double *variance) {
  const double n = (double)na, m = (double)nb;
  double within_a = 0, within_b = 0, across = 0;
  for (size_t i = 0; i < na; i++) {
    within_a += aa[i];
    across += ab[i];
  }
  for (size_t j = 0; j < nb; j++) within_b += bb[j];
  const double value = within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * across / (n * m);
  if (!variance) return value;
  *variance = (double)NAN;
  if (na < 3 || nb < 3) return value;
  *variance =
      variance_without(aa, ab, na, within_a, across, m) + variance_without(bb, ba, nb, within_b, across, n);
  return value;
}

/* ---- sums of the kernel over rows ------------------------------------------------------------------------ */

typedef struct gaussian {
  const dsm__two *two;
  double factor; /* k = exp(factor |x - y|^2) */
  size_t blocks_of_a;
  double *room; /* (DSM__BLOCK, max(na, nb)) */
} gaussian;

/* out[i] = sum over y of k(x_i, y), but for y = x_i itself, which is the row `self` + i of y (self < 0: is not among them). */
static void row_sums(const gaussian *s, const double *x, size_t n, const double *y, size_t ny, ptrdiff_t self,
                     double *out) {
  dsm__squared_distances(x, n, y, ny, s->two->d, s->room);
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < ny; j++)
      if (self < 0 || j != (size_t)self + i) sum += exp(s->factor * s->room[i * ny + j]);
    out[i] = sum;
  }
}

/* Sums of one block of rows over those of its own set and those of the other. */
static dsm_status block(void *self, size_t task, double *out) {
  const gaussian *s = self;
  const dsm__two *two = s->two;
  const bool of_a = task < s->blocks_of_a;
  const size_t first = (of_a ? task : task - s->blocks_of_a) * DSM__BLOCK,
               own_rows = of_a ? two->na : two->nb, other_rows = of_a ? two->nb : two->na,
               n = own_rows - first < DSM__BLOCK ? own_rows - first : DSM__BLOCK;
  const double *own = of_a ? two->a : two->b, *other = of_a ? two->b : two->a;
  row_sums(s, own + first * two->d, n, own, own_rows, (ptrdiff_t)first, out);
  row_sums(s, own + first * two->d, n, other, other_rows, -1, out + DSM__BLOCK);
  return DSM_OK;
}

/* Takes the sums of blocks (2, DSM__BLOCK) apart into those over own and other rows. */
static void take_apart(const double *blocks, size_t rows, double *own, double *other) {
  for (size_t i = 0; i < rows; i++) {
    const double *at = blocks + i / DSM__BLOCK * 2 * DSM__BLOCK + i % DSM__BLOCK;
    own[i] = at[0];
    other[i] = at[DSM__BLOCK];
  }
}

static dsm_status discrepancy(dsm__eval *e, const dsm__two *two, double width, dsm_figure *figure) {
  dsm_status status = DSM_OK;
  const size_t na = two->na, nb = two->nb, of_a = (na + DSM__BLOCK - 1) / DSM__BLOCK,
               of_b = (nb + DSM__BLOCK - 1) / DSM__BLOCK, step = 2 * DSM__BLOCK;
  gaussian s = {two, -1 / (2 * width * width), of_a, NULL};
  double *blocks = NULL, *sums = NULL, variance;
  status = DSM_ALLOC(DSM__BLOCK * (na > nb ? na : nb), &s.room);
  if (status == DSM_OK) status = DSM_ALLOC((of_a + of_b) * step, &blocks);
  if (status == DSM_OK) status = DSM_ALLOC(2 * (na + nb), &sums);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__tasks(e, of_a + of_b, step, block, &s, blocks));
  take_apart(blocks, na, sums, sums + na);
  take_apart(blocks + of_a * step, nb, sums + 2 * na, sums + 2 * na + nb);
  const double value = dsm_mmd_of_sums(sums, sums + na, na, sums + 2 * na, sums + 2 * na + nb, nb, &variance);
  *figure = (dsm_figure){value, sqrt(variance), na, nb};
done:
  free(s.room);
  free(blocks);
  free(sums);
  return status;
}

/* ---- the width ------------------------------------------------------------------------------------------- */

static int ascending(const void *x, const void *y) {
  const double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

/* Median distance of the first rows of b to each other. */
static dsm_status median_distance(const dsm__two *two, double *median) {
  dsm_status status = DSM_OK;
  const size_t n = two->nb < MEDIAN_ROWS ? two->nb : MEDIAN_ROWS, pairs = n * (n - 1) / 2;
  double *room = NULL, *distance = NULL;
  size_t at = 0;
  DSM_TRY_DONE(DSM_ALLOC(n, &room));
  DSM_TRY_DONE(DSM_ALLOC(pairs, &distance));
  for (size_t i = 0; i < n; i++) {
    dsm__squared_distances(two->b + i * two->d, 1, two->b, n, two->d, room);
    for (size_t j = 0; j < i; j++) distance[at++] = sqrt(room[j]);
  }
  qsort(distance, pairs, sizeof *distance, ascending);
  *median = (distance[(pairs - 1) / 2] + distance[pairs / 2]) / 2;
  if (!(*median > 0))
    DSM_FAIL_DONE(
        DSM_BAD_DATA,
        "mmd: half of the pairs of %zu rows of the reference are equal, so their distance gives the "
        "kernel no width; leave mmd out, or compare in another space",
        n);
done:
  free(room);
  free(distance);
  return status;
}

dsm_status dsm__mmd(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  dsm__drawn drawn;
  dsm_figure value, floor;
  double width = 0;
  DSM_TRY_DONE(dsm__draw_pair(e, pair, dsm__rows_of_pairs(e, pair->space.d), false, &drawn));
  DSM_TRY_DONE(dsm_agree(e->comm, median_distance(&drawn.value, &width)));
  DSM_TRY_DONE(discrepancy(e, &drawn.value, width, &value));
  DSM_TRY_DONE(discrepancy(e, &drawn.floor, width, &floor));
  dsm_eval_row *row = dsm__row(e, "mmd", pair, value, floor);
  row->ideal = 0;
  dsm__row_number(row, "bandwidth", width);
  snprintf(
      row->protocol, sizeof row->protocol,
      "Maximum mean discrepancy, squared and unbiased (it may be negative), kernel exp(-|x-y|^2 / (2 s^2)), "
      "s = %.5g the "
      "median distance of %d rows of the reference; rows drawn at random. Error: jackknife over single rows",
      width, MEDIAN_ROWS);
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
