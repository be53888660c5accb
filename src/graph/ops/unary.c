/* y = f(x) element by element, dx = dy f'(x). The rules use basic ops only, so they can be differentiated any
 * number of times. */
#include "../node.h"

static void run(const dsm_node *node, const dsm__context *c) {
  c->kernels->unary(c->kernels, *(const dsm_unary *)node->parameters, node->data, node->input[0]->data,
                    dsm__count(node));
}

/** SiLU's third derivative. With s = sigmoid(x), q = s (1 - s), r = 1 - 2 s:  q (r (3 + x r) - 2 x q). */
static dsm_node *silu_third_derivative(dsm_graph *g, dsm_node *x) {
  dsm_node *s = dsm_unary_node(g, DSM_UNARY_SIGMOID, x);
  dsm_node *q = dsm_mul(g, s, dsm_affine(g, s, -1.0f, 1.0f));
  dsm_node *r = dsm_affine(g, s, -2.0f, 1.0f);
  dsm_node *first = dsm_mul(g, r, dsm_affine(g, dsm_mul(g, x, r), 1.0f, 3.0f));
  return dsm_mul(g, q, dsm_sub(g, first, dsm_affine(g, dsm_mul(g, x, q), 2.0f, 0.0f)));
}

/** f'(x) as a node. */
static dsm_node *derivative(dsm_graph *g, dsm_unary f, dsm_node *x, dsm_node *y) {
  switch (f) {
  case DSM_UNARY_EXP:
    return y;
  case DSM_UNARY_LOG:
    return dsm_unary_node(g, DSM_UNARY_RECIPROCAL, x);
  case DSM_UNARY_SQRT:
    return dsm_affine(g, dsm_unary_node(g, DSM_UNARY_RECIPROCAL, y), 0.5f, 0.0f);
  case DSM_UNARY_RECIPROCAL:
    return dsm_affine(g, dsm_square(g, y), -1.0f, 0.0f);
  case DSM_UNARY_SIN:
    return dsm_unary_node(g, DSM_UNARY_COS, x);
  case DSM_UNARY_COS:
    return dsm_affine(g, dsm_unary_node(g, DSM_UNARY_SIN, x), -1.0f, 0.0f);
  case DSM_UNARY_TANH:
    return dsm_affine(g, dsm_square(g, y), -1.0f, 1.0f);
  case DSM_UNARY_SIGMOID:
    return dsm_mul(g, y, dsm_affine(g, y, -1.0f, 1.0f));
  case DSM_UNARY_SILU:
    return dsm_unary_node(g, DSM_UNARY_SILU_D1, x);
  case DSM_UNARY_SILU_D1:
    return dsm_unary_node(g, DSM_UNARY_SILU_D2, x);
  case DSM_UNARY_SILU_D2:
    return silu_third_derivative(g, x);
  default:
    return dsm__graph_fail(g, DSM_INTERNAL, "unary function %d is unknown", (int)f);
  }
}

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  dx[0] = dsm_mul(g, dy, derivative(g, *(const dsm_unary *)y->parameters, y->input[0], y));
}

#define UNARY_OP(text)                                                                                       \
  { .name = text, .run = run, .gradient = gradient, .in_place = 1 }
static const dsm__op ops[DSM_UNARY_COUNT] = {
    [DSM_UNARY_EXP] = UNARY_OP("exp"),         [DSM_UNARY_LOG] = UNARY_OP("log"),
    [DSM_UNARY_SQRT] = UNARY_OP("sqrt"),       [DSM_UNARY_RECIPROCAL] = UNARY_OP("reciprocal"),
    [DSM_UNARY_SIN] = UNARY_OP("sin"),         [DSM_UNARY_COS] = UNARY_OP("cos"),
    [DSM_UNARY_TANH] = UNARY_OP("tanh"),       [DSM_UNARY_SIGMOID] = UNARY_OP("sigmoid"),
    [DSM_UNARY_SILU] = UNARY_OP("silu"),       [DSM_UNARY_SILU_D1] = UNARY_OP("silu_d1"),
    [DSM_UNARY_SILU_D2] = UNARY_OP("silu_d2"),
};

dsm_node *dsm_unary_node(dsm_graph *g, dsm_unary f, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  DSM_ASSERT(f >= 0 && f < DSM_UNARY_COUNT);
  return dsm__node_add(g, &ops[f], x->shape, &x, 1, &f, sizeof f);
}
