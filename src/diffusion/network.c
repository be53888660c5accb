/* The trained network as a denoiser eps_hat(x_t, t) for blocks of fixed size: the forward half of the
 * objective's graph. The output F becomes x0_hat and eps_hat in one pass, by the reading of the prediction. */
#include "dsmpi/diffusion.h"

#include <stdlib.h>
#include "dsmpi/memory.h"

struct dsm_network {
  const dsm_process *process; /* borrowed */
  int prediction;
  size_t n, d;
  const float *parameters; /* borrowed, of dsm_network_denoiser */
  dsm_graph *graph;
  dsm_node *x, *label, *f;
  dsm_reading *reading; /* (n) */
};

static dsm_status build(dsm_network *network, const dsm_model *model, const dsm_kernels *kernels) {
  DSM_TRY(dsm_graph_create(&network->graph));
  dsm_graph *g = network->graph;
  dsm_shape sample = dsm_model_sample(model), block = {.rank = sample.rank + 1};
  DSM_ASSERT(block.rank <= DSM_MAX_RANK);
  for (int a = 0; a < DSM_MAX_RANK; a++)
    block.n[a] = a == 0 ? network->n : a <= sample.rank ? sample.n[a - 1] : 1;
  network->x = dsm_input(g, "x", block);
  network->label = dsm_input(g, "label", DSM_SHAPE(network->n, 1));
  network->f = dsm_model_build(model, g, network->x, network->label);
  DSM_TRY(dsm_graph_status(g));
  dsm_graph_output(g, "F", network->f);
  DSM_TRY(dsm_graph_plan(g, kernels));
  return DSM_OK;
}

dsm_status dsm_network_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                              const dsm_kernels *kernels, size_t block, dsm_network **network) {
  dsm_status status = DSM_OK;
  *network = NULL;
  DSM_ASSERT(block > 0);
  dsm_network *created = NULL;
  DSM_TRY(DSM_ALLOC(1, &created));
  created->process = process;
  created->prediction = config->objective.prediction;
  created->n = block;
  created->d = dsm_shape_count(dsm_model_sample(model));
  DSM_TRY_DONE(DSM_ALLOC(block, &created->reading));
  DSM_TRY_DONE(build(created, model, kernels));
  *network = created;
  created = NULL;
done:
  dsm_network_destroy(&created);
  return status;
}

void dsm_network_destroy(dsm_network **network) {
  if (!network || !*network) return;
  dsm_graph_destroy(&(*network)->graph);
  free((*network)->reading);
  free(*network);
  *network = NULL;
}

static void network_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  dsm_network *network = self;
  const size_t n = network->n, d = network->d;
  float *input = dsm_graph_data(network->graph, network->x);
  float *label = dsm_graph_data(network->graph, network->label);
  for (size_t i = 0; i < n; i++) {
    network->reading[i] = dsm_prediction_reading(network->prediction, network->process, t[i]);
    label[i] = (float)dsm_process_label(network->process, t[i]);
    for (size_t j = i * d; j < (i + 1) * d; j++) input[j] = (float)(network->reading[i].input * (double)x[j]);
  }

  dsm_graph_run(network->graph, &(dsm_run){.parameters = network->parameters});

  const float *f = dsm_graph_data(network->graph, network->f);
  for (size_t i = 0; i < n; i++) {
    const dsm_reading *r = &network->reading[i];
    for (size_t j = i * d; j < (i + 1) * d; j++) {
      if (estimate->x0) estimate->x0[j] = (float)(r->x0_x * (double)x[j] + r->x0_f * (double)f[j]);
      if (estimate->eps) estimate->eps[j] = (float)(r->eps_x * (double)x[j] + r->eps_f * (double)f[j]);
    }
  }
}

dsm_denoiser dsm_network_denoiser(dsm_network *network, const float *parameters) {
  network->parameters = parameters;
  return (dsm_denoiser){.self = network, .estimate = network_estimate};
}

dsm_graph_facts dsm_network_facts(const dsm_network *network) {
  return dsm_graph_facts_of(network->graph);
}
