/* Fills the table with the kernels of one instruction set. Included once by each of ../simd_*.c, which name
 * the function by DSM_SIMD_TABLE and are compiled with the flags of their set; all else in here is static. */
#include "../fast.h"

void DSM_SIMD_TABLE(dsm_kernels *k) {
  (void)k;
}
