#include "restore/conjugate_gradients.h"

#include <string.h>

static double dot(const double *a, const double *b, size_t m) {
  double sum = 0;
  for (size_t j = 0; j < m; j++) sum += a[j] * b[j];
  return sum;
}

/* One step of one sample, unless it has arrived: |e|^2 <= least. False when it has; then p is 0, so it stays. */
static bool step(size_t m, double least, double *e, double *v, double *p, const double *kp) {
  const double before = dot(e, e, m), curvature = dot(p, kp, m);
  double after = 0;
  if (before > least && curvature > 0) {
    const double length = before / curvature;
    for (size_t j = 0; j < m; j++) v[j] += length * p[j];
    for (size_t j = 0; j < m; j++) e[j] -= length * kp[j];
    after = dot(e, e, m);
  }
  const bool on = after > least;
  for (size_t j = 0; j < m; j++) p[j] = on ? e[j] + after / before * p[j] : 0;
  return on;
}

void dsm__conjugate_gradients(const dsm__equations *equations, int iterations, double tolerance, double *e,
                              double *v, double *p, double *kp, double *least) {
  const size_t n = equations->n, m = equations->m;
  bool on = false;
  memset(v, 0, n * m * sizeof *v);
  memcpy(p, e, n * m * sizeof *p);
  for (size_t i = 0; i < n; i++) {
    const double size = dot(e + i * m, e + i * m, m);
    least[i] = tolerance * tolerance * size;
    on = on || size > least[i];
  }
  for (int k = 0; on && k < iterations; k++) {
    equations->product(equations->self, p, kp);
    on = false;
    for (size_t i = 0; i < n; i++) on |= step(m, least[i], e + i * m, v + i * m, p + i * m, kp + i * m);
  }
}
