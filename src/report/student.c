#include "student.h"

#include <math.h>

enum { PANELS = 200 /* even */ };

/* Integral of cos(a)^power from 0 to `end` by Simpson's rule. */
static double integral(double power, double end) {
  const double h = end / PANELS;
  double sum = 0;
  for (int i = 0; i <= PANELS; i++) {
    const double weight = i == 0 || i == PANELS ? 1 : i % 2 ? 4 : 2;
    sum += weight * pow(fmax(cos(i * h), 0), power);
  }
  return sum * h / 3;
}

/* By Newton's method from 0: the integral is concave, so it comes from below and does not overshoot. */
double dsm__student(double p, double freedom) {
  const double n = fmin(fmax(freedom, 1), 1000), wanted = (2 * p - 1) * integral(n - 1, acos(0));
  double angle = 0, by = 1;
  for (int i = 0; i < 100 && by > 1e-9; i++) {
    by = (wanted - integral(n - 1, angle)) / pow(cos(angle), n - 1);
    angle += by;
  }
  return sqrt(n) * tan(angle);
}
