/* Group normalisation, fused: one node for the statistics, one to apply them, and fused gradients without a
 * second derivative. While the graph decomposes, the same formula from basic ops, differentiable any number
 * of times. */
#include "../node.h"

static const dsm__op op_statistics, op_apply, op_input_gradient, op_gamma_gradient;

static void run_statistics(const dsm_node *s, const dsm__context *c) {
  c->kernels->group_norm_statistics(c->kernels, s->data, s->input[0]->data, s->parameters);
}

static void run_apply(const dsm_node *y, const dsm__context *c) {
  c->kernels->group_norm(c->kernels, y->data, y->input[0]->data, y->input[1]->data, y->input[2]->data,
                         y->input[3]->data, y->parameters);
}

/* inputs: dy, x, statistics, gamma */
static void run_input_gradient(const dsm_node *dx, const dsm__context *c) {
  c->kernels->group_norm_input_gradient(c->kernels, dx->data, dx->input[0]->data, dx->input[1]->data,
                                        dx->input[2]->data, dx->input[3]->data, dx->parameters);
}

/* inputs: dy, x, statistics */
static void run_gamma_gradient(const dsm_node *dgamma, const dsm__context *c) {
  c->kernels->group_norm_gamma_gradient(c->kernels, dgamma->data, dgamma->input[0]->data,
                                        dgamma->input[1]->data, dgamma->input[2]->data, dgamma->parameters,
                                        c->scratch);
}

static size_t scratch_gamma_gradient(const dsm_node *node, const dsm_kernels *k) {
  return k->group_norm_gamma_gradient_scratch(k, node->parameters);
}

/* The gradient by x goes through the statistics too, so the node of the statistics gets none of its own. */
static void gradient_apply(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **d) {
  const dsm_group_norm *p = y->parameters;
  dsm_node *x = y->input[0], *statistics = y->input[1], *gamma = y->input[2];
  if (wanted[0])
    d[0] = dsm__node_add(g, &op_input_gradient, x->shape, (dsm_node *[]){dy, x, statistics, gamma}, 4, p,
                         sizeof *p);
  if (wanted[2])
    d[2] = dsm__node_add(g, &op_gamma_gradient, gamma->shape, (dsm_node *[]){dy, x, statistics}, 3, p,
                         sizeof *p);
  if (wanted[3])
    d[3] = dsm_reshape(g, dsm_sum_to(g, dy, dsm__last_axis(dy->shape, p->channels)), y->input[3]->shape);
}

static void gradient_statistics(dsm_graph *g, dsm_node *s, dsm_node *ds, const bool *wanted, dsm_node **d) {
  (void)g, (void)s, (void)ds, (void)wanted, (void)d; /* accounted for in gradient_apply */
}

#define NO_SECOND "its kernel is fused; call dsm_graph_decompose(graph, true) before building the model"
static const dsm__op op_statistics = {
    .name = "group_norm_statistics", .run = run_statistics, .gradient = gradient_statistics};
static const dsm__op op_apply = {
    .name = "group_norm", .run = run_apply, .gradient = gradient_apply, .in_place = 1};
static const dsm__op op_input_gradient = {
    .name = "group_norm_input_gradient", .run = run_input_gradient, .no_gradient = NO_SECOND, .in_place = 1};
static const dsm__op op_gamma_gradient = {.name = "group_norm_gamma_gradient",
                                          .run = run_gamma_gradient,
                                          .no_gradient = NO_SECOND,
                                          .scratch = scratch_gamma_gradient};

static dsm_node *decomposed(dsm_graph *g, dsm_node *x, dsm_node *gamma, dsm_node *beta,
                            const dsm_group_norm *p) {
  const size_t inside = p->channels / p->groups;
  const dsm_shape split = DSM_SHAPE(p->batch, p->positions, p->groups, inside);
  const dsm_shape group = DSM_SHAPE(p->batch, 1, p->groups, 1), channel = DSM_SHAPE(1, 1, p->groups, inside);
  const float share = 1.0f / (float)(p->positions * inside);
  dsm_node *parts = dsm_reshape(g, x, split);
  dsm_node *mean = dsm_affine(g, dsm_sum_to(g, parts, group), share, 0.0f);
  dsm_node *centred = dsm_sub(g, parts, mean);
  dsm_node *variance = dsm_affine(g, dsm_sum_to(g, dsm_square(g, centred), group), share, p->eps);
  dsm_node *rstd = dsm_unary_node(g, DSM_UNARY_RECIPROCAL, dsm_unary_node(g, DSM_UNARY_SQRT, variance));
  dsm_node *scaled = dsm_mul(g, dsm_mul(g, centred, rstd), dsm_reshape(g, gamma, channel));
  return dsm_reshape(g, dsm_add(g, scaled, dsm_reshape(g, beta, channel)), x->shape);
}

dsm_node *dsm_group_norm_node(dsm_graph *g, dsm_node *x, dsm_node *gamma, dsm_node *beta, size_t groups,
                              float eps) {
  if (!dsm__usable(g, x, gamma) || !dsm__usable(g, x, beta)) return NULL;
  const size_t channels = x->shape.n[x->shape.rank - 1];
  if (groups == 0 || channels % groups != 0 || dsm__count(gamma) != channels ||
      dsm__count(beta) != channels) {
    char s[64];
    return dsm__graph_fail(g, DSM_INTERNAL,
                           "group_norm: %zu groups, gamma of %zu and beta of %zu do not fit x %s", groups,
                           dsm__count(gamma), dsm__count(beta), dsm_shape_text(x->shape, s, sizeof s));
  }
  const size_t batch = x->shape.n[0];
  const dsm_group_norm p = {batch, dsm__count(x) / (batch * channels), channels, groups, eps};
  if (g->decompose) return decomposed(g, x, gamma, beta, &p);
  dsm_node *statistics = dsm__node_add(g, &op_statistics, DSM_SHAPE(batch, groups, 2), &x, 1, &p, sizeof p);
  return dsm__node_add(g, &op_apply, x->shape, (dsm_node *[]){x, statistics, gamma, beta}, 4, &p, sizeof p);
}
