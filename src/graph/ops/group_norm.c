/* Group normalisation and its activation, fused: one node forward and one back, each in one walk over memory.
 * What they find on the way (statistics; sums for the gradients by gamma and beta) are by-products of theirs.
 * They have no second derivative. While the graph decomposes, the same formula from basic ops, differentiable
 * any number of times. */
#include "../node.h"

static const dsm__op op_forward, op_gradient;
enum { STATISTICS /* of op_forward: (N, G, 2) */ };
enum { OF_GAMMA, OF_BETA /* of op_gradient: (N, C), for each sample alone */ };

/* inputs: x, gamma, beta */
static void run_forward(const dsm_node *y, const dsm__context *c) {
  c->kernels->group_norm(c->kernels, y->data, dsm__by_product_data(y, STATISTICS), y->input[0]->data,
                         y->input[1]->data, y->input[2]->data, y->parameters);
}

/* inputs: dy, x, statistics, gamma, beta */
static void run_gradient(const dsm_node *dx, const dsm__context *c) {
  c->kernels->group_norm_gradient(c->kernels, dx->data, dsm__by_product_data(dx, OF_GAMMA),
                                  dsm__by_product_data(dx, OF_BETA), dx->input[0]->data, dx->input[1]->data,
                                  dx->input[2]->data, dx->input[3]->data, dx->input[4]->data, dx->parameters);
}

/* The sum over samples of a by-product of dx, in the shape of the parameter. */
static dsm_node *sum_samples(dsm_graph *g, dsm_node *dx, int which, const dsm_node *parameter) {
  const dsm_group_norm *p = dx->parameters;
  dsm_node *of_samples = dsm__by_product(g, dx, which, DSM_SHAPE(p->batch, p->channels));
  return dsm_reshape(g, dsm_sum_to(g, of_samples, DSM_SHAPE(1, p->channels)), parameter->shape);
}

/* The gradient by x goes through the statistics too. */
static void gradient_forward(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **d) {
  dsm_node *x = y->input[0], *gamma = y->input[1], *beta = y->input[2];
  dsm_node *const input[] = {dy, x, y->by_product[STATISTICS], gamma, beta};
  d[0] = dsm__node_add(g, &op_gradient, x->shape, input, 5, y->parameters, sizeof(dsm_group_norm));
  if (!d[0]) return;
  if (wanted[1]) d[1] = sum_samples(g, d[0], OF_GAMMA, gamma);
  if (wanted[2]) d[2] = sum_samples(g, d[0], OF_BETA, beta);
}

#define NO_SECOND "its kernel is fused; call dsm_graph_decompose(graph, true) before building the model"
static const dsm__op op_forward = {
    .name = "group_norm", .run = run_forward, .gradient = gradient_forward, .in_place = 1};
static const dsm__op op_gradient = {
    .name = "group_norm_gradient", .run = run_gradient, .no_gradient = NO_SECOND, .in_place = 1};

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
  dsm_node *u = dsm_reshape(g, dsm_add(g, scaled, dsm_reshape(g, beta, channel)), x->shape);
  return p->activation == DSM_ACTIVATION_SILU ? dsm_unary_node(g, DSM_UNARY_SILU, u) : u;
}

dsm_node *dsm_group_norm_node(dsm_graph *g, dsm_node *x, dsm_node *gamma, dsm_node *beta, size_t groups,
                              float eps, dsm_activation activation) {
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
  const dsm_group_norm p = {batch, dsm__count(x) / (batch * channels), channels, groups, eps, activation};
  if (g->decompose) return decomposed(g, x, gamma, beta, &p);
  dsm_node *y = dsm__node_add(g, &op_forward, x->shape, (dsm_node *[]){x, gamma, beta}, 3, &p, sizeof p);
  dsm__by_product(g, y, STATISTICS, DSM_SHAPE(batch, groups, 2));
  return y;
}
