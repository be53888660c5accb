/* DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), algorithm 2: the probability-flow ODE in
 * lambda = ln(alpha / sigma), solved exactly for an x0_hat that is a line through the last two estimates:
 *   x_s = sigma_s / sigma_t x_t - alpha_s (e^-h - 1) D,   D = (1 + 1/(2r)) x0_hat - 1/(2r) x0_before,
 *         h = lambda_s - lambda_t,   r = h_before / h.
 * Second order with one evaluation a step. The first step has no estimate before it, so D = x0_hat: that is
 * ddim with eta 0. Where alpha = 0 at the last time, h of the first step is infinite: it is then
 * alpha_s x0_hat + sigma_s / sigma_t x_t, and the second step, r = infinity, is of first order too. The step to
 * the data, h = infinity with e^-h = 0, is the chain's: x0_hat alone, not the line. A last step that stops short
 * of the data (sampler.denoise false) is of first order in walks of fewer than 15 steps, where the line would
 * reach too far ("lower_order_final"). */
#include <math.h>
#include "sampler/dpmpp.h"

double dsm__dpmpp_before(const dsm_sampling *sampling, const double *t, int64_t k) {
  enum { FEW = 15 };
  if (k == 0 || (k + 2 == sampling->steps && sampling->steps < FEW && !sampling->settings->denoise)) return 0;
  const double now = dsm__half_log_snr(sampling->process, t[k]);
  const double h = dsm__half_log_snr(sampling->process, t[k + 1]) - now;
  const double h_before = now - dsm__half_log_snr(sampling->process, t[k - 1]);
  return h / (2 * h_before);
}

static dsm__chain_step rule(const dsm_sampling *sampling, const double *t, int64_t k) {
  const dsm_process *process = sampling->process;
  const double h = dsm__half_log_snr(process, t[k + 1]) - dsm__half_log_snr(process, t[k]);
  const double x0_factor = -dsm_process_alpha(process, t[k + 1]) * expm1(-h);
  const double share = dsm__dpmpp_before(sampling, t, k);
  return (dsm__chain_step){.x_t_factor =
                               dsm_process_sigma(process, t[k + 1]) / dsm_process_sigma(process, t[k]),
                           .x0_factor = (1 + share) * x0_factor,
                           .before_factor = -share * x0_factor};
}

static dsm_status run(const dsm_sampling *sampling, float *x) {
  DSM_TRY(dsm__chain_run(sampling, rule, x));
  return DSM_OK;
}

const dsm_sampler dsm__sampler_dpmpp_2m = {.name = "dpmpp_2m", .walks = true, .steps = 25, .run = run};
