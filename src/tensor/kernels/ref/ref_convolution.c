/* Convolution by its definition, and its two gradients by theirs. */
#include "ref.h"

static bool suits(const dsm_conv2d *c) {
  (void)c;
  return true;
}

static size_t scratch_size(const dsm_kernels *k, const dsm_conv2d *c) {
  (void)k, (void)c;
  return 0;
}

/* x at (n, row, column), the row and column counted in the padded image; NULL in the padding. */
static const float *padded(const dsm_conv2d *c, const float *x, size_t n, size_t row, size_t column) {
  if (row < c->pad_top || row >= c->height + c->pad_top) return NULL;
  if (column < c->pad_left || column >= c->width + c->pad_left) return NULL;
  return x + ((n * c->height + row - c->pad_top) * c->width + column - c->pad_left) * c->in;
}

/* y = ((y + bias) + sample) + residual over (batch, positions, channels) */
static void add_all(float *y, const dsm_conv2d_addends *add, size_t batch, size_t positions,
                    size_t channels) {
  for (size_t i = 0; add != NULL && i < batch * positions * channels; i++) {
    const size_t channel = i % channels, n = i / channels / positions;
    if (add->bias != NULL) y[i] += add->bias[channel];
    if (add->sample != NULL) y[i] += add->sample[n * channels + channel];
    if (add->residual != NULL) y[i] += add->residual[i];
  }
}

static void forward(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const float *w,
                    const dsm_conv2d_addends *add, void *scratch) {
  (void)k, (void)scratch;
  float *const result = y;
  for (size_t n = 0; n < c->batch; n++) {
    for (size_t i = 0; i < c->out_height; i++) {
      for (size_t j = 0; j < c->out_width; j++) {
        for (size_t o = 0; o < c->out; o++) {
          double sum = 0;
          for (size_t p = 0; p < c->kernel_h; p++) {
            for (size_t q = 0; q < c->kernel_w; q++) {
              const float *from = padded(c, x, n, i * c->stride + p, j * c->stride + q);
              const float *weight = w + ((o * c->kernel_h + p) * c->kernel_w + q) * c->in;
              for (size_t l = 0; from != NULL && l < c->in; l++) sum += (double)weight[l] * from[l];
            }
          }
          *y++ = (float)sum;
        }
      }
    }
  }
  add_all(result, add, c->batch, c->out_height * c->out_width, c->out);
}

/* dx[n,h,w,l] = sum over o and all (i, p), (j, q) with  i stride + p = h + pad_top,  j stride + q = w +
 * pad_left */
static void input_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                           const float *w, const dsm_conv2d_addends *add, void *scratch) {
  (void)k, (void)scratch;
  float *const result = dx;
  for (size_t n = 0; n < c->batch; n++) {
    for (size_t row = c->pad_top; row < c->height + c->pad_top; row++) {
      for (size_t column = c->pad_left; column < c->width + c->pad_left; column++) {
        for (size_t l = 0; l < c->in; l++) {
          double sum = 0;
          for (size_t p = 0; p < c->kernel_h && p <= row; p++) {
            const size_t i = (row - p) / c->stride;
            if ((row - p) % c->stride != 0 || i >= c->out_height) continue;
            for (size_t q = 0; q < c->kernel_w && q <= column; q++) {
              const size_t j = (column - q) / c->stride;
              if ((column - q) % c->stride != 0 || j >= c->out_width) continue;
              const float *from = dy + ((n * c->out_height + i) * c->out_width + j) * c->out;
              for (size_t o = 0; o < c->out; o++) {
                sum += (double)w[((o * c->kernel_h + p) * c->kernel_w + q) * c->in + l] * from[o];
              }
            }
          }
          *dx++ = (float)sum;
        }
      }
    }
  }
  add_all(result, add, c->batch, c->height * c->width, c->in);
}

static void weight_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dw, const float *dy,
                            const float *x, void *scratch) {
  (void)k, (void)scratch;
  for (size_t o = 0; o < c->out; o++) {
    for (size_t p = 0; p < c->kernel_h; p++) {
      for (size_t q = 0; q < c->kernel_w; q++) {
        for (size_t l = 0; l < c->in; l++) {
          double sum = 0;
          for (size_t n = 0; n < c->batch; n++) {
            for (size_t i = 0; i < c->out_height; i++) {
              for (size_t j = 0; j < c->out_width; j++) {
                const float *from = padded(c, x, n, i * c->stride + p, j * c->stride + q);
                if (from == NULL) continue;
                sum += (double)dy[((n * c->out_height + i) * c->out_width + j) * c->out + o] * from[l];
              }
            }
          }
          *dw++ = (float)sum;
        }
      }
    }
  }
}

static const dsm_conv2d_algorithm direct = {
    .name = "direct",
    .suits = suits,
    .scratch = scratch_size,
    .forward = forward,
    .input_gradient = input_gradient,
    .weight_gradient = weight_gradient,
};

void dsm__ref_convolution(dsm_kernels *k) {
  static const dsm_conv2d_algorithm *const algorithms[] = {&direct, NULL};
  k->conv2d = algorithms;
}
