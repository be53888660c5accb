/* Denoising score matching (Vincent 2011, doi:10.1162/NECO_a_00142; Song & Ermon 2019, arXiv:1907.05600;
 * Ho et al. 2020, arXiv:2006.11239). For each sample at its own time t:
 *   x_t  = alpha x0 + sigma eps
 *   F    = network(input x_t, label(t))
 *   loss = w(t) |eps - eps_hat|^2 = w(t) k |F - F*|^2,   k = eps_f^2
 * with input, F* and eps_f from the reading of the prediction (prediction.c). w k is one number a sample, put
 * in from outside, so one graph serves every process, prediction and weighting. */
#include "objective/objective.h"

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  (void)config;
  dsm_graph *g = o->graph;
  dsm__output_prepare(g, o->prediction, 1);
  o->x = dsm_input(g, "x", o->batch);
  o->label = dsm_input(g, "label", DSM_SHAPE(o->n, 1));
  o->target = dsm_input(g, "target", DSM_SHAPE(o->n, o->d));
  o->weight = dsm_input(g, "weight", DSM_SHAPE(o->n, 1));
  dsm_node *f = dsm__output(g, model, o->prediction, o->x, o->label, NULL);
  dsm_node *error = dsm_square(g, dsm_sub(g, f, o->target));
  o->loss = dsm_mul(g, dsm_sum_to(g, error, DSM_SHAPE(o->n, 1)), o->weight);
  return DSM_OK;
}

void dsm__fill_denoising(dsm_objective *o, const float *x0) {
  const double *t = o->t;
  const float *eps = o->eps;
  float *x = dsm_graph_data(o->graph, o->x), *target = dsm_graph_data(o->graph, o->target);
  float *label = dsm_graph_data(o->graph, o->label), *weight = dsm_graph_data(o->graph, o->weight);
  for (size_t i = 0; i < o->n; i++) {
    const double alpha = dsm_process_alpha(o->process, t[i]), sigma = dsm_process_sigma(o->process, t[i]);
    const dsm_reading r = dsm_prediction_reading(o->prediction, o->process, t[i]);
    label[i] = (float)dsm_process_label(o->process, t[i]);
    weight[i] = (float)(dsm_weighting_value(o->weighting, o->process, t[i], o->d) * r.eps_f * r.eps_f);
    for (size_t j = i * o->d; j < (i + 1) * o->d; j++) {
      double clean = (double)x0[j], noise = (double)eps[j];
      x[j] = (float)(r.input * (alpha * clean + sigma * noise));
      target[j] = (float)(r.f_x0 * clean + r.f_eps * noise);
    }
  }
}

const dsm__objective_ops dsm__objective_denoising = {
    .name = "denoising", .build = build, .fill = dsm__fill_denoising};
