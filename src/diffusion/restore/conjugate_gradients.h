/* K_i v_i = e_i for the samples i of a block, each for itself. */
#ifndef DSMPI_DIFFUSION_CONJUGATE_GRADIENTS_H
#define DSMPI_DIFFUSION_CONJUGATE_GRADIENTS_H

#include "dsmpi/status.h"

/** n symmetric positive definite matrices (m, m), known by their products with a block of vectors (n, m). */
typedef struct dsm__equations {
  void *self;
  size_t n, m;
  void (*product)(void *self, const double *p, double *kp);
} dsm__equations;

/** Hestenes & Stiefel 1952 (doi:10.6028/jres.049.044), from v = 0, until |e - K v| <= tolerance |e| in each sample,
 *  or for `iterations` products. A sample that is there waits for the others with p = 0. What a sample gets does not
 *  depend on its neighbours. Where a matrix turns out not to be positive definite, its sample stays where it is.
 *  @param[in,out] e  (n, m) on return the residual
 *  @param[out]    v  (n, m)
 *  @param[in]     p, kp, least  (n, m), (n, m), (n): room to work in */
void dsm__conjugate_gradients(const dsm__equations *equations, int iterations, double tolerance, double *e,
                              double *v, double *p, double *kp, double *least);

#endif
