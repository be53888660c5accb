#include "layers.h"

#include <stdlib.h>
#include <string.h>

#include "dsmpi/conditions.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"

enum { TEXT_MAX = 1024 };

struct dsm_model {
  const dsm__network *network;
  dsm_config config;
  dsm_shape sample;
  size_t conditions; /* entries of u that the network sees; a classifier sees none */
  size_t classes;    /* of a classifier, else 0 */
  dsm_parameters *table;
  char text[TEXT_MAX];
};

static const dsm__network *const networks[] = {[DSM_MODEL_MLP] = &dsm__mlp,
                                               [DSM_MODEL_UNET] = &dsm__unet,
                                               [DSM_MODEL_LINEAR] = &dsm__linear_network,
                                               [DSM_MODEL_CONVNET] = &dsm__convnet};

/* The first walk: builds the network for one sample on a graph that is thrown away, to learn its parameters.
 */
static dsm_status make_table(dsm_model *model) {
  dsm_graph *graph = NULL;
  dsm_status status = DSM_OK;
  DSM_TRY_DONE(dsm_parameters_create(&model->table));
  DSM_TRY_DONE(dsm_graph_create(&graph));
  dsm__net net = {.graph = graph,
                  .config = &model->config,
                  .sample = model->sample,
                  .condition = model->conditions
                                   ? dsm_input(graph, "condition", DSM_SHAPE(1, model->conditions + 1))
                                   : NULL,
                  .table = model->table,
                  .growing = model->table};
  dsm_shape batch = {.rank = model->sample.rank + 1, .n = {1}};
  for (int i = 1; i < DSM_MAX_RANK; i++) batch.n[i] = model->sample.n[i - 1];
  dsm_node *x = dsm_input(graph, "x", batch), *label = dsm_input(graph, "label", DSM_SHAPE(1, 1));
  dsm_node *y = model->network->build(&net, x, label);
  DSM_TRY_DONE(net.status);
  DSM_TRY_DONE(dsm_graph_status(graph));
  if (model->classes > 0) batch = DSM_SHAPE(1, model->classes);
  batch.n[batch.rank - 1] = dsm__outputs(&net);
  DSM_ASSERT(y && dsm_shape_equal(dsm_node_shape(y), batch));
done:
  dsm_graph_destroy(&graph);
  return status;
}

/* The labels that a classifier learns are what other models are conditioned on. */
static dsm_status check_classes(const dsm_conditions *c) {
  if (c->count == 1 && c->each[0].classes > 1) return DSM_OK;
  DSM_FAIL(
      DSM_BAD_CONFIG,
      "objective.name classifier needs the labels of two or more classes: one dataset in data.conditions, "
      "such as \"labels\", and their number in data.classes, or [-1] to have them counted");
}

dsm_status dsm_model_create(const dsm_config *config, dsm_shape sample, dsm_model **model) {
  DSM_ASSERT(config->model.name >= 0 && (size_t)config->model.name < sizeof networks / sizeof *networks);
  const dsm__network *network = networks[config->model.name];
  const double dropout = config->model.dropout;
  DSM_TRY(network->check(config, sample));
  if (!(dropout >= 0 && dropout < 1))
    DSM_FAIL(DSM_BAD_CONFIG, "model.dropout is %g: it must be at least 0 and below 1", dropout);

  dsm_conditions conditions;
  const bool classifies = config->objective.name == DSM_OBJECTIVE_CLASSIFIER;
  DSM_TRY(dsm_conditions_of(config, &conditions));
  if (classifies) DSM_TRY(check_classes(&conditions));
  dsm_model *m = NULL;
  DSM_TRY(DSM_ALLOC(1, &m));
  m->network = network;
  m->config = *config;
  m->sample = sample;
  m->conditions = classifies ? 0 : conditions.width;
  m->classes = classifies ? conditions.width : 0;
  network->describe(config, sample, m->text, sizeof m->text);
  if (conditions.count > 0) {
    char names[TEXT_MAX / 2];
    dsm_append(m->text, sizeof m->text, ", %s %s", classifies ? "to" : "given",
               dsm_conditions_text(&conditions, names, sizeof names));
  }
  dsm_status status = make_table(m);
  if (status != DSM_OK) dsm_model_destroy(&m);
  DSM_TRY(status);
  *model = m;
  return DSM_OK;
}

void dsm_model_destroy(dsm_model **model) {
  if (!model || !*model) return;
  dsm_parameters_destroy(&(*model)->table);
  free(*model);
  *model = NULL;
}

const dsm_parameters *dsm_model_parameters(const dsm_model *model) {
  return model->table;
}

dsm_shape dsm_model_sample(const dsm_model *model) {
  return model->sample;
}

const char *dsm_model_text(const dsm_model *model) {
  return model->text;
}

size_t dsm_model_conditions(const dsm_model *model) {
  return model->conditions;
}

size_t dsm_model_classes(const dsm_model *model) {
  return model->classes;
}

dsm_node *dsm_model_build_classifier(const dsm_model *model, dsm_graph *graph, dsm_node *x, dsm_node *label,
                                     dsm_node **features) {
  DSM_ASSERT(model->classes > 0);
  dsm__net net = {.graph = graph, .config = &model->config, .sample = model->sample, .table = model->table};
  dsm_node *y = model->network->build(&net, x, label);
  *features = net.features;
  return y;
}

dsm_node *dsm_model_build(const dsm_model *model, dsm_graph *graph, dsm_node *x, dsm_node *label,
                          dsm_node *condition) {
  DSM_ASSERT((condition != NULL) == (model->conditions > 0) && model->classes == 0);
  dsm__net net = {.graph = graph,
                  .config = &model->config,
                  .sample = model->sample,
                  .condition = condition,
                  .table = model->table};
  return model->network->build(&net, x, label);
}
