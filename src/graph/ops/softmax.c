/* Softmax over the last axis:  y = softmax(x),  dx = S(dy, y) = y (dy - sum(dy y)).
 * Of z = S(d, y) itself, with e the adjoint of z:  d(d) = S(e, y),  dy = e (d - sum(d y)) - d sum(e y). */
#include "../node.h"

static const dsm__op op_softmax, op_softmax_gradient;

static size_t width(const dsm_node *node) {
  return node->shape.n[node->shape.rank - 1];
}

static void run(const dsm_node *y, const dsm__context *c) {
  c->kernels->softmax(c->kernels, y->data, y->input[0]->data, dsm__count(y) / width(y), width(y));
}

static void run_gradient(const dsm_node *z, const dsm__context *c) {
  c->kernels->softmax_gradient(c->kernels, z->data, z->input[0]->data, z->input[1]->data,
                               dsm__count(z) / width(z), width(z));
}

static dsm_node *softmax_gradient(dsm_graph *g, dsm_node *dy, dsm_node *y) {
  return dsm__node_add(g, &op_softmax_gradient, y->shape, (dsm_node *[]){dy, y}, 2, NULL, 0);
}

static dsm_node *row_sum(dsm_graph *g, dsm_node *x) {
  if (!x) return NULL;
  dsm_shape shape = x->shape;
  shape.n[shape.rank - 1] = 1;
  return dsm_sum_to(g, x, shape);
}

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = softmax_gradient(g, dy, y);
}

static void gradient_gradient(dsm_graph *g, dsm_node *z, dsm_node *e, const bool *wanted, dsm_node **dx) {
  dsm_node *d = z->input[0], *y = z->input[1];
  if (wanted[0]) dx[0] = softmax_gradient(g, e, y);
  if (wanted[1]) {
    dsm_node *first = dsm_mul(g, e, dsm_sub(g, d, row_sum(g, dsm_mul(g, d, y))));
    dx[1] = dsm_sub(g, first, dsm_mul(g, d, row_sum(g, dsm_mul(g, e, y))));
  }
}

static const dsm__op op_softmax = {.name = "softmax", .run = run, .gradient = gradient, .in_place = 1};
static const dsm__op op_softmax_gradient = {
    .name = "softmax_gradient", .run = run_gradient, .gradient = gradient_gradient, .in_place = 1};

dsm_node *dsm_softmax(dsm_graph *g, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  return dsm__node_add(g, &op_softmax, x->shape, &x, 1, NULL, 0);
}
