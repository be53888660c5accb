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

/* ---- likelihood_plan.c --------------------------------------------------------------------------------- */

/** Method, settings, units, from the options and the trained model.
 *  @return DSM_OK; DSM_BAD_CONFIG: what the process does not allow, options of the other method;
 *  DSM_NO_MEMORY */
dsm_status dsm__likelihood_plan(dsm__likelihood *s);
/** The fields of the file; when the number of terms is known. */
void dsm__likelihood_fields(dsm__likelihood *s);
/** "ode, 2 rademacher probes, ..." and "data in steps of 1, average of rate 0.999". */
void dsm__likelihood_text(const dsm__likelihood *s, char *method, size_t method_size, char *model,
                          size_t model_size);

/* ---- likelihood_report.c ------------------------------------------------------------------------------- */

/** Datasets of the means over the samples that the file of a bound has beside its fields. Returns their
 *  number. */
enum { DSM__BOUND_TABLES = 6 };
size_t dsm__likelihood_tables(const dsm__likelihood *s, dsm_samples_table table[DSM__BOUND_TABLES]);
/** Reads what all blocks have written and keeps its means, those of the terms in the file too. Rank 0, before
 *  the file is finished. */
dsm_status dsm__likelihood_summarize(void *self, const char *output);
/** The result, in words. Rank 0. */
void dsm__likelihood_report(const dsm__likelihood *s);

#endif
