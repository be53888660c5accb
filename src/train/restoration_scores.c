/* How good a restoration is, where the truth is known. */
#include <math.h>
#include <stdlib.h>
#include "restoration.h"

/* Sum of squared differences of two datasets of the same shape; NULL rows are not compared. */
static dsm_status compare(dsm_dataset *a, dsm_dataset *b, double *square, double *values) {
  dsm_status status = DSM_OK;
  const dsm_dataset_info *info = dsm_dataset_info_of(a);
  const size_t d = dsm_shape_count(info->sample);
  float *x = NULL, *y = NULL;
  DSM_TRY_DONE(DSM_ALLOC(d, &x));
  DSM_TRY_DONE(DSM_ALLOC(d, &y));
  for (uint64_t i = 0; i < info->rows; i++) {
    double sum = 0;
    DSM_TRY_DONE(dsm_dataset_read(a, &i, 1, x));
    DSM_TRY_DONE(dsm_dataset_read(b, &i, 1, y));
    for (size_t j = 0; j < d; j++) {
      if (isnan(x[j])) continue; /* a missing number of an observation */
      sum += pow((double)x[j] - (double)y[j], 2);
      ++*values;
    }
    *square += sum;
  }
done:
  free(x);
  free(y);
  return status;
}

dsm_status dsm__score(const char *file, const char *dataset, const char *what, double low, double high) {
  dsm_status status = DSM_OK;
  dsm_dataset *found = NULL, *truth = NULL;
  double square = 0, values = 0;
  DSM_TRY_DONE(dsm_dataset_open(file, dataset, "", "", &found));
  DSM_TRY_DONE(dsm_dataset_open(file, "truth", "", "", &truth));
  if (dsm_shape_equal(dsm_dataset_info_of(found)->sample, dsm_dataset_info_of(truth)->sample)) {
    DSM_TRY_DONE(compare(found, truth, &square, &values));
    const double rmse = sqrt(square / values);
    if (square > 0) /* known numbers without noise are no restoration */
      dsm_info("%-8s RMSE %.5g, PSNR %.2f dB (%s)", dataset, rmse, 20 * log10((high - low) / rmse), what);
  }
done:
  dsm_dataset_close(&found);
  dsm_dataset_close(&truth);
  return status;
}
