/* The random part of a training sample: its time t and its noise eps, pure functions of (seed, step, sample),
 * so that a batch is the same however it is cut into micro-batches and ranks. */
#include "dsmpi/diffusion.h"

#include <math.h>
#include "dsmpi/random.h"

static double draw_time(const dsm_process *process, uint64_t seed, uint64_t step, uint64_t sample) {
  double u = dsm_random_uniform_double((dsm_random_key){seed, DSM_STREAM_TIME, step, sample}, 0);
  double first = dsm_process_first(process, false), last = dsm_process_last(process);
  /* fmin: u is below 1, but its product with a large T may round up to T */
  if (dsm_process_discrete(process)) return fmin(1 + floor(u * last), last);
  return first + u * (last - first);
}

void dsm_objective_draw(const dsm_process *process, uint64_t seed, uint64_t step, uint64_t first, size_t n,
                        size_t d, double *t, float *eps) {
  for (size_t i = 0; i < n; i++) {
    t[i] = draw_time(process, seed, step, first + i);
    dsm_random_normal((dsm_random_key){seed, DSM_STREAM_NOISE, step, first + i}, 0, d, eps + i * d);
  }
}
