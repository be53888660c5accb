/* What a network may predict of x_t = alpha x0 + sigma eps, and how one becomes another:
 *   eps  the noise
 *   x0   the clean sample; at its best E[x0 | x_t] = (x_t + sigma^2 s) / alpha, Tweedie's formula
 *        (Efron 2011, doi:10.1198/jasa.2011.tm11181)
 *   s    the score grad log p_t(x_t), estimated by -eps / sigma (Vincent 2011, doi:10.1162/NECO_a_00142)
 *   v    alpha eps - sigma x0 (Salimans & Ho 2022, arXiv:2202.00512), here for any alpha and sigma
 * r2 = alpha^2 + sigma^2 is 1 for variance-preserving processes.
 *
 * Each pair has its own formula rather than a detour through eps: x0 -> eps -> v would subtract terms that
 * are (sigma / alpha)^2 times larger than their difference. */
#include "prediction.h"

#include <math.h>

#define PAIR(from, to) ((from)*4 + (to))

dsm__conversion dsm__prediction_conversion(int from, int to, double alpha, double sigma) {
  double r2 = alpha * alpha + sigma * sigma;
  switch (PAIR(from, to)) {
  case PAIR(DSM_PREDICT_EPS, DSM_PREDICT_X0):
    return (dsm__conversion){1 / alpha, -sigma / alpha};
  case PAIR(DSM_PREDICT_EPS, DSM_PREDICT_SCORE):
    return (dsm__conversion){0, -1 / sigma};
  case PAIR(DSM_PREDICT_EPS, DSM_PREDICT_V):
    return (dsm__conversion){-sigma / alpha, r2 / alpha};

  case PAIR(DSM_PREDICT_X0, DSM_PREDICT_EPS):
    return (dsm__conversion){1 / sigma, -alpha / sigma};
  case PAIR(DSM_PREDICT_X0, DSM_PREDICT_SCORE):
    return (dsm__conversion){-1 / (sigma * sigma), alpha / (sigma * sigma)};
  case PAIR(DSM_PREDICT_X0, DSM_PREDICT_V):
    return (dsm__conversion){alpha / sigma, -r2 / sigma};

  case PAIR(DSM_PREDICT_SCORE, DSM_PREDICT_EPS):
    return (dsm__conversion){0, -sigma};
  case PAIR(DSM_PREDICT_SCORE, DSM_PREDICT_X0):
    return (dsm__conversion){1 / alpha, sigma * sigma / alpha};
  case PAIR(DSM_PREDICT_SCORE, DSM_PREDICT_V):
    return (dsm__conversion){-sigma / alpha, -sigma * r2 / alpha};

  case PAIR(DSM_PREDICT_V, DSM_PREDICT_EPS):
    return (dsm__conversion){sigma / r2, alpha / r2};
  case PAIR(DSM_PREDICT_V, DSM_PREDICT_X0):
    return (dsm__conversion){alpha / r2, -sigma / r2};
  case PAIR(DSM_PREDICT_V, DSM_PREDICT_SCORE):
    return (dsm__conversion){-1 / r2, -alpha / (sigma * r2)};
  }
  DSM_ASSERT(from == to);
  return (dsm__conversion){0, 1};
}

void dsm_prediction_convert(int from, int to, double alpha, double sigma, const float *x, const float *value,
                            float *y, size_t n) {
  dsm__conversion c = dsm__prediction_conversion(from, to, alpha, sigma);
  for (size_t i = 0; i < n; i++)
    y[i] = (float)(c.x_factor * (double)x[i] + c.value_factor * (double)value[i]);
}

dsm_reading dsm_prediction_reading(int prediction, const dsm_process *process, double t) {
  return dsm__reading_at(prediction, dsm_process_alpha(process, t), dsm_process_sigma(process, t));
}

dsm_reading dsm__reading_at(int prediction, double alpha, double sigma) {
  const double r2 = alpha * alpha + sigma * sigma;
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
  }
  DSM_ASSERT(prediction == DSM_PREDICT_V);
  r.x0_x = alpha / r2, r.x0_f = -sigma / r2, r.eps_x = sigma / r2, r.eps_f = alpha / r2;
  r.f_x0 = -sigma, r.f_eps = alpha;
  return r;
}
