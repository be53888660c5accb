#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "prediction.h"
#include "sampler/sampler.h"

dsm_status dsm__work_create(const dsm_sampling *sampling, bool grid, dsm__work *work) {
  const size_t n = sampling->n, d = sampling->d;
  *work = (dsm__work){.sampling = sampling};
  DSM_TRY(DSM_ALLOC(n, &work->times));
  DSM_TRY(DSM_ALLOC(n * d, &work->x0));
  DSM_TRY(DSM_ALLOC(n * d, &work->eps));
  DSM_TRY(DSM_ALLOC(n * d, &work->noise));
  if (sampling->settings->variance == DSM_VARIANCE_LEARNED && sampling->denoiser->learns_variance)
    DSM_TRY(DSM_ALLOC(n * d, &work->variance));
  if (!grid) return DSM_OK;
  DSM_TRY(DSM_ALLOC((size_t)sampling->steps + 1, &work->t));
  DSM_TRY(dsm__times_from(sampling->process, sampling->settings, dsm__sampling_start(sampling),
                          sampling->steps, work->t));
  return DSM_OK;
}

void dsm__work_destroy(dsm__work *work) {
  free(work->t);
  free(work->times);
  free(work->x0);
  free(work->eps);
  free(work->variance);
  free(work->noise);
}

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

void dsm__count_evaluation(dsm__work *work) {
  const dsm_sampling *s = work->sampling;
  work->evaluated++;
  if (s->evaluations) *s->evaluations += s->denoiser->evaluations > 1 ? s->denoiser->evaluations : 1;
}

void dsm__evaluate_each(dsm__work *work, const float *x) {
  const dsm_sampling *s = work->sampling;
  const size_t d = s->d;
  s->denoiser->estimate(s->denoiser->self, x, work->times,
                        &(dsm_estimate){.x0 = work->x0, .eps = work->eps, .variance = work->variance});
  dsm__count_evaluation(work);
  if (!s->clip_low || !s->clip_high) return;
  for (size_t i = 0; i < s->n; i++)
    clip_sample(s, work->times[i], x + i * d, work->x0 + i * d, work->eps + i * d);
}

void dsm__evaluate(dsm__work *work, const float *x, double t) {
  for (size_t i = 0; i < work->sampling->n; i++) work->times[i] = t;
  dsm__evaluate_each(work, x);
}

void dsm__denoise(dsm__work *work, double t, float *x) {
  dsm__evaluate(work, x, t);
  memcpy(x, work->x0, work->sampling->n * work->sampling->d * sizeof *x);
}

dsm_status dsm__progress_of(const dsm_sampling *s, int64_t done, int64_t all) {
  const bool go_on = !s->progress || s->progress(s->context, done, all);
  if (go_on || done >= all) return DSM_OK;
  DSM_FAIL(DSM_STOPPED, "sampling was stopped after %.0f %% of a block", 100.0 * (double)done / (double)all);
}

dsm_status dsm__work_progress(const dsm__work *work) {
  DSM_TRY(dsm__progress_of(work->sampling, work->evaluated, work->planned));
  return DSM_OK;
}
