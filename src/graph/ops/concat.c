/* Joining, cutting and padding along an axis: copies of runs. The derivative of concat is two slices; slice
 * and pad are each other's derivative. A tensor is seen as (outer, axis, inner). */
#include <string.h>
#include "../node.h"

typedef struct part {
  int axis;
  size_t first;        /* slice: first entry taken; pad: entries in front */
  size_t outer, inner; /* elements before and behind the axis */
} part;

static part make_part(dsm_shape shape, int axis, size_t first) {
  part p = {axis, first, 1, 1};
  for (int i = 0; i < axis; i++) p.outer *= shape.n[i];
  for (int i = axis + 1; i < shape.rank; i++) p.inner *= shape.n[i];
  return p;
}

static bool axis_fits(const dsm_node *x, int axis) {
  return axis >= 0 && axis < x->shape.rank;
}

/* ---- concat -------------------------------------------------------------------------------------------- */

static void run_concat(const dsm_node *y, const dsm__context *c) {
  const part *p = y->parameters;
  const dsm_node *a = y->input[0], *b = y->input[1];
  const size_t wa = a->shape.n[p->axis] * p->inner, wb = b->shape.n[p->axis] * p->inner;
  c->kernels->copy(c->kernels, y->data, wa + wb, a->data, wa, p->outer, wa);
  c->kernels->copy(c->kernels, y->data + wa, wa + wb, b->data, wb, p->outer, wb);
}

static void gradient_concat(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  const part *p = y->parameters;
  const size_t na = y->input[0]->shape.n[p->axis], nb = y->input[1]->shape.n[p->axis];
  if (wanted[0]) dx[0] = dsm_slice(g, p->axis, 0, na, dy);
  if (wanted[1]) dx[1] = dsm_slice(g, p->axis, na, nb, dy);
}

static const dsm__op op_concat = {.name = "concat", .run = run_concat, .gradient = gradient_concat};

dsm_node *dsm_concat(dsm_graph *g, int axis, dsm_node *a, dsm_node *b) {
  if (!dsm__usable(g, a, b)) return NULL;
  bool fit = a->shape.rank == b->shape.rank && axis_fits(a, axis);
  for (int i = 0; fit && i < a->shape.rank; i++) fit = i == axis || a->shape.n[i] == b->shape.n[i];
  if (!fit) {
    char sa[64], sb[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "concat on axis %d: shapes %s and %s do not fit", axis,
                           dsm_shape_text(a->shape, sa, sizeof sa), dsm_shape_text(b->shape, sb, sizeof sb));
  }
  dsm_shape shape = a->shape;
  shape.n[axis] += b->shape.n[axis];
  const part p = make_part(shape, axis, 0);
  return dsm__node_add(g, &op_concat, shape, (dsm_node *[]){a, b}, 2, &p, sizeof p);
}

/* ---- slice and pad ------------------------------------------------------------------------------------- */

static void run_slice(const dsm_node *y, const dsm__context *c) {
  const part *p = y->parameters;
  const dsm_node *x = y->input[0];
  const size_t wx = x->shape.n[p->axis] * p->inner, wy = y->shape.n[p->axis] * p->inner;
  c->kernels->copy(c->kernels, y->data, wy, x->data + p->first * p->inner, wx, p->outer, wy);
}

static void gradient_slice(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  const part *p = y->parameters;
  dx[0] = dsm_pad(g, p->axis, p->first, y->input[0]->shape.n[p->axis], dy);
}

static void run_pad(const dsm_node *y, const dsm__context *c) {
  const part *p = y->parameters;
  const dsm_node *x = y->input[0];
  const size_t wx = x->shape.n[p->axis] * p->inner, wy = y->shape.n[p->axis] * p->inner;
  memset(y->data, 0, dsm__count(y) * sizeof(float));
  c->kernels->copy(c->kernels, y->data + p->first * p->inner, wy, x->data, wx, p->outer, wx);
}

static void gradient_pad(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **dx) {
  (void)wanted;
  const part *p = y->parameters;
  dx[0] = dsm_slice(g, p->axis, p->first, y->input[0]->shape.n[p->axis], dy);
}

static const dsm__op op_slice = {.name = "slice", .run = run_slice, .gradient = gradient_slice};
static const dsm__op op_pad = {.name = "pad", .run = run_pad, .gradient = gradient_pad};

dsm_node *dsm_slice(dsm_graph *g, int axis, size_t first, size_t count, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  if (!axis_fits(x, axis) || count == 0 || first + count > x->shape.n[axis]) {
    char s[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "slice: %zu entries from %zu on axis %d do not lie in %s", count,
                           first, axis, dsm_shape_text(x->shape, s, sizeof s));
  }
  if (count == x->shape.n[axis]) return x;
  dsm_shape shape = x->shape;
  shape.n[axis] = count;
  const part p = make_part(shape, axis, first);
  return dsm__node_add(g, &op_slice, shape, &x, 1, &p, sizeof p);
}

dsm_node *dsm_pad(dsm_graph *g, int axis, size_t before, size_t total, dsm_node *x) {
  if (!dsm__usable(g, x, x)) return NULL;
  if (!axis_fits(x, axis) || before + x->shape.n[axis] > total) {
    char s[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "pad: %s does not fit behind %zu entries of %zu on axis %d",
                           dsm_shape_text(x->shape, s, sizeof s), before, total, axis);
  }
  if (total == x->shape.n[axis]) return x;
  dsm_shape shape = x->shape;
  shape.n[axis] = total;
  const part p = make_part(shape, axis, before);
  return dsm__node_add(g, &op_pad, shape, &x, 1, &p, sizeof p);
}
