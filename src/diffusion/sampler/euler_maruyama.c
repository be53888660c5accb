/* The Euler-Maruyama method on the reverse SDE dx = (f x - g^2 s) dt + g dw (Anderson 1982,
 * doi:10.1016/0304-4149(82)90051-5; Song et al. 2021, arXiv:2011.13456, eq. 6), with s = -eps_hat / sigma:
 *   x_s = (1 - (t - s) f) x_t - (t - s) g^2 eps_hat / sigma + g sqrt(t - s) z. */
#include <math.h>
#include "sampler/chain.h"

dsm__chain_step dsm__euler_maruyama_rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const dsm_process *process = sampling->process;
  const double h = t[k] - t[k + 1], g2 = dsm_process_diffusion2(process, t[k]);
  return (dsm__chain_step){.x_t_factor = 1 - h * dsm_process_drift(process, t[k]),
                           .eps_factor = -h * g2 / dsm_process_sigma(process, t[k]),
                           .noise = sqrt(h * g2)};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, dsm__euler_maruyama_rule, x));
  return DSM_OK;
}

const char *dsm__euler_maruyama_refuses(const dsm_sampling *sampling) {
  if (dsm_process_discrete(sampling->process)) return dsm__needs_continuous_time(sampling);
  if (dsm_process_alpha(sampling->process, dsm__sampling_start(sampling)) > 0) return NULL;
  return "nothing is left of the data at the last time, alpha = 0, where drift and diffusion of the SDE are "
         "infinite; use ancestral, reverse_diffusion, or the ODE by heun or ode";
}

const dsm_sampler dsm__sampler_euler_maruyama = {.name = "euler_maruyama",
                                                 .walks = true,
                                                 .reverses = dsm__reverses,
                                                 .refuses = dsm__euler_maruyama_refuses,
                                                 .run = run};
