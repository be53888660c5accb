/* Two sets of numbers compared on the line, as a whole and without each share of either. */
#ifndef DSMPI_EVAL_LINE_H
#define DSMPI_EVAL_LINE_H

#include "internal.h"

typedef struct dsm__number {
  double value;
  uint32_t group; /* share it belongs to */
} dsm__number;

enum { DSM__LINE = 1 + 2 * DSM_EVAL_GROUPS };
/* out: the distance to `power` of all numbers, then without each share of a, then of b. Sorts both. `room` is for
 * na + nb numbers. */
void dsm__line_compare(dsm__number *a, size_t na, dsm__number *b, size_t nb, int power, double *room,
                       double out[DSM__LINE]);
/* Figure of an estimate of which these are the values (DSM__LINE). */
dsm_figure dsm__line_figure(const dsm__two *two, const double value[DSM__LINE]);

#endif
