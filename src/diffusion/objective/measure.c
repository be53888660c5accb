/* The loss of samples that are not trained on: the training's graph as far as the loss, and what it shows besides. */
#include <string.h>
#include "objective/objective.h"

/* Random numbers of an objective's own, such as directions of slices, come from a step that no training reaches. */
static const uint64_t no_step = (UINT64_C(1) << 40) - 1;

void dsm_objective_measure(dsm_objective *o, const float *parameters, const float *x0, const double *t,
                           const float *eps, uint64_t seed, uint64_t first, float *loss) {
  memcpy(o->t, t, o->n * sizeof *t);
  for (size_t i = 0; i < o->n; i++) o->weights[i] = 1;
  memcpy(o->eps, eps, o->n * o->d * sizeof *eps);
  memset(o->dropped, 0, o->n * sizeof *o->dropped);
  dsm__objective_fill(o, x0, seed, no_step, first);
  dsm_graph_run(o->graph, &(dsm_run){.parameters = parameters, .sample = o->sample, .last = o->loss});
  memcpy(loss, dsm_graph_data(o->graph, o->loss), o->n * sizeof *loss);
}

static size_t channels_of(const dsm_objective *o) {
  return o->batch.n[o->batch.rank - 1];
}

/* esm_kde has errors too, but of samples of its own. */
size_t dsm_objective_channels(const dsm_objective *o) {
  return o->settings.name == DSM_OBJECTIVE_DENOISING ? channels_of(o) : 0;
}

void dsm_objective_channel_losses(const dsm_objective *o, size_t i, double *loss) {
  const size_t channels = channels_of(o);
  const float *error = dsm_graph_data(o->graph, o->error) + i * o->d;
  const double weight = (double)dsm_graph_data(o->graph, o->weight)[i];
  for (size_t c = 0; c < channels; c++) {
    double sum = 0;
    for (size_t j = c; j < o->d; j += channels) sum += (double)error[j] * (double)error[j];
    loss[c] = (double)channels * weight * sum;
  }
}

/* The first of equal ones counts, as in dsm_classifier's users. */
static size_t largest(const float *x, size_t n) {
  size_t k = 0;
  for (size_t j = 1; j < n; j++)
    if (x[j] > x[k]) k = j;
  return k;
}

bool dsm_objective_hit(const dsm_objective *o, size_t i) {
  const float *odds = dsm_graph_data(o->graph, o->odds) + i * o->conditions;
  return o->u[i * o->conditions + largest(odds, o->conditions)] > 0.5f;
}
