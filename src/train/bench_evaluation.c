/* Network evaluations, as sampling does them: blocks of sampler.block samples, no gradients. */
#include <stdlib.h>
#include "bench.h"

enum { WARM_UP = 2 };

dsm_status dsm__bench_evaluate(const dsm__session *s, const float *w, int64_t steps, dsm__bench_rank *mine) {
  dsm_status status = DSM_OK;
  dsm_network *network = NULL;
  float *x = NULL, *eps = NULL;
  double *seconds = NULL, *times = NULL;
  const size_t block = (size_t)s->config.sampler.block;
  dsm__peak_memory_restart();
  DSM_TRY_DONE(DSM_ALLOC(block * s->d, &x));
  DSM_TRY_DONE(DSM_ALLOC(block * s->d, &eps));
  DSM_TRY_DONE(DSM_ALLOC(block, &times));
  DSM_TRY_DONE(DSM_ALLOC((size_t)steps, &seconds));
  DSM_TRY_DONE(dsm_network_create(&s->config, s->process, s->model, &s->kernels, block, false, &network));
  for (size_t i = 0; i < block; i++)
    dsm_random_normal((dsm_random_key){0, DSM_STREAM_SAMPLER, 0, i}, 0, s->d, x + i * s->d);
  const dsm_denoiser denoiser = dsm_network_denoiser(network, w);
  for (size_t i = 0; i < block; i++) times[i] = dsm_process_last(s->process);
  for (int64_t step = 0; step < WARM_UP + steps; step++) {
    const double start = dsm_seconds();
    denoiser.estimate(denoiser.self, x, times, &(dsm_estimate){.eps = eps});
    if (step >= WARM_UP) seconds[step - WARM_UP] = dsm_seconds() - start;
  }
  mine->evaluation = dsm_median(seconds, (size_t)steps);
  mine->evaluation_memory = dsm__peak_memory();
done:
  dsm_network_destroy(&network);
  free(seconds);
  free(times);
  free(eps);
  free(x);
  return status;
}
