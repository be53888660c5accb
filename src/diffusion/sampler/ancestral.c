/* Ancestral sampling, Ho et al. 2020 (arXiv:2006.11239), algorithm 2, for any Gaussian process and any s < t:
 * x_s is drawn from q(x_s | x_t, x0) with x0_hat in the place of x0 (Kingma et al. 2021, arXiv:2107.00630,
 * appendix A):
 *   x_s = x_t_factor x_t + x0_factor x0_hat + sqrt(var) z
 *   var  small: variance of that posterior (beta-tilde_t in ddpm), right where the data are a single point
 *        large: sigma_ts^2 (beta_t in ddpm), right where the data are N(0, 1)
 *        learned: between the two in the logarithm, for each element where the network says (Nichol & Dhariwal
 *        2021, arXiv:2102.09672, eq. 15) */
#include <math.h>
#include <stdio.h>
#include "sampler/chain.h"

static dsm__chain_step rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  dsm_posterior q = dsm_process_posterior(sampling->process, t[k + 1], t[k]);
  double variance = sampling->settings->variance == DSM_VARIANCE_LARGE ? q.large : q.small;
  return (dsm__chain_step){.x_t_factor = q.x_t_factor,
                           .x0_factor = q.x0_factor,
                           .noise = sqrt(variance),
                           .learned = sampling->settings->variance == DSM_VARIANCE_LEARNED,
                           .log_variance = dsm_process_log_variances(sampling->process, t[k + 1], t[k])};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

static const char *refuses(const dsm_sampling *sampling) {
  const dsm_denoiser *denoiser = sampling->denoiser;
  if (sampling->settings->variance != DSM_VARIANCE_LEARNED || !denoiser || denoiser->learns_variance)
    return NULL;
  return "sampler.variance = learned needs a network trained with objective.name = hybrid; use small or "
         "large";
}

static void describe(const dsm_sampling *sampling, char *text, size_t size) {
  snprintf(text, size, "variance %s", dsm_config_word("sampler.variance", sampling->settings->variance));
}

const dsm_sampler dsm__sampler_ancestral = {.name = "ancestral",
                                            .walks = true,
                                            .reverses = dsm__reverses,
                                            .refuses = refuses,
                                            .describe = describe,
                                            .run = run};
