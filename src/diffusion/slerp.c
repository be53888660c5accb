/* Between two latents, along the circle through both. */
#include <math.h>
#include <string.h>
#include "dsmpi/diffusion.h"

/* The angle by atan2 of |u - v| and |u + v| of the unit vectors: acos of their product loses half the
 * digits of a small one. */
static double angle_between(const float *a, const float *b, size_t d) {
  double aa = 0, bb = 0, apart = 0, together = 0;
  for (size_t j = 0; j < d; j++) aa += (double)a[j] * (double)a[j], bb += (double)b[j] * (double)b[j];
  if (!(aa > 0 && bb > 0)) return 0;
  for (size_t j = 0; j < d; j++) {
    const double u = (double)a[j] / sqrt(aa), v = (double)b[j] / sqrt(bb);
    apart += (u - v) * (u - v);
    together += (u + v) * (u + v);
  }
  return 2 * atan2(sqrt(apart), sqrt(together));
}

void dsm_slerp(const float *z0, const float *z1, size_t d, double w, float *z) {
  const double theta = angle_between(z0, z1, d);
  const bool straight = sin(theta) < 1e-7; /* there the circle is a line, or not one but many */
  const double first = straight ? 1 - w : sin((1 - w) * theta) / sin(theta);
  const double second = straight ? w : sin(w * theta) / sin(theta);
  if (w == 0 || w == 1) {
    memcpy(z, w == 0 ? z0 : z1, d * sizeof *z);
    return;
  }
  for (size_t j = 0; j < d; j++) z[j] = (float)(first * (double)z0[j] + second * (double)z1[j]);
}
