/* The bandwidth of a kernel density estimate by leaving rows out one by one: of h too small every row lies alone, of h too
 * large the estimate is flat. With D_ij = |c_i - c_j|^2 and weights w_ij ~ exp(-D_ij / 2 h^2), j not i, whose sum is 1, the mean
 * log-likelihood of the rows left out,
 *   L(h) = mean_i [log sum_j exp(-D_ij / 2 h^2)] - d log h + constant,
 * rises where d h^2 < mean_i sum_j w_ij D_ij and falls where it is larger. Nearer rows weigh more, so that mean lies between
 * those of the nearest and of all D_ij: the best h^2 is between 1/d of either. It is looked for on a grid of the whole
 * range, since there may be several maxima (of clusters, and of their distances), then by golden section around the best. */
#include <math.h>
#include <stdlib.h>
#include "dsmpi/diffusion.h"
#include "dsmpi/memory.h"

enum { PAIRS = 1 << 22, HELD_LEAST = 64, GRID = 32 };
static const double precision = 1e-3;

typedef struct pairs {
  size_t held, count, d;
  double *distance2; /* (held, count) infinite between a row and itself */
  double *nearest;   /* (held) */
} pairs;

static double distance2(const float *x, const float *c, size_t d) {
  double sum = 0;
  for (size_t j = 0; j < d; j++) {
    const double away = (double)x[j] - (double)c[j];
    sum += away * away;
  }
  return sum;
}

/* Returns the mean of the nearest and of all distances through the last pointers. */
static void measure(pairs *p, const float *rows, double *near, double *all) {
  *near = *all = 0;
  for (size_t i = 0; i < p->held; i++) {
    const size_t self = i * p->count / p->held;
    double *row = p->distance2 + i * p->count, sum = 0;
    p->nearest[i] = INFINITY;
    for (size_t k = 0; k < p->count; k++) {
      row[k] = k == self ? INFINITY : distance2(rows + self * p->d, rows + k * p->d, p->d);
      p->nearest[i] = fmin(p->nearest[i], row[k]);
      if (k != self) sum += row[k];
    }
    *near += p->nearest[i] / (double)p->held;
    *all += sum / (double)(p->count - 1) / (double)p->held;
  }
}

static double likelihood(const pairs *p, double h) {
  double mean = 0;
  for (size_t i = 0; i < p->held; i++) {
    const double *row = p->distance2 + i * p->count;
    double sum = 0;
    for (size_t k = 0; k < p->count; k++) sum += exp((p->nearest[i] - row[k]) / (2 * h * h));
    mean += (log(sum) - p->nearest[i] / (2 * h * h)) / (double)p->held;
  }
  return mean - (double)p->d * log(h);
}

/* In log h: the best point of a grid, then golden section between its neighbours. */
static double largest(const pairs *p, double low, double high) {
  const double golden = (sqrt(5.0) - 1) / 2, step = (high - low) / (GRID - 1);
  double best = low, most = -INFINITY;
  for (int k = 0; k < GRID; k++) {
    const double l = likelihood(p, exp(low + k * step));
    if (l > most) most = l, best = low + k * step;
  }
  low = fmax(low, best - step), high = fmin(high, best + step);
  while (high - low > precision) {
    const double a = high - golden * (high - low), b = low + golden * (high - low);
    if (likelihood(p, exp(a)) < likelihood(p, exp(b)))
      low = a;
    else
      high = b;
  }
  return exp((low + high) / 2);
}

dsm_status dsm_bandwidth_fit(const float *rows, size_t count, size_t d, double *bandwidth) {
  dsm_status status = DSM_OK;
  pairs p = {.count = count, .d = d};
  double near, all;
  if (count < 2)
    DSM_FAIL(DSM_BAD_DATA,
             "process.sigma = 0 is fitted by leaving rows of the data out one by one, which takes 2 or more; "
             "received %zu: give process.sigma a number",
             count);
  const size_t wanted = PAIRS / count > HELD_LEAST ? PAIRS / count : HELD_LEAST;
  p.held = wanted < count ? wanted : count;
  DSM_TRY_DONE(DSM_ALLOC(p.held * count, &p.distance2));
  DSM_TRY_DONE(DSM_ALLOC(p.held, &p.nearest));
  measure(&p, rows, &near, &all);
  if (!(near > 0 && isfinite(all)))
    DSM_FAIL_DONE(
        DSM_BAD_DATA,
        "process.sigma = 0 has no best value for these data: each of %zu rows looked at comes twice; "
        "give process.sigma a number",
        p.held);
  *bandwidth = largest(&p, log(near / (double)d) / 2, log(all / (double)d) / 2);
done:
  free(p.distance2);
  free(p.nearest);
  return status;
}
