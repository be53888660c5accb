#include <stdlib.h>
#include "node.h"

/* Reverse mode: walk the nodes from y back, turning the adjoint of each node into adjoints of its inputs.
 * Every rule adds ordinary nodes, so the result can be differentiated again. Only nodes on a path from some x
 * to y are visited. */

static bool add_adjoint(dsm_graph *g, dsm_node **adjoint, dsm_node *dx) {
  *adjoint = *adjoint ? dsm_add(g, *adjoint, dx) : dx;
  return *adjoint != NULL;
}

static void backward(dsm_graph *g, dsm_node *node, dsm_node **adjoint, const bool *depends) {
  bool wanted[DSM__MAX_INPUTS] = {false}, any = false;
  for (int i = 0; i < node->inputs; i++) {
    wanted[i] = depends[node->input[i]->id];
    any = any || wanted[i];
  }
  if (!any) return;
  if (!node->op->gradient) {
    dsm__graph_fail(g, DSM_INTERNAL, "%s has no derivative: %s", node->op->name,
                    node->op->no_gradient ? node->op->no_gradient : "it is a constant");
    return;
  }
  dsm_node *dx[DSM__MAX_INPUTS] = {NULL};
  node->op->gradient(g, node, adjoint[node->id], wanted, dx);
  for (int i = 0; i < node->inputs && g->status == DSM_OK; i++)
    if (wanted[i] && dx[i]) add_adjoint(g, &adjoint[node->input[i]->id], dx[i]);
}

void dsm_graph_gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, dsm_node *const *x, size_t n,
                        dsm_node **dx) {
  for (size_t i = 0; i < n; i++) dx[i] = NULL;
  if (!dsm__usable(g, y, y)) return;
  if (dy && !dsm_shape_equal(dy->shape, y->shape)) {
    char a[64], b[64];
    dsm__graph_fail(g, DSM_INTERNAL, "gradient: y has shape %s, dy %s", dsm_shape_text(y->shape, a, sizeof a),
                    dsm_shape_text(dy->shape, b, sizeof b));
    return;
  }
  const int count = g->nodes; /* nodes added from here on are not part of what is differentiated */
  bool *depends = calloc((size_t)count, sizeof *depends);
  dsm_node **adjoint = calloc((size_t)count, sizeof *adjoint);
  if (!depends || !adjoint) {
    dsm__graph_fail(g, DSM_NO_MEMORY, "gradient: not enough memory for %d nodes", count);
    goto done;
  }
  for (size_t i = 0; i < n; i++) {
    if (!dsm__usable(g, x[i], x[i])) goto done;
    depends[x[i]->id] = true;
  }
  for (int k = 0; k < count; k++)
    for (int i = 0; i < g->node[k]->inputs; i++) depends[k] = depends[k] || depends[g->node[k]->input[i]->id];

  adjoint[y->id] = dy ? dy : dsm_fill(g, y->shape, 1.0f);
  for (int k = y->id; k >= 0 && g->status == DSM_OK; k--)
    if (adjoint[k] && depends[k]) backward(g, g->node[k], adjoint, depends);
  for (size_t i = 0; i < n && g->status == DSM_OK; i++)
    dx[i] = adjoint[x[i]->id] ? adjoint[x[i]->id] : dsm_fill(g, x[i]->shape, 0.0f);
done:
  free(depends);
  free(adjoint);
}
