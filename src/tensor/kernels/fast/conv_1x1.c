/* A 1 x 1 convolution without stride and padding is a matrix product over all positions. */
#include "fast.h"

static bool suits(const dsm_conv2d *c) {
  return c->kernel_h == 1 && c->kernel_w == 1 && c->stride == 1 && c->pad_top == 0 && c->pad_left == 0 &&
         c->pad_bottom == 0 && c->pad_right == 0;
}

static size_t positions(const dsm_conv2d *c) {
  return c->batch * c->height * c->width;
}

/* y (positions x out) = x (positions x in) w^T */
static dsm_matmul forward_product(const dsm_conv2d *c) {
  return (dsm_matmul){
      .batch = 1, .m = positions(c), .n = c->out, .k = c->in, .transpose_b = true, .alpha = 1};
}
/* dx (positions x in) = dy (positions x out) w (out x in) */
static dsm_matmul input_product(const dsm_conv2d *c) {
  return (dsm_matmul){.batch = 1, .m = positions(c), .n = c->in, .k = c->out, .alpha = 1};
}
/* dw (out x in) = dy^T x */
static dsm_matmul weight_product(const dsm_conv2d *c) {
  return (dsm_matmul){
      .batch = 1, .m = c->out, .n = c->in, .k = positions(c), .transpose_a = true, .alpha = 1};
}

static size_t scratch_size(const dsm_kernels *k, const dsm_conv2d *c) {
  const dsm_matmul products[] = {forward_product(c), input_product(c), weight_product(c)};
  size_t most = 0;
  for (int i = 0; i < 3; i++) most = dsm__max(most, k->matmul_scratch(k, &products[i]));
  return most;
}

enum { ROWS = 1024 }; /* a thread's share of the positions to add to */

static void add_to_all(const dsm_kernels *k, const dsm_conv2d *c, float *y, size_t channels,
                       const dsm_conv2d_addends *add) {
  if (add == NULL) return;
  const dsm__cut cut = dsm__cut_by(positions(c), ROWS);
#pragma omp parallel for num_threads(k->threads) schedule(static) if (k->threads > 1 && cut.parts > 1)
  for (size_t part = 0; part < cut.parts; part++) {
    dsm__add_to_positions(y, add, dsm__cut_begin(cut, part), dsm__cut_length(cut, part), c->height * c->width,
                          channels);
  }
}

static void forward(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const float *w,
                    const dsm_conv2d_addends *add, void *scratch) {
  const dsm_matmul p = forward_product(c);
  k->matmul(k, &p, y, x, w, scratch);
  add_to_all(k, c, y, c->out, add);
}

static void input_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                           const float *w, const dsm_conv2d_addends *add, void *scratch) {
  const dsm_matmul p = input_product(c);
  k->matmul(k, &p, dx, dy, w, scratch);
  add_to_all(k, c, dx, c->in, add);
}

static void weight_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dw, const float *dy,
                            const float *x, void *scratch) {
  const dsm_matmul p = weight_product(c);
  k->matmul(k, &p, dw, dy, x, scratch);
}

const dsm_conv2d_algorithm dsm__conv2d_1x1 = {
    .name = "1x1",
    .suits = suits,
    .scratch = scratch_size,
    .forward = forward,
    .input_gradient = input_gradient,
    .weight_gradient = weight_gradient,
};
