#include "trend.h"

#include <math.h>
#include "student.h"

static const double worth = 0.01, excluded = 0.02; /* parts of the size of the loss */

/* ---- a straight line through the last quarter ---------------------------------------------------------- */

/* Index of the first of the last `lines` finite losses; their number becomes known. */
static size_t last_lines(const double *loss, size_t rows, size_t *lines) {
  size_t finite = 0, first = rows;
  for (size_t i = 0; i < rows; i++) finite += isfinite(loss[i]) != 0;
  const size_t quarter = (finite + 3) / 4, wanted = quarter > DSM__TREND_LINES ? quarter : DSM__TREND_LINES;
  for (*lines = 0; first > 0 && *lines < wanted;) *lines += isfinite(loss[--first]) != 0;
  return first;
}

static void fit(dsm__trend *t, const double *step, const double *loss, size_t first, size_t end) {
  double x = 0, y = 0, xx = 0, xy = 0, rest = 0, beside = 0, before = 0;
  const double n = (double)t->lines;
  for (size_t i = first; i < end; i++) {
    if (!isfinite(loss[i])) continue;
    x += step[i] / n;
    y += loss[i] / n;
    t->size += fabs(loss[i]) / n;
  }
  for (size_t i = first; i < end; i++) {
    if (!isfinite(loss[i])) continue;
    xx += (step[i] - x) * (step[i] - x);
    xy += (step[i] - x) * (loss[i] - y);
  }
  const double slope = xy / xx;
  for (size_t i = first; i < end; i++) {
    const double off = loss[i] - y - slope * (step[i] - x);
    if (!isfinite(loss[i])) continue;
    rest += off * off;
    beside += off * before;
    before = off;
  }
  const double q = rest > 0 ? fmax(beside / rest, 0) : 0;
  t->freedom = fmax(n * (1 - q) / (1 + q) - 2, 1);
  t->from = step[first];
  t->to = step[end - 1];
  t->change = slope * (t->to - t->from);
  t->error = sqrt(rest / t->freedom / xx) * (t->to - t->from);
}

/* ---- against what was before --------------------------------------------------------------------------- */

typedef struct stretch {
  double n, mean, variance, step; /* variance: of its values; step: its middle */
} stretch;

/* Of the finite losses among rows first ... end - 1. */
static stretch stretch_of(const double *step, const double *loss, size_t first, size_t end) {
  stretch s = {0};
  for (size_t i = first; i < end; i++) {
    if (!isfinite(loss[i])) continue;
    const double off = loss[i] - s.mean;
    s.n++;
    s.mean += off / s.n;
    s.step += (step[i] - s.step) / s.n;
    s.variance += off * (loss[i] - s.mean);
  }
  s.variance = s.n > 1 ? s.variance / (s.n - 1) : 0;
  return s;
}

/* Whether the last quarter lies above the best stretch before it, beyond chance. */
static bool stands_above(dsm__trend *t, const double *step, const double *loss, size_t first, size_t end) {
  stretch best = {0};
  double stretches = 0;
  const size_t length = (t->lines + 1) / 2;
  for (size_t i = first, from = first, lines = 0; i > 0; i--) {
    if (isfinite(loss[i - 1]) && ++lines == length) {
      const stretch s = stretch_of(step, loss, i - 1, from);
      if (stretches++ == 0 || s.mean < best.mean) best = s;
      from = i - 1;
      lines = 0;
    }
  }
  if (stretches == 0) return false;
  const stretch last = stretch_of(step, loss, first, end);
  const double a = last.variance / last.n, b = best.variance / best.n;
  const double freedom = a + b > 0 ? (a + b) * (a + b) / (a * a / (last.n - 1) + b * b / (best.n - 1)) : 1;
  const double error = sqrt((a + b) * last.n / fmin(t->freedom + 2, last.n));
  t->best = best.step;
  t->lowest = best.mean;
  t->above = last.mean - best.mean;
  return t->above > excluded * t->size &&
         (error == 0 || t->above > dsm__student(1 - 0.01 / stretches, freedom) * error);
}

dsm__trend dsm__trend_of(const double *step, const double *loss, size_t rows) {
  size_t lines;
  while (rows > 0 && !isfinite(loss[rows - 1])) rows--;
  const size_t first = last_lines(loss, rows, &lines);
  dsm__trend t = {.direction = DSM__UNKNOWN, .lines = lines, .best = NAN, .lowest = NAN, .above = NAN};
  if (lines < DSM__TREND_LINES) {
    t.from = t.to = t.change = t.error = t.size = t.freedom = NAN;
    return t;
  }
  fit(&t, step, loss, first, rows);
  const double sure = dsm__student(0.975, t.freedom) * t.error,
               likely = dsm__student(0.95, t.freedom) * t.error;
  const double surer = dsm__student(0.99, t.freedom) * t.error;
  if (stands_above(&t, step, loss, first, rows) || (t.change > surer && t.change > worth * t.size))
    t.direction = DSM__RISES;
  else if (t.change < -sure && t.change < -worth * t.size)
    t.direction = DSM__FALLS;
  else if (fabs(t.change) + likely < excluded * t.size || (t.change == 0 && t.error == 0))
    t.direction = DSM__LEVEL;
  return t;
}

