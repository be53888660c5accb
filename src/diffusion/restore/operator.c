/* The list of operators, and what they share. */
#include "restore/operator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"

static const dsm__operator_kind *const kinds[] = {
    [DSM_OPERATOR_IDENTITY] = &dsm__operator_identity,
    [DSM_OPERATOR_AVERAGE] = &dsm__operator_average,
    [DSM_OPERATOR_BLUR] = &dsm__operator_blur,
    [DSM_OPERATOR_MATRIX] = &dsm__operator_matrix,
};

dsm__space dsm__space_of(dsm_shape sample) {
  dsm__space space = {.n = {1, 1, 1}, .channels = sample.n[sample.rank - 1]};
  DSM_ASSERT(sample.rank <= 4);
  for (int a = 0; a < sample.rank - 1; a++) space.n[a] = sample.n[a];
  return space;
}

dsm_status dsm__operator_weights(dsm_operator *op, const double *weights, size_t count) {
  bool zero = true;
  for (size_t j = 0; j < count; j++) {
    if (!isfinite(weights[j]))
      DSM_FAIL(DSM_BAD_DATA, "%s: number %zu of its weights is %g; all must be finite", op->kind->name, j + 1,
               weights[j]);
    zero = zero && weights[j] == 0;
  }
  if (zero) DSM_FAIL(DSM_BAD_DATA, "%s: all %zu weights are 0, so nothing is seen", op->kind->name, count);
  DSM_TRY(DSM_ALLOC(count, &op->weights));
  memcpy(op->weights, weights, count * sizeof *weights);
  return DSM_OK;
}

dsm_status dsm_operator_create(const dsm_operator_params *params, dsm_operator **op) {
  dsm_status status = DSM_OK;
  dsm_operator *created = NULL;
  *op = NULL;
  DSM_ASSERT(params->kind >= 0 && (size_t)params->kind < sizeof kinds / sizeof *kinds);
  DSM_TRY(DSM_ALLOC(1, &created));
  created->kind = kinds[params->kind];
  created->sample = params->sample;
  created->d = dsm_shape_count(params->sample);
  DSM_TRY_DONE(created->kind->prepare(params, created));
  created->m = dsm_shape_count(created->observation);
  created->x = dsm__space_of(created->sample);
  created->y = dsm__space_of(created->observation);
  *op = created;
  created = NULL;
done:
  dsm_operator_destroy(&created);
  return status;
}

void dsm_operator_destroy(dsm_operator **op) {
  if (!op || !*op) return;
  free((*op)->weights);
  for (int a = 0; a < 3; a++) free((*op)->source[a]);
  free(*op);
  *op = NULL;
}

size_t dsm_operator_columns(const dsm_operator *op) {
  return op->d;
}

size_t dsm_operator_rows(const dsm_operator *op) {
  return op->m;
}

dsm_shape dsm_operator_observation(const dsm_operator *op) {
  return op->observation;
}

bool dsm_operator_keeps_channels(const dsm_operator *op) {
  return op->kind->keeps_channels;
}

void dsm_operator_apply(const dsm_operator *op, const double *x, double *y) {
  op->kind->apply(op, x, y);
}

void dsm_operator_transpose(const dsm_operator *op, const double *y, double *x) {
  op->kind->transpose(op, y, x);
}
