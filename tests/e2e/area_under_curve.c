/* area_under_curve FILE:/DATASET FILE:/DATASET: prints the area under the ROC curve of positive and negative scores (N), and its
 * standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/dsmpi.h"

static dsm_status read_scores(char *place, double **score, size_t *n) {
  dsm_dataset *set = NULL;
  char *colon = strrchr(place, ':');
  if (!colon) DSM_FAIL(DSM_USAGE, "%s: a dataset is missing", place);
  *colon = '\0';
  DSM_TRY(dsm_dataset_open(place, colon + 1, "", "", &set));
  *n = (size_t)dsm_dataset_info_of(set)->rows;
  float *x;
  uint64_t *row;
  DSM_TRY(DSM_ALLOC(*n, &x));
  DSM_TRY(DSM_ALLOC(*n, &row));
  DSM_TRY(DSM_ALLOC(*n, score));
  for (size_t i = 0; i < *n; i++) row[i] = i;
  DSM_TRY(dsm_dataset_read(set, row, *n, x));
  for (size_t i = 0; i < *n; i++) (*score)[i] = (double)x[i];
  dsm_dataset_close(&set);
  free(x);
  free(row);
  return DSM_OK;
}

int main(int argc, char **argv) {
  double *positive = NULL, *negative = NULL, error;
  size_t np, nn;
  if (argc != 3 || read_scores(argv[1], &positive, &np) != DSM_OK ||
      read_scores(argv[2], &negative, &nn) != DSM_OK) {
    fprintf(stderr, "area_under_curve: %s\n", argc == 3 ? dsm_trail_message() : "two datasets are expected");
    return 1;
  }
  const double area = dsm_area_under_curve(positive, np, negative, nn, &error);
  printf("%.17g %.17g\n", area, error);
  free(positive);
  free(negative);
  return 0;
}
