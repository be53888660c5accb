/* Precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991): a set stands for the balls around its rows that reach to
 * the k-th nearest other row; precision is the share of samples in the balls of the reference, recall the other way round. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "distances.h"
#include "dsmpi/memory.h"
#include "internal.h"

/* Variants of the balls: of all rows, then without each group of them. */
enum { GROUPS = DSM_EVAL_GROUPS, VARIANTS = 1 + GROUPS, NEIGHBOURS_MAX = 64 };

/* What is summed over queries: how many lie in the balls of each variant, and the jackknifed variance, over the groups of
 * balls, of whether a single query does. */
enum { SINGLE = VARIANTS, FOUND };

typedef struct manifold {
  const double *x, *query; /* (n, d), (queries, d) */
  size_t n, queries, d, k;
  const double *radius; /* (n, VARIANTS) squared */
  double *room;         /* (DSM__BLOCK, n) */
} manifold;

/* ---- the balls ------------------------------------------------------------------------------------------- */

/* The least numbers, ascending. */
typedef struct least {
  double x[NEIGHBOURS_MAX];
  size_t held;
} least;

static void take(least *l, double x, size_t k) {
  if (l->held == k && x >= l->x[k - 1]) return;
  size_t at = l->held < k ? l->held++ : k - 1;
  for (; at > 0 && l->x[at - 1] > x; at--) l->x[at] = l->x[at - 1];
  l->x[at] = x;
}

/* The k-th smallest of the distances but that at `self`: of all, then without each group. The k nearest of each group hold
 * all that are needed. */
static void kth_smallest(const double *distance, size_t n, size_t self, size_t k, double out[VARIANTS]) {
  least of_group[GROUPS];
  for (size_t g = 0; g < GROUPS; g++) of_group[g].held = 0;
  for (size_t j = 0; j < n; j++)
    if (j != self) take(&of_group[DSM__GROUP_OF(j)], distance[j], k);
  for (size_t v = 0; v < VARIANTS; v++) {
    least joined = {.held = 0};
    for (size_t g = 0; g < GROUPS; g++)
      for (size_t i = 0; g + 1 != v && i < of_group[g].held; i++) take(&joined, of_group[g].x[i], k);
    out[v] = joined.held == k ? joined.x[k - 1] : (double)INFINITY;
  }
}

/* Squared radii of one block of rows. */
static dsm_status radii(void *self, size_t task, double *out) {
  const manifold *m = self;
  const size_t first = task * DSM__BLOCK, n = m->n - first < DSM__BLOCK ? m->n - first : DSM__BLOCK;
  dsm__squared_distances(m->x + first * m->d, n, m->x, m->n, m->d, m->room);
  for (size_t i = 0; i < n; i++) kth_smallest(m->room + i * m->n, m->n, first + i, m->k, out + i * VARIANTS);
  return DSM_OK;
}

/* ---- who lies in them ------------------------------------------------------------------------------------ */

/* In the balls of which variants a query lies, one bit each. */
static unsigned covered(const manifold *m, const double *distance) {
  const unsigned all = (1U << VARIANTS) - 1;
  unsigned in = 0;
  for (size_t j = 0; j < m->n && in != all; j++) {
    const double *radius = m->radius + j * VARIANTS;
    for (size_t v = 0; v < VARIANTS; v++)
      in |= (unsigned)(distance[j] <= radius[v] && DSM__GROUP_OF(j) + 1 != v) << v;
  }
  return in;
}

/* Jackknife over the groups of the n rows that make the balls; `without` leaves out one of them. */
static double variance_of_balls(double all, const double without[GROUPS], size_t n, size_t k) {
  double share[GROUPS];
  for (size_t g = 0; g < GROUPS; g++) {
    const size_t rows = n / GROUPS + (g < n % GROUPS);
    share[g] = n - rows > k ? (double)rows / (double)n : 0; /* 0: passed over */
  }
  return dsm_jackknife(all, without, share, GROUPS, NULL);
}

