/* The law of the training times where it follows the losses: the losses of all samples of a step ride behind the gradient
 * in the leaves, each in the place of its sample and 0 elsewhere, so that their sum is the whole batch on every
 * rank, in the same bits on any number of them. */
#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "internal.h"

dsm_status dsm__time_law_create(const dsm_config *config, dsm_objective *objective, dsm__time_law *law) {
  law->times = dsm_objective_times(objective);
  if (!dsm_times_weighted(law->times)) return DSM_OK;
  law->batch = (size_t)config->train.batch;
  law->count = dsm_times_state_count(law->times);
  DSM_TRY(DSM_ALLOC(law->batch, &law->t));
  DSM_TRY(DSM_ALLOC(law->count, &law->state));
  dsm_times_save(law->times, law->state);
  return DSM_OK;
}

void dsm__time_law_destroy(dsm__time_law *law) {
  free(law->t);
  free(law->state);
}

void dsm__time_law_put(const dsm__time_law *law, size_t first, const float *losses, size_t n, float *extra) {
  if (law->batch == 0) return;
  memset(extra, 0, law->batch * sizeof *extra);
  if (losses) memcpy(extra + first, losses, n * sizeof *losses);
}

void dsm__time_law_follow(dsm__time_law *law, uint64_t seed, int64_t step, const float *losses) {
  if (law->batch == 0) return;
  dsm_times_draw(law->times, seed, (uint64_t)step, 0, law->batch, law->t, NULL);
  dsm_times_update(law->times, law->t, losses, law->batch);
  dsm_times_save(law->times, law->state);
}
