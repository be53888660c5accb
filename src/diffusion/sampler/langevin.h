/* Langevin steps at one noise level, and what langevin and annealed_langevin share. */
#ifndef DSMPI_DIFFUSION_LANGEVIN_H
#define DSMPI_DIFFUSION_LANGEVIN_H

#include "sampler/sampler.h"

typedef struct dsm__langevin dsm__langevin;
/** Room for the walk; with sampler.metropolis also for the states that are compared. */
dsm_status dsm__langevin_create(dsm__work *work, dsm__langevin **langevin);
void dsm__langevin_destroy(dsm__langevin **langevin);

/** tau of the level whose noise is sigma(t): sampler.langevin_step in sampler.step_convention. */
double dsm__langevin_tau(const dsm_sampling *sampling, double t);
/** Takes `count` steps at time t. `*draw`: the first free number of a draw, moved on.
 *  @return DSM_OK; DSM_STOPPED */
dsm_status dsm__langevin_walk(dsm__langevin *langevin, double t, double tau, int64_t count, uint64_t *draw,
                              float *x);
/** Evaluations of such a walk. */
int64_t dsm__langevin_evaluations(const dsm_sampling *sampling, int64_t count);

const char *dsm__langevin_refuses(const dsm_sampling *sampling);
/** "step 2e-05 (tau)" and, if so, "Metropolis". */
void dsm__langevin_describe(const dsm_sampling *sampling, double t, char *text, size_t size);

#endif
