/* Ancestral sampling, Ho et al. 2020 (arXiv:2006.11239), algorithm 2, for any Gaussian process and any s < t:
 * x_s is drawn from q(x_s | x_t, x0) with x0_hat in the place of x0 (Kingma et al. 2021, arXiv:2107.00630,
 * appendix A):
 *   x_s = x_t_factor x_t + x0_factor x0_hat + sqrt(var) z
 *   var  small: variance of that posterior (beta-tilde_t in ddpm), right where the data are a single point
 *        large: sigma_ts^2 (beta_t in ddpm), right where the data are N(0, 1) */
#include "sampler/chain.h"

#include <math.h>

static dsm__chain_step rule(const dsm_sampling *sampling, double s, double t) {
  dsm_posterior q = dsm_process_posterior(sampling->process, s, t);
  double variance = sampling->settings->variance == DSM_VARIANCE_LARGE ? q.large : q.small;
  return (dsm__chain_step){.x_t_factor = q.x_t_factor, .x0_factor = q.x0_factor, .noise = sqrt(variance)};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

static const char *refuses(const dsm_sampling *sampling) {
  if (sampling->settings->variance == DSM_VARIANCE_SMALL ||
      sampling->settings->variance == DSM_VARIANCE_LARGE)
    return dsm__chain_refuses(sampling);
  return "sampler.variance is neither small nor large";
}

const dsm_sampler dsm__sampler_ancestral = {.name = "ancestral", .refuses = refuses, .run = run};
