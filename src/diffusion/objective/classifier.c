/* Cross-entropy of labels,  loss = -ln p(y | x),  p = softmax of the network's logits z: of clean data, or, with
 * objective.noisy, of x_t at all times of the process (Song et al. 2021, arXiv:2011.13456, appendix I; Dhariwal & Nichol
 * 2021, arXiv:2105.05233), scaled by 1 / sqrt(alpha^2 + sigma^2) so that it is about as large as the data.
 *
 *   ln sum_k exp(z_k) = c + ln sum_k exp(z_k - c),   c = sum_k p_k z_k, a constant to the derivative
 *
 * is exact for any c; with this one, no exponent is above ln K and the sum is at least 1. */
#include "classes.h"
#include "objective/objective.h"

static dsm_status check(const dsm_config *config, const dsm_process *process, size_t d) {
  (void)process, (void)d;
  if (!config->objective.noisy && config->objective.times == DSM_TIMES_IMPORTANCE)
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.times importance is for times, and a classifier of clean data has none: "
             "leave it out, or set objective.noisy");
  return DSM_OK;
}

/* (n, 1) sums over the classes */
static dsm_node *sum_classes(dsm_graph *g, dsm_node *z, size_t n) {
  return dsm_sum_to(g, z, DSM_SHAPE(n, 1));
}

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  (void)config;
  dsm_graph *g = o->graph;
  dsm_node *features;
  o->x = dsm_input(g, "x", o->batch);
  o->label = dsm_input(g, "label", DSM_SHAPE(o->n, 1));
  o->target = dsm_input(g, "target", DSM_SHAPE(o->n, o->conditions));
  dsm_node *z = dsm_model_build_classifier(model, g, o->x, o->label, &features);
  dsm_node *c = dsm_detach(g, sum_classes(g, dsm_mul(g, dsm_softmax(g, z), z), o->n));
  o->odds = dsm_unary_node(g, DSM_UNARY_EXP, dsm_sub(g, z, c));
  dsm_node *sum = sum_classes(g, o->odds, o->n);
  dsm_node *right = sum_classes(g, dsm_mul(g, o->target, dsm_sub(g, z, c)), o->n);
  o->loss = dsm_sub(g, dsm_unary_node(g, DSM_UNARY_LOG, sum), right);
  return DSM_OK;
}

static void fill(dsm_objective *o, const float *x0) {
  float *x = dsm_graph_data(o->graph, o->x), *target = dsm_graph_data(o->graph, o->target);
  float *label = dsm_graph_data(o->graph, o->label);
  for (size_t i = 0; i < o->n; i++) {
    const dsm__class_input in = dsm__class_input_at(o->process, o->settings.noisy, o->t[i]);
    label[i] = in.label;
    for (size_t j = i * o->d; j < (i + 1) * o->d; j++)
      x[j] = (float)(in.scale * (in.alpha * (double)x0[j] + in.sigma * (double)o->eps[j]));
    for (size_t k = 0; k < o->conditions; k++)
      target[i * o->conditions + k] = o->has_u ? o->u[i * o->conditions + k] : 1.0f / (float)o->conditions;
  }
}

const dsm__objective_ops dsm__objective_classifier = {
    .name = "classifier", .check = check, .build = build, .fill = fill};
