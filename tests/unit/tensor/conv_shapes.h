/* Convolution shapes that between them meet every border: odd sizes, one-sided padding, strides that leave
 * rows out, padding wider than the kernel, one channel and many, enough positions to be cut. */
#ifndef DSM_TEST_CONV_SHAPES_H
#define DSM_TEST_CONV_SHAPES_H

#include "dsmpi/kernels.h"

/* batch height width in | out out_height out_width | kernel_h kernel_w stride | top left bottom right */
static const dsm_conv2d conv_shapes[] = {
    {3, 9, 7, 1, 37, 9, 7, 3, 3, 1, 1, 1, 1, 1},      {2, 8, 8, 3, 32, 4, 4, 3, 3, 2, 0, 0, 1, 1},
    {2, 12, 10, 32, 37, 12, 10, 3, 3, 1, 1, 1, 1, 1}, {40, 12, 12, 3, 4, 8, 8, 5, 5, 1, 0, 0, 0, 0},
    {1, 5, 9, 2, 3, 5, 9, 1, 3, 1, 0, 1, 0, 1},       {2, 9, 9, 2, 3, 3, 3, 2, 2, 3, 0, 0, 0, 0},
    {2, 10, 6, 37, 3, 10, 6, 1, 1, 1, 0, 0, 0, 0},    {33, 16, 16, 1, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1},
    {2, 5, 5, 3, 2, 9, 9, 3, 3, 1, 3, 3, 3, 3},       {9, 16, 16, 3, 5, 8, 8, 1, 1, 2, 0, 0, 0, 0},
    {2, 8, 6, 3, 32, 4, 3, 4, 4, 2, 1, 1, 1, 1},      {12, 16, 16, 8, 12, 16, 16, 1, 1, 1, 0, 0, 0, 0},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},       {24, 14, 14, 16, 8, 7, 7, 3, 3, 2, 0, 0, 1, 1},
    {1, 3, 3, 32, 1, 3, 3, 5, 5, 1, 2, 2, 2, 2},      {2, 10, 11, 3, 2, 5, 5, 3, 3, 2, 0, 1, 1, 0},
};
enum { CONV_SHAPES = sizeof conv_shapes / sizeof *conv_shapes };

static inline size_t conv_input_size(const dsm_conv2d *c) {
  return c->batch * c->height * c->width * c->in;
}
static inline size_t conv_output_size(const dsm_conv2d *c) {
  return c->batch * c->out_height * c->out_width * c->out;
}
static inline size_t conv_weight_size(const dsm_conv2d *c) {
  return c->out * c->kernel_h * c->kernel_w * c->in;
}

#endif
