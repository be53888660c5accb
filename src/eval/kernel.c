/* Kernel distance: the unbiased MMD^2 with the kernel (x.y / d + 1)^3 of KID (Binkowski et al. 2018, arXiv:1801.01401), mean
 * over subsets that share no row. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "catalogue.h"
#include "distances.h"
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "internal.h"

enum { SUBSETS_MAX = 10, ROWS_MIN = 10 /* of a subset */, OUT = 3 /* of a subset */ };
/* roundings of the mean kernel that an error has to be, so that its figure is not made of them */
#define DIGITS 1e4

typedef struct kernel {
  const dsm__two *two;
  size_t size;
  double *products, *sums; /* (DSM__BLOCK, size), (4, size) */
} kernel;

/* out[i] = sum over j of k(x_i, y_j); without j = i where both are the same. */
static void row_sums(const kernel *s, const double *x, const double *y, bool same, double *out) {
  const size_t d = s->two->d;
  for (size_t first = 0; first < s->size; first += DSM__BLOCK) {
    const size_t n = s->size - first < DSM__BLOCK ? s->size - first : DSM__BLOCK;
    dsm_matrix_rows_product(x + first * d, y, n, s->size, d, s->products);
    for (size_t i = 0; i < n; i++) {
      double sum = 0;
      for (size_t j = 0; j < s->size; j++) {
        const double u = s->products[i * s->size + j] / (double)d + 1;
        if (!same || j != first + i) sum += u * u * u;
      }
      out[first + i] = sum;
    }
  }
}

/* Out: MMD^2 of one subset, its variance, the mean kernel across. */
static dsm_status subset(void *self, size_t task, double *out) {
  const kernel *s = self;
  const size_t n = s->size;
  const double *a = s->two->a + task * n * s->two->d, *b = s->two->b + task * n * s->two->d;
  row_sums(s, a, a, true, s->sums);
  row_sums(s, a, b, false, s->sums + n);
  row_sums(s, b, b, true, s->sums + 2 * n);
  row_sums(s, b, a, false, s->sums + 3 * n);
  out[0] = dsm_mmd_of_sums(s->sums, s->sums + n, n, s->sums + 2 * n, s->sums + 3 * n, n, &out[1]);
  out[2] = 0;
  for (size_t i = 0; i < n; i++) out[2] += s->sums[n + i] / ((double)n * (double)n);
  return DSM_OK;
}

/* The figure is NAN where the kernel is so large that the difference is made of rounding. */
static dsm_status distance(dsm__eval *e, const dsm__two *two, size_t size, size_t subsets,
                           dsm_figure *figure) {
  dsm_status status = DSM_OK;
  kernel s = {two, size, NULL, NULL};
  double each[SUBSETS_MAX * OUT], mean = 0, variance = 0, size_of_kernel = 0;
  status = DSM_ALLOC(DSM__BLOCK * size, &s.products);
  if (status == DSM_OK) status = DSM_ALLOC(4 * size, &s.sums);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__tasks(e, subsets, OUT, subset, &s, each));
  const double count = (double)subsets;
  for (size_t k = 0; k < subsets; k++) {
    mean += each[OUT * k] / count;
    variance += each[OUT * k + 1] / (count * count);
    size_of_kernel += fabs(each[OUT * k + 2]) / count;
  }
  if (!(sqrt(variance) > DIGITS * DBL_EPSILON * size_of_kernel)) mean = variance = (double)NAN;
  *figure = (dsm_figure){mean, sqrt(variance), size * subsets, size * subsets};
done:
  free(s.products);
  free(s.sums);
  return status;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

dsm_status dsm__kernel(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  dsm__drawn drawn;
  dsm_figure value, floor = {(double)NAN, (double)NAN, 0, 0};
  const size_t wanted = e->options->subset;
  const uint64_t rows = least(dsm__rows_of_pairs(e, pair->space.d) * 10, wanted * SUBSETS_MAX);
  DSM_TRY_DONE(dsm__draw_pair(e, pair, rows, false, &drawn));
  const size_t most = least(drawn.value.na, drawn.value.nb), size = least(wanted, most),
               subsets = least(most / size, SUBSETS_MAX), most_beside = least(drawn.floor.na, drawn.floor.nb),
               size_beside = least(size, most_beside);
  if (size < ROWS_MIN)
    DSM_FAIL_DONE(DSM_BAD_DATA,
                  "kernel: %zu rows on one side are too few for a kernel distance; give %d or more", most,
                  (int)ROWS_MIN);
  DSM_TRY_DONE(distance(e, &drawn.value, size, subsets, &value));
  if (size_beside >= 3)
    DSM_TRY_DONE(
        distance(e, &drawn.floor, size_beside, least(most_beside / size_beside, SUBSETS_MAX), &floor));
  if (isnan(value.value))
    DSM_TRY_DONE(dsm_agree(
        e->comm,
        dsm__note(e->out,
                  "kernel@%s: rows differ by so little beside their size that (x.y/%zu + 1)^3 has no "
                  "digits left for the difference; take kernel@scaled, or mmd",
                  pair->space.name, pair->space.d)));
  dsm_eval_row *row = dsm__row(e, "kernel", pair, value, floor);
  row->ideal = 0;
  dsm__row_number(row, "subset", (double)size);
  dsm__row_number(row, "subsets", (double)subsets);
  snprintf(row->protocol, sizeof row->protocol,
           "Kernel distance: MMD squared and unbiased (it may be negative), kernel (x.y/%zu + 1)^3, mean "
           "over %zu subset%s of "
           "%zu rows of either side, which share no row. Error: of that mean, jackknife over single rows",
           pair->space.d, subsets, subsets == 1 ? "" : "s", size);
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
