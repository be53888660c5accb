#include "scale.h"

#include <math.h>

static const double BEYOND = 1e100; /* so that spans and ratios stay finite */

dsm__scale dsm__scale_of(double low, double high, double margin, bool logarithmic, double from, double to) {
  if (!isfinite(low) || !isfinite(high) || low > high) low = 0, high = 1;
  low = fmin(fmax(low, -BEYOND), BEYOND);
  high = fmin(fmax(high, -BEYOND), BEYOND);
  logarithmic = logarithmic && low > 0;
  if (logarithmic) {
    low = fmax(low, 1 / BEYOND);
    high = fmax(high, low);
    const double by = high > low * 1.0001 ? pow(high / low, margin) : 2;
    return (dsm__scale){low / by, high * by, from, to, true};
  }
  const double span = high - low, least = 1e-9 * fmax(fabs(low), fabs(high));
  const double by = span > least ? margin * span : (low != 0 ? 0.5 * fabs(low) : 0.5);
  return (dsm__scale){low - by, high + by, from, to, false};
}

double dsm__scale_at(const dsm__scale *s, double x) {
  const double t =
      s->logarithmic ? (log(x) - log(s->low)) / log(s->high / s->low) : (x - s->low) / (s->high - s->low);
  return s->from + t * (s->to - s->from);
}

/* 1, 2 or 5 times a power of ten. */
static double round_step(double least) {
  const double ten = pow(10, floor(log10(least)));
  return least <= ten * 1.0001 ? ten : least <= 2 * ten ? 2 * ten : least <= 5 * ten ? 5 * ten : 10 * ten;
}

static size_t linear_ticks(const dsm__scale *s, size_t wanted, double *tick, double *step) {
  size_t n = 0;
  const double by = round_step((s->high - s->low) / (double)wanted), end = s->high + 1e-9 * by;
  for (double k = ceil(s->low / by - 1e-9); k * by <= end && n < DSM__TICKS_MAX; k++) {
    tick[n] = k * by;
    step[n++] = by;
  }
  return n;
}

size_t dsm__ticks(const dsm__scale *s, size_t wanted, double tick[DSM__TICKS_MAX],
                  double step[DSM__TICKS_MAX]) {
  static const double fine[] = {1, 2, 5};
  size_t n = 0;
  if (!s->logarithmic) return linear_ticks(s, wanted, tick, step);
  const double decades = log10(s->high / s->low), first = floor(log10(s->low));
  if (decades < 0.8) return linear_ticks(s, wanted, tick, step);
  const size_t parts = decades < 2.2 ? 3 : 1;
  const double stride = ceil(decades / (double)wanted / 2);
  for (double k = first; k <= first + decades + 1; k += stride)
    for (size_t i = 0; i < parts && n < DSM__TICKS_MAX; i++) {
      const double x = fine[i] * pow(10, k);
      if (x < s->low || x > s->high * (1 + 1e-12)) continue;
      tick[n] = x;
      step[n++] = pow(10, k);
    }
  return n;
}
