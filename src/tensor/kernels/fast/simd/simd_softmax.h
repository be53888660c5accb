/* Softmax of rows and its gradient. */
#include "vector_math.h"

/* Rows that are handled together, so that exp runs over one long loop that stays in the L1 cache. */
INLINE dsm__cut softmax_cut(size_t rows, size_t width) {
  return dsm__cut_by(rows, dsm__max(1, 4096 / dsm__max(1, width)));
}

static void subtract_largest(float *y, const float *x, size_t n) {
  const float top = largest_of(x, n);
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) y[i] = x[i] - top;
}

static void scale_in_place(float *y, float scale, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) y[i] *= scale;
}

static void softmax(const dsm_kernels *k, float *y, const float *x, size_t rows, size_t width) {
  const dsm__cut cut = softmax_cut(rows, width);
  PARALLEL_FOR(k, 4 * rows * width)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t count = dsm__cut_length(cut, part);
    const float *from = x + dsm__cut_begin(cut, part) * width;
    float *to = y + dsm__cut_begin(cut, part) * width;
    for (size_t r = 0; r < count; r++) subtract_largest(to + r * width, from + r * width, width);
    exp_loop(to, to, count * width);
    for (size_t r = 0; r < count; r++) {
      scale_in_place(to + r * width, (float)(1 / sum_of(to + r * width, width)), width);
    }
  }
}

static void softmax_gradient_row(float *dx, const float *dy, const float *y, float sum, size_t n) {
  PRAGMA(omp simd)
  for (size_t i = 0; i < n; i++) dx[i] = y[i] * (dy[i] - sum);
}

static void softmax_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *y, size_t rows,
                             size_t width) {
  const dsm__cut cut = softmax_cut(rows, width);
  PARALLEL_FOR(k, 2 * rows * width)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    for (size_t r = first; r < first + dsm__cut_length(cut, part); r++) {
      const size_t at = r * width;
      softmax_gradient_row(dx + at, dy + at, y + at, (float)dot_of(dy + at, y + at, width), width);
    }
  }
}

static void fill_softmax(dsm_kernels *k) {
  k->softmax = softmax;
  k->softmax_gradient = softmax_gradient;
}
