/* Flat arrays of parameters. */
#include "lanes.h"

static void adamw_loop(float *w, float *m, float *v, const float *gradient, const dsm_adamw_step *step,
                       bool decays, size_t n) {
  const float b1 = step->beta1, b2 = step->beta2, eps = step->eps, scale = step->scale;
  const float rest1 = (float)(1 - (double)b1), rest2 = (float)(1 - (double)b2);
  const float rate = (float)((double)step->lr / step->correction1), v_scale = (float)(1 / step->correction2);
  const float decay = decays ? (float)((double)step->lr * (double)step->decay) : 0;
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) {
    const float g = scale * gradient[i];
    const float m_new = madd(b1, m[i], rest1 * g), v_new = madd(b2, v[i], rest2 * (g * g));
    const float direction = m_new / (__builtin_sqrtf(v_new * v_scale) + eps);
    m[i] = m_new;
    v[i] = v_new;
    w[i] = madd(-rate, direction, madd(-decay, w[i], w[i]));
  }
}

static void average_loop(double *average, const float *w, double rest, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) average[i] = madd_double(rest, (double)w[i] - average[i], average[i]);
}

/* First span that ends behind `at`. */
INLINE const dsm_adamw_span *span_at(const dsm_adamw_span *span, size_t at) {
  while (span->end <= at) span++;
  return span;
}

/* The averages follow in short blocks, while the new parameters are in the first-level cache. */
static void adamw_part(float *w, float *m, float *v, const float *gradient, const dsm_adamw_step *step,
                       const dsm_adamw_span *span, size_t first, size_t n) {
  enum { BLOCK = 2048 };
  for (size_t at = first, length; at < first + n; at += length) {
    span = span_at(span, at);
    length = dsm__min(dsm__min(BLOCK, first + n - at), span->end - at);
    adamw_loop(w + at, m + at, v + at, gradient + at, step, span->decays, length);
    for (size_t a = 0; a < step->averages; a++)
      average_loop(step->average[a] + at, w + at, 1 - step->average_decay[a], length);
  }
}

static void adamw(const dsm_kernels *k, float *w, float *m, float *v, const float *gradient,
                  const dsm_adamw_step *step, size_t n) {
  const dsm_adamw_span all = {n, true}, *span = step->span ? step->span : &all;
  if (alone(k, n)) {
    adamw_part(w, m, v, gradient, step, span, 0, n);
    return;
  }
  const dsm__cut cut = dsm__cut_by(n, PART);
  PARALLEL_FOR(k, n)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    adamw_part(w, m, v, gradient, step, span_at(span, first), first, dsm__cut_length(cut, part));
  }
}

static void accumulate_loop(float *y, const float *x, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void accumulate(const dsm_kernels *k, float *y, const float *x, size_t n) {
  if (alone(k, n)) {
    accumulate_loop(y, x, n);
    return;
  }
  const dsm__cut cut = dsm__cut_by(n, PART);
  PARALLEL_FOR(k, n)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    accumulate_loop(y + first, x + first, dsm__cut_length(cut, part));
  }
}

/* ---- sum of squares ------------------------------------------------------------------------------------ */

enum { SQUARES_RUN = 4096, RUNS_OF_LEAF = 16, SQUARES_LEAVES = 1024 };

static double squares_of_run(const float *x, size_t n) {
  enum { COUNT = 2 * LANES };
  double sum[COUNT] = {0};
  size_t i = 0;
  for (; i + COUNT <= n; i += COUNT) {
    PRAGMA(omp simd)
    for (size_t l = 0; l < COUNT; l++) sum[l] = madd_double((double)x[i + l], (double)x[i + l], sum[l]);
  }
  for (size_t l = 0; i + l < n; l++) sum[l] += (double)x[i + l] * (double)x[i + l];
  for (size_t half = COUNT / 2; half > 0; half /= 2) {
    for (size_t l = 0; l < half; l++) sum[l] += sum[l + half];
  }
  return sum[0];
}

/* Halves first, the left one a power of two of runs: the same tree as in ref. */
static double squares_of(const float *x, size_t n) {
  if (n <= SQUARES_RUN) return squares_of_run(x, n);
  size_t left = SQUARES_RUN;
  while (2 * left < n) left *= 2;
  return squares_of(x, left) + squares_of(x + left, n - left);
}

static double join_leaves(const double *leaf, size_t n) {
  if (n == 1) return *leaf;
  size_t left = 1;
  while (2 * left < n) left *= 2;
  return join_leaves(leaf, left) + join_leaves(leaf + left, n - left);
}

/* The tree, its lower part cut into leaves of a power of two of runs, so that threads share it without
 * changing it. */
static double sum_squares(const dsm_kernels *k, const float *x, size_t n) {
  size_t size = SQUARES_RUN * RUNS_OF_LEAF;
  if (n <= size) return squares_of(x, n);
  while ((n + size - 1) / size > SQUARES_LEAVES) size *= 2;
  const size_t leaves = (n + size - 1) / size;
  double sum[SQUARES_LEAVES];
  PARALLEL_FOR(k, n)
  for (size_t leaf = 0; leaf < leaves; leaf++) {
    sum[leaf] = squares_of(x + leaf * size, dsm__min(size, n - leaf * size));
  }
  return join_leaves(sum, leaves);
}

static void fill_optimizer(dsm_kernels *k) {
  k->adamw = adamw;
  k->accumulate = accumulate;
  k->sum_squares = sum_squares;
}
