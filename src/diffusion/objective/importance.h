/* A law of times that follows the losses, over shares u in (0, 1) of the uniform law. */
#ifndef DSMPI_DIFFUSION_IMPORTANCE_H
#define DSMPI_DIFFUSION_IMPORTANCE_H

#include "dsmpi/diffusion.h"

/** One block of memory that free() releases. */
typedef struct dsm__importance dsm__importance;
dsm_status dsm__importance_create(const dsm_process *process, dsm__importance **importance);

/** The share below which `u` of this law lies. */
double dsm__importance_draw(const dsm__importance *importance, double u);
/** Density of the uniform law over that of this one at a share. */
double dsm__importance_weight(const dsm__importance *importance, double share);

/** Takes note of a loss that was multiplied by the weight at its share; the law stays until refreshed. */
void dsm__importance_add(dsm__importance *importance, double share, double loss);
void dsm__importance_refresh(dsm__importance *importance);

size_t dsm__importance_state_count(const dsm__importance *importance);
void dsm__importance_save(const dsm__importance *importance, double *state);
dsm_status dsm__importance_restore(dsm__importance *importance, const double *state);

#endif
