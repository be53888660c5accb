/* Whether a loss still changes. */
#ifndef DSMPI_REPORT_TREND_H
#define DSMPI_REPORT_TREND_H

#include <stdbool.h>
#include <stddef.h>

enum { DSM__TREND_LINES = 8 /* fewer tell nothing */ };

typedef enum dsm__direction { DSM__UNKNOWN, DSM__FALLS, DSM__LEVEL, DSM__RISES } dsm__direction;

/* A straight line is fitted by least squares to the last quarter of the logged losses, at least DSM__TREND_LINES of them.
 * Its change over them counts if it is more than twice its standard error, from the scatter about the line, and more
 * than 1 % of the mean size of the losses there. */
typedef struct dsm__trend {
  dsm__direction direction;
  size_t lines;         /* that the line was fitted to */
  double from, to;      /* their steps */
  double change, error; /* of the loss over them, and its standard error */
  double size;          /* mean of |loss| over them */
} dsm__trend;
dsm__trend dsm__trend_of(const double *step, const double *loss, size_t rows);

/* The mean of up to `half` finite values on either side of each, equally many on both sides, so that a straight line stays
 * one up to its ends; NAN where the value itself is not finite. sum (n + 1) and count (n + 1) are room. */
void dsm__smooth(const double *x, size_t n, size_t half, double *sum, double *count, double *smooth);

#endif
