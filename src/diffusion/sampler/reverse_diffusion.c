/* Reverse diffusion sampling of Song et al. 2021 (arXiv:2011.13456, appendix E, eq. 46): the reverse SDE in the
 * steps of the forward process. If the forward step is x_t = x_s + f(x_s) + G z, the way back is
 * x_s = x_t - f(x_t) + G^2 s + G z. With the exact forward step, x_t = alpha_ts x_s + sigma_ts z:
 *   x_s = (2 - alpha_ts) x_t - sigma_ts^2 eps_hat / sigma_t + sigma_ts z,
 * which on all times of ddpm and smld are the paper's two forms (alpha_ts = sqrt(1 - beta), sigma_ts^2 = beta;
 * alpha_ts = 1, sigma_ts^2 = sigma_t^2 - sigma_s^2). Right for small steps of any process. */
#include <math.h>
#include "sampler/chain.h"

dsm__chain_step dsm__reverse_diffusion_rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const dsm_process *process = sampling->process;
  const double large = dsm_process_posterior(process, t[k + 1], t[k]).large;
  const double alpha_ts = dsm_process_alpha(process, t[k]) / dsm_process_alpha(process, t[k + 1]);
  return (dsm__chain_step){.x_t_factor = 2 - alpha_ts,
                           .eps_factor = -large / dsm_process_sigma(process, t[k]),
                           .noise = sqrt(large)};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, dsm__reverse_diffusion_rule, x));
  return DSM_OK;
}

const dsm_sampler dsm__sampler_reverse_diffusion = {
    .name = "reverse_diffusion", .walks = true, .reverses = dsm__reverses, .run = run};
