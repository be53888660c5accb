/* What samplers are written with. Every sampler is one file with one table; everything it does is within one
 * sample: no statistic is taken over the block, and sample i draws its noise from the row of its global index,
 * so blocks may be cut anyhow. */
#ifndef DSMPI_DIFFUSION_SAMPLER_H
#define DSMPI_DIFFUSION_SAMPLER_H

#include "dsmpi/diffusion.h"

/** x0_hat and eps_hat (n, d) of x (n, d), sample i at time t[i]. Where x0_hat is clipped to
 *  sampling->clip_*, eps_hat follows: both describe the same x_t. Counts the evaluation. */
void dsm__evaluate_each(const dsm_sampling *sampling, const float *x, const double *t, float *x0, float *eps);
/** The same at one time for all samples; `times` is room for n numbers. */
void dsm__evaluate(const dsm_sampling *sampling, const float *x, double t, double *times, float *x0,
                   float *eps);

/** d standard normals of sample i of the block: draw 0 is its x_T, each sampler numbers its own from 1. */
void dsm__sampler_noise(const dsm_sampling *sampling, uint64_t draw, size_t i, float *z);

/** Tells how far the block has come. @return DSM_OK; DSM_STOPPED if it is to go no further. */
dsm_status dsm__sampler_progress(const dsm_sampling *sampling, int64_t done, int64_t steps);

extern const dsm_sampler dsm__sampler_ancestral, dsm__sampler_ddim;

#endif
