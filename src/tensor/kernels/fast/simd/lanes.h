/* What the SIMD sources share: multiply-add, sums in a fixed order, and rows folded to a width worth
 * vectorising.
 *
 * Loops are plain C that the compiler vectorises. Sums are the exception: left to the compiler, their order
 * could depend on the alignment of the data, so they are written with vector types (of gcc and clang) and a
 * fixed number of them. */
#ifndef DSM_TENSOR_LANES_H
#define DSM_TENSOR_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "../fast.h"
#if defined(__x86_64__)
#  include <immintrin.h>
#elif defined(__aarch64__)
#  include <arm_neon.h>
#endif

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* Contraction is switched off for the whole build, so that multiply-adds stand where they are written. */
#if defined(__FMA__) || defined(__FP_FAST_FMAF) || defined(__aarch64__)
INLINE float madd(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
INLINE double madd_double(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
#else
INLINE float madd(float a, float b, float c) {
  return a * b + c;
}
INLINE double madd_double(double a, double b, double c) {
  return a * b + c;
}
#endif

/* a b + c and s a + c, rounded once where the processor can */
INLINE vec madd_lanes(vec a, vec b, vec c) {
#if defined(__AVX512F__)
  return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}
INLINE vec madd_vec(float s, vec a, vec c) {
  return madd_lanes(s - (vec){0}, a, c);
}

/* The first `lanes` numbers at p, then zeros; `lanes` is LANES, known when compiling, wherever it can. */
INLINE vec load(const float *p, size_t lanes) {
  if (lanes == LANES) return *(const vec *)p;
#if defined(__AVX512F__)
  return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), p);
#else
  vec v = {0};
  memcpy(&v, p, lanes * sizeof *p);
  return v;
#endif
}
INLINE void store(float *p, vec v, size_t lanes) {
  if (lanes == LANES) {
    *(vec *)p = v;
    return;
  }
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << lanes) - 1), (__m512)v);
#else
  memcpy(p, &v, lanes * sizeof *p);
#endif
}

INLINE float as_float(int32_t i) {
  float f;
  memcpy(&f, &i, sizeof f);
  return f;
}
INLINE int32_t as_int(float f) {
  int32_t i;
  memcpy(&i, &f, sizeof i);
  return i;
}

/* Elements that are worth waking the threads for; elements in a part. */
enum { PARALLEL = 1 << 15, PART = 1 << 13 };

#define PRAGMA(text) _Pragma(#text)
/* True where one thread does all of it. Kernels on flat arrays then go around the loop over parts: OpenMP makes and
 * frees a team even for a region of one thread, half a microsecond, as much as the work on a small tensor. */
INLINE bool alone(const dsm_kernels *k, size_t elements) {
  return k->threads == 1 || elements <= PARALLEL;
}
/* Heads a loop over parts that work on `elements` elements together. */
#define PARALLEL_FOR(k, elements)                                                                            \
  PRAGMA(omp parallel for num_threads((k)->threads) schedule(static) if ((k)->threads > 1 && (elements) > PARALLEL))

/* Heads short loops over registers. Left to itself, gcc unrolls them too late to keep sums there. */
#if defined(__clang__)
#  define UNROLLED PRAGMA(unroll)
#else
#  define UNROLLED PRAGMA(GCC unroll 16)
#endif

/* ---- sums along contiguous runs ------------------------------------------------------------------------ */

INLINE float add_lanes(const vec *v) {
  float lane[LANES];
  memcpy(lane, v, sizeof lane);
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  }
  return lane[0];
}

enum { SUM_RUN = 4096 }; /* floats added up in float; runs are added up in double */

/* s += x, or s += x y if y is given */
INLINE void add_terms(vec *s, const float *x, const float *y, size_t at) {
  vec term = *(const vec *)(x + at);
  if (y != NULL) term *= *(const vec *)(y + at);
  *s += term;
}

/* sum x, or sum x y if y is given */
INLINE float run_sum(const float *x, const float *y, size_t n) {
  vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  size_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    add_terms(&s0, x, y, i);
    add_terms(&s1, x, y, i + LANES);
    add_terms(&s2, x, y, i + 2 * LANES);
    add_terms(&s3, x, y, i + 3 * LANES);
  }
  for (; i + LANES <= n; i += LANES) add_terms(&s0, x, y, i);
  s0 = (s0 + s1) + (s2 + s3);
  float sum = add_lanes(&s0);
  for (; i < n; i++) sum += y == NULL ? x[i] : x[i] * y[i];
  return sum;
}

INLINE double sum_of(const float *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i += SUM_RUN) sum += run_sum(x + i, NULL, dsm__min(SUM_RUN, n - i));
  return sum;
}

INLINE double dot_of(const float *x, const float *y, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i += SUM_RUN) sum += run_sum(x + i, y + i, dsm__min(SUM_RUN, n - i));
  return sum;
}

/* The largest. What it is when there is a NAN does not matter: softmax is then NAN all over. */
INLINE float largest_of(const float *x, size_t n) {
  typedef int32_t mask __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4), may_alias));
  float lane[LANES], largest = -INFINITY;
  size_t i = 0;
  if (n >= LANES) {
    vec top = *(const vec *)x;
    for (i = LANES; i + LANES <= n; i += LANES) {
      const vec next = *(const vec *)(x + i);
      const mask greater = (mask)(next > top);
      top = (vec)(((mask)next & greater) | ((mask)top & ~greater));
    }
    memcpy(lane, &top, sizeof lane);
    for (int l = 0; l < LANES; l++) largest = lane[l] > largest ? lane[l] : largest;
  }
  for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/* ---- folded rows --------------------------------------------------------------------------------------- */

/* A matrix of `rows` x `columns`, rows `pitch` apart. If the columns are few and the rows follow each other
 * without gaps, `fold` rows are read as one of fold * columns, so that even 1 or 3 channels fill the vectors
 * and the start of a loop over a row is paid for. */
enum { MAX_WIDTH = 1024 };
typedef struct folded {
  size_t columns, fold, width; /* width = fold * columns <= MAX_WIDTH */
  size_t rows, pitch;          /* whole folded rows, and their distance */
  size_t tail;                 /* floats of the rows left over, as the start of one more folded row */
} folded;

INLINE folded fold_rows(size_t rows, size_t columns, size_t pitch) {
  size_t fold = 1;
  while (pitch == columns && 2 * fold * columns <= MAX_WIDTH &&
         (fold * columns < 256 || fold * columns % 16 != 0)) {
    fold *= 2;
  }
  return (folded){columns, fold, fold * columns, rows / fold, fold * pitch, rows % fold * columns};
}

/* wide[j] = value[j % columns] */
INLINE void widen(float *wide, const float *value, const folded *f) {
  for (size_t j = 0; j < f->width; j++) wide[j] = value[j % f->columns];
}

/* sum[c] += the sums of wide[j] over j = c mod columns */
INLINE void narrow(double *sum, const double *wide, const folded *f) {
  for (size_t r = 0; r < f->fold; r++) {
    for (size_t c = 0; c < f->columns; c++) sum[c] += wide[r * f->columns + c];
  }
}

#endif
