/* Memory of a rank in training, by part. */
#include "internal.h"

/* One copy of the parameters to measure and draw with, and this rank's share of the rows held out. */
static double evaluation_of(const dsm__session *s) {
  const dsm_config *c = &s->config;
  const int64_t ranks = s->comm ? dsm_comm_size(s->comm) : 1, share = (c->train.held_out + ranks - 1) / ranks;
  const bool copies = c->train.held_out > 0 || c->train.preview_every > 0;
  return 4.0 * ((copies ? (double)s->count : 0) + (double)share * (double)s->d);
}

dsm__memory_plan dsm__memory_plan_of(const dsm__session *s, size_t arena_bytes, size_t sums_bytes) {
  dsm__memory_plan m = {.parameters = 4.0 * (double)s->count,
                        .moments = 8.0 * (double)s->count,
                        .averages = 8.0 * (double)s->count * (double)s->config.optimizer.ema.count,
                        .sums = (double)sums_bytes,
                        .activations = (double)arena_bytes,
                        .evaluation = evaluation_of(s)};
  m.total = m.parameters + m.moments + m.averages + m.sums + m.activations + m.evaluation;
  return m;
}
