/* A Gaussian part N(m, S), S = Q diag(l) Q^T. In the axes y = Q^T (x - alpha m) of S the noisy law is a
 * product of normals of variances v_j = alpha^2 l_j + sigma^2, so with no matrix to invert at any noise
 * level
 *   ln p = -1/2 sum_j (y_j^2 / v_j + ln(2 pi v_j)),
 *   E[x0 | x] = m + Q (alpha l y / v),   E[eps | x] = sigma Q (y / v).
 * Neither of the two is made from the other: no digits are lost at small sigma nor at small alpha. */
#include "mixture_part.h"

#include <math.h>
#include <string.h>

/* Turns axes p and q of `a` (d, d) so that a_pq becomes 0; Golub & Van Loan, Matrix Computations, section
 * 8.5. */
static void rotate(size_t d, size_t p, size_t q, double *a, double *axes) {
  const double theta = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q]);
  const double t = copysign(1, theta) / (fabs(theta) + hypot(theta, 1)), c = 1 / hypot(t, 1), s = t * c;
  for (size_t i = 0; i < d; i++) {
    const double ip = a[i * d + p], iq = a[i * d + q];
    a[i * d + p] = c * ip - s * iq;
    a[i * d + q] = s * ip + c * iq;
  }
  for (size_t i = 0; i < d; i++) {
    const double pi = a[p * d + i], qi = a[q * d + i];
    a[p * d + i] = c * pi - s * qi;
    a[q * d + i] = s * pi + c * qi;
  }
  for (size_t i = 0; i < d; i++) {
    const double ip = axes[i * d + p], iq = axes[i * d + q];
    axes[i * d + p] = c * ip - s * iq;
    axes[i * d + q] = s * ip + c * iq;
  }
}

void dsm__symmetric_axes(size_t d, const double *matrix, double *axes, double *variance) {
  enum { SWEEPS = 50 }; /* quadratic in the end: 6 to 10 are usual */
  double a[DSM_MIXTURE_DIMENSION_MAX * DSM_MIXTURE_DIMENSION_MAX];
  DSM_ASSERT(d >= 1 && d <= DSM_MIXTURE_DIMENSION_MAX);
  memcpy(a, matrix, d * d * sizeof *a);
  for (size_t i = 0; i < d * d; i++) axes[i] = i % (d + 1) == 0;
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    double off = 0, all = 0;
    for (size_t i = 0; i < d * d; i++) {
      all += a[i] * a[i];
      if (i % (d + 1) != 0) off += a[i] * a[i];
    }
    if (off <= 1e-32 * all) break;
    for (size_t p = 0; p + 1 < d; p++)
      for (size_t q = p + 1; q < d; q++)
        if (a[p * d + q] != 0) rotate(d, p, q, a, axes);
  }
  for (size_t j = 0; j < d; j++) variance[j] = a[j * d + j];
}

double dsm__normal_posterior(const dsm__part *part, size_t d, double alpha, double sigma, const double *x,
                             double *x0, double *eps) {
  const double two_pi = 4 * acos(0.0);
  double log_density = 0;
  for (size_t i = 0; x0 && i < d; i++) x0[i] = part->first[i], eps[i] = 0;
  for (size_t j = 0; j < d; j++) {
    const double l = part->variance[j], v = alpha * alpha * l + sigma * sigma;
    double y = 0;
    for (size_t i = 0; i < d; i++) y += part->axes[i * d + j] * (x[i] - alpha * part->first[i]);
    log_density -= (y * y / v + log(two_pi * v)) / 2;
    for (size_t i = 0; x0 && i < d; i++) {
      x0[i] += part->axes[i * d + j] * alpha * l * y / v;
      eps[i] += part->axes[i * d + j] * sigma * y / v;
    }
  }
  return log_density;
}
