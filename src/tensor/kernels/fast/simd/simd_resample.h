/* Upsampling by 2 and its transpose, row by row. */
#include "lanes.h"

static void double_row(float *y, const float *x, size_t width, size_t channels) {
  for (size_t j = 0; j < width; j++, x += channels, y += 2 * channels) {
    for (size_t c = 0; c < channels; c++) y[c] = y[channels + c] = x[c];
  }
}

static void upsample2(const dsm_kernels *k, float *y, const float *x, size_t batch, size_t height,
                      size_t width, size_t channels) {
  const size_t row = width * channels;
  PARALLEL_FOR(k, 4 * batch * height * row)
  for (size_t i = 0; i < batch * height; i++) {
    float *to = y + 4 * i * row;
    double_row(to, x + i * row, width, channels);
    memcpy(to + 2 * row, to, 2 * row * sizeof *to);
  }
}

static void halve_rows(float *x, const float *y0, const float *y1, size_t width, size_t channels) {
  for (size_t j = 0; j < width; j++, x += channels, y0 += 2 * channels, y1 += 2 * channels) {
    PRAGMA(omp simd)
    for (size_t c = 0; c < channels; c++) x[c] = (y0[c] + y0[channels + c]) + (y1[c] + y1[channels + c]);
  }
}

static void downsample2_sum(const dsm_kernels *k, float *x, const float *y, size_t batch, size_t height,
                            size_t width, size_t channels) {
  const size_t row = width * channels;
  PARALLEL_FOR(k, 4 * batch * height * row)
  for (size_t i = 0; i < batch * height; i++) {
    const float *from = y + 4 * i * row;
    halve_rows(x + i * row, from, from + 2 * row, width, channels);
  }
}

static void fill_resample(dsm_kernels *k) {
  k->upsample2 = upsample2;
  k->downsample2_sum = downsample2_sum;
}
