/* Fills the table with the kernels of one instruction set, and makes its loops for Winograd's convolution.
 * Included once by each of ../simd_*.c, which name the function by DSM_SIMD_TABLE and the loops by
 * DSM_SIMD_WINOGRAD, and are compiled with the flags of their set; all else in here is static. */
#include "simd_unary.h"
#include "simd_binary.h"
#include "simd_reduce.h"
#include "simd_softmax.h"
#include "simd_group_norm.h"
#include "simd_resample.h"
#include "simd_optimizer.h"
#include "simd_winograd.h"
#include "simd_products.h"

void DSM_SIMD_TABLE(dsm_kernels *k) {
  fill_unary(k);
  fill_binary(k);
  fill_reduce(k);
  fill_softmax(k);
  fill_group_norm(k);
  fill_resample(k);
  fill_optimizer(k);
}
