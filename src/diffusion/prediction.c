/* What a network may predict of x_t = alpha x0 + sigma eps, as a reading of its output F:
 *   eps    F = eps                the noise (Ho et al. 2020, arXiv:2006.11239)
 *   x0     F = x0                 the clean sample; at its best E[x0 | x_t] = (x_t + sigma^2 s) / alpha, Tweedie's
 *                                 formula (Efron 2011, doi:10.1198/jasa.2011.tm11181)
 *   score  F = sigma s = -eps     s = grad log p_t(x_t) (Vincent 2011, doi:10.1162/NECO_a_00142), of unit scale
 *   energy F = grad e = eps       the gradient of a scalar network (output.c)
 *   v      F = alpha eps - sigma x0                   (Salimans & Ho 2022, arXiv:2202.00512)
 *   flow   F = eps - x0           the velocity of flow matching (Lipman et al. 2023, arXiv:2210.02747)
 *   mu     F = input E[x_{t-1} | x_t, x0]             (Ho et al. 2020, eq. 7), in the scale of the input
 *   edm    x0 = c_skip x_t / alpha + c_out F          (Karras et al. 2022, arXiv:2206.00364, table 1) at the noise
 *          level sigma / alpha; with q2 = sigma^2 + alpha^2 sd^2, so that nothing is divided by alpha,
 *            c_skip / alpha = alpha sd^2 / q2,  c_out = sigma sd / sqrt(q2),  c_in / alpha = 1 / sqrt(q2)
 *          (VP, VE and iDDPM of that table are eps and score: c_skip = 1, c_out = -+sigma/alpha)
 *
 * Reading x0 and eps each by its own factors, not one from the other, keeps their digits: at small alpha x0 = (x_t -
 * sigma eps) / alpha is a small difference, at small sigma eps is. */
#include "prediction.h"

#include <math.h>

dsm_reading dsm__reading_at(int prediction, double alpha, double sigma, double sigma_data) {
  const double r2 = alpha * alpha + sigma * sigma, sum = alpha + sigma;
  const double sd = sigma_data, q2 = sigma * sigma + alpha * alpha * sd * sd, q = sqrt(q2);
  dsm_reading r = {.input = 1 / sqrt(r2)};
  switch (prediction) {
  case DSM_PREDICT_EPS:
  case DSM_PREDICT_ENERGY:
    r.x0_x = 1 / alpha, r.x0_f = -sigma / alpha, r.eps_f = 1, r.f_eps = 1;
    return r;
  case DSM_PREDICT_X0:
    r.x0_f = 1, r.eps_x = 1 / sigma, r.eps_f = -alpha / sigma, r.f_x0 = 1;
    return r;
  case DSM_PREDICT_SCORE:
    r.x0_x = 1 / alpha, r.x0_f = sigma / alpha, r.eps_f = -1, r.f_eps = -1;
    return r;
  case DSM_PREDICT_V:
    r.x0_x = alpha / r2, r.x0_f = -sigma / r2, r.eps_x = sigma / r2, r.eps_f = alpha / r2;
    r.f_x0 = -sigma, r.f_eps = alpha;
    return r;
  case DSM_PREDICT_FLOW:
    r.x0_x = 1 / sum, r.x0_f = -sigma / sum, r.eps_x = 1 / sum, r.eps_f = alpha / sum;
    r.f_x0 = -1, r.f_eps = 1;
    return r;
  }
  DSM_ASSERT(prediction == DSM_PREDICT_EDM);
  r.input = 1 / q;
  r.x0_x = alpha * sd * sd / q2, r.x0_f = sigma * sd / q, r.eps_x = sigma / q2, r.eps_f = -alpha * sd / q;
  r.f_x0 = sigma / (sd * q), r.f_eps = -alpha * sd / q;
  return r;
}

/* mu = x_t_factor x_t + x0_factor x0, where x_t_factor alpha_t + x0_factor = alpha_{t-1} */
static dsm_reading reading_of_mean(const dsm_process *process, double t) {
  const dsm_posterior q = dsm_process_posterior(process, t - 1, t);
  const double alpha = dsm_process_alpha(process, t), sigma = dsm_process_sigma(process, t);
  const double before = dsm_process_alpha(process, t - 1), input = 1 / sqrt(alpha * alpha + sigma * sigma);
  return (dsm_reading){
      .input = input,
      .x0_x = -q.x_t_factor / q.x0_factor,
      .x0_f = 1 / (input * q.x0_factor),
      .eps_x = before / (sigma * q.x0_factor),
      .eps_f = -alpha / (sigma * input * q.x0_factor),
      .f_x0 = input * before,
      .f_eps = input * q.x_t_factor * sigma,
  };
}

dsm_reading dsm_prediction_reading(const dsm_objective_settings *settings, const dsm_process *process,
                                   double t) {
  if (settings->prediction == DSM_PREDICT_MU) return reading_of_mean(process, t);
  return dsm__reading_at(settings->prediction, dsm_process_alpha(process, t), dsm_process_sigma(process, t),
                         settings->sigma_data);
}

dsm_status dsm_prediction_check(const dsm_objective_settings *settings, const dsm_process *process) {
  static const double smallest = 1e-30;
  const int prediction = settings->prediction;
  const bool of_noise =
      prediction == DSM_PREDICT_EPS || prediction == DSM_PREDICT_SCORE || prediction == DSM_PREDICT_ENERGY;
  const char *word = dsm_config_word("objective.prediction", prediction),
             *name = dsm_process_name_of(process);
  if (prediction == DSM_PREDICT_MU && !dsm_process_discrete(process))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "objective.prediction mu is the mean of a step from t to t - 1, and the time of the process %s is "
        "continuous; use ddpm or smld, or predict x0",
        name);
  const double alpha = dsm_process_alpha(process, dsm_process_last(process));
  if (of_noise && alpha < smallest) /* x0 = (x - sigma eps) / alpha in float32 */
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "objective.prediction %s says nothing about x0 where alpha = %g, as at the last time of the process "
        "%s; predict flow, v, x0 or edm",
        word, alpha, name);
  return DSM_OK;
}

/* F' = f_x0 x0 + f_eps eps of the second reading, with x0 and eps of the first: no term is much larger than the
 * sum, as it would be on a detour through eps alone. */
dsm__conversion dsm__conversion_between(const dsm_reading *from, const dsm_reading *to) {
  return (dsm__conversion){.x_factor = to->f_x0 * from->x0_x + to->f_eps * from->eps_x,
                           .value_factor = to->f_x0 * from->x0_f + to->f_eps * from->eps_f};
}

dsm__conversion dsm__prediction_conversion(int from, int to, double alpha, double sigma) {
  if (from == to) return (dsm__conversion){0, 1};
  const dsm_reading a = dsm__reading_at(from, alpha, sigma, 1), b = dsm__reading_at(to, alpha, sigma, 1);
  dsm__conversion c = dsm__conversion_between(&a, &b);
  if (from == DSM_PREDICT_SCORE) c.value_factor *= sigma;
  if (to == DSM_PREDICT_SCORE) c.x_factor /= sigma, c.value_factor /= sigma;
  return c;
}
