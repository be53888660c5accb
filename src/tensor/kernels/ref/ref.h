/* The plain C kernels, by family. They are the truth that faster kernels are tested against: one thread, the
 * loops of the formula, sums in double. Formulas stand in dsmpi/kernels.h. */
#ifndef DSM_TENSOR_REF_H
#define DSM_TENSOR_REF_H

#include "dsmpi/kernels.h"

void dsm__ref_products(dsm_kernels *k);
void dsm__ref_convolution(dsm_kernels *k);
void dsm__ref_elementwise(dsm_kernels *k);
void dsm__ref_reduce(dsm_kernels *k);
void dsm__ref_normalize(dsm_kernels *k);
void dsm__ref_resample(dsm_kernels *k);
void dsm__ref_optimizer(dsm_kernels *k);

#endif
