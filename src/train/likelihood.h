/* What the parts of `dsmpi likelihood` share. */
#ifndef DSMPI_TRAIN_LIKELIHOOD_H
#define DSMPI_TRAIN_LIKELIHOOD_H

#include "internal.h"

/** Means over the samples of one term of the bound, or of one t. */
typedef struct dsm__term_mean {
  double t;                              /* of a term of several t: the first of them */
  double count;                          /* values */
  double vb, vb_square, x0_mse, eps_mse; /* sums of them, and of the squares of vb */
} dsm__term_mean;

typedef struct dsm__likelihood {
  const dsm_likelihood_options *options;
  dsm__trained trained;
  dsm__given given;
  dsm_network *network;
  dsm_denoiser denoiser;
  int method;             /* dsm_likelihood_method */
  dsm_likelihood density; /* but for what differs from block to block */
  dsm_bound bound;
  size_t terms;     /* of the bound, computed for each sample */
  double log_scale; /* sum over the elements of ln scale */
  double *width;    /* (channels) steps of quantised data, in normalised units */
  dsm__condition_table conditions;
  float *x;       /* a block of data */
  float *raw, *u; /* of conditions */
  double *data;   /* what is rated, in normalised units */
  dsm_samples_field field[DSM_FIELDS_MAX];
  size_t fields;
  char sentence[256]; /* what /nll is */
  /* after the last block, on rank 0 */
  double nats, error;   /* mean of nll and its standard error */
  double probe_error;   /* the part of it that is of the probes; 0 where there are none */
  double prior;         /* mean of /prior */
  dsm__term_mean *term; /* (terms) */
  dsm__term_mean *time; /* (T) */
} dsm__likelihood;

/* ---- likelihood_report.c ------------------------------------------------------------------------------- */

/** Datasets of the means over the samples that the file of a bound has beside its fields. Returns their number. */
enum { DSM__BOUND_TABLES = 6 };
size_t dsm__likelihood_tables(const dsm__likelihood *s, dsm_samples_table table[DSM__BOUND_TABLES]);
/** Reads what all blocks have written and keeps its means, those of the terms in the file too. Rank 0, before the file
 *  is finished. */
dsm_status dsm__likelihood_summarize(void *self, const char *output);
/** The result, in words. Rank 0. */
void dsm__likelihood_report(const dsm__likelihood *s);

#endif
