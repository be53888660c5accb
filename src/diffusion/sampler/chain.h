/* What ancestral sampling and ddim share: a walk down the times, one network evaluation a step, in which the
 * next state is a combination of x_t, the estimate of x0, the estimate of eps and fresh noise. */
#ifndef DSMPI_DIFFUSION_CHAIN_H
#define DSMPI_DIFFUSION_CHAIN_H

#include "sampler/sampler.h"

/** x_s = x_t_factor x_t + x0_factor x0_hat + eps_factor eps_hat + noise z */
typedef struct dsm__chain_step {
  double x_t_factor, x0_factor, eps_factor, noise;
} dsm__chain_step;

/** Coefficients of the step from t down to s. */
typedef dsm__chain_step dsm__chain_rule(const dsm_sampling *sampling, double s, double t);

/** Why no chain can be walked on this process, or NULL. */
const char *dsm__chain_refuses(const dsm_sampling *sampling);

/** Walks x (n, d) from x_T to the samples.
 *  @return DSM_OK; DSM_STOPPED; DSM_NO_MEMORY; DSM_BAD_CONFIG from dsm_sampler_times */
dsm_status dsm__chain_run(const dsm_sampling *sampling, dsm__chain_rule *rule, float *x);

#endif
