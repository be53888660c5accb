/** @file conditions.h
 *  What a model is conditioned on: columns beside the samples in their file, such as class labels (N) or
 *  energies (N, k), one row a sample. All columns of a row are its *raw* condition, values as in the file. The
 *  network sees the vector u of `width` entries instead: for each set of labels its one-hot code, for a
 *  continuous column its standardised value. */
#ifndef DSMPI_CONDITIONS_H
#define DSMPI_CONDITIONS_H

#include "dsmpi/config.h"

enum { DSM_CONDITION_NAME_MAX = 256 };

/** One dataset of data.conditions. */
typedef struct dsm_condition {
  char name[DSM_CONDITION_NAME_MAX];
  size_t columns; /* 1 for labels; 0 = not known yet */
  size_t classes; /* 0 = continuous */
  size_t column;  /* its first in a raw row */
  size_t entry;   /* its first in u */
} dsm_condition;

typedef struct dsm_conditions {
  size_t count;          /* 0 = the model has none */
  size_t columns, width; /* of a raw row, of u */
  dsm_condition each[DSM_LIST_MAX];
} dsm_conditions;

/** The names of data.conditions, with the classes and columns that the configuration knows; `classes` is 0 and
 *  `columns` 1 where data.classes is -1. columns and width of the whole are 0 where something is not known yet.
 *  @return DSM_OK; DSM_BAD_CONFIG with what is wrong (a name twice or missing, lists of other lengths, labels
 *  of several columns, a name that files of samples use themselves). */
dsm_status dsm_conditions_named(const dsm_config *config, dsm_conditions *conditions);
/** The same, complete: DSM_BAD_CONFIG where data.classes or data.condition_columns leave to the file what is not
 *  written down. Checkpoints have all of it. */
dsm_status dsm_conditions_of(const dsm_config *config, dsm_conditions *conditions);
/** "labels (8 classes), energies (2 columns)"; returns `text`. */
const char *dsm_conditions_text(const dsm_conditions *conditions, char *text, size_t size);
/** A label as a value of a raw row: true if it is a whole number of 0 ... classes - 1. */
bool dsm_label_valid(double value, size_t classes);
/** u (n, width) of raw (n, columns), whose labels are valid; u_e = (x - shift_e) / scale_e for continuous
 *  columns, `shift` and `scale` (width). */
void dsm_conditions_encode(const dsm_conditions *conditions, const double *shift, const double *scale,
                           const float *raw, size_t n, float *u);

#endif
