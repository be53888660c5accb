/* Rows of the data beside the batches: centres of a kernel density estimate. */
#include <stdlib.h>
#include "internal.h"

dsm_status dsm__spread_rows(dsm_dataset *dataset, const dsm_normalization *n, size_t wanted, float **rows,
                            size_t *count) {
  dsm_status status = DSM_OK;
  const dsm_dataset_info *info = dsm_dataset_info_of(dataset);
  const size_t d = dsm_shape_count(info->sample);
  uint64_t *row = NULL;
  float *x = NULL;
  *count = wanted < info->rows ? wanted : (size_t)info->rows;
  DSM_TRY_DONE(DSM_ALLOC(*count, &row));
  DSM_TRY_DONE(DSM_ALLOC(*count * d, &x));
  for (size_t i = 0; i < *count; i++) row[i] = i * info->rows / *count;
  DSM_TRY_DONE(dsm_dataset_read(dataset, row, *count, x));
  dsm_normalize_values(n, x, *count * d / n->channels);
  *rows = x;
  x = NULL;
done:
  free(x);
  free(row);
  return status;
}
