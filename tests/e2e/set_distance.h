/* How far two sets of samples are apart, for tests and tables, until the program has a command for it. Points are rows
 * (n, d). */
#ifndef DSMPI_TESTS_SET_DISTANCE_H
#define DSMPI_TESTS_SET_DISTANCE_H

#include "dsmpi/dsmpi.h"

/* A set seen along directions: its projections (directions, n), each row ascending. In the plane the directions are evenly
 * spaced, elsewhere random ones, the same for every set of that d. */
typedef struct projections {
  size_t n, directions;
  double *value;
} projections;
dsm_status projections_create(const float *x, size_t n, size_t d, size_t directions, projections *p);
void projections_destroy(projections *p);

/* The sliced Wasserstein-2 distance: root of the mean over directions u of  int_0^1 (F^-1(q) - G^-1(q))^2 dq,  F and G the laws
 * of u.x in the two sets (Rabin et al. 2011, doi:10.1007/978-3-642-24785-9_37). The sets may differ in size. */
double sliced_distance(const projections *a, const projections *b);

/* Mean (d) and covariance (d, d) of a set, by 1 / (n - 1). */
typedef struct moments {
  size_t d;
  double *mean, *covariance;
} moments;
dsm_status moments_create(const float *x, size_t n, size_t d, moments *m);
void moments_destroy(moments *m);

/* The square of the Wasserstein-2 distance of the normals of these moments, as in FID but of the points themselves:
 *   |mean_a - mean_b|^2 + tr(A + B) - 2 tr((A B)^(1/2))
 * (Dowson & Landau 1982, doi:10.1016/0047-259X(82)90077-X). Covariances may be singular. */
dsm_status frechet_distance(const moments *a, const moments *b, double *distance);

/* All rows of /samples, or of the dataset of a file like those of `data import`: x (n, d), owned by the caller: free(). Rows
 * as in dsm_dataset_open. */
dsm_status read_rows(const char *path, const char *rows, float **x, size_t *n, size_t *d);

#endif
