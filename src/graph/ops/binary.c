/* y = a (op) b for + - * /, with axes of size 1 broadcast.
 *   a + b:  da = dy,      db = dy            a - b:  da = dy,      db = -dy
 *   a * b:  da = dy b,    db = dy a          a / b:  da = dy / b,  db = -dy y / b
 * summed over the broadcast axes. */
#include <math.h>
#include "../node.h"

typedef struct binary {
  dsm_binary f;
  dsm_broadcast p;
} binary;

static dsm_broadcast make_broadcast(dsm_shape y, dsm_shape a, dsm_shape b) {
  dsm_broadcast p = {.rank = y.rank};
  size_t stride_a = 1, stride_b = 1;
  for (int i = y.rank - 1; i >= 0; i--) {
    p.n[i] = y.n[i];
    p.stride_a[i] = a.n[i] == 1 ? 0 : stride_a;
    p.stride_b[i] = b.n[i] == 1 ? 0 : stride_b;
    stride_a *= a.n[i];
    stride_b *= b.n[i];
  }
  return p;
}

static void run(const dsm_node *node, const dsm__context *c) {
  const binary *o = node->parameters;
  c->kernels->binary(c->kernels, o->f, node->data, node->input[0]->data, node->input[1]->data, &o->p);
}

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  dsm_node *a = y->input[0], *b = y->input[1], *da = NULL, *db = NULL;
  switch (((const binary *)y->parameters)->f) {
  case DSM_BINARY_ADD:
    da = dy;
    db = dy;
    break;
  case DSM_BINARY_SUB:
    da = dy;
    db = wanted[1] ? dsm_affine(g, dy, -1.0f, 0.0f) : NULL;
    break;
  case DSM_BINARY_MUL:
    if (a == b) { /* a square: one product instead of two and a sum */
      dx[0] = dsm_mul(g, dsm_affine(g, dy, 2.0f, 0.0f), a);
      return;
    }
    da = wanted[0] ? dsm_mul(g, dy, b) : NULL;
    db = wanted[1] ? dsm_mul(g, dy, a) : NULL;
    break;
  case DSM_BINARY_DIV:
    da = dsm_div(g, dy, b);
    db = wanted[1] ? dsm_affine(g, dsm_mul(g, da, y), -1.0f, 0.0f) : NULL;
    break;
  default:
    DSM_ASSERT(!"a binary function");
  }
  if (wanted[0]) dx[0] = dsm_sum_to(g, da, a->shape);
  if (wanted[1]) dx[1] = dsm_sum_to(g, db, b->shape);
}

static const dsm__op ops[DSM_BINARY_COUNT] = {
    [DSM_BINARY_ADD] = {.name = "add", .run = run, .gradient = gradient, .in_place = 3},
    [DSM_BINARY_SUB] = {.name = "sub", .run = run, .gradient = gradient, .in_place = 3},
    [DSM_BINARY_MUL] = {.name = "mul", .run = run, .gradient = gradient, .in_place = 3},
    [DSM_BINARY_DIV] = {.name = "div", .run = run, .gradient = gradient, .in_place = 3},
};

static dsm_node *build(dsm_graph *g, dsm_binary f, dsm_node *a, dsm_node *b) {
  if (!dsm__usable(g, a, b)) return NULL;
  dsm_shape shape;
  if (dsm_shape_broadcast(a->shape, b->shape, &shape) != DSM_OK)
    return dsm__graph_fail(g, DSM_INTERNAL, "%s: %s", ops[f].name, dsm_trail_message());
  const binary o = {f, make_broadcast(shape, a->shape, b->shape)};
  return dsm__node_add(g, &ops[f], shape, (dsm_node *[]){a, b}, 2, &o, sizeof o);
}

bool dsm__is_sum(const dsm_node *node) {
  return node->op == &ops[DSM_BINARY_ADD];
}

dsm_node *dsm_add(dsm_graph *g, dsm_node *a, dsm_node *b) {
  return build(g, DSM_BINARY_ADD, a, b);
}
dsm_node *dsm_sub(dsm_graph *g, dsm_node *a, dsm_node *b) {
  return build(g, DSM_BINARY_SUB, a, b);
}
dsm_node *dsm_mul(dsm_graph *g, dsm_node *a, dsm_node *b) {
  return build(g, DSM_BINARY_MUL, a, b);
}
dsm_node *dsm_div(dsm_graph *g, dsm_node *a, dsm_node *b) {
  return build(g, DSM_BINARY_DIV, a, b);
}
dsm_node *dsm_square(dsm_graph *g, dsm_node *x) {
  return dsm_mul(g, x, x);
}
