#include <math.h>
#include <stdlib.h>
#include "dsmpi/eval.h"

static int ascending(const void *x, const void *y) {
  const double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

typedef struct moments {
  double sum, square;
} moments;

/* Over each of x: the share of y below it, equal ones counting half (`below`), or above it. Both ascending. */
static moments placements(const double *x, size_t nx, const double *y, size_t ny, bool below) {
  moments m = {0};
  size_t less = 0, not_more = 0;
  for (size_t i = 0; i < nx; i++) {
    while (less < ny && y[less] < x[i]) less++;
    while (not_more < ny && y[not_more] <= x[i]) not_more++;
    const double half = (double)(not_more - less) / 2,
                 share = ((below ? (double)less : (double)(ny - not_more)) + half) / (double)ny;
    m.sum += share;
    m.square += share * share;
  }
  return m;
}

static double variance_of_mean(moments m, size_t n) {
  const double count = (double)n;
  return n > 1 ? fmax(m.square - m.sum * m.sum / count, 0) / (count * (count - 1)) : (double)NAN;
}

double dsm_area_under_curve(double *positive, size_t np, double *negative, size_t nn, double *error) {
  qsort(positive, np, sizeof *positive, ascending);
  qsort(negative, nn, sizeof *negative, ascending);
  const moments p = placements(positive, np, negative, nn, true),
                n = placements(negative, nn, positive, np, false);
  if (error) *error = sqrt(variance_of_mean(p, np) + variance_of_mean(n, nn));
  return p.sum / (double)np;
}
