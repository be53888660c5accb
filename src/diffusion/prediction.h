/* The conversions of prediction.c as coefficients, for code that folds them into other factors. */
#ifndef DSMPI_DIFFUSION_PREDICTION_H
#define DSMPI_DIFFUSION_PREDICTION_H

#include "dsmpi/diffusion.h"

/** y = x_factor * x_t + value_factor * value */
typedef struct dsm__conversion {
  double x_factor, value_factor;
} dsm__conversion;

/** From and to: enum dsm_prediction; score is s itself. */
dsm__conversion dsm__prediction_conversion(int from, int to, double alpha, double sigma);

/** dsm_prediction_reading for given coefficients. */
dsm_reading dsm__reading_at(int prediction, double alpha, double sigma);

#endif
