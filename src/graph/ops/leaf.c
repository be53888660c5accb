/* Leaves: values that come from outside the graph. None of them computes. */
#include <stdlib.h>
#include <string.h>
#include "../node.h"

static const dsm__op op_input = {.name = "input"};
static const dsm__op op_parameter = {.name = "parameter"};
static const dsm__op op_constant = {.name = "constant"};

dsm_node *dsm_input(dsm_graph *g, const char *name, dsm_shape shape) {
  dsm_node *node = dsm__node_add(g, &op_input, shape, NULL, 0, NULL, 0);
  if (!node) return NULL;
  node->name = dsm_arena_print(g->memory, "%s", name);
  node->place = DSM__KEPT;
  return node;
}

dsm_node *dsm_parameter_node(dsm_graph *g, const dsm_parameter *entry) {
  if (!entry) return dsm__graph_fail(g, DSM_INTERNAL, "a parameter is missing from the table");
  for (int k = 0; k < g->nodes; k++)
    if (g->node[k]->op == &op_parameter && g->node[k]->entry == entry) return g->node[k];
  dsm_node *node = dsm__node_add(g, &op_parameter, entry->shape, NULL, 0, NULL, 0);
  if (!node) return NULL;
  node->place = DSM__PARAMETER;
  node->entry = entry;
  return node;
}

dsm_node *dsm_constant(dsm_graph *g, dsm_shape shape, const float *values) {
  dsm_node *node =
      dsm__node_add(g, &op_constant, shape, NULL, 0, values, dsm_shape_count(shape) * sizeof(float));
  if (node) node->place = DSM__KEPT;
  return node;
}

dsm_node *dsm_fill(dsm_graph *g, dsm_shape shape, float value) {
  const size_t n = dsm_shape_count(shape);
  float *values = malloc(n * sizeof *values);
  if (!values) return dsm__graph_fail(g, DSM_NO_MEMORY, "fill: not enough memory for %zu values", n);
  for (size_t i = 0; i < n; i++) values[i] = value;
  dsm_node *node = dsm_constant(g, shape, values);
  free(values);
  return node;
}
