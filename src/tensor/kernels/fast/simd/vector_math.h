/* Elementary functions of one float, without branches or tables, so that loops over them vectorise.
 * Polynomials are those of Moshier's Cephes library (single precision). Errors are a few units in the last
 * place; infinities, zeros, denormal numbers and NaN behave as in libm. */
#ifndef DSM_TENSOR_VECTOR_MATH_H
#define DSM_TENSOR_VECTOR_MATH_H

#include <float.h>
#include <math.h>
#include "lanes.h"

/* Adding and subtracting 1.5 * 2^23 rounds to an integer, which then stands in the low bits. */
#define ROUNDER 12582912.0f

/* 2^n for -126 <= n <= 127; unsigned, because after a NAN n is anything. */
INLINE float power_of_two(int32_t n) {
  return as_float((int32_t)(((uint32_t)n + 127u) << 23));
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2: returns e^r. The polynomial is evaluated in three strands: one after the other
 * its terms would keep the processor waiting for each. */
INLINE float split_exp(float x, int32_t *n_out) {
  const float rounded = madd(x, 1.44269504088896341f, ROUNDER), n = rounded - ROUNDER;
  const float r = madd(n, 2.12194440e-4f, madd(n, -0.693359375f, x));
  const float z = r * r, high = madd(1.9875691500e-4f, r, 1.3981999507e-3f);
  const float middle = madd(8.3334519073e-3f, r, 4.1665795894e-2f),
              low = madd(1.6666665459e-1f, r, 5.0000001201e-1f);
  *n_out = as_int(rounded) - as_int(ROUNDER);
  return madd(madd(madd(high, z, middle), z, low), z, r) + 1.0f;
}

/* 2^n goes on in two halves, for n down to -150 (denormal) and up to 128. */
INLINE float vector_exp(float x) {
  x = x < -104.0f ? -104.0f : x; /* e^x rounds to 0 */
  x = x > 89.0f ? 89.0f : x;     /* to infinity */
  int32_t power;
  const float p = split_exp(x, &power);
  const int32_t half = power >> 1;
  return p * power_of_two(half) * power_of_two(power - half);
}

/* log x = e ln 2 + log m with sqrt(1/2) <= m < sqrt(2) */
INLINE float vector_log(float x) {
  const int denormal = x < FLT_MIN;
  const int32_t bits = (int32_t)((uint32_t)as_int(denormal ? x * 0x1p25f : x) + (0x3f800000u - 0x3f3504f3u));
  const float e = (float)((bits >> 23) - 127) - (denormal ? 25.0f : 0.0f);
  const float r = as_float((bits & 0x007fffff) + 0x3f3504f3) - 1.0f, z = r * r;
  float p = 7.0376836292e-2f;
  p = madd(p, r, -1.1514610310e-1f);
  p = madd(p, r, 1.1676998740e-1f);
  p = madd(p, r, -1.2420140846e-1f);
  p = madd(p, r, 1.4249322787e-1f);
  p = madd(p, r, -1.6668057665e-1f);
  p = madd(p, r, 2.0000714765e-1f);
  p = madd(p, r, -2.4999993993e-1f);
  p = madd(p, r, 3.3333331174e-1f);
  p = madd(e, -2.12194440e-4f, p * r * z);
  float y = madd(e, 0.693359375f, r + madd(-0.5f, z, p));
  y = x < INFINITY ? y : x; /* infinity, NaN */
  y = x == 0.0f ? -INFINITY : y;
  return x < 0.0f ? NAN : y;
}

/* sin(x + quarter pi/2). The reduction by multiples of pi/2 is in double, in two steps, and good to |x| =
 * LARGE_ANGLE. */
#define LARGE_ANGLE 1e6f
INLINE float sine_of(float x, int32_t quarter) {
  const double d = x, rounder = 6755399441055744.0, n = d * 0.63661977236758134308 + rounder - rounder;
  const float r = (float)((d - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11), z = r * r;
  const float s = madd(madd(madd(-1.9515295891e-4f, z, 8.3321608736e-3f), z, -1.6666654611e-1f), z * r, r);
  const float q = madd(madd(2.443315711809948e-5f, z, -1.388731625493765e-3f), z, 4.166664568298827e-2f);
  const float c = madd(q, z * z, madd(-0.5f, z, 1.0f));
  const int32_t turns = (int32_t)n + quarter;
  const float y = (turns & 1) != 0 ? c : s;
  return (turns & 2) != 0 ? -y : y;
}
INLINE float vector_sin(float x) {
  return sine_of(x, 0);
}
INLINE float vector_cos(float x) {
  return sine_of(x, 1);
}

INLINE float vector_tanh(float x) {
  const float z = x * x, size = fabsf(x);
  float p = -5.70498872745e-3f;
  p = madd(p, z, 2.06390887954e-2f);
  p = madd(p, z, -5.37397155531e-2f);
  p = madd(p, z, 1.33314422036e-1f);
  p = madd(p, z, -3.33332819422e-1f);
  const float small = madd(p, z * x, x);
  const float large = 1.0f - 2.0f / (vector_exp(2.0f * size) + 1.0f);
  return size < 0.625f ? small : (x < 0.0f ? -large : large);
}

/* The larger and the smaller of s(x) and 1 - s(x) = s(-x), both without cancellation. */
INLINE float sigmoid_pair(float x, float *complement) {
  const float e = vector_exp(-fabsf(x)), large = 1.0f / (1.0f + e), small = e * large;
  *complement = x < 0.0f ? large : small;
  return x < 0.0f ? small : large;
}
INLINE float vector_sigmoid(float x) {
  float c;
  const float s = sigmoid_pair(x, &c);
  return x == x ? s : x;
}
INLINE float vector_silu_d2(float x) {
  float c;
  const float s = sigmoid_pair(x, &c);
  return s * c * madd(x, c - s, 2.0f);
}
/* SiLU and its derivative at half the price, for kernels that do not live on the far ends: beyond +-87, s(x)
 * and 1 - s(x) stay as they are there, 1 and 2e-38, all normal numbers. */
INLINE float near_exp_of_minus(float x) {
  const int32_t bound = as_int(87.0f), size = as_int(x) & 0x7fffffff, sign = ~as_int(x) & INT32_MIN;
  int32_t n;
  const float p = split_exp(as_float((size < bound ? size : bound) | sign), &n);
  return p * power_of_two(n);
}
INLINE float near_silu(float x) {
  return x / (1.0f + near_exp_of_minus(x));
}
INLINE float near_silu_d1(float x) {
  const float e = near_exp_of_minus(x), s = 1.0f / (1.0f + e);
  return s * madd(x, e * s, 1.0f);
}
/* The same with far ends: below -87 SiLU is 0 (the true values are within 1.5e-36 of it); above 87 the derivative is 1. */
INLINE float vector_silu(float x) {
  const float y = near_silu(x);
  return x < -87.0f ? 0.0f * x : y;
}
INLINE float vector_silu_d1(float x) {
  const float e = near_exp_of_minus(x), s = 1.0f / (1.0f + e),
              y = s * madd(x, x > 87.0f ? 0.0f : e * s, 1.0f);
  return x < -87.0f ? 0.0f * x : y;
}
INLINE float vector_sqrt(float x) {
  return __builtin_sqrtf(x);
}
INLINE float vector_reciprocal(float x) {
  return 1.0f / x;
}

#endif
