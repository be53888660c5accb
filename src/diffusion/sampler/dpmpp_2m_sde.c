/* SDE-DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), eq. 14: the same line through the last two estimates
 * as in dpmpp_2m, in the reverse SDE:
 *   x_s = sigma_s / sigma_t e^-h x_t + alpha_s (1 - e^-2h) D + sigma_s sqrt(1 - e^-2h) z.
 * The factors are those of q(x_s | x_t, x0): to first order it is ancestral sampling with small variance. */
#include <math.h>
#include "sampler/dpmpp.h"

static dsm__chain_step rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const dsm_posterior q = dsm_process_posterior(sampling->process, t[k + 1], t[k]);
  const double share = dsm__dpmpp_before(sampling, t, k);
  return (dsm__chain_step){.x_t_factor = q.x_t_factor,
                           .x0_factor = (1 + share) * q.x0_factor,
                           .before_factor = -share * q.x0_factor,
                           .noise = sqrt(q.small)};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

const dsm_sampler dsm__sampler_dpmpp_2m_sde = {
    .name = "dpmpp_2m_sde", .walks = true, .reverses = dsm__reverses, .steps = 50, .run = run};