/* ---- held out ------------------------------------------------------------------------------------------ */

enum { EVALUATIONS = 64 };

/* The last finite values, oldest first; their number. */
static size_t last_values(const double *step, const double *loss, size_t rows, double at[EVALUATIONS],
                          double value[EVALUATIONS]) {
  size_t n = 0, k = EVALUATIONS;
  for (size_t i = rows; i > 0 && k > 0; i--)
    if (isfinite(loss[i - 1])) k--, at[k] = step[i - 1], value[k] = loss[i - 1];
  for (; k < EVALUATIONS; k++, n++) at[n] = at[k], value[n] = value[k];
  return n;
}

/* Standard error of a difference of two of them, by the third differences since `from`; their number. */
static double scatter(const double *value, size_t from, size_t n, double *differences) {
  double square = 0;
  *differences = 0;
  for (size_t i = from + 3; i < n; i++, ++*differences) {
    const double third = value[i] - 3 * value[i - 1] + 3 * value[i - 2] - value[i - 3];
    square += third * third / 20;
  }
  return sqrt(2 * square / *differences);
}

dsm__trend dsm__held_out_trend_of(const double *step, const double *loss, size_t rows) {
  double at[EVALUATIONS], value[EVALUATIONS];
  const size_t n = last_values(step, loss, rows, at, value);
  dsm__trend t = {.direction = DSM__UNKNOWN, .lines = n, .best = NAN, .lowest = NAN, .above = NAN};
  if (n < DSM__HELD_OUT_LINES) {
    t.from = t.to = t.change = t.error = t.size = t.freedom = NAN;
    return t;
  }
  size_t first = n - 3;
  while (first > 0 && at[first] > 0.75 * step[rows - 1]) first--;
  const size_t since = first < n - DSM__HELD_OUT_LINES ? first : n - DSM__HELD_OUT_LINES;
  t.error = scatter(value, since, n, &t.freedom);
  t.from = at[first];
  t.to = at[n - 1];
  t.change = value[n - 1] - value[first];
  for (size_t i = first; i < n; i++) t.size += fabs(value[i]) / (double)(n - first);
  for (size_t i = 0; i < rows; i++) /* of all, not of the last EVALUATIONS alone */
    if (isfinite(loss[i]) && !(loss[i] >= t.lowest)) t.lowest = loss[i], t.best = step[i];
  t.above = value[n - 1] - t.lowest;
  const double sure = dsm__student(0.975, t.freedom) * t.error,
               likely = dsm__student(0.95, t.freedom) * t.error,
               surer = dsm__student(0.99, t.freedom) * t.error;
  if (t.above > surer && t.above > excluded * fabs(t.lowest))
    t.direction = DSM__RISES;
  else if (t.change < -sure && t.change < -worth * t.size)
    t.direction = DSM__FALLS;
  else if (t.change >= -worth * t.size && fabs(t.change) + likely < excluded * t.size)
    t.direction = DSM__LEVEL;
  return t;
}

/* ---- both ---------------------------------------------------------------------------------------------- */

dsm__convergence dsm__convergence_of(const double *step, const double *loss, const double *held_out,
                                     size_t rows) {
  dsm__convergence c = {.train = dsm__trend_of(step, loss, rows)};
  size_t evaluations = 0;
  for (size_t i = 0; held_out && i < rows; i++) evaluations += isfinite(held_out[i]) != 0;
  const dsm__direction train = c.train.direction;
  if (evaluations == 0) {
    c.direction = train;
    return c;
  }
  c.held_out = dsm__held_out_trend_of(step, held_out, rows);
  const dsm__direction held = c.held_out.direction;
  c.by_held_out = train != DSM__RISES && held != DSM__UNKNOWN;
  c.direction = train == DSM__RISES || held == DSM__RISES ? DSM__RISES
                : held == DSM__FALLS                      ? DSM__FALLS
                : held == DSM__UNKNOWN                    ? train == DSM__FALLS ? DSM__FALLS : DSM__UNKNOWN
                : train == DSM__FALLS                     ? DSM__UNKNOWN
                                                          : DSM__LEVEL;
  return c;
}

/* ---- smoothing ----------------------------------------------------------------------------------------- */

void dsm__smooth(const double *x, size_t n, size_t half, double *sum, double *count, double *smooth) {
  sum[0] = count[0] = 0;
  for (size_t i = 0; i < n; i++) {
    sum[i + 1] = sum[i] + (isfinite(x[i]) ? x[i] : 0);
    count[i + 1] = count[i] + (isfinite(x[i]) ? 1 : 0);
  }
  for (size_t i = 0; i < n; i++) {
    size_t reach = half < i ? half : i;
    if (reach > n - 1 - i) reach = n - 1 - i;
    smooth[i] = isfinite(x[i])
                    ? (sum[i + reach + 1] - sum[i - reach]) / (count[i + reach + 1] - count[i - reach])
                    : NAN;
  }
}
