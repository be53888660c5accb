/* Decay of the averages: short memory at first, so that the random start is forgotten (methods: Song et al.
 * 2021, score_sde). */
#include <math.h>

#include "dsmpi/optim.h"

double dsm_ema_decay(double rate, int64_t n) {
  return fmin(rate, (1 + (double)n) / (10 + (double)n));
}
