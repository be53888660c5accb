/* Learning rate as a function of the step alone: nothing to store, nothing to resume. */
#include <math.h>

#include "dsmpi/optim.h"

static double cosine(int64_t k, int64_t steps) {
  if (steps <= 0) return 1; /* nothing but warm-up */
  double progress = k < steps ? (double)k / (double)steps : 1;
  return 0.5 * (1 + cos(3.14159265358979323846 * progress));
}

double dsm_learning_rate(const dsm_config *config, int64_t step) {
  int64_t warmup = config->optimizer.warmup;
  double lr = config->optimizer.lr;
  if (step < warmup) return lr * (double)(step + 1) / (double)warmup;
  switch (config->optimizer.schedule) {
  case DSM_LR_CONSTANT:
    return lr;
  case DSM_LR_COSINE:
    return lr * cosine(step - warmup, config->train.steps - warmup);
  case DSM_LR_INVERSE_SQRT: /* without warm-up: 1 / sqrt(k + 1) */
    return lr * sqrt((double)(warmup > 0 ? warmup : 1) / (double)(step + 1));
  }
  DSM_ASSERT(!"a learning-rate schedule that the schema does not know");
  return lr;
}
