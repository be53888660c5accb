/* Denoising diffusion implicit models, Song et al. 2021 (arXiv:2010.02502), eq. 12 and 16, for any Gaussian
 * process:
 *   x_s = alpha_s x0_hat + sqrt(sigma_s^2 - eta^2 v) eps_hat + eta sqrt(v) z,
 *         v = sigma_ts^2 sigma_s^2 / sigma_t^2, the variance of the exact posterior
 *   eta 0: a function of x_T alone, a first-order solver of the probability-flow ODE
 *   eta 1: ancestral sampling with small variance */
#include <math.h>
#include <stdio.h>
#include "sampler/chain.h"

/* sigma_s^2 - eta^2 v = sigma_s^2 ((1 - eta^2) + eta^2 alpha_ts^2 sigma_s^2 / sigma_t^2): a sum of positive
 * terms, where the difference would cancel at eta 1 for distant s and t. */
static dsm__chain_step rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const dsm_process *process = sampling->process;
  dsm_posterior q = dsm_process_posterior(process, t[k + 1], t[k]);
  double eta = sampling->settings->eta, sigma_s = dsm_process_sigma(process, t[k + 1]);
  double alpha_s = dsm_process_alpha(process, t[k + 1]),
         alpha_ts = dsm_process_alpha(process, t[k]) / alpha_s;
  return (dsm__chain_step){
      .x0_factor = alpha_s,
      .eps_factor = sigma_s * sqrt((1 - eta) * (1 + eta) + eta * eta * alpha_ts * q.x_t_factor),
      .noise = eta * sqrt(q.small),
  };
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

/* Upwards, t > s: x_t = alpha_t x0_hat(x_s) + sigma_t eps_hat(x_s), over the same times. */
static dsm_status climb(dsm__work *work, float *x) {
  const dsm_sampling *s = work->sampling;
  for (int64_t k = s->steps - 1; k > 0; k--) {
    const double alpha = dsm_process_alpha(s->process, work->t[k - 1]),
                 sigma = dsm_process_sigma(s->process, work->t[k - 1]);
    dsm__evaluate(work, x, work->t[k]);
    for (size_t j = 0; j < s->n * s->d; j++)
      x[j] = (float)(alpha * (double)work->x0[j] + sigma * (double)work->eps[j]);
    DSM_TRY(dsm__work_progress(work));
  }
  return DSM_OK;
}

static dsm_status encode(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  if (s->settings->eta > 0)
    DSM_FAIL(DSM_BAD_CONFIG, "sampler.eta is %g: only with eta 0 does ddim lead to one latent and back",
             s->settings->eta);
  DSM_TRY_DONE(dsm__work_create(s, true, &work));
  work.planned = s->steps - 1;
  DSM_TRY_DONE(climb(&work, x));
done:
  dsm__work_destroy(&work);
  return status;
}

static const char *refuses(const dsm_sampling *sampling) {
  if (sampling->settings->eta >= 0 && sampling->settings->eta <= 1) return NULL;
  return "sampler.eta lies outside 0 ... 1 (0 is deterministic, 1 is ancestral sampling)";
}

static void describe(const dsm_sampling *sampling, char *text, size_t size) {
  snprintf(text, size, "eta %g", sampling->settings->eta);
}

static bool reverses(const dsm_sampling *sampling) {
  return sampling->settings->eta == 1;
}

const dsm_sampler dsm__sampler_ddim = {.name = "ddim",
                                       .walks = true,
                                       .reverses = reverses,
                                       .refuses = refuses,
                                       .describe = describe,
                                       .run = run,
                                       .encode = encode};
