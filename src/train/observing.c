/* Observations between physical units, where a user has them, and those of the model, where they are used. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "restoration.h"

/* H shift, and what makes y' of y - H shift. */
static dsm_status keep_channels(const dsm_normalization *n, dsm__observing *o) {
  for (size_t j = 0; j < o->d; j++) o->wide[j] = n->shift[j % n->channels];
  dsm_operator_apply(o->physical, o->wide, o->offset);
  for (size_t k = 0; k < o->m; k++) o->weight[k] = 1 / n->scale[k % n->channels];
  o->model = o->physical;
  return DSM_OK;
}

/* The same for a matrix (m, d), which becomes that of the model's units. */
static dsm_status scale_matrix(const dsm_operator_params *params, const dsm_normalization *n,
                               dsm__observing *o) {
  double *matrix = NULL;
  DSM_TRY(DSM_ALLOC(o->m * o->d, &matrix));
  for (size_t k = 0; k < o->m; k++) {
    double square = 0;
    for (size_t j = 0; j < o->d; j++) {
      const double a = params->matrix[k * o->d + j];
      o->offset[k] += a * n->shift[j % n->channels];
      matrix[k * o->d + j] = a * n->scale[j % n->channels];
      square += matrix[k * o->d + j] * matrix[k * o->d + j];
    }
    o->weight[k] = square > 0 ? 1 / sqrt(square) : 1;
    for (size_t j = 0; j < o->d; j++) matrix[k * o->d + j] *= o->weight[k];
  }
  dsm_operator_params scaled = *params;
  scaled.matrix = matrix;
  const dsm_status status = dsm_operator_create(&scaled, &o->model);
  free(matrix);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__observing_open(const dsm_operator_params *params, double noise, const dsm_normalization *n,
                               dsm__observing *o) {
  *o = (dsm__observing){.noise = noise};
  DSM_TRY(dsm_operator_create(params, &o->physical));
  o->d = dsm_operator_columns(o->physical);
  o->m = dsm_operator_rows(o->physical);
  DSM_TRY(DSM_ALLOC(o->m, &o->offset));
  DSM_TRY(DSM_ALLOC(o->m, &o->weight));
  DSM_TRY(DSM_ALLOC(o->d, &o->wide));
  DSM_TRY(DSM_ALLOC(o->m, &o->narrow));
  if (dsm_operator_keeps_channels(o->physical))
    DSM_TRY(keep_channels(n, o));
  else
    DSM_TRY(scale_matrix(params, n, o));
  return DSM_OK;
}

void dsm__observing_close(dsm__observing *o) {
  if (o->model != o->physical) dsm_operator_destroy(&o->model);
  dsm_operator_destroy(&o->physical);
  free(o->offset);
  free(o->weight);
  free(o->wide);
  free(o->narrow);
  *o = (dsm__observing){0};
}

void dsm__observing_degrade(const dsm__observing *o, uint64_t seed, uint64_t first, size_t n, const float *x,
                            float *y) {
  dsm_random_normal_rows((dsm_random_key){seed, DSM_STREAM_NOISE, 0, first}, n, o->m, y);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < o->d; j++) o->wide[j] = (double)x[i * o->d + j];
    dsm_operator_apply(o->physical, o->wide, o->narrow);
    for (size_t k = 0; k < o->m; k++)
      y[i * o->m + k] = (float)(o->narrow[k] + o->noise * (double)y[i * o->m + k]);
  }
}

void dsm__observing_to_model(const dsm__observing *o, const float *y, double *y_model, double *noise) {
  for (size_t k = 0; k < o->m; k++) {
    y_model[k] = o->weight[k] * ((double)y[k] - o->offset[k]);
    noise[k] = o->weight[k] * o->noise;
  }
}
