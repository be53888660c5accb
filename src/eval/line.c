#include "line.h"

#include <math.h>
#include <stdlib.h>

static double term(double x, double y, int power) {
  return power == 1 ? fabs(x - y) : (x - y) * (x - y);
}

/* Quantile functions are stairs with steps at i/na and j/nb; between neighbouring steps both are constant. */
double dsm_wasserstein_line(const double *a, size_t na, const double *b, size_t nb, int power) {
  double sum = 0, from = 0;
  if (na == 0 || nb == 0) return (double)NAN;
  if (na == nb) {
    for (size_t i = 0; i < na; i++) sum += term(a[i], b[i], power);
    return sum / (double)na;
  }
  for (size_t i = 0, j = 0; i < na && j < nb;) {
    /* the nearer end, compared without rounding */
    const uint64_t end_a = (uint64_t)(i + 1) * nb, end_b = (uint64_t)(j + 1) * na;
    const double to = end_a <= end_b ? (double)(i + 1) / (double)na : (double)(j + 1) / (double)nb;
    sum += (to - from) * term(a[i], b[j], power);
    from = to;
    i += end_a <= end_b;
    j += end_b <= end_a;
  }
  return sum;
}

static int ascending(const void *x, const void *y) {
  const dsm__number *a = x, *b = y;
  if (a->value != b->value) return a->value < b->value ? -1 : 1;
  return (a->group > b->group) - (a->group < b->group);
}

/* Values of those not in `group`; -1: of all. */
static size_t pick(const dsm__number *x, size_t n, int group, double *out) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    out[count] = x[i].value;
    count += (int)x[i].group != group;
  }
  return count;
}

void dsm__line_compare(dsm__number *a, size_t na, dsm__number *b, size_t nb, int power, double *room,
                       double out[DSM__LINE]) {
  double *va = room, *vb = room + na;
  qsort(a, na, sizeof *a, ascending);
  qsort(b, nb, sizeof *b, ascending);
  pick(b, nb, -1, vb);
  for (int g = -1; g < DSM_EVAL_GROUPS; g++) {
    const size_t n = pick(a, na, g, va);
    out[1 + g] = dsm_wasserstein_line(va, n, vb, nb, power);
  }
  pick(a, na, -1, va);
  for (int g = 0; g < DSM_EVAL_GROUPS; g++) {
    const size_t n = pick(b, nb, g, vb);
    out[1 + DSM_EVAL_GROUPS + g] = dsm_wasserstein_line(va, na, vb, n, power);
  }
}

dsm_figure dsm__line_figure(const dsm__two *two, const double value[DSM__LINE]) {
  enum { SHARES = DSM_EVAL_GROUPS };
  double variance = 0, share[SHARES];
  for (int k = 0; k < 2; k++) {
    const size_t n = k == 0 ? two->na : two->nb;
    for (size_t g = 0; g < SHARES; g++) share[g] = (double)(n / SHARES + (g < n % SHARES)) / (double)n;
    variance += dsm_jackknife(value[0], value + 1 + k * SHARES, share, SHARES, NULL);
  }
  return (dsm_figure){value[0], sqrt(variance), two->na, two->nb};
}
