/* Kernels, matrices and masks of a user, from HDF5. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "restoration.h"

dsm_status dsm__array_read(const dsm_given *source, double **values, dsm_shape *shape) {
  dsm_status status = DSM_OK;
  dsm_dataset *dataset = NULL;
  uint64_t *row = NULL;
  float *x = NULL;
  *values = NULL;
  DSM_TRY_DONE(dsm_dataset_open(source->file, source->dataset, "", "", &dataset));
  const dsm_dataset_info *info = dsm_dataset_info_of(dataset);
  const size_t each = dsm_shape_count(info->sample), rows = (size_t)info->rows;
  DSM_TRY_DONE(DSM_ALLOC(rows, &row));
  DSM_TRY_DONE(DSM_ALLOC(rows * each, &x));
  DSM_TRY_DONE(DSM_ALLOC(rows * each, values));
  for (size_t i = 0; i < rows; i++) row[i] = i;
  DSM_TRY_DONE(dsm_dataset_read(dataset, row, rows, x));
  for (size_t j = 0; j < rows * each; j++) (*values)[j] = (double)x[j];
  *shape = DSM_SHAPE(rows);
  for (int a = 0; a < info->sample.rank && shape->rank < DSM_MAX_RANK; a++)
    shape->n[shape->rank++] = info->sample.n[a];
  while (shape->rank > 1 && shape->n[shape->rank - 1] == 1) shape->rank--;
done:
  free(row);
  free(x);
  dsm_dataset_close(&dataset);
  if (status != DSM_OK) {
    free(*values);
    *values = NULL;
  }
  return status;
}

dsm_status dsm__matrix_to_memory_order(dsm_shape sample, size_t rows, double *matrix) {
  const size_t channels = sample.n[sample.rank - 1], d = dsm_shape_count(sample), places = d / channels;
  double *row = NULL;
  DSM_TRY(DSM_ALLOC(d, &row));
  for (size_t i = 0; i < rows; i++, matrix += d) {
    memcpy(row, matrix, d * sizeof *row);
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < places; p++) matrix[p * channels + c] = row[c * places + p];
  }
  free(row);
  return DSM_OK;
}

/* ---- masks --------------------------------------------------------------------------------------------- */

/* (spatial..., C) or, for all channels, (spatial..., 1) */
static bool like_sample(dsm_shape mask, dsm_shape sample) {
  if (dsm_shape_equal(mask, sample)) return true;
  if (sample.rank < 2) return false;
  sample.n[sample.rank - 1] = 1;
  return dsm_shape_equal(mask, sample);
}

static dsm_status fit(const dsm_given *source, const dsm_dataset_info *data, dsm__mask *mask) {
  const dsm_dataset_info *found = dsm_dataset_info_of(mask->dataset);
  const size_t channels = data->sample.n[data->sample.rank - 1];
  const size_t places = data->sample.rank > 1 ? mask->d / channels : mask->d;
  char sample[96];
  mask->channels = channels;
  if (like_sample(found->sample, data->sample) && (found->rows == 1 || found->rows == data->rows_in_file)) {
    mask->each = found->rows > 1;
    mask->one_channel = found->sample.n[found->sample.rank - 1] != channels;
    return DSM_OK;
  }
  if (found->rows * dsm_shape_count(found->sample) ==
      places) { /* (spatial...), rows of it being the first axis */
    mask->one_channel = data->sample.rank > 1;
    return DSM_OK;
  }
  DSM_FAIL(DSM_BAD_DATA,
           "the mask '%s' in '%s' has shape %s, and the %llu samples of the data have shape %s, channels "
           "last: it needs "
           "one mask for all, of the shape of a sample or of its space, or one for each of them",
           source->dataset, source->file, found->file_shape, (unsigned long long)data->rows_in_file,
           dsm_shape_text(data->sample, sample, sizeof sample));
}

/* One for all is read once, here. */
static dsm_status read_all(dsm__mask *mask) {
  const dsm_dataset_info *found = dsm_dataset_info_of(mask->dataset);
  const size_t each = dsm_shape_count(found->sample);
  for (uint64_t i = 0; i < found->rows; i++)
    DSM_TRY(dsm_dataset_read(mask->dataset, &i, 1, mask->values + i * each));
  return DSM_OK;
}

dsm_status dsm__mask_open(const dsm_given *source, const dsm_dataset_info *data, dsm__mask *mask) {
  *mask = (dsm__mask){.d = dsm_shape_count(data->sample), .first = data->first};
  DSM_TRY(dsm_dataset_open(source->file, source->dataset, "", "", &mask->dataset));
  DSM_TRY(fit(source, data, mask));
  DSM_TRY(DSM_ALLOC(mask->d, &mask->values));
  if (!mask->each) DSM_TRY(read_all(mask));
  return DSM_OK;
}

void dsm__mask_close(dsm__mask *mask) {
  dsm_dataset_close(&mask->dataset);
  free(mask->values);
  mask->values = NULL;
}

dsm_status dsm__mask_apply(dsm__mask *mask, uint64_t first, size_t n, float *y) {
  if (!mask->dataset) return DSM_OK;
  const uint64_t rows = dsm_dataset_info_of(mask->dataset)->rows;
  for (size_t i = 0; i < n; i++) {
    uint64_t row = mask->first + first + i;
    if (row >= rows) row = rows - 1; /* beyond the last sample, where blocks are filled up */
    if (mask->each) DSM_TRY(dsm_dataset_read(mask->dataset, &row, 1, mask->values));
    for (size_t j = 0; j < mask->d; j++)
      if (mask->values[mask->one_channel ? j / mask->channels : j] == 0) y[i * mask->d + j] = NAN;
  }
  return DSM_OK;
}
