/* picture_distance DATA SAMPLES...: samples against the first 10,000 of the data, and at last as many of the data that follow
 * against the same 10,000: the floor, by chance alone. Prints for each file, then for the floor
 *   SLICED FRECHET FILE
 * the sliced Wasserstein-2 distance over 256 random directions, and the root of the Frechet distance, of the pixels
 * themselves. Both are divided by the root mean square of the data around their mean, over all elements, so that 1 is as far
 * as noise from data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "set_distance.h"

enum { REFERENCE = 10000, DIRECTIONS = 256 };

typedef struct reference {
  size_t d;
  projections along;
  moments moments;
  double spread; /* root of the trace of the covariance */
} reference;

static dsm_status reference_create(const char *path, reference *r) {
  float *x;
  size_t n;
  char rows[32];
  snprintf(rows, sizeof rows, "0:%d", REFERENCE);
  DSM_TRY(read_rows(path, rows, &x, &n, &r->d));
  DSM_TRY(projections_create(x, n, r->d, DIRECTIONS, &r->along));
  DSM_TRY(moments_create(x, n, r->d, &r->moments));
  for (size_t k = 0; k < r->d; k++) r->spread += r->moments.covariance[k * r->d + k];
  r->spread = sqrt(r->spread);
  free(x);
  return DSM_OK;
}

/* Compares rows of a file, and says how many they were. */
static dsm_status compare(const reference *r, const char *path, const char *rows, const char *name,
                          size_t *n) {
  dsm_status status = DSM_OK;
  projections along = {.value = NULL};
  moments m = {.d = 0};
  float *x = NULL;
  double frechet;
  size_t d;
  DSM_TRY(read_rows(path, rows, &x, n, &d));
  if (d != r->d)
    DSM_FAIL_DONE(DSM_BAD_DATA, "%s has samples of %zu numbers, the data have %zu", path, d, r->d);
  DSM_TRY_DONE(projections_create(x, *n, d, DIRECTIONS, &along));
  DSM_TRY_DONE(moments_create(x, *n, d, &m));
  DSM_TRY_DONE(frechet_distance(&r->moments, &m, &frechet));
  /* the projection on one direction has the d-th part of the spread */
  printf("%.4f %.4f %s\n", sliced_distance(&along, &r->along) * sqrt((double)d) / r->spread,
         sqrt(fmax(frechet, 0)) / r->spread, name);
done:
  projections_destroy(&along);
  moments_destroy(&m);
  free(x);
  return status;
}

int main(int argc, char **argv) {
  reference r = {.d = 0};
  size_t n = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: picture_distance DATA SAMPLES...\n");
    return 64;
  }
  dsm_status status = reference_create(argv[1], &r);
  for (int i = 2; status == DSM_OK && i < argc; i++) status = compare(&r, argv[i], "", argv[i], &n);
  if (status == DSM_OK) {
    char rows[64];
    snprintf(rows, sizeof rows, "%d:%zu", REFERENCE, REFERENCE + n);
    status = compare(&r, argv[1], rows, "floor", &n);
  }
  if (status != DSM_OK) fprintf(stderr, "picture_distance: %s\n", dsm_trail_message());
  projections_destroy(&r.along);
  moments_destroy(&r.moments);
  return dsm_status_exit_code(status);
}
