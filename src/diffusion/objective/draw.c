/* The random part of a training sample: its time t and its noise eps, pure functions of (seed, step, sample),
 * so that a batch is the same however it is cut into micro-batches and ranks. */
#include "dsmpi/diffusion.h"

#include <math.h>
#include "dsmpi/random.h"

void dsm_objective_draw(const dsm_process *process, uint64_t seed, uint64_t step, uint64_t first, size_t n,
                        size_t d, double *t, float *eps) {
  const double start = dsm_process_first(process, false), last = dsm_process_last(process);
  const bool discrete = dsm_process_discrete(process);
  dsm_random_uniform_rows((dsm_random_key){seed, DSM_STREAM_TIME, step, first}, n, t);
  /* fmin: a uniform number is below 1, but its product with a large T may round up to T */
  for (size_t i = 0; i < n; i++)
    t[i] = discrete ? fmin(1 + floor(t[i] * last), last) : start + t[i] * (last - start);
  dsm_random_normal_rows((dsm_random_key){seed, DSM_STREAM_NOISE, step, first}, n, d, eps);
}
