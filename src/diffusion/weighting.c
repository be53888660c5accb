/* Weights of the loss, as weights of |eps - eps_hat|^2 summed over the d elements of a sample, SNR = alpha^2 /
 * sigma^2:
 *   simple        1/d                  mean over elements: L_simple, Ho et al. 2020 (arXiv:2006.11239), eq. 14
 *   sigma2        1/2                  (1/2) sigma^2 |s_hat - s|^2: Song & Ermon 2019 (arXiv:1907.05600), eq. 6
 *   likelihood    g^2 / (2 sigma^2)    (1/2) g^2 |s_hat - s|^2: its mean over t bounds the negative
 *                                      log-likelihood, Song et al. 2021 (arXiv:2101.09258), theorem 1
 *   vlb           m^2 / (2 var SNR)    KL(q(x_{t-1} | x_t, x0) || N(mu_hat, var)), m the factor of x0 in the mean mu of
 *                                      the posterior, var small (that of t = 2 at t = 1, where it is 0) or large;
 *                                      ddpm: beta^2 / (2 var (1 - beta) (1 - alpha-bar))
 *   min_snr       min(1, gamma/SNR)/d  Hang et al. 2023 (arXiv:2303.09556)
 *   soft_min_snr  1/(1 + SNR/gamma)/d  the same without the edge (Crowson et al. 2024, arXiv:2401.11605; there gamma =
 *                                      1 / sigma_data^2)
 *   edm           (1 + 1/(SNR sd^2))/d Karras et al. 2022 (arXiv:2206.00364), (s^2 + sd^2) / (s sd)^2 on x0, s = sigma /
 *                                      alpha: 1/d on the F of their preconditioning
 *   output        1/d on |F - F*|^2    whatever F is: with flow, the loss of flow matching
 *
 * Where alpha = 0 several are infinite on eps and finite on F. So each is written for any unit of error: e2, x2 and f2
 * are the squares of the factors that make the errors of eps, x0 and F of one unit of it. */
#include "dsmpi/diffusion.h"

#include <float.h>
#include <math.h>

typedef struct unit {
  double e2, x2, f2;
} unit;

static double weight_of(const dsm_objective_settings *settings, const dsm_process *process, double t,
                        double d, unit u) {
  const double gamma = settings->min_snr_gamma, sd = settings->sigma_data;
  switch (settings->weighting) {
  case DSM_WEIGHT_SIMPLE:
    return u.e2 / d;
  case DSM_WEIGHT_SIGMA2:
    return u.e2 / 2;
  case DSM_WEIGHT_LIKELIHOOD:
    return u.e2 * dsm_process_diffusion2(process, t) / (2 * pow(dsm_process_sigma(process, t), 2));
  case DSM_WEIGHT_VLB: {
    const dsm_posterior q = dsm_process_posterior(process, t - 1, t);
    const dsm_log_variances v = dsm_process_log_variances(process, t - 1, t);
    const double variance = exp(settings->vlb_variance == DSM_VARIANCE_LARGE ? v.large : v.small);
    return u.x2 * q.x0_factor * q.x0_factor / (2 * variance);
  }
  case DSM_WEIGHT_MIN_SNR:
    return fmin(u.e2, gamma * u.x2) / d;
  case DSM_WEIGHT_SOFT_MIN_SNR: /* in this form right for e2 = 0 and for x2 infinite */
    return 1 / (1 / u.e2 + 1 / (gamma * u.x2)) / d;
  case DSM_WEIGHT_EDM:
    return (u.e2 + u.x2 / (sd * sd)) / d;
  }
  DSM_ASSERT(settings->weighting == DSM_WEIGHT_OUTPUT);
  return u.f2 / d;
}

double dsm_weighting_value(const dsm_objective_settings *settings, const dsm_process *process, double t,
                           size_t d) {
  const dsm_reading r = dsm_prediction_reading(settings, process, t);
  const double ratio = dsm_process_sigma(process, t) / dsm_process_alpha(process, t);
  return weight_of(settings, process, t, (double)d,
                   (unit){.e2 = 1, .x2 = ratio * ratio, .f2 = 1 / (r.eps_f * r.eps_f)});
}

double dsm_weighting_of_output(const dsm_objective_settings *settings, const dsm_process *process, double t,
                               size_t d) {
  const dsm_reading r = dsm_prediction_reading(settings, process, t);
  return weight_of(settings, process, t, (double)d,
                   (unit){.e2 = r.eps_f * r.eps_f, .x2 = r.x0_f * r.x0_f, .f2 = 1});
}

dsm_status dsm_weighting_check(const dsm_objective_settings *settings, const dsm_process *process) {
  const char *name = dsm_process_name_of(process);
  if (settings->weighting == DSM_WEIGHT_VLB && !dsm_process_discrete(process))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "objective.weighting vlb is of steps from t to t - 1, and the time of the process %s is continuous; "
        "use likelihood, which is its limit",
        name);
  if (settings->weighting == DSM_WEIGHT_LIKELIHOOD &&
      isinf(dsm_process_diffusion2(process, dsm_process_last(process))))
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.weighting likelihood is infinite at the last time of the process %s, where g is; use "
             "output or simple",
             name);
  if (settings->prediction == DSM_PREDICT_MU && !dsm_process_discrete(process))
    return DSM_OK; /* refused as such */
  const double first = dsm_process_first(process, false),
               weight = dsm_weighting_of_output(settings, process, first, 1);
  if (!(weight <= (double)FLT_MAX))
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.weighting %s gives what the network predicts (%s) the weight %g at the lowest noise "
             "of the process "
             "%s, %g, which is beyond float32: raise the lowest noise, or use the weighting output",
             dsm_config_word("objective.weighting", settings->weighting),
             dsm_config_word("objective.prediction", settings->prediction), weight, name,
             dsm_process_sigma(process, first));
  return DSM_OK;
}
