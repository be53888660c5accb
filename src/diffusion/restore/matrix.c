/* y = M x, any linear operator, row by row. */
#include <string.h>
#include "restore/operator.h"

static dsm_status prepare(const dsm_operator_params *params, dsm_operator *op) {
  if (params->rows == 0) DSM_FAIL(DSM_BAD_CONFIG, "matrix: it has no rows");
  DSM_TRY(dsm__operator_weights(op, params->matrix, params->rows * op->d));
  op->observation = DSM_SHAPE(params->rows);
  return DSM_OK;
}

static void apply(const dsm_operator *op, const double *x, double *y) {
  for (size_t i = 0; i < op->m; i++) {
    const double *row = op->weights + i * op->d;
    double sum = 0;
    for (size_t j = 0; j < op->d; j++) sum += row[j] * x[j];
    y[i] = sum;
  }
}

static void transpose(const dsm_operator *op, const double *y, double *x) {
  memset(x, 0, op->d * sizeof *x);
  for (size_t i = 0; i < op->m; i++) {
    const double *row = op->weights + i * op->d;
    for (size_t j = 0; j < op->d; j++) x[j] += row[j] * y[i];
  }
}

const dsm__operator_kind dsm__operator_matrix = {
    .name = "matrix", .prepare = prepare, .apply = apply, .transpose = transpose};
