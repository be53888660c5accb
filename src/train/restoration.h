/* What the job of restoration is made of: arrays that a user gives for an operator, and observations in physical units
 * on their way to those of the model. */
#ifndef DSMPI_TRAIN_RESTORATION_H
#define DSMPI_TRAIN_RESTORATION_H

#include "internal.h"

/* ---- restoration_inputs.c ------------------------------------------------------------------------------ */

/** All of a dataset whose first axis is none of samples: a kernel, a matrix. `*values` is owned by the caller: free().
 *  Axes are in the order of the file, those of length 1 at the end left out. */
dsm_status dsm__array_read(const dsm_given *source, double **values, dsm_shape *shape);

/** Puts the columns of a matrix (rows, d), which are (C, spatial...) in files, into the order of a sample in memory,
 *  channels last. */
dsm_status dsm__matrix_to_memory_order(dsm_shape sample, size_t rows, double *matrix);

/** Which numbers of a sample are seen. */
typedef struct dsm__mask {
  dsm_dataset *dataset; /* NULL: all */
  bool each;            /* one a sample, not one for all */
  size_t d, channels;   /* of a sample; channels 1 in a mask that is the same for all */
  bool one_channel;
  uint64_t first; /* row of the file of the first sample */
  float *values;  /* (d) room for one */
} dsm__mask;
/** Opens it for samples as those of `data`. @return DSM_OK; what dsm_dataset_open says; DSM_BAD_DATA naming the shapes
 *  that would fit. Close after failure too. */
dsm_status dsm__mask_open(const dsm_given *source, const dsm_dataset_info *data, dsm__mask *mask);
void dsm__mask_close(dsm__mask *mask);
/** Puts NaN into y (n, d), samples first ... of the data, where the mask is 0. */
dsm_status dsm__mask_apply(dsm__mask *mask, uint64_t first, size_t n, float *y);

/* ---- observing.c --------------------------------------------------------------------------------------- */

/** y = H x + n in physical units, and y' = A x' + n' in the model's, x = shift + scale x':
 *    H keeps channels   A = H,                  y' = (y - H shift) / scale,  n' likewise
 *    a matrix           A = w H diag(scale),    y' = w (y - H shift),        w: its rows have length 1 */
typedef struct dsm__observing {
  dsm_operator *physical, *model;
  size_t d, m;
  double noise;            /* standard deviation of n */
  double *offset, *weight; /* (m) H shift, and w or 1 / scale */
  double *wide, *narrow;   /* (d), (m) room */
} dsm__observing;
/** @param[in] params  of H; its sample is that of the header
 *  @return what dsm_operator_create says. Close after failure too. */
dsm_status dsm__observing_open(const dsm_operator_params *params, double noise, const dsm_normalization *n,
                               dsm__observing *o);
void dsm__observing_close(dsm__observing *o);
/** y (n, m) of clean x (n, d), rows first ... of the data, with noise that is a function of (seed, row). */
void dsm__observing_degrade(const dsm__observing *o, uint64_t seed, uint64_t first, size_t n, const float *x,
                            float *y);
/** One observation (m) in the model's units, with the deviations of its noise; NaN stays NaN. */
void dsm__observing_to_model(const dsm__observing *o, const float *y, double *y_model, double *noise);

/* ---- restoration_scores.c ------------------------------------------------------------------------------ */

/** Tells how far a dataset of a finished file lies from /truth, as root mean square and as peak signal to noise ratio
 *  over the range [low, high] of the training data. Rank 0. */
dsm_status dsm__score(const char *file, const char *dataset, const char *what, double low, double high);

/* ---- restore.c: one job -------------------------------------------------------------------------------- */

typedef struct dsm__restoring {
  const dsm_restore_options *options;
  const char **overrides; /* the user's, and a default before them */
  size_t override_count;
  dsm__trained trained;
  dsm__given data;
  dsm__mask mask;
  dsm__observing observing;
  dsm__condition_table conditions;
  dsm_network *network;
  dsm_denoiser prior;
  dsm_guidance *guidance; /* NULL: denoising goes on from y itself */
  dsm_denoiser guided;
  double start;        /* time of y in denoising */
  size_t batch, group; /* samples of the network, observations of a block */
  size_t chunks;       /* batches of a block's draws */
  size_t d, m;         /* numbers of a sample and of an observation */
  float *x;            /* (batch, d) */
  double *y, *noise;   /* (batch, m) */
  double *times;       /* (batch) */
  float *raw, *u;      /* conditions */
  float *seen, *truth; /* (group, m), (group, d) physical */
  float *drawn;        /* (chunks * batch, d) physical */
  int32_t *needed;     /* (batch) */
  /* the fields, in the order of the file; -1: there is none */
  dsm_samples_field field[DSM_FIELDS_MAX];
  size_t fields;
  int several, mean, std, denoised, observation, clean;
} dsm__restoring;
/** "inpaint" */
const char *dsm__restoring_task(const dsm__restoring *r);

/* ---- restoration_plan.c -------------------------------------------------------------------------------- */

/** Of an opened model: operator, data, and how y is turned round, by guidance or from a time. Not collective. */
dsm_status dsm__restoring_observe(dsm__restoring *r);
dsm_status dsm__restoring_guide(dsm__restoring *r);
const dsm_sampler *dsm__restoring_sampler(const dsm__restoring *r);
/** What it needs for the samples from `first` on, K for each observation. */
dsm_sampling dsm__restoring_sampling(const dsm__restoring *r, uint64_t first);

/* ---- restoration_block.c ------------------------------------------------------------------------------- */

/** Memory for a block, and its sizes. */
dsm_status dsm__restoring_room(dsm__restoring *r);
void dsm__restoring_free_room(dsm__restoring *r);
/** For dsm__blocks: a block of `self`, a dsm__restoring. */
dsm_status dsm__restoring_compute(void *self, const dsm__block *block);

#endif
