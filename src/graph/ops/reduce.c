/* sum_to and broadcast_to: each is the derivative of the other. */
#include "../node.h"

static dsm_broadcast make_broadcast(dsm_shape y, dsm_shape x) {
  dsm_broadcast p = {.rank = y.rank};
  size_t stride = 1;
  for (int i = y.rank - 1; i >= 0; i--) {
    p.n[i] = y.n[i];
    p.stride_a[i] = x.n[i] == 1 ? 0 : stride;
    stride *= x.n[i];
  }
  return p;
}

static dsm_reduce make_reduce(dsm_shape x, dsm_shape y) {
  dsm_reduce p = {.rank = x.rank};
  for (int i = 0; i < x.rank; i++) {
    p.n[i] = x.n[i];
    p.keep[i] = y.n[i] == x.n[i];
  }
  return p;
}

static void run_sum(const dsm_node *node, const dsm__context *c) {
  c->kernels->reduce(c->kernels, node->data, node->input[0]->data, node->parameters, c->scratch);
}

static size_t scratch_sum(const dsm_node *node, const dsm_kernels *k) {
  return k->reduce_scratch(k, node->parameters);
}

static void gradient_sum(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = dsm_broadcast_to(g, dy, y->input[0]->shape);
}

static void run_broadcast(const dsm_node *node, const dsm__context *c) {
  c->kernels->broadcast(c->kernels, node->data, node->input[0]->data, node->parameters);
}

static void gradient_broadcast(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = dsm_sum_to(g, dy, y->input[0]->shape);
}

static const dsm__op op_sum = {
    .name = "sum", .run = run_sum, .gradient = gradient_sum, .scratch = scratch_sum};
static const dsm__op op_broadcast = {
    .name = "broadcast", .run = run_broadcast, .gradient = gradient_broadcast};

/** True if `small` differs from `large` only by axes of size 1. */
static bool fits(dsm_shape small, dsm_shape large) {
  if (small.rank != large.rank) return false;
  for (int i = 0; i < large.rank; i++)
    if (small.n[i] != large.n[i] && small.n[i] != 1) return false;
  return true;
}

static dsm_node *misfit(dsm_graph *g, const char *what, dsm_shape from, dsm_shape to) {
  char a[64], b[64];
  return dsm__graph_fail(g, DSM_INTERNAL, "%s: shape %s does not go to %s", what,
                         dsm_shape_text(from, a, sizeof a), dsm_shape_text(to, b, sizeof b));
}

dsm_node *dsm_sum_to(dsm_graph *g, dsm_node *x, dsm_shape shape) {
  if (!dsm__usable(g, x, x)) return NULL;
  if (dsm_shape_equal(x->shape, shape)) return x;
  if (!fits(shape, x->shape)) return misfit(g, "sum_to", x->shape, shape);
  const dsm_reduce p = make_reduce(x->shape, shape);
  return dsm__node_add(g, &op_sum, shape, &x, 1, &p, sizeof p);
}

dsm_node *dsm_broadcast_to(dsm_graph *g, dsm_node *x, dsm_shape shape) {
  if (!dsm__usable(g, x, x)) return NULL;
  if (dsm_shape_equal(x->shape, shape)) return x;
  if (!fits(x->shape, shape)) return misfit(g, "broadcast_to", x->shape, shape);
  const dsm_broadcast p = make_broadcast(shape, x->shape);
  return dsm__node_add(g, &op_broadcast, shape, &x, 1, &p, sizeof p);
}
