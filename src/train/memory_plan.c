/* Memory of a rank in training, by part. */
#include "internal.h"

dsm__memory_plan dsm__memory_plan_of(const dsm__session *s, size_t arena_bytes, size_t sums_bytes) {
  dsm__memory_plan m = {.parameters = 4.0 * (double)s->count,
                        .moments = 8.0 * (double)s->count,
                        .averages = 8.0 * (double)s->count * (double)s->config.optimizer.ema.count,
                        .sums = (double)sums_bytes,
                        .activations = (double)arena_bytes};
  m.total = m.parameters + m.moments + m.averages + m.sums + m.activations;
  return m;
}
