/* Upsampling by 2 and its transpose. */
#include "ref.h"

static void upsample2(const dsm_kernels *k, float *y, const float *x, size_t batch, size_t height,
                      size_t width, size_t channels) {
  (void)k;
  for (size_t n = 0; n < batch; n++) {
    for (size_t i = 0; i < 2 * height; i++) {
      for (size_t j = 0; j < 2 * width; j++) {
        for (size_t c = 0; c < channels; c++) {
          *y++ = x[((n * height + i / 2) * width + j / 2) * channels + c];
        }
      }
    }
  }
}

static void downsample2_sum(const dsm_kernels *k, float *x, const float *y, size_t batch, size_t height,
                            size_t width, size_t channels) {
  (void)k;
  const size_t row = 2 * width * channels; /* of y */
  for (size_t n = 0; n < batch; n++) {
    for (size_t i = 0; i < height; i++) {
      for (size_t j = 0; j < width; j++) {
        for (size_t c = 0; c < channels; c++) {
          const float *corner = y + (n * 2 * height + 2 * i) * row + 2 * j * channels + c;
          *x++ = (float)((double)corner[0] + corner[channels] + corner[row] + corner[row + channels]);
        }
      }
    }
  }
}

void dsm__ref_resample(dsm_kernels *k) {
  k->upsample2 = upsample2;
  k->downsample2_sum = downsample2_sum;
}
