/* Two-point statistics. Of fields: correlation of a channel with itself, so many points further along an axis. Of vectors:
 * correlation of each two features. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

/* Sums over rows of y = (x - mean) / std of the reference's channel. Fields: for each channel, axis and lag r from 0 to half
 * the axis, over the pairs of points p, p + r: y(p), y(p + r), their squares, and y(p) y(p + r). Vectors: y (d), then y y^T,
 * lower triangle. */
enum { FIRST, SECOND, FIRST_SQUARE, SECOND_SQUARE, PRODUCT, SUMS };

typedef struct two_point {
  const dsm__space *space;
  const double *statistics;
  dsm_shape grid; /* rank 0: vectors */
  size_t points, lags;
  double *y, *line;
} two_point;

static double standard(const two_point *s, float x, size_t c) {
  const double *of = s->statistics + c * DSM__STATISTICS,
               spread = of[DSM__MAX] > of[DSM__MIN] ? of[DSM__STD] : 1;
  return ((double)x - of[DSM__MEAN]) / spread;
}

/* sum x_i y_i, in an order that vectorises. */
static double product_sum(const double *x, const double *y, size_t n) {
  double sum[8] = {0};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t l = 0; l < 8; l++) sum[l] += x[i + l] * y[i + l];
  for (size_t l = 0; i < n; i++, l++) sum[l] += x[i] * y[i];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Lags along one axis of one channel y (points); `line` holds the sums of y and y^2 at each place of the axis, which give the
 * sums over all pairs but the products. */
static double *add_axis(const two_point *s, const double *y, int axis, double *state) {
  const size_t n = s->grid.n[axis];
  size_t inner = 1, outer = 1;
  for (int i = 0; i < axis; i++) outer *= s->grid.n[i];
  for (int i = axis + 1; i < s->grid.rank; i++) inner *= s->grid.n[i];
  double *sum = s->line, *square = s->line + n;
  for (size_t k = 0; k < n; k++) {
    sum[k] = square[k] = 0;
    for (size_t o = 0; o < outer; o++)
      for (size_t i = 0; i < inner; i++) {
        const double v = y[(o * n + k) * inner + i];
        sum[k] += v;
        square[k] += v * v;
      }
  }
  for (size_t r = 0; r <= n / 2; r++, state += SUMS) {
    for (size_t k = 0; k + r < n; k++) {
      state[FIRST] += sum[k];
      state[SECOND] += sum[k + r];
      state[FIRST_SQUARE] += square[k];
      state[SECOND_SQUARE] += square[k + r];
    }
    for (size_t o = 0; o < outer; o++)
      state[PRODUCT] += product_sum(y + o * n * inner, y + (o * n + r) * inner, (n - r) * inner);
  }
  return state;
}

static void add_fields(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  two_point *s = self;
  const size_t channels = s->space->channels;
  (void)row;
  for (size_t i = 0; i < n; i++) {
    double *at = state;
    for (size_t c = 0; c < channels; c++) {
      for (size_t p = 0; p < s->points; p++) s->y[p] = standard(s, x[(i * s->points + p) * channels + c], c);
      for (int axis = 0; axis < s->grid.rank; axis++) at = add_axis(s, s->y, axis, at);
    }
  }
}

static void add_vectors(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  two_point *s = self;
  const size_t d = s->space->d;
  (void)row;
  for (size_t i = 0; i < n; i++) {
    double *at = state + d;
    for (size_t j = 0; j < d; j++) {
      s->y[j] = standard(s, x[i * d + j], j);
      state[j] += s->y[j];
      for (size_t k = 0; k <= j; k++) *at++ += s->y[j] * s->y[k];
    }
  }
}

/* ---- correlations ---------------------------------------------------------------------------------------- */

/* Sums over n numbers are known to n roundings of their mean square: a variance below is none, as of a constant channel. */
static double correlation(double product, double first, double second, double first_square,
                          double second_square, double n) {
  const double a = first_square / n - first / n * (first / n),
               b = second_square / n - second / n * (second / n);
  const double rounding = n * DBL_EPSILON;
  const bool varies = a > rounding * first_square / n && b > rounding * second_square / n;
  return varies ? (product / n - first / n * (second / n)) / sqrt(a * b) : 0;
}

/* rho (channels, axes, lags) from sums over rows. */
static void correlations(const two_point *s, const double *state, double rows, double *rho) {
  for (size_t c = 0; c < s->space->channels; c++)
    for (int axis = 0; axis < s->grid.rank; axis++)
      for (size_t n = s->grid.n[axis], r = 0; r <= n / 2; r++, state += SUMS) {
        const double pairs = rows * (double)(s->points / n * (n - r));
        *rho++ = correlation(state[PRODUCT], state[FIRST], state[SECOND], state[FIRST_SQUARE],
                             state[SECOND_SQUARE], pairs);
      }
}

