/* The table of plain C kernels. */
#include "ref.h"

void dsm_kernels_ref(dsm_kernels *k, int threads) {
  DSM_ASSERT(threads >= 1);
  *k = (dsm_kernels){.name = "ref", .instructions = "plain", .threads = threads};
  dsm__ref_products(k);
  dsm__ref_convolution(k);
  dsm__ref_elementwise(k);
  dsm__ref_reduce(k);
  dsm__ref_normalize(k);
  dsm__ref_resample(k);
  dsm__ref_optimizer(k);
}
