/* y = f(x) element by element, dx = dy f'(x). The rules use basic ops only, so they can be differentiated any
 * number of times; SiLU, the activation of the networks, has one node for dy f'(x), for one pass over memory. */
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

/* ---- dx = dy silu'(x) ------------------------------------------------------------------------------------ */

static void run_silu_gradient(const dsm_node *node, const dsm__context *c) {
  c->kernels->silu_gradient(c->kernels, node->data, node->input[0]->data, node->input[1]->data,
                            dsm__count(node));
}

static dsm_node *silu_gradient_node(dsm_graph *g, dsm_node *dy, dsm_node *x);

/* z = dy silu'(x):  by dy  dz silu'(x),  by x  dz dy silu''(x) */
static void gradient_of_silu_gradient(dsm_graph *g, dsm_node *z, dsm_node *dz, const bool *wanted,
                                      dsm_node **dx) {
  dsm_node *dy = z->input[0], *x = z->input[1];
  if (wanted[0]) dx[0] = silu_gradient_node(g, dz, x);
  if (wanted[1]) dx[1] = dsm_mul(g, dsm_mul(g, dz, dy), dsm_unary_node(g, DSM_UNARY_SILU_D2, x));
}

static dsm_node *silu_gradient_node(dsm_graph *g, dsm_node *dy, dsm_node *x) {
  static const dsm__op op = {.name = "silu_gradient",
                             .run = run_silu_gradient,
                             .gradient = gradient_of_silu_gradient,
                             .in_place = 3};
  if (!dsm__usable(g, dy, x)) return NULL;
  return dsm__node_add(g, &op, x->shape, (dsm_node *[]){dy, x}, 2, NULL, 0);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

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
  const dsm_unary f = *(const dsm_unary *)y->parameters;
  dsm_node *x = y->input[0];
  (void)wanted;
  dx[0] = f == DSM_UNARY_SILU ? silu_gradient_node(g, dy, x) : dsm_mul(g, dy, derivative(g, f, x, y));
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
