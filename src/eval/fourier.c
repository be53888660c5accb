#include "fourier.h"

#include <kiss_fftnd.h>
#include <stdlib.h>
#include "dsmpi/memory.h"

struct dsm__fourier {
  size_t count;
  kiss_fftnd_cfg plan;
  kiss_fft_cpx *in, *out;
};

dsm_status dsm__fourier_create(dsm_shape grid, dsm__fourier **fourier) {
  int n[DSM_MAX_RANK];
  dsm__fourier *f = NULL;
  *fourier = NULL;
  DSM_TRY(DSM_ALLOC(1, &f));
  *fourier = f;
  f->count = dsm_shape_count(grid);
  for (int i = 0; i < grid.rank; i++) n[i] = (int)grid.n[i];
  DSM_TRY(DSM_ALLOC(f->count, &f->in));
  DSM_TRY(DSM_ALLOC(f->count, &f->out));
  f->plan = kiss_fftnd_alloc(n, grid.rank, 0, NULL, NULL);
  if (!f->plan) DSM_FAIL(DSM_NO_MEMORY, "no memory for a Fourier transform of %zu points", f->count);
  return DSM_OK;
}

void dsm__fourier_destroy(dsm__fourier **fourier) {
  if (!*fourier) return;
  kiss_fft_free((*fourier)->plan);
  free((*fourier)->in);
  free((*fourier)->out);
  free(*fourier);
  *fourier = NULL;
}

void dsm__fourier_power(dsm__fourier *f, const float *x, size_t stride, double *power) {
  const double n = (double)f->count;
  double mean = 0;
  for (size_t p = 0; p < f->count; p++) mean += (double)x[p * stride] / n;
  for (size_t p = 0; p < f->count; p++) f->in[p] = (kiss_fft_cpx){(float)((double)x[p * stride] - mean), 0};
  kiss_fftnd(f->plan, f->in, f->out);
  for (size_t k = 0; k < f->count; k++) {
    const double re = (double)f->out[k].r, im = (double)f->out[k].i;
    power[k] = (re * re + im * im) / (n * n);
  }
  power[0] = mean * mean;
}
