/* A part that is uniform on a box. Its axes are independent, so one axis tells all: x0 uniform on (a, b),
 * and with u = (x - alpha a) / sigma > v = (x - alpha b) / sigma
 *   p(x) = (Phi(u) - Phi(v)) / (alpha (b - a)),   E[eps | x] = (phi(v) - phi(u)) / (Phi(u) - Phi(v)),
 * Phi and phi the law and density of the standard normal. Far outside the box both differences are of
 * numbers that float64 does not hold; Mills' ratio R(z) = (1 - Phi(z)) / phi(z) does: for v > 0, with q =
 * exp((v^2 - u^2) / 2),
 *   Phi(u) - Phi(v) = phi(v) (R(v) - R(u) q),     E[eps | x] = (1 - q) / (R(v) - R(u) q).
 * x left of the middle is reflected to the right. */
#include "mixture_part.h"

#include <math.h>

/* Narrower than this, in units of sigma, the box is a point with a little width. */
static const double narrow = 1e-4;

static double log_phi(double z) {
  return -z * z / 2 - log(4 * acos(0.0)) / 2;
}

/* The asymptotic series is exact to 2e-14 beyond 30; erfc holds up to 37. */
static double mills(double z) {
  const double r = 1 / (z * z);
  if (z < 30) return erfc(z / sqrt(2)) / 2 / exp(log_phi(z));
  return (1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))) / z;
}

typedef struct axis {
  double log_density, x0, eps;
} axis;

/* Inside the limits: rounding must not carry the mean out of the box. */
static double within(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

static axis without_noise(double x, double low, double high, double alpha) {
  const bool inside = x > alpha * low && x < alpha * high;
  return (axis){inside ? -log(alpha * (high - low)) : -INFINITY, within(x / alpha, low, high), 0};
}

/* To second order in the width w = alpha (b - a) / sigma: eps ~ z tilted by exp(z m) over the box. */
static axis almost_a_point(double x, double low, double high, double alpha, double sigma) {
  const double m = (x - alpha * (low + high) / 2) / sigma, w = alpha * (high - low) / sigma,
               variance = (high - low) * (high - low) / 12;
  return (axis){log_phi(m) - log(sigma) + (m * m - 1) * w * w / 24,
                within((low + high) / 2 + alpha / sigma * m * variance, low, high), m * (1 - w * w / 12)};
}

static axis along(double x, double low, double high, double alpha, double sigma) {
  if (sigma == 0) return without_noise(x, low, high, alpha);
  if (alpha * (high - low) < narrow * sigma) return almost_a_point(x, low, high, alpha, sigma);
  double u = (x - alpha * low) / sigma, v = (x - alpha * high) / sigma, sign = 1;
  if (u + v < 0) {
    const double left = u;
    u = -v, v = -left, sign = -1;
  }
  axis found;
  if (v <= 0) { /* a sum: the two have different signs */
    const double mass = (erf(u / sqrt(2)) - erf(v / sqrt(2))) / 2;
    found.log_density = log(mass);
    found.eps = (exp(log_phi(v)) - exp(log_phi(u))) / mass;
  } else {
    const double exponent = (v - u) * (v + u) / 2, ratio = mills(v) - mills(u) * exp(exponent);
    found.log_density = log_phi(v) + log(ratio);
    found.eps = -expm1(exponent) / ratio;
  }
  found.log_density -= log(alpha * (high - low));
  found.eps *= sign;
  found.x0 = within((x - sigma * found.eps) / alpha, low, high);
  return found;
}

double dsm__box_posterior(const dsm__part *part, size_t d, double alpha, double sigma, const double *x,
                          double *x0, double *eps) {
  double log_density = 0;
  for (size_t j = 0; j < d; j++) {
    const axis found = along(x[j], part->first[j], part->second[j], alpha, sigma);
    log_density += found.log_density;
    if (x0) x0[j] = found.x0, eps[j] = found.eps;
  }
  return log_density;
}
