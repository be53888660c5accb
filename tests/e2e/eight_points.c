#include "eight_points.h"

#include <stdlib.h>

enum { DIRECTIONS = 64, FIRST_SET = 1000000 /* below: sets for other uses */ };

void true_point(uint64_t set, uint64_t i, float x[2]) {
  const dsm_random_key key = {SEED, DSM_STREAM_DATA, set, i};
  double centre[2];
  dsm_eight_gaussians_centre((int)dsm_random_below(key, 1, MODES), centre);
  dsm_random_normal(key, 0, 2, x);
  for (int a = 0; a < 2; a++) x[a] = (float)(centre[a] + DSM_EIGHT_GAUSSIANS_STD * x[a]);
}

static dsm_status fresh_set(uint64_t set, projections *p) {
  dsm_status status = DSM_OK;
  float *x = NULL;
  DSM_TRY(DSM_ALLOC(2 * POINTS, &x));
  for (uint64_t i = 0; i < POINTS; i++) true_point(FIRST_SET + set, i, x + 2 * i);
  status = projections_create(x, POINTS, 2, DIRECTIONS, p);
  free(x);
  return status;
}

dsm_status fresh_points_create(fresh_points *fresh) {
  dsm_status status = DSM_OK;
  projections other = {.value = NULL};
  *fresh = (fresh_points){.unavoidable = 0};
  for (uint64_t pair = 0; pair < PAIRS; pair++) {
    DSM_TRY_DONE(fresh_set(2 * pair, &fresh->one[pair]));
    DSM_TRY_DONE(fresh_set(2 * pair + 1, &other));
    fresh->unavoidable += sliced_distance(&fresh->one[pair], &other) / PAIRS;
    projections_destroy(&other);
  }
done:
  if (status != DSM_OK) fresh_points_destroy(fresh);
  return status;
}

void fresh_points_destroy(fresh_points *fresh) {
  for (int pair = 0; pair < PAIRS; pair++) projections_destroy(&fresh->one[pair]);
}

dsm_status fresh_ratio(const fresh_points *fresh, const float *x, double *ratio) {
  projections samples;
  DSM_TRY(projections_create(x, POINTS, 2, DIRECTIONS, &samples));
  *ratio = 0;
  for (int pair = 0; pair < PAIRS; pair++)
    *ratio += sliced_distance(&samples, &fresh->one[pair]) / PAIRS / fresh->unavoidable;
  projections_destroy(&samples);
  return DSM_OK;
}
