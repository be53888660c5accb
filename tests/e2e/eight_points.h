/* Fresh points of the law of `data make eight_gaussians`, and samples beside them. */
#ifndef DSMPI_TESTS_EIGHT_POINTS_H
#define DSMPI_TESTS_EIGHT_POINTS_H

#include "set_distance.h"

enum { MODES = 8, POINTS = 10000, SEED = 20240 };

/* A point of the law in physical units; `mode` and both normals are functions of (set, i). */
void true_point(uint64_t set, uint64_t i, float x[2]);

/* Sets of POINTS fresh points in pairs, and how far the two of a pair are apart on average: the distance (sliced Wasserstein-2)
 * that no sampler can be asked to go below, since it is chance in the numbers of points. */
enum { PAIRS = 8 };
typedef struct fresh_points {
  projections one[PAIRS];
  double unavoidable;
} fresh_points;
dsm_status fresh_points_create(fresh_points *fresh);
void fresh_points_destroy(fresh_points *fresh);

/* Mean distance of samples x (POINTS, 2) to the first of each pair, over `unavoidable`: 1 is perfect. */
dsm_status fresh_ratio(const fresh_points *fresh, const float *x, double *ratio);

#endif
