#include "sampler/sampler.h"

#include "prediction.h"

static void clip_sample(const dsm_sampling *sampling, double t, const float *x, float *x0, float *eps) {
  const double alpha = dsm_process_alpha(sampling->process, t),
               sigma = dsm_process_sigma(sampling->process, t);
  const dsm__conversion to_eps = dsm__prediction_conversion(DSM_PREDICT_X0, DSM_PREDICT_EPS, alpha, sigma);
  for (size_t j = 0; j < sampling->d; j++) {
    const size_t channel = j % sampling->channels;
    const double low = sampling->clip_low[channel], high = sampling->clip_high[channel];
    if (!((double)x0[j] < low || (double)x0[j] > high)) continue;
    x0[j] = (float)((double)x0[j] < low ? low : high);
    eps[j] = (float)(to_eps.x_factor * (double)x[j] + to_eps.value_factor * (double)x0[j]);
  }
}

void dsm__evaluate_each(const dsm_sampling *sampling, const float *x, const double *t, float *x0,
                        float *eps) {
  const size_t d = sampling->d;
  sampling->denoiser->estimate(sampling->denoiser->self, x, t, &(dsm_estimate){.x0 = x0, .eps = eps});
  if (sampling->evaluations) ++*sampling->evaluations;
  if (!sampling->clip_low || !sampling->clip_high) return;
  for (size_t i = 0; i < sampling->n; i++) clip_sample(sampling, t[i], x + i * d, x0 + i * d, eps + i * d);
}

void dsm__evaluate(const dsm_sampling *sampling, const float *x, double t, double *times, float *x0,
                   float *eps) {
  for (size_t i = 0; i < sampling->n; i++) times[i] = t;
  dsm__evaluate_each(sampling, x, times, x0, eps);
}
