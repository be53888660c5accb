/* One part of a mixture: what is asked of it at one noise level. */
#ifndef DSMPI_DIFFUSION_MIXTURE_PART_H
#define DSMPI_DIFFUSION_MIXTURE_PART_H

#include "dsmpi/mixture.h"

typedef enum dsm__part_kind { DSM__PART_NORMAL, DSM__PART_BOX } dsm__part_kind;

/** N(first, covariance), covariance = axes diag(variance) axes^T; or the box first < x < second. */
typedef struct dsm__part {
  dsm__part_kind kind;
  double weight;
  double *first, *second; /* (d) mean, NULL; or low, high. `first` owns all of the part's memory */
  double *covariance, *axes, *variance; /* (d, d), (d, d) columns, (d) of normals */
} dsm__part;

/** axes, variance of a symmetric matrix (d, d) by Jacobi's rotations: matrix = axes diag(variance) axes^T. */
void dsm__symmetric_axes(size_t d, const double *matrix, double *axes, double *variance);

/** ln p(x) of alpha x0 + sigma eps; the posterior means into x0 and eps (d), which may both be NULL. */
double dsm__normal_posterior(const dsm__part *part, size_t d, double alpha, double sigma, const double *x,
                             double *x0, double *eps);
double dsm__box_posterior(const dsm__part *part, size_t d, double alpha, double sigma, const double *x,
                          double *x0, double *eps);

#endif
