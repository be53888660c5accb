/* y = alpha op(a) op(b), batched.  With P = op(a), Q = op(b):  dP = alpha dy Q^T,  dQ = alpha P^T dy,
 * transposed where the operand is. */
#include "../node.h"

static void run(const dsm_node *y, const dsm__context *c) {
  c->kernels->matmul(c->kernels, y->parameters, y->data, y->input[0]->data, y->input[1]->data, c->scratch);
}

static size_t scratch(const dsm_node *y, const dsm_kernels *k) {
  return k->matmul_scratch(k, y->parameters);
}

static double flops(const dsm_node *y) {
  const dsm_matmul *p = y->parameters;
  return 2.0 * (double)p->batch * (double)p->m * (double)p->n * (double)p->k;
}

static void gradient(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  const dsm_matmul *p = y->parameters;
  dsm_node *a = y->input[0], *b = y->input[1];
  const bool ta = p->transpose_a, tb = p->transpose_b;
  if (wanted[0])
    dx[0] =
        ta ? dsm_matmul_node(g, b, tb, dy, true, p->alpha) : dsm_matmul_node(g, dy, false, b, !tb, p->alpha);
  if (wanted[1])
    dx[1] =
        tb ? dsm_matmul_node(g, dy, true, a, ta, p->alpha) : dsm_matmul_node(g, a, !ta, dy, false, p->alpha);
}

static const dsm__op op = {
    .name = "matmul", .run = run, .gradient = gradient, .scratch = scratch, .flops = flops};

dsm_node *dsm_matmul_node(dsm_graph *g, dsm_node *a, bool ta, dsm_node *b, bool tb, float alpha) {
  if (!dsm__usable(g, a, b)) return NULL;
  const int rank = a->shape.rank;
  const size_t *na = a->shape.n + rank - 2, *nb = b->shape.n + rank - 2;
  bool fit = (rank == 2 || rank == 3) && b->shape.rank == rank &&
             (rank == 2 || a->shape.n[0] == b->shape.n[0]) && na[ta ? 0 : 1] == nb[tb ? 1 : 0];
  if (!fit) {
    char sa[64], sb[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "matmul: %s%s and %s%s do not fit",
                           dsm_shape_text(a->shape, sa, sizeof sa), ta ? " transposed" : "",
                           dsm_shape_text(b->shape, sb, sizeof sb), tb ? " transposed" : "");
  }
  const dsm_matmul p = {.batch = rank == 3 ? a->shape.n[0] : 1,
                        .m = na[ta ? 1 : 0],
                        .n = nb[tb ? 0 : 1],
                        .k = na[ta ? 0 : 1],
                        .transpose_a = ta,
                        .transpose_b = tb,
                        .alpha = alpha};
  dsm_shape shape = rank == 3 ? DSM_SHAPE(p.batch, p.m, p.n) : DSM_SHAPE(p.m, p.n);
  return dsm__node_add(g, &op, shape, (dsm_node *[]){a, b}, 2, &p, sizeof p);
}

dsm_node *dsm_linear(dsm_graph *g, dsm_node *x, dsm_node *w, dsm_node *bias) {
  if (!dsm__usable(g, x, w)) return NULL;
  dsm_shape shape = x->shape;
  const size_t in = shape.n[shape.rank - 1];
  dsm_node *rows = dsm_reshape(g, x, DSM_SHAPE(dsm_shape_count(shape) / in, in));
  dsm_node *y = dsm_matmul_node(g, rows, false, w, true, 1.0f);
  if (!y) return NULL;
  const size_t out = y->shape.n[1];
  if (bias) y = dsm_add(g, y, dsm_reshape(g, bias, DSM_SHAPE(1, out)));
  shape.n[shape.rank - 1] = out;
  return dsm_reshape(g, y, shape);
}
