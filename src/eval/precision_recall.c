/* Precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991): a set stands for the balls around its rows that reach to
 * the k-th nearest other row; precision is the share of samples in the balls of the reference, recall the other way round. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "distances.h"
#include "dsmpi/memory.h"
#include "internal.h"

typedef struct manifold {
  const double *x, *query; /* (n, d), (queries, d) */
  size_t n, queries, d, k;
  const double *radius; /* (n) squared */
  double *room;         /* (DSM__BLOCK, n) */
} manifold;

/* The k-th smallest of the numbers but that at `self`. */
static double kth_smallest(const double *x, size_t n, size_t self, size_t k) {
  double best[64];
  size_t held = 0;
  for (size_t j = 0; j < n; j++) {
    if (j == self || (held == k && x[j] >= best[k - 1])) continue;
    size_t at = held < k ? held++ : k - 1;
    for (; at > 0 && best[at - 1] > x[j]; at--) best[at] = best[at - 1];
    best[at] = x[j];
  }
  return best[held - 1];
}

/* Squared radii of one block of rows. */
static dsm_status radii(void *self, size_t task, double *out) {
  const manifold *m = self;
  const size_t first = task * DSM__BLOCK, n = m->n - first < DSM__BLOCK ? m->n - first : DSM__BLOCK;
  dsm__squared_distances(m->x + first * m->d, n, m->x, m->n, m->d, m->room);
  for (size_t i = 0; i < n; i++) out[i] = kth_smallest(m->room + i * m->n, m->n, first + i, m->k);
  return DSM_OK;
}

/* How many queries of one block lie in a ball. */
static dsm_status inside(void *self, size_t task, double *out) {
  const manifold *m = self;
  const size_t first = task * DSM__BLOCK,
               n = m->queries - first < DSM__BLOCK ? m->queries - first : DSM__BLOCK;
  dsm__squared_distances(m->query + first * m->d, n, m->x, m->n, m->d, m->room);
  *out = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m->n; j++)
      if (m->room[i * m->n + j] <= m->radius[j]) {
        ++*out;
        break;
      }
  return DSM_OK;
}

static size_t blocks_of(size_t rows) {
  return (rows + DSM__BLOCK - 1) / DSM__BLOCK;
}

/* Share of the queries in the balls of x. */
static dsm_status coverage(dsm__eval *e, const double *x, size_t n, const double *query, size_t queries,
                           size_t d, double *share) {
  dsm_status status = DSM_OK;
  manifold m = {.x = x, .query = query, .n = n, .queries = queries, .d = d, .k = e->options->neighbours};
  double *radius = NULL, *hits = NULL, sum = 0;
  status = DSM_ALLOC(DSM__BLOCK * n, &m.room);
  if (status == DSM_OK) status = DSM_ALLOC(blocks_of(n) * DSM__BLOCK, &radius);
  if (status == DSM_OK) status = DSM_ALLOC(blocks_of(queries), &hits);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__tasks(e, blocks_of(n), DSM__BLOCK, radii, &m, radius));
  m.radius = radius;
  DSM_TRY_DONE(dsm__tasks(e, blocks_of(queries), 1, inside, &m, hits));
  for (size_t t = 0; t < blocks_of(queries); t++) sum += hits[t];
  *share = sum / (double)queries;
done:
  free(m.room);
  free(radius);
  free(hits);
  return status;
}

static double binomial_error(double p, size_t n) {
  return n > 1 ? sqrt(p * (1 - p) / (double)(n - 1)) : (double)NAN;
}

/* Precision and recall of a among b. */
static dsm_status both(dsm__eval *e, const dsm__two *two, dsm_figure figure[2]) {
  double precision, recall;
  DSM_TRY(coverage(e, two->b, two->nb, two->a, two->na, two->d, &precision));
  DSM_TRY(coverage(e, two->a, two->na, two->b, two->nb, two->d, &recall));
  figure[0] = (dsm_figure){precision, binomial_error(precision, two->na), two->na, two->nb};
  figure[1] = (dsm_figure){recall, binomial_error(recall, two->nb), two->na, two->nb};
  return DSM_OK;
}

dsm_status dsm__precision_recall(dsm__eval *e, dsm__pair *pair) {
  static const char *const names[] = {"precision", "recall"};
  dsm_status status = DSM_OK;
  const size_t k = e->options->neighbours;
  dsm__drawn drawn;
  dsm_figure value[2], floor[2];
  DSM_TRY_DONE(dsm__draw_pair(e, pair, dsm__rows_of_pairs(e, pair->space.d), true, &drawn));
  if (drawn.value.na <= k || drawn.value.nb <= k)
    DSM_FAIL_DONE(
        DSM_BAD_DATA,
        "precision_recall: %zu samples and %zu rows of the reference have no %zu-th neighbours; give "
        "more, or a smaller --neighbours",
        drawn.value.na, drawn.value.nb, k);
  DSM_TRY_DONE(both(e, &drawn.value, value));
  floor[0] = floor[1] = (dsm_figure){(double)NAN, (double)NAN, 0, 0};
  if (drawn.floor.na > k && drawn.floor.nb > k) DSM_TRY_DONE(both(e, &drawn.floor, floor));
  for (size_t i = 0; i < 2; i++) {
    dsm_eval_row *row = dsm__row(e, names[i], pair, value[i], floor[i]);
    dsm__row_number(row, "neighbours", (double)k);
    if (i == 0)
      snprintf(row->protocol, sizeof row->protocol,
               "Precision: share of the samples within the balls around rows of the reference that reach to "
               "their k-th nearest other row, k = %zu; recall: the other way round. Rows drawn at random; "
               "both depend on n. Error: binomial over the rows that are looked up, the balls being given",
               k);
  }
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
