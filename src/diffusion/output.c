#include "output.h"

void dsm__output_prepare(dsm_graph *graph, int prediction, int order) {
  if (order + (prediction == DSM_PREDICT_ENERGY) > 1) dsm_graph_decompose(graph, true);
}

static dsm_node *energy_of(dsm_graph *g, dsm_node *x, dsm_node *f, size_t n, size_t d) {
  dsm_node *rest = dsm_reshape(g, dsm_sub(g, x, f), DSM_SHAPE(n, d));
  return dsm_affine(g, dsm_sum_to(g, dsm_square(g, rest), DSM_SHAPE(n, 1)), 0.5f, 0.0f);
}

dsm_node *dsm__output(dsm_graph *g, const dsm_model *model, int prediction, dsm_node *x, dsm_node *label,
                      dsm_node **energy) {
  if (energy) *energy = NULL;
  dsm_node *f = dsm_model_build(model, g, x, label);
  if (!f) return NULL;
  const size_t n = dsm_node_shape(x).n[0], d = dsm_shape_count(dsm_model_sample(model));
  if (prediction == DSM_PREDICT_ENERGY) {
    dsm_node *e = energy_of(g, x, f, n, d);
    if (energy) *energy = e;
    dsm_graph_gradient(g, e, NULL, &x, 1, &f);
  }
  return f ? dsm_reshape(g, f, DSM_SHAPE(n, d)) : NULL;
}
