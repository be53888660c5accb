/* Nearest-neighbour upsampling by 2, and sums over 2 x 2: each is the other's derivative. */
#include "../node.h"

static void run_up(const dsm_node *y, const dsm__context *c) {
  const dsm_shape s = y->input[0]->shape;
  c->kernels->upsample2(c->kernels, y->data, y->input[0]->data, s.n[0], s.n[1], s.n[2], s.n[3]);
}

static void run_down(const dsm_node *x, const dsm__context *c) {
  const dsm_shape s = x->shape;
  c->kernels->downsample2_sum(c->kernels, x->data, x->input[0]->data, s.n[0], s.n[1], s.n[2], s.n[3]);
}

static void gradient_up(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)y, (void)wanted;
  dx[0] = dsm_downsample2_sum(g, dy);
}

static void gradient_down(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)y, (void)wanted;
  dx[0] = dsm_upsample2(g, dy);
}

static const dsm__op op_up = {.name = "upsample2", .run = run_up, .gradient = gradient_up};
static const dsm__op op_down = {.name = "downsample2_sum", .run = run_down, .gradient = gradient_down};

dsm_node *dsm_upsample2(dsm_graph *g, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  const dsm_shape s = x->shape;
  if (s.rank != 4)
    return dsm__graph_fail(g, DSM_INTERNAL, "upsample2: x has rank %d, expected (N, H, W, C)", s.rank);
  return dsm__node_add(g, &op_up, DSM_SHAPE(s.n[0], 2 * s.n[1], 2 * s.n[2], s.n[3]), &x, 1, NULL, 0);
}

dsm_node *dsm_downsample2_sum(dsm_graph *g, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  const dsm_shape s = x->shape;
  if (s.rank != 4 || s.n[1] % 2 || s.n[2] % 2) {
    char text[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "downsample2_sum: %s is not (N, H, W, C) with even H and W",
                           dsm_shape_text(s, text, sizeof text));
  }
  return dsm__node_add(g, &op_down, DSM_SHAPE(s.n[0], s.n[1] / 2, s.n[2] / 2, s.n[3]), &x, 1, NULL, 0);
}
