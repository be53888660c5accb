/* From numbers to places along an axis, and where its ticks are. */
#ifndef DSMPI_REPORT_SCALE_H
#define DSMPI_REPORT_SCALE_H

#include <stdbool.h>
#include <stddef.h>

enum { DSM__TICKS_MAX = 16 };

typedef struct dsm__scale {
  double low, high; /* numbers at its ends, low < high; above 0 where logarithmic */
  double from, to;  /* places of the ends */
  bool logarithmic;
} dsm__scale;

/* A scale for numbers from `low` to `high` with a margin of that part of it; widened where they are one, made 0 ... 1 where
 * they are not finite. Logarithmic only if both are above 0. */
dsm__scale dsm__scale_of(double low, double high, double margin, bool logarithmic, double from, double to);
double dsm__scale_at(const dsm__scale *scale, double x);
/* Round numbers within the scale, about `wanted` of them; their number, and the step that their labels need. Every power of
 * ten, or 1, 2, 5 of each, where it is logarithmic. */
size_t dsm__ticks(const dsm__scale *scale, size_t wanted, double tick[DSM__TICKS_MAX],
                  double step[DSM__TICKS_MAX]);

#endif
