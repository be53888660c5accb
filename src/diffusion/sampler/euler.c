/* The explicit Euler method on the probability-flow ODE, dx/dt = alpha' x0_hat + sigma' eps_hat (Song et al.
 * 2021, arXiv:2011.13456, eq. 13, without a division by alpha or sigma):
 *   x_s = x_t + (s - t) (alpha'_t x0_hat + sigma'_t eps_hat).
 * First order. Where alpha and sigma are straight lines in t, as in edm and flow, it is ddim with eta 0. */
#include "sampler/chain.h"

static dsm__chain_step rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const double h = t[k + 1] - t[k];
  return (dsm__chain_step){.x_t_factor = 1,
                           .x0_factor = h * dsm_process_alpha_slope(sampling->process, t[k]),
                           .eps_factor = h * dsm_process_sigma_slope(sampling->process, t[k])};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

const dsm_sampler dsm__sampler_euler = {
    .name = "euler", .walks = true, .steps = 100, .refuses = dsm__needs_continuous_time, .run = run};
