/* Which algorithm computes a convolution: the first of the table that suits the shape. Nothing but the shape
 * decides, so that all ranks decide alike. */
#include "dsmpi/kernels.h"

const dsm_conv2d_algorithm *dsm_kernels_conv2d(const dsm_kernels *k, const dsm_conv2d *c) {
  DSM_ASSERT(c->stride >= 1 && c->kernel_h >= 1 && c->kernel_w >= 1);
  DSM_ASSERT(c->height + c->pad_top + c->pad_bottom >= c->kernel_h);
  DSM_ASSERT(c->width + c->pad_left + c->pad_right >= c->kernel_w);
  DSM_ASSERT(c->out_height == (c->height + c->pad_top + c->pad_bottom - c->kernel_h) / c->stride + 1);
  DSM_ASSERT(c->out_width == (c->width + c->pad_left + c->pad_right - c->kernel_w) / c->stride + 1);
  const dsm_conv2d_algorithm *const *algorithm = k->conv2d;
  while (*algorithm != NULL && !(*algorithm)->suits(c)) algorithm++;
  DSM_ASSERT(*algorithm != NULL);
  return *algorithm;
}
