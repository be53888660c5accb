/* The five transforms of the Winograd convolution along one axis, for vectors of channels. The matrices and their
 * source stand in conv_winograd.c; here they are multiplied out for the points 0, a, -a, b, -b, infinity, whose
 * pairs share their even and odd halves. A tile has 4 outputs along an axis, or 3 or 2 at the end of a picture;
 * then -b, or both b and -b, are left out, and entries of those points are neither read nor written. `outputs` is
 * known when compiling. */
#include "simd_winograd_products.h"

enum { TILE = DSM__TILE, WINDOW = DSM__WINDOW };

/* a b = 1, which saves operations */
#define POINT_A               (2.0f / 3)
#define POINT_B               (3.0f / 2)
#define A2                    (4.0f / 9)
#define B2                    (9.0f / 4)
#define A3                    (8.0f / 27)
#define B3                    (27.0f / 8)
#define A2_PLUS_B2            (97.0f / 36)
#define HALF_OVER_B2_MINUS_A2 (18.0f / 65)

/* B^T d: outputs + 2 numbers to the points */
INLINE void window_points(vec *to, const vec *d, int outputs) {
  if (outputs == 4) {
    const vec even_a = madd_vec(-B2, d[2], d[4]), odd_a = madd_vec(-B2, d[1], d[3]);
    const vec even_b = madd_vec(-A2, d[2], d[4]), odd_b = madd_vec(-A2, d[1], d[3]);
    to[0] = madd_vec(-A2_PLUS_B2, d[2], d[0] + d[4]);
    to[1] = madd_vec(POINT_A, odd_a, even_a);
    to[2] = madd_vec(-POINT_A, odd_a, even_a);
    to[3] = madd_vec(POINT_B, odd_b, even_b);
    to[4] = madd_vec(-POINT_B, odd_b, even_b);
    to[5] = madd_vec(-A2_PLUS_B2, d[3], d[1] + d[5]);
  } else if (outputs == 3) {
    to[0] = madd_vec(-B2, d[2], madd_vec(-POINT_A, d[1], d[0])) + POINT_B * d[3];
    to[1] = (POINT_A + POINT_B) * (madd_vec(POINT_A - POINT_B, d[2], d[3]) - d[1]);
    to[2] = (POINT_B - POINT_A) * (madd_vec(-POINT_A - POINT_B, d[2], d[3]) + d[1]);
    to[3] = 2 * POINT_B * madd_vec(-A2, d[1], d[3]);
    to[5] = madd_vec(POINT_A, d[1], d[4]) - madd_vec(A2, d[2], POINT_B * d[3]);
  } else {
    to[0] = madd_vec(-B2, d[2], d[0]);
    to[1] = (A2 - B2) * madd_vec(POINT_A, d[1], d[2]);
    to[2] = (A2 - B2) * madd_vec(-POINT_A, d[1], d[2]);
    to[5] = madd_vec(-A2, d[1], d[3]);
  }
}

/* A^T m: the points to the outputs */
INLINE void points_output(vec *to, const vec *m, int outputs) {
  const vec sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  if (outputs == 4) {
    const vec sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    to[0] = (m[0] + sum_a) + sum_b;
    to[1] = madd_vec(POINT_A, difference_a, POINT_B * difference_b);
    to[2] = madd_vec(A2, sum_a, B2 * sum_b);
    to[3] = madd_vec(A3, difference_a, madd_vec(B3, difference_b, m[5]));
  } else if (outputs == 3) {
    to[0] = (m[0] + sum_a) + m[3];
    to[1] = madd_vec(POINT_A, difference_a, POINT_B * m[3]);
    to[2] = madd_vec(A2, sum_a, madd_vec(B2, m[3], m[5]));
  } else {
    to[0] = m[0] + sum_a;
    to[1] = madd_vec(POINT_A, difference_a, m[5]);
  }
}

/* A d: the outputs to the points */
INLINE void output_points(vec *to, const vec *d, int outputs) {
  to[0] = d[0];
  to[5] = d[outputs - 1];
  if (outputs == 4) {
    const vec even_a = madd_vec(A2, d[2], d[0]), odd_a = madd_vec(A2, d[3], d[1]);
    const vec even_b = madd_vec(B2, d[2], d[0]), odd_b = madd_vec(B2, d[3], d[1]);
    to[1] = madd_vec(POINT_A, odd_a, even_a);
    to[2] = madd_vec(-POINT_A, odd_a, even_a);
    to[3] = madd_vec(POINT_B, odd_b, even_b);
    to[4] = madd_vec(-POINT_B, odd_b, even_b);
  } else if (outputs == 3) {
    const vec even_a = madd_vec(A2, d[2], d[0]);
    to[1] = madd_vec(POINT_A, d[1], even_a);
    to[2] = madd_vec(-POINT_A, d[1], even_a);
    to[3] = madd_vec(POINT_B, d[1], madd_vec(B2, d[2], d[0]));
  } else {
    to[1] = madd_vec(POINT_A, d[1], d[0]);
    to[2] = madd_vec(-POINT_A, d[1], d[0]);
  }
}

/* G g: 3 to 6 */
INLINE void weight_points(vec *to, const vec *g) {
  const vec even_a = -HALF_OVER_B2_MINUS_A2 * madd_vec(B2, g[0], g[2]), odd_a = g[1] * HALF_OVER_B2_MINUS_A2;
  const vec even_b = HALF_OVER_B2_MINUS_A2 * madd_vec(A2, g[0], g[2]);
  to[0] = g[0];
  to[1] = madd_vec(-POINT_B, odd_a, even_a);
  to[2] = madd_vec(POINT_B, odd_a, even_a);
  to[3] = madd_vec(POINT_A, odd_a, even_b);
  to[4] = madd_vec(-POINT_A, odd_a, even_b);
  to[5] = g[2];
}

/* G^T u: 6 to 3 */
INLINE void points_weight(vec *to, const vec *u) {
  const vec sum_a = u[1] + u[2], sum_b = u[3] + u[4], difference_a = u[1] - u[2], difference_b = u[3] - u[4];
  to[0] = madd_vec(HALF_OVER_B2_MINUS_A2, madd_vec(A2, sum_b, -B2 * sum_a), u[0]);
  to[1] = HALF_OVER_B2_MINUS_A2 * madd_vec(POINT_A, difference_b, -POINT_B * difference_a);
  to[2] = madd_vec(HALF_OVER_B2_MINUS_A2, sum_b - sum_a, u[5]);
}
