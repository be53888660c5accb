/* What an operator A of y = A x + n must tell; operator.c does what all have in common. */
#ifndef DSMPI_DIFFUSION_OPERATOR_H
#define DSMPI_DIFFUSION_OPERATOR_H

#include "dsmpi/restore.h"

/** Space as three axes, those that are not there of length 1, and channels last. */
typedef struct dsm__space {
  size_t n[3], channels;
} dsm__space;

/** One kind of operator: a file, a table. */
typedef struct dsm__operator_kind {
  const char *name;
  bool keeps_channels;
  /* checks the params, sets op->observation and what apply and transpose need beside them */
  dsm_status (*prepare)(const dsm_operator_params *params, dsm_operator *op);
  void (*apply)(const dsm_operator *op, const double *x, double *y);
  void (*transpose)(const dsm_operator *op, const double *y, double *x);
} dsm__operator_kind;

struct dsm_operator {
  const dsm__operator_kind *kind;
  dsm_shape sample, observation;
  size_t d, m;
  dsm__space x, y;   /* of sample and observation, where both have space */
  double *weights;   /* owned: the kernel, or the matrix */
  size_t *source[3]; /* owned, blur: see there */
  dsm__space weights_space;
};

dsm__space dsm__space_of(dsm_shape sample);
/** Copies the weights, which must be finite and not all zero, or DSM_BAD_DATA. */
dsm_status dsm__operator_weights(dsm_operator *op, const double *weights, size_t count);

extern const dsm__operator_kind dsm__operator_identity, dsm__operator_average, dsm__operator_blur,
    dsm__operator_matrix;

#endif
