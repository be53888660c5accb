/* The walk x_T -> ... -> x_0. Everything here is element by element within one sample: no statistic is taken
 * over the block, and sample i draws its noise from the row of its global index, so blocks may be cut anyhow.
 */
#include "sampler/chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "prediction.h"

/* One step of one sample, in place. Where x0_hat is clipped, eps_hat follows: both describe the same x_t. */
static void step_sample(const dsm_sampling *sampling, const dsm__chain_step *step, double alpha, double sigma,
                        const float *eps, const float *z, float *x) {
  dsm__conversion to_x0 = dsm__prediction_conversion(DSM_PREDICT_EPS, DSM_PREDICT_X0, alpha, sigma);
  dsm__conversion to_eps = dsm__prediction_conversion(DSM_PREDICT_X0, DSM_PREDICT_EPS, alpha, sigma);
  bool clip = sampling->clip_low && sampling->clip_high;
  for (size_t j = 0; j < sampling->d; j++) {
    double x_t = (double)x[j], eps_hat = (double)eps[j];
    double x0_hat = to_x0.x_factor * x_t + to_x0.value_factor * eps_hat;
    if (clip) {
      size_t channel = j % sampling->channels;
      double low = sampling->clip_low[channel], high = sampling->clip_high[channel];
      if (x0_hat < low || x0_hat > high) {
        x0_hat = x0_hat < low ? low : high;
        eps_hat = to_eps.x_factor * x_t + to_eps.value_factor * x0_hat;
      }
    }
    double next = step->x_t_factor * x_t + step->x0_factor * x0_hat + step->eps_factor * eps_hat;
    x[j] = (float)(z ? next + step->noise * (double)z[j] : next);
  }
}

dsm_status dsm__chain_run(const dsm_sampling *sampling, dsm__chain_rule *rule, float *x) {
  dsm_status status = DSM_OK;
  size_t n = sampling->n, d = sampling->d;
  int64_t steps = sampling->steps;
  double *t = NULL;
  float *eps = NULL, *row = NULL;
  DSM_TRY_DONE(DSM_ALLOC((size_t)steps + 1, &t));
  DSM_TRY_DONE(DSM_ALLOC(n * d, &eps));
  DSM_TRY_DONE(DSM_ALLOC(d, &row));
  DSM_TRY_DONE(dsm_sampler_times(sampling->process, steps, t));

  for (int64_t k = 0; k < steps; k++) {
    double alpha = dsm_process_alpha(sampling->process, t[k]);
    double sigma = dsm_process_sigma(sampling->process, t[k]);
    dsm__chain_step step = rule(sampling, t[k + 1], t[k]);
    bool noisy = step.noise > 0 && t[k + 1] > 0; /* none on the last step: it gives the mean */
    sampling->denoiser->eps(sampling->denoiser->self, x, t[k], eps);
    for (size_t i = 0; i < n; i++) {
      if (noisy) {
        dsm_random_key key = {sampling->seed, DSM_STREAM_SAMPLER, (uint64_t)k + 1, sampling->first + i};
        dsm_random_normal(key, 0, d, row);
      }
      step_sample(sampling, &step, alpha, sigma, eps + i * d, noisy ? row : NULL, x + i * d);
    }
    bool go_on = !sampling->progress || sampling->progress(sampling->context, k + 1, steps);
    if (!go_on && k + 1 < steps)
      DSM_FAIL_DONE(DSM_STOPPED, "sampling was stopped after %" PRId64 " of %" PRId64 " steps", k + 1, steps);
  }
done:
  free(row);
  free(eps);
  free(t);
  return status;
}
