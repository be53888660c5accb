#ifndef DSMPI_EVAL_DISTANCES_H
#define DSMPI_EVAL_DISTANCES_H

#include "dsmpi/status.h"

enum { DSM__BLOCK = 128 /* rows of a task over pairs of rows */ };

/* out (n, ny) = |x_i - y_j|^2 of x (n, d), y (ny, d), from scalar products; 0 and not below where rounding says so. */
void dsm__squared_distances(const double *x, size_t n, const double *y, size_t ny, size_t d, double *out);

#endif
