/* Whether a loss still changes, and whether training has converged. */
#ifndef DSMPI_REPORT_TREND_H
#define DSMPI_REPORT_TREND_H

#include <stdbool.h>
#include <stddef.h>

enum { DSM__TREND_LINES = 8 /* fewer tell nothing */, DSM__HELD_OUT_LINES = 5 /* evaluations; likewise */ };

typedef enum dsm__direction {
  DSM__UNKNOWN, /* it cannot be told yet */
  DSM__FALLS,
  DSM__LEVEL,
  DSM__RISES /* or has risen */
} dsm__direction;

typedef struct dsm__trend {
  dsm__direction direction;
  size_t lines;         /* that were looked at; fewer than are needed: the numbers below are NAN */
  double from, to;      /* their steps */
  double change, error; /* of the loss from the first to the last of them, and its standard error */
  double size;          /* mean of |loss| over them */
  double freedom;       /* degrees of freedom of the error */
  double best, lowest;  /* step of the best earlier stretch, and the mean loss there; NAN: there is none */
  double above;         /* mean of the last lines - lowest; held out: the last value - lowest */
} dsm__trend;

/* The training loss over its last quarter: the last W = max(n / 4, DSM__TREND_LINES) of its n finite values. A straight line is
 * fitted to them by least squares; its change c over them has the standard error e,
 *   e^2 = (t_W - t_1)^2 sum r^2 / (m - 2) / sum (t - mean t)^2,   m = W (1 - q) / (1 + q),   q = max(0, correlation of
 * neighbouring residuals r), with m - 2 degrees of freedom (Santer et al. 2000, doi:10.1029/1999JD901105). With T(p) the
 * quantile of Student's t and s the mean |loss| there, in this order:
 *   RISES    c > T(0.99) e and c > 1 % of s; or the mean of the last quarter lies above that of the best of the B earlier
 *            stretches of about W / 2 values by more than T(1 - 0.01 / B) times the error of the difference (Welch's, times
 *            W / m) and by more than 2 % of s;
 *   FALLS    c < -T(0.975) e and c < -1 % of s;
 *   LEVEL    a fall, or rise, of more than 2 % of s is excluded: |c| + T(0.95) e < 2 % of s;
 *   UNKNOWN  else. */
dsm__trend dsm__trend_of(const double *step, const double *loss, size_t rows);

/* The held-out loss, which is measured with the same noise each time and scatters little. It changes by c from the last
 * but two evaluation, or the last one before the last quarter of the steps if that is earlier; e^2 = 2 v with v the mean square of its
 * third differences / 20, over the last DSM__HELD_OUT_LINES evaluations and those since `from`: what a smooth curve leaves.
 *   RISES    the last lies above the lowest by more than T(0.99) e and 2 % of it;
 *   FALLS    c < -T(0.975) e and c < -1 % of s;
 *   LEVEL    |c| + T(0.95) e < 2 % of s, and c not below -1 % of s;
 *   UNKNOWN  else, and below DSM__HELD_OUT_LINES evaluations.
 * No more than the last 64 evaluations are looked at, but for the lowest. */
dsm__trend dsm__held_out_trend_of(const double *step, const double *loss, size_t rows);

typedef struct dsm__convergence {
  dsm__direction direction;
  dsm__trend train, held_out;
  bool by_held_out; /* direction is that of the held-out loss */
} dsm__convergence;
/* The held-out loss (NULL: none is logged) comes first:
 *   RISES    either rises;
 *   FALLS    the held-out loss falls; or it cannot be told, and the training loss falls;
 *   LEVEL    the held-out loss is level, and the training loss does not fall; without any held-out loss, the training
 *            loss is level;
 *   UNKNOWN  else: so a level training loss beside too few evaluations held out, or one that falls beside a level held-out
 *            loss. */
dsm__convergence dsm__convergence_of(const double *step, const double *loss, const double *held_out,
                                     size_t rows);

/* The mean of up to `half` finite values on either side of each, equally many on both sides, so that a straight line stays
 * one up to its ends; NAN where the value itself is not finite. sum (n + 1) and count (n + 1) are room. */
void dsm__smooth(const double *x, size_t n, size_t half, double *sum, double *count, double *smooth);

#endif
