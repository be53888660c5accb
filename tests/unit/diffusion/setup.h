/* What the tests of objectives share: one small model with its process, loss and memory, and its gradients against finite
 * differences. */
#ifndef DSMPI_TEST_DIFFUSION_SETUP_H
#define DSMPI_TEST_DIFFUSION_SETUP_H

#include "check.h"

typedef struct setup {
  dsm_config config;
  dsm_kernels kernels;
  dsm_process *process;
  dsm_model *model;
  dsm_objective *objective;
  size_t count; /* parameters */
  float *w, *gradients;
} setup;

dsm_config small_mlp(int process, int prediction, int weighting);
/* of 4 x 4 pictures, with attention */
dsm_config small_unet(int process, int prediction, int weighting);

/* Parameters: normals times `scale`, so that no layer stays at its initial zero. */
void start(setup *s, dsm_config config, dsm_shape sample, size_t micro_batch, double scale);
void stop(setup *s);

/* n samples of d standard normals */
void draw_data(float *x0, size_t n, size_t d);

/* Gradients along a random direction inside each parameter against differences of float32 losses with step h: rounding 1e-6
 * loss / h, truncation h^2, which balance near h = 1e-2 at a few 1e-4 of the losses, taken without their signs. */
void check_gradients(setup *s, size_t n, size_t d);

#endif