/* What one block of queries adds. */
static dsm_status inside(void *self, size_t task, double *out) {
  const manifold *m = self;
  const size_t first = task * DSM__BLOCK,
               n = m->queries - first < DSM__BLOCK ? m->queries - first : DSM__BLOCK;
  dsm__squared_distances(m->query + first * m->d, n, m->x, m->n, m->d, m->room);
  for (size_t i = 0; i < FOUND; i++) out[i] = 0;
  for (size_t i = 0; i < n; i++) {
    const unsigned bits = covered(m, m->room + i * m->n);
    double in[VARIANTS];
    for (size_t v = 0; v < VARIANTS; v++) out[v] += in[v] = (bits >> v) & 1;
    out[SINGLE] += variance_of_balls(in[0], in + 1, m->n, m->k);
  }
  return DSM_OK;
}

static size_t blocks_of(size_t rows) {
  return (rows + DSM__BLOCK - 1) / DSM__BLOCK;
}

/* Sums (FOUND) over the queries. */
static dsm_status count_covered(dsm__eval *e, const double *x, size_t n, const double *query, size_t queries,
                                size_t d, double found[FOUND]) {
  dsm_status status = DSM_OK;
  manifold m = {.x = x, .query = query, .n = n, .queries = queries, .d = d, .k = e->options->neighbours};
  double *radius = NULL, *each = NULL;
  status = DSM_ALLOC(DSM__BLOCK * n, &m.room);
  if (status == DSM_OK) status = DSM_ALLOC(blocks_of(n) * DSM__BLOCK * VARIANTS, &radius);
  if (status == DSM_OK) status = DSM_ALLOC(blocks_of(queries) * FOUND, &each);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__tasks(e, blocks_of(n), DSM__BLOCK * VARIANTS, radii, &m, radius));
  m.radius = radius;
  DSM_TRY_DONE(dsm__tasks(e, blocks_of(queries), FOUND, inside, &m, each));
  for (size_t i = 0; i < FOUND; i++) found[i] = 0;
  for (size_t t = 0; t < blocks_of(queries); t++)
    for (size_t i = 0; i < FOUND; i++) found[i] += each[t * FOUND + i];
done:
  free(m.room);
  free(radius);
  free(each);
  return status;
}

/* ---- figures --------------------------------------------------------------------------------------------- */

/* Variance of the share of the queries in the balls of n rows. Three parts make it: which queries there are, which balls,
 * and which query meets which ball by chance. The binomial variance is the first and the last, the jackknife over the balls
 * the second and the last; the last one alone is the jackknife of single queries, which would be counted twice. */
static double variance_of(const double found[FOUND], size_t n, size_t queries, size_t k) {
  double without[GROUPS];
  const double count = (double)queries, all = found[0] / count;
  for (size_t g = 0; g < GROUPS; g++) without[g] = found[1 + g] / count;
  return all * (1 - all) / (count - 1) +
         fmax(variance_of_balls(all, without, n, k) - found[SINGLE] / (count * count), 0);
}

/* Share of the `queries` queries in the balls of x. */
static dsm_status coverage(dsm__eval *e, const double *x, size_t n, const double *query, size_t queries,
                           size_t d, dsm_figure *figure) {
  double found[FOUND];
  DSM_TRY(count_covered(e, x, n, query, queries, d, found));
  figure->value = found[0] / (double)queries;
  figure->error = sqrt(variance_of(found, n, queries, e->options->neighbours));
  return DSM_OK;
}

/* Precision and recall of a among b. */
static dsm_status both(dsm__eval *e, const dsm__two *two, dsm_figure figure[2]) {
  for (size_t i = 0; i < 2; i++) figure[i] = (dsm_figure){.samples = two->na, .reference = two->nb};
  DSM_TRY(coverage(e, two->b, two->nb, two->a, two->na, two->d, &figure[0]));
  DSM_TRY(coverage(e, two->a, two->na, two->b, two->nb, two->d, &figure[1]));
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
               "both depend on n. Error: binomial over the rows that are looked up, and jackknife over %d "
               "groups of those "
               "that make the balls",
               k, GROUPS);
  }
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
