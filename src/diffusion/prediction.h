/* Readings at given coefficients, and one quantity made from another. */
#ifndef DSMPI_DIFFUSION_PREDICTION_H
#define DSMPI_DIFFUSION_PREDICTION_H

#include "dsmpi/diffusion.h"

/** dsm_prediction_reading at (alpha, sigma), for all predictions but mu, which needs the process. `sigma_data`
 *  matters to edm alone. */
dsm_reading dsm__reading_at(int prediction, double alpha, double sigma, double sigma_data);

/** y = x_factor * x_t + value_factor * value */
typedef struct dsm__conversion {
  double x_factor, value_factor;
} dsm__conversion;

/** F of one reading from F of another at the same x_t. */
dsm__conversion dsm__conversion_between(const dsm_reading *from, const dsm_reading *to);
/** The same for two of eps, x0, v, flow, and score, which here is s itself. */
dsm__conversion dsm__prediction_conversion(int from, int to, double alpha, double sigma);

#endif
