/* The same memory under another shape. */
#include "../node.h"

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = dsm_reshape(g, dy, y->input[0]->shape);
}

static const dsm__op op = {.name = "reshape", .gradient = gradient, .view = true};

dsm_node *dsm_reshape(dsm_graph *g, dsm_node *x, dsm_shape shape) {
  if (!dsm__usable(g, x, x)) return NULL;
  if (dsm_shape_equal(x->shape, shape)) return x;
  if (dsm_shape_count(x->shape) != dsm_shape_count(shape)) {
    char a[64], b[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "reshape: %s has not as many elements as %s",
                           dsm_shape_text(x->shape, a, sizeof a), dsm_shape_text(shape, b, sizeof b));
  }
  return dsm__node_add(g, &op, shape, &x, 1, NULL, 0);
}
