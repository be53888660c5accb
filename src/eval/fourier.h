/* Power of the Fourier modes of real fields on grids of one to three axes, any size (kissfft, in float32). */
#ifndef DSMPI_EVAL_FOURIER_H
#define DSMPI_EVAL_FOURIER_H

#include "dsmpi/tensor.h"

typedef struct dsm__fourier dsm__fourier;
/* `grid`: sizes of the axes, without channels. */
dsm_status dsm__fourier_create(dsm_shape grid, dsm__fourier **fourier);
void dsm__fourier_destroy(dsm__fourier **fourier);
/* power (grid) = |sum_p x(p) exp(-2 pi i k p / n)|^2 / N^2, which adds up to the mean square of x (N numbers, `stride`
 * apart). The mean is taken off before the transform and put back into mode 0, so that it costs no digits. */
void dsm__fourier_power(dsm__fourier *fourier, const float *x, size_t stride, double *power);

#endif
