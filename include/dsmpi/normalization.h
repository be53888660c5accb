/** @file normalization.h
 *  The affine map between physical units and what the model sees; kept in every checkpoint, inverted on
 *  output. */
#ifndef DSMPI_NORMALIZATION_H
#define DSMPI_NORMALIZATION_H

#include <stddef.h>
#include "dsmpi/status.h"

enum { DSM_CHANNELS_MAX = 1 << 20 };

/** x' = (x - shift_c) / scale_c for channel c. */
typedef struct dsm_normalization {
  int kind; /* enum dsm_normalize, for people */
  size_t channels;
  double *shift, *scale; /* one a channel, scale > 0; owned */
  double *min, *max;     /* extremes of the data in physical units; owned */
} dsm_normalization;

/** Allocates for `channels`, shift 0, scale 1, extremes -inf and inf. */
dsm_status dsm_normalization_create(size_t channels, dsm_normalization *n);
/** Frees and zeroes; accepts a zeroed struct. */
void dsm_normalization_destroy(dsm_normalization *n);
/** In place on `pixels` runs of n->channels values. */
void dsm_normalize_values(const dsm_normalization *n, float *x, size_t pixels);
void dsm_denormalize_values(const dsm_normalization *n, float *x, size_t pixels);
/** Extremes of channel c in normalised units. */
void dsm_normalized_range(const dsm_normalization *n, size_t c, double *min, double *max);

#endif
