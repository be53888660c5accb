/* Which metrics there are, in which spaces, and which of them suit some data. */
#ifndef DSMPI_EVAL_CATALOGUE_H
#define DSMPI_EVAL_CATALOGUE_H

#include "internal.h"

/* Places in dsm__eval.pair; NONE: a metric of no space. */
typedef enum dsm__space_name {
  DSM__RAW,
  DSM__SCALED,
  DSM__PCA,
  DSM__LAYERS,
  DSM__FEATURES,
  DSM__CLASSIFIER,
  DSM__SPACES,
  DSM__NONE = DSM__SPACES
} dsm__space_name;

typedef struct dsm__metric {
  const char *name;
  unsigned spaces; /* bits of those it can be taken in; the lowest is its own when none is named */
  dsm__metric_run *run;
} dsm__metric;

/* What there is to compare. */
typedef struct dsm__offer {
  dsm_shape sample;
  uint64_t rows[DSM__SIDES], feature_rows[DSM__SIDES];
  size_t d, features, judged; /* judged: features made by the classifier; 0: none */
  bool fields, probabilities, layers;
  dsm__space_name base; /* raw, or scaled where channels are of different size */
  uint64_t components;
} dsm__offer;

typedef struct dsm__choice {
  const dsm__metric *metric;
  dsm__space_name space;
} dsm__choice;
enum { DSM__CHOICES_MAX = 48 };

/* Reads a list of metrics; NULL: the cheap ones that suit, with a note for each that is left out.
 * @return DSM_USAGE: an unknown word; DSM_BAD_CONFIG: a metric that does not suit, with the reason. */
dsm_status dsm__choose(const dsm__offer *offer, const char *list, dsm__choice choice[DSM__CHOICES_MAX],
                       size_t *count, dsm_evaluation *out);
/* Whether the list leaves metrics to be chosen for the data: NULL, or with the word "all". */
bool dsm__leaves_choice(const char *list);
/* Adds a note. */
dsm_status dsm__note(dsm_evaluation *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
