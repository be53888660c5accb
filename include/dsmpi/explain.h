/** @file explain.h
 *  Pictures that teach score-based modelling, of laws and models in the plane. */
#ifndef DSMPI_EXPLAIN_H
#define DSMPI_EXPLAIN_H

#include "dsmpi/dist.h"

/** What is drawn. Laws are those of `data make` in two dimensions, or a mixture of round Gaussians; where
 *  there is a model, what it has learned stands beside what is exact. A model sees normalised data, and
 *  so does its picture. */
typedef struct dsm_explain_options {
  const char *what;   /* "score", "langevin", "noising", "denoising" */
  const char *source; /* run folder or checkpoint; NULL: no model */
  const char *output; /* PNG file */
  /* "mixture", "gaussian", "eight_gaussians", "checkerboard", "swiss_roll"; NULL: that of the model's
   * data, or mixture */
  const char *law;
  const char *data;      /* file of the model's data; NULL: data.file of its training */
  size_t parts;          /* of the mixture; 0: three of our own */
  const double *means;   /* (parts, 2) */
  const double *stds;    /* (stds_count), 1 for all parts or one each */
  const double *weights; /* (weights_count), 0 for equal ones or one each */
  size_t stds_count, weights_count;
  const double *times; /* (times_count) of the panels, ascending; none: some that tell */
  size_t times_count;
  const double *start; /* (2) of Langevin chains; NULL: below the law */
  uint64_t points;     /* of a cloud; 0: 600 */
  uint64_t chains;     /* drawn as lines; 0: 4 */
  uint64_t size;       /* pixels of a panel's side; 0: to suit their number */
  uint64_t seed;
  const char *const
      *overrides; /* sampler.*; process.* without a model, train.threads, train.kernels with one */
  size_t override_count;
} dsm_explain_options;
/** Makes the picture and prints what it shows. Rank 0 draws. Collective.
 *  @return DSM_OK; DSM_USAGE, DSM_BAD_CONFIG with what does not fit; DSM_BAD_DATA for a model that is not
 *  of the plane; DSM_NOT_FOUND; DSM_IO. */
dsm_status dsm_explain(dsm_comm *comm, const dsm_explain_options *options);

#endif
