/* What samplers share that take one evaluation a step: a walk down the times in which the next state is a
 * combination of x_t, the estimates of x0 and eps, the estimate of x0 one step before, and fresh noise. */
#ifndef DSMPI_DIFFUSION_CHAIN_H
#define DSMPI_DIFFUSION_CHAIN_H

#include "sampler/sampler.h"

/** x_s = x_t_factor x_t + x0_factor x0_hat + eps_factor eps_hat + before_factor x0_before + noise z. With
 *  `learned` the noise is that of each element: exp(half its log variance between the two). */
typedef struct dsm__chain_step {
  double x_t_factor, x0_factor, eps_factor, before_factor, noise;
  bool learned;
  dsm_log_variances log_variance;
} dsm__chain_step;

/** Coefficients of the step from t[k] down to t[k + 1] > 0; t are all times of the walk. x0_before is that of
 *  t[k - 1], so before_factor is 0 for k = 0. The step down to t = 0 is no rule's: it gives x0_hat. */
typedef dsm__chain_step dsm__chain_rule(const dsm_sampling *sampling, const double *t, int64_t k);

/** Of the two samplers that are predictors too. */
dsm__chain_rule dsm__euler_maruyama_rule, dsm__reverse_diffusion_rule;
const char *dsm__euler_maruyama_refuses(const dsm_sampling *sampling);

/** Takes step k of the walk over work->t: evaluates and moves x. `draw` numbers its noise. `before` (n, d), the
 *  x0_hat of the step before, or NULL for rules that do not ask for it. */
void dsm__chain_take(dsm__work *work, dsm__chain_rule *rule, int64_t k, uint64_t draw, const float *before,
                     float *x);
/** Walks x (n, d) from x_T to the samples.
 *  @return DSM_OK; DSM_STOPPED; DSM_NO_MEMORY; DSM_BAD_CONFIG from dsm_sampler_times */
dsm_status dsm__chain_run(const dsm_sampling *sampling, dsm__chain_rule *rule, float *x);

#endif