/* Out: root mean square of the differences from lag 1 on; correlations of a, of b (lags). */
static void figures_of_fields(const void *self, const double *a, double na, const double *b, double nb,
                              double *out) {
  const two_point *s = self;
  double *of_a = out + 1, *of_b = out + 1 + s->lags, sum = 0, count = 0;
  correlations(s, a, na, of_a);
  correlations(s, b, nb, of_b);
  size_t at = 0;
  for (size_t c = 0; c < s->space->channels; c++)
    for (int axis = 0; axis < s->grid.rank; axis++, at++)
      for (size_t r = 1; r <= s->grid.n[axis] / 2; r++) {
        at++;
        sum += (of_a[at] - of_b[at]) * (of_a[at] - of_b[at]);
        count++;
      }
  out[0] = count > 0 ? sqrt(sum / count) : 0;
}

static double feature_correlation(const double *state, size_t d, size_t j, size_t k, double n) {
  const double *second = state + d;
  return correlation(second[j * (j + 1) / 2 + k], state[j], state[k], second[j * (j + 1) / 2 + j],
                     second[k * (k + 1) / 2 + k], n);
}

static void figures_of_vectors(const void *self, const double *a, double na, const double *b, double nb,
                               double *out) {
  const two_point *s = self;
  const size_t d = s->space->d;
  double sum = 0;
  for (size_t j = 1; j < d; j++)
    for (size_t k = 0; k < j; k++) {
      const double off = feature_correlation(a, d, j, k, na) - feature_correlation(b, d, j, k, nb);
      sum += off * off;
    }
  out[0] = sqrt(sum / ((double)d * (double)(d - 1) / 2));
}

/* ---- the metric ------------------------------------------------------------------------------------------ */

static dsm_status report(dsm__eval *e, const dsm__pair *pair, const two_point *s, const dsm_figure *value,
                         const dsm_figure *floor) {
  dsm_eval_row *row = dsm__row(e, "two_point", pair, value[0], floor[0]);
  row->ideal = 0;
  if (s->grid.rank == 0) {
    snprintf(row->protocol, sizeof row->protocol,
             "Correlation coefficients of each two of %zu features over all rows; root mean square of the "
             "differences. "
             "Error: jackknife over %d groups of rows",
             s->space->d, DSM_EVAL_GROUPS);
    return DSM_OK;
  }
  snprintf(row->protocol, sizeof row->protocol,
           "Two-point correlation of each channel along each axis, over all pairs of points 1 ... half the "
           "axis apart and all "
           "rows; root mean square of the differences of the coefficients. Error: jackknife over %d groups "
           "of rows",
           DSM_EVAL_GROUPS);
  const dsm_figure *of_a = value + 1, *of_b = value + 1 + s->lags;
  const size_t stride = sizeof *value / sizeof(double);
  for (size_t c = 0; c < s->space->channels; c++)
    for (int axis = 0; axis < s->grid.rank; axis++) {
      const size_t n = s->grid.n[axis] / 2 + 1;
      const char *const names[] = {"samples", "samples_error", "reference", "reference_error"};
      const double *const from[] = {&of_a->value, &of_a->error, &of_b->value, &of_b->error};
      for (size_t k = 0; k < 4; k++) {
        char name[96];
        snprintf(name, sizeof name, "channel_%zu_axis_%d_%s", c, axis, names[k]);
        DSM_TRY(dsm__row_column(row, name, from[k], stride, n));
      }
      of_a += n;
      of_b += n;
    }
  return DSM_OK;
}

/* Fields have axes besides the channel. */
static dsm_status lay_out(two_point *s, const dsm__pair *pair, dsm__summed *summed) {
  size_t longest = 0;
  s->grid = pair->shape;
  s->grid.rank--;
  s->points = s->space->d / s->space->channels;
  for (int i = 0; i < s->grid.rank; i++) {
    s->lags += s->space->channels * (s->grid.n[i] / 2 + 1);
    longest = s->grid.n[i] > longest ? s->grid.n[i] : longest;
  }
  const bool fields = s->grid.rank > 0;
  const size_t d = s->space->d;
  *summed = (dsm__summed){.width = fields ? s->lags * SUMS : d + d * (d + 1) / 2,
                          .outputs = fields ? 1 + 2 * s->lags : 1,
                          .add = fields ? add_fields : add_vectors,
                          .figures = fields ? figures_of_fields : figures_of_vectors,
                          .self = s};
  DSM_TRY(DSM_ALLOC(fields ? s->points : d, &s->y));
  DSM_TRY(DSM_ALLOC(2 * longest, &s->line));
  return DSM_OK;
}

dsm_status dsm__two_point(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  two_point s = {.space = &pair->space};
  dsm__summed summed;
  dsm_figure *value = NULL, *floor = NULL;
  DSM_TRY_DONE(dsm__statistics(e, pair));
  s.statistics = pair->statistics;
  DSM_TRY_DONE(dsm_agree(e->comm, lay_out(&s, pair, &summed)));
  DSM_TRY_DONE(dsm__summed_run(e, pair, &summed, &value, &floor));
  DSM_TRY_DONE(dsm_agree(e->comm, report(e, pair, &s, value, floor)));
done:
  free(s.y);
  free(s.line);
  free(value);
  free(floor);
  return status;
}
