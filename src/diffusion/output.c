#include "output.h"

#include <string.h>

void dsm__output_prepare(dsm_graph *graph, int prediction, int order) {
  if (order + (prediction == DSM_PREDICT_ENERGY) > 1) dsm_graph_decompose(graph, true);
}

static dsm_node *energy_of(dsm_graph *g, dsm_node *x, dsm_node *f, size_t n, size_t d) {
  dsm_node *rest = dsm_reshape(g, dsm_sub(g, x, f), DSM_SHAPE(n, d));
  return dsm_affine(g, dsm_sum_to(g, dsm_square(g, rest), DSM_SHAPE(n, 1)), 0.5f, 0.0f);
}

/* Channels first ... of the network's output y, as (n, d). */
static dsm_node *channels(dsm_graph *g, dsm_node *y, size_t first, size_t count, size_t n, size_t d) {
  const dsm_shape shape = dsm_node_shape(y);
  if (shape.n[shape.rank - 1] != count) y = dsm_slice(g, shape.rank - 1, first, count, y);
  return y ? dsm_reshape(g, y, DSM_SHAPE(n, d)) : NULL;
}

dsm_node *dsm__condition_input(dsm_graph *graph, const dsm_model *model, size_t n) {
  const size_t c = dsm_model_conditions(model);
  return c > 0 ? dsm_input(graph, "condition", DSM_SHAPE(n, c + 1)) : NULL;
}

void dsm__condition_fill(float *input, size_t n, size_t c, const float *u, const bool *without) {
  for (size_t i = 0; i < n; i++, input += c + 1) {
    const bool left_out = !u || (without && without[i]);
    if (left_out)
      memset(input, 0, c * sizeof *input);
    else
      memcpy(input, u + i * c, c * sizeof *input);
    input[c] = left_out;
  }
}

dsm_node *dsm__output(dsm_graph *g, const dsm_model *model, int prediction, dsm_node *x, dsm_node *label,
                      dsm_node *condition, dsm__output_parts *parts) {
  if (parts) *parts = (dsm__output_parts){0};
  dsm_node *y = dsm_model_build(model, g, x, label, condition);
  if (!y) return NULL;
  const dsm_shape sample = dsm_model_sample(model), shape = dsm_node_shape(y);
  const size_t n = shape.n[0], d = dsm_shape_count(sample), c = sample.n[sample.rank - 1];
  if (prediction == DSM_PREDICT_ENERGY) {
    dsm_node *e = energy_of(g, x, y, n, d), *f = NULL;
    if (parts) parts->energy = e;
    dsm_graph_gradient(g, e, NULL, &x, 1, &f);
    return f ? dsm_reshape(g, f, DSM_SHAPE(n, d)) : NULL;
  }
  if (parts && shape.n[shape.rank - 1] == 2 * c) parts->variance = channels(g, y, c, c, n, d);
  return channels(g, y, 0, c, n, d);
}
