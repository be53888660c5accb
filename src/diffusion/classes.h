/* How a classifier sees its input. */
#ifndef DSMPI_DIFFUSION_CLASSES_H
#define DSMPI_DIFFUSION_CLASSES_H

#include "dsmpi/diffusion.h"

/** scale x_t, x_t = alpha x0 + sigma eps, and the label of its time. Clean data: x0 itself and 0. */
typedef struct dsm__class_input {
  double alpha, sigma, scale;
  float label;
} dsm__class_input;
dsm__class_input dsm__class_input_at(const dsm_process *process, bool noisy, double t);

#endif
