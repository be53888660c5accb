#include "trend.h"

#include <math.h>

/* Index of the first of the last `lines` finite losses; their number becomes known. */
static size_t last_lines(const double *loss, size_t rows, size_t *lines) {
  size_t finite = 0, first = rows;
  for (size_t i = 0; i < rows; i++) finite += isfinite(loss[i]) != 0;
  const size_t quarter = (finite + 3) / 4, wanted = quarter > DSM__TREND_LINES ? quarter : DSM__TREND_LINES;
  for (*lines = 0; first > 0 && *lines < wanted;) *lines += isfinite(loss[--first]) != 0;
  return first;
}

dsm__trend dsm__trend_of(const double *step, const double *loss, size_t rows) {
  size_t lines;
  const size_t first = last_lines(loss, rows, &lines);
  dsm__trend t = {.direction = DSM__UNKNOWN, .lines = lines, .change = NAN, .error = NAN, .size = NAN};
  if (lines < DSM__TREND_LINES) return t;
  double x = 0, y = 0, xx = 0, xy = 0, rest = 0, size = 0;
  const double n = (double)lines;
  for (size_t i = first; i < rows; i++) {
    if (!isfinite(loss[i])) continue;
    x += step[i] / n;
    y += loss[i] / n;
    size += fabs(loss[i]) / n;
  }
  for (size_t i = first; i < rows; i++) {
    if (!isfinite(loss[i])) continue;
    xx += (step[i] - x) * (step[i] - x);
    xy += (step[i] - x) * (loss[i] - y);
  }
  const double slope = xy / xx;
  for (size_t i = first; i < rows; i++) {
    const double off = loss[i] - y - slope * (step[i] - x);
    if (isfinite(loss[i])) rest += off * off;
  }
  t.from = step[first];
  t.to = step[rows - 1];
  t.change = slope * (t.to - t.from);
  t.error = sqrt(rest / (n - 2) / xx) * (t.to - t.from);
  t.size = size;
  const bool counts = fabs(t.change) > 2 * t.error && fabs(t.change) > 0.01 * size;
  t.direction = !counts ? DSM__LEVEL : t.change < 0 ? DSM__FALLS : DSM__RISES;
  return t;
}

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
