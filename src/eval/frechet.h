#ifndef DSMPI_EVAL_FRECHET_H
#define DSMPI_EVAL_FRECHET_H

#include "dsmpi/status.h"

/* dsm_frechet_distance with the root of b known. */
dsm_status dsm__frechet_by_root(const double *mean_a, const double *a, const double *mean_b, const double *b,
                                const double *root_b, size_t d, double *distance);

#endif
