/* A trained classifier on blocks of fixed size, and the gradient of its log-probabilities. */
#include "classes.h"

#include <math.h>
#include <stdlib.h>
#include "dsmpi/memory.h"

dsm__class_input dsm__class_input_at(const dsm_process *process, bool noisy, double t) {
  if (!noisy) return (dsm__class_input){.alpha = 1, .scale = 1};
  const double alpha = dsm_process_alpha(process, t), sigma = dsm_process_sigma(process, t);
  return (dsm__class_input){.alpha = alpha,
                            .sigma = sigma,
                            .scale = 1 / sqrt(alpha * alpha + sigma * sigma),
                            .label = (float)dsm_process_label(process, t)};
}

struct dsm_classifier {
  const dsm_process *process; /* borrowed */
  const float *parameters;    /* borrowed */
  bool noisy, same;
  size_t n, d, classes, features;
  dsm_graph *graph;
  dsm_node *x, *label, *feature, *probability;
  dsm_node *target, *gradient; /* (n, classes) in, (n, d) out; NULL without gradient */
};

static dsm_status build(dsm_classifier *c, const dsm_model *model, const dsm_kernels *kernels,
                        bool gradient) {
  const dsm_shape sample = dsm_model_sample(model);
  dsm_shape block = {.rank = sample.rank + 1, .n = {c->n}};
  for (int a = 1; a < DSM_MAX_RANK; a++) block.n[a] = a <= sample.rank ? sample.n[a - 1] : 1;
  DSM_TRY(dsm_graph_create(&c->graph));
  dsm_graph *g = c->graph;
  dsm_graph_keep(g, true);
  c->x = dsm_input(g, "x", block);
  c->label = dsm_input(g, "label", DSM_SHAPE(c->n, 1));
  dsm_node *z = dsm_model_build_classifier(model, g, c->x, c->label, &c->feature);
  c->probability = dsm_softmax(g, z);
  DSM_TRY(dsm_graph_status(g));
  c->features = dsm_node_shape(c->feature).n[1];
  if (gradient) { /* of sum_k y_k ln p_k: pulled back from the logits, y - p */
    c->target = dsm_input(g, "target", DSM_SHAPE(c->n, c->classes));
    dsm_graph_gradient(g, z, dsm_sub(g, c->target, c->probability), &c->x, 1, &c->gradient);
    dsm_graph_output(g, "gradient", c->gradient);
  }
  dsm_graph_output(g, "features", c->feature);
  dsm_graph_output(g, "probability", c->probability);
  DSM_TRY(dsm_graph_plan(g, kernels));
  return DSM_OK;
}

dsm_status dsm_classifier_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                                 const dsm_kernels *kernels, size_t block, bool gradient,
                                 dsm_classifier **classifier) {
  dsm_status status = DSM_OK;
  dsm_classifier *c = NULL;
  *classifier = NULL;
  DSM_TRY(DSM_ALLOC(1, &c));
  c->process = process;
  c->noisy = config->objective.noisy;
  c->n = block;
  c->d = dsm_shape_count(dsm_model_sample(model));
  c->classes = dsm_model_classes(model);
  DSM_TRY_DONE(build(c, model, kernels, gradient));
  *classifier = c;
  c = NULL;
done:
  dsm_classifier_destroy(&c);
  return status;
}

void dsm_classifier_destroy(dsm_classifier **classifier) {
  if (!*classifier) return;
  dsm_graph_destroy(&(*classifier)->graph);
  free(*classifier);
  *classifier = NULL;
}

size_t dsm_classifier_classes(const dsm_classifier *c) {
  return c->classes;
}

size_t dsm_classifier_features(const dsm_classifier *c) {
  return c->features;
}

static void run(dsm_classifier *c, const float *parameters, const float *x, const double *t,
                const uint32_t *k) {
  float *input = dsm_graph_data(c->graph, c->x), *label = dsm_graph_data(c->graph, c->label);
  for (size_t i = 0; i < c->n; i++) {
    const dsm__class_input in = dsm__class_input_at(c->process, c->noisy && t, t ? t[i] : 0);
    label[i] = in.label;
    for (size_t j = i * c->d; j < (i + 1) * c->d; j++) input[j] = (float)(in.scale * (double)x[j]);
    for (size_t m = 0; c->target && m < c->classes; m++)
      dsm_graph_data(c->graph, c->target)[i * c->classes + m] = k && k[i] == m;
  }
  c->same = c->same && parameters == c->parameters;
  dsm_graph_run(c->graph, &(dsm_run){.parameters = parameters, .same_parameters = c->same});
  c->same = true;
  c->parameters = parameters;
}

void dsm_classifier_run(dsm_classifier *c, const float *parameters, const float *x, const double *t,
                        float *features, float *probability) {
  run(c, parameters, x, t, NULL);
  const float *f = dsm_graph_data(c->graph, c->feature), *p = dsm_graph_data(c->graph, c->probability);
  for (size_t i = 0; features && i < c->n * c->features; i++) features[i] = f[i];
  for (size_t i = 0; probability && i < c->n * c->classes; i++) probability[i] = p[i];
}

void dsm_classifier_gradient(dsm_classifier *c, const float *parameters, const float *x, const double *t,
                             const uint32_t *k, float *gradient) {
  DSM_ASSERT(c->gradient != NULL);
  run(c, parameters, x, t, k);
  const float *g = dsm_graph_data(c->graph, c->gradient);
  for (size_t i = 0; i < c->n; i++) {
    const double scale = dsm__class_input_at(c->process, c->noisy && t, t ? t[i] : 0).scale;
    for (size_t j = i * c->d; j < (i + 1) * c->d; j++) gradient[j] = (float)(scale * (double)g[j]);
  }
}
