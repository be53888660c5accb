#include <math.h>
#include "dsmpi/eval.h"

double dsm_jackknife(double all, const double *without, const double *share, size_t g, double *shift) {
  double corrected = 0, variance = 0;
  size_t used = 0;
  for (size_t j = 0; j < g; j++) {
    if (!(share[j] > 0 && share[j] < 1)) continue;
    corrected -= (1 - share[j]) * without[j];
    used++;
  }
  if (shift) *shift = (double)NAN;
  if (used < 2) return (double)NAN;
  corrected += (double)used * all;
  for (size_t j = 0; j < g; j++) {
    if (!(share[j] > 0 && share[j] < 1)) continue;
    const double h = 1 / share[j], pseudo = h * all - (h - 1) * without[j];
    variance += (pseudo - corrected) * (pseudo - corrected) / (h - 1);
  }
  if (shift) *shift = corrected - all;
  return variance / (double)used;
}
