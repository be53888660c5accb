/** @file make.h
 *  Makers of generated data: one table each, listed in make.c. */
#ifndef DSMPI_MAKE_H
#define DSMPI_MAKE_H

#include "../writer.h"
#include "dsmpi/data.h"

typedef struct dsm__maker {
  const char *kind;
  /** Checks the parameters, gives the shape of a sample as in the file (with one letter an axis, "NCHW") and
   * whatever `fill` needs in *state, NULL or one block for free(). */
  dsm_status (*begin)(const dsm_make_params *params, int *rank, uint64_t *dims, const char **axes,
                      void **state);
  /** Sample number `sample`, a function of (seed, sample) alone, so that any part of the data can be made
   * anew. */
  void (*fill)(const dsm_make_params *params, void *state, uint64_t sample, float *x);
  /** Class of the sample, also written, as /labels; NULL where there are no classes. */
  int (*label)(const dsm_make_params *params, uint64_t sample);
  /** Writes the law as attributes. */
  dsm_status (*describe)(const dsm_make_params *params, dsm__writer *w);
} dsm__maker;

extern const dsm__maker dsm__make_gaussian, dsm__make_eight_gaussians, dsm__make_checkerboard,
    dsm__make_swiss_roll, dsm__make_gaussian_field;

#endif
