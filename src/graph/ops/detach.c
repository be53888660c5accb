/* y = x, taken for a constant by derivatives: "stop gradient". */
#include "../node.h"

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)g, (void)y, (void)dy, (void)wanted, (void)dx;
}

static const dsm__op op = {.name = "detach", .gradient = gradient, .view = true};

dsm_node *dsm_detach(dsm_graph *g, dsm_node *x) {
  return dsm__usable(g, x, x) ? dsm__node_add(g, &op, x->shape, &x, 1, NULL, 0) : NULL;
}
