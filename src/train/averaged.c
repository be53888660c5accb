#include <string.h>
#include "internal.h"

void dsm__averaged(const dsm_optimizer_state *state, const float *w, size_t count, double rate,
                   float *averaged) {
  size_t k = 0;
  if (rate == 0 || (rate < 0 && state->averages == 0)) {
    memcpy(averaged, w, count * sizeof *w);
    return;
  }
  while (rate > 0 && k < state->averages && state->rates[k] != rate) k++;
  DSM_ASSERT(k < state->averages); /* dsm_config_check has looked */
  for (size_t i = 0; i < count; i++) averaged[i] = (float)state->average[k][i];
}
