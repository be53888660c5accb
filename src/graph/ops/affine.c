/* y = scale x + shift;  dx = scale dy. */
#include "../node.h"

typedef struct affine {
  float scale, shift;
} affine;

static void run(const dsm_node *node, const dsm__context *c) {
  const affine *o = node->parameters;
  c->kernels->affine(c->kernels, node->data, node->input[0]->data, o->scale, o->shift, dsm__count(node));
}

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = dsm_affine(g, dy, ((const affine *)y->parameters)->scale, 0.0f);
}

static const dsm__op op = {.name = "affine", .run = run, .gradient = gradient, .in_place = 1};

dsm_node *dsm_affine(dsm_graph *g, dsm_node *x, float scale, float shift) {
  if (!dsm__usable(g, x, x)) return NULL;
  return dsm__node_add(g, &op, x->shape, &x, 1, &(affine){scale, shift}, sizeof(affine));
}
