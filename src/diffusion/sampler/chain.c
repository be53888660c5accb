/* The walk x_T -> ... -> x_0. Everything here is element by element within one sample: no statistic is taken
 * over the block, and sample i draws its noise from the row of its global index, so blocks may be cut anyhow.
 */
#include "sampler/chain.h"

#include <stdlib.h>
#include "dsmpi/memory.h"

/* One step of one sample, in place. */
static void step_sample(const dsm__chain_step *step, size_t d, const float *x0, const float *eps,
                        const float *z, float *x) {
  for (size_t j = 0; j < d; j++) {
    const double next =
        step->x_t_factor * (double)x[j] + step->x0_factor * (double)x0[j] + step->eps_factor * (double)eps[j];
    x[j] = (float)(z ? next + step->noise * (double)z[j] : next);
  }
}

const char *dsm__chain_refuses(const dsm_sampling *sampling) {
  if (dsm_process_ends_in_noise(sampling->process)) return NULL;
  return "it walks from pure noise down to the data, and the process has one noise level that is not pure "
         "noise";
}

dsm_status dsm__chain_run(const dsm_sampling *sampling, dsm__chain_rule *rule, float *x) {
  dsm_status status = DSM_OK;
  size_t n = sampling->n, d = sampling->d;
  int64_t steps = sampling->steps;
  double *t = NULL, *times = NULL;
  float *x0 = NULL, *eps = NULL, *row = NULL;
  DSM_TRY_DONE(DSM_ALLOC((size_t)steps + 1, &t));
  DSM_TRY_DONE(DSM_ALLOC(n, &times));
  DSM_TRY_DONE(DSM_ALLOC(n * d, &x0));
  DSM_TRY_DONE(DSM_ALLOC(n * d, &eps));
  DSM_TRY_DONE(DSM_ALLOC(d, &row));
  DSM_TRY_DONE(dsm_sampler_times(sampling->process, steps, t));

  for (int64_t k = 0; k < steps; k++) {
    const dsm__chain_step step = rule(sampling, t[k + 1], t[k]);
    const bool noisy = step.noise > 0 && t[k + 1] > 0; /* none on the last step: it gives the mean */
    dsm__evaluate(sampling, x, t[k], times, x0, eps);
    for (size_t i = 0; i < n; i++) {
      if (noisy) dsm__sampler_noise(sampling, (uint64_t)k + 1, i, row);
      step_sample(&step, d, x0 + i * d, eps + i * d, noisy ? row : NULL, x + i * d);
    }
    DSM_TRY_DONE(dsm__sampler_progress(sampling, k + 1, steps));
  }
done:
  free(row);
  free(eps);
  free(x0);
  free(times);
  free(t);
  return status;
}
