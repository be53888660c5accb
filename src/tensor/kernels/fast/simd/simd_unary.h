/* Functions of one element. */
#include "vector_math.h"

#define UNARY_LOOP(name)                                                                                     \
  static void name##_loop(float *y, const float *x, size_t n) {                                              \
    PRAGMA(omp simd)                                                                                         \
    for (size_t i = 0; i < n; i++) y[i] = vector_##name(x[i]);                                               \
  }
UNARY_LOOP(exp)
UNARY_LOOP(log)
UNARY_LOOP(sqrt)
UNARY_LOOP(reciprocal)
UNARY_LOOP(tanh)
UNARY_LOOP(sigmoid)
UNARY_LOOP(silu)
UNARY_LOOP(silu_d1)
UNARY_LOOP(silu_d2)

/* Angles too large for the short reduction are rare: a second look at the block finds them, and libm does
 * them. */
#define ANGLE_LOOP(name)                                                                                     \
  static void name##_loop(float *y, const float *x, size_t n) {                                              \
    enum { BLOCK = 256 };                                                                                    \
    float angle[BLOCK]; /* y may be x */                                                                     \
    for (size_t first = 0; first < n; first += BLOCK) {                                                      \
      const size_t length = dsm__min(BLOCK, n - first);                                                      \
      int large = 0;                                                                                         \
      memcpy(angle, x + first, length * sizeof *angle);                                                      \
      PRAGMA(omp simd reduction(| : large))                                                                  \
      for (size_t i = 0; i < length; i++) large |= !(fabsf(angle[i]) <= LARGE_ANGLE);                        \
      PRAGMA(omp simd)                                                                                       \
      for (size_t i = 0; i < length; i++) {                                                                  \
        y[first + i] = vector_##name(fabsf(angle[i]) <= LARGE_ANGLE ? angle[i] : 0.0f);                      \
      }                                                                                                      \
      for (size_t i = 0; large && i < length; i++) {                                                         \
        if (!(fabsf(angle[i]) <= LARGE_ANGLE)) y[first + i] = name##f(angle[i]);                             \
      }                                                                                                      \
    }                                                                                                        \
  }
ANGLE_LOOP(sin)
ANGLE_LOOP(cos)

static void unary(const dsm_kernels *k, dsm_unary f, float *y, const float *x, size_t n) {
  static void (*const loops[DSM_UNARY_COUNT])(float *, const float *, size_t) = {
      [DSM_UNARY_EXP] = exp_loop,
      [DSM_UNARY_LOG] = log_loop,
      [DSM_UNARY_SQRT] = sqrt_loop,
      [DSM_UNARY_SIN] = sin_loop,
      [DSM_UNARY_COS] = cos_loop,
      [DSM_UNARY_TANH] = tanh_loop,
      [DSM_UNARY_SIGMOID] = sigmoid_loop,
      [DSM_UNARY_SILU] = silu_loop,
      [DSM_UNARY_SILU_D1] = silu_d1_loop,
      [DSM_UNARY_SILU_D2] = silu_d2_loop,
      [DSM_UNARY_RECIPROCAL] = reciprocal_loop,
  };
  DSM_ASSERT(f >= 0 && f < DSM_UNARY_COUNT);
  if (alone(k, n)) {
    loops[f](y, x, n);
    return;
  }
  const dsm__cut cut = dsm__cut_by(n, PART);
  PARALLEL_FOR(k, n)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    loops[f](y + first, x + first, dsm__cut_length(cut, part));
  }
}

static void silu_gradient_loop(float *dx, const float *dy, const float *x, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) dx[i] = dy[i] * vector_silu_d1(x[i]);
}

static void silu_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *x, size_t n) {
  if (alone(k, n)) {
    silu_gradient_loop(dx, dy, x, n);
    return;
  }
  const dsm__cut cut = dsm__cut_by(n, PART);
  PARALLEL_FOR(k, n)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    silu_gradient_loop(dx + first, dy + first, x + first, dsm__cut_length(cut, part));
  }
}

static void affine_loop(float *y, const float *x, float scale, float shift, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) y[i] = madd(scale, x[i], shift);
}

static void affine(const dsm_kernels *k, float *y, const float *x, float scale, float shift, size_t n) {
  if (alone(k, n)) {
    affine_loop(y, x, scale, shift, n);
    return;
  }
  const dsm__cut cut = dsm__cut_by(n, PART);
  PARALLEL_FOR(k, n)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    affine_loop(y + first, x + first, scale, shift, dsm__cut_length(cut, part));
  }
}

static void fill_unary(dsm_kernels *k) {
  k->unary = unary;
  k->silu_gradient = silu_gradient;
  k->affine = affine;
}
