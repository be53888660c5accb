#include "picture_ticks.h"

#include <math.h>
#include <stdio.h>

double dsm__tick_step(double span) {
  const double power = pow(10, floor(log10(span / 4)));
  const double ratio = span / 4 / power;
  return power * (ratio >= 5 ? 5 : ratio >= 2 ? 2 : 1);
}

void dsm__tick_text(double value, double step, char *text, size_t size) {
  const int decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
  if (fabs(value) < step / 2) value = 0; /* no -0 and no 1e-17 */
  if (decimals > 4 || fabs(value) >= 1e5)
    snprintf(text, size, "%.3g", value);
  else
    snprintf(text, size, "%.*f", decimals, value);
}
