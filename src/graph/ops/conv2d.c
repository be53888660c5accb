/* Convolution and its two transposes, a family closed under differentiation. With <,> the inner product,
 * IG(dy, w) the gradient by x and WG(dy, x) the gradient by w,
 *   <dy, conv(x, w)> = <x, IG(dy, w)> = <w, WG(dy, x)>,
 * which is linear in each of x, w, dy; so
 *   y = conv(x, w):  dx = IG(dy, w),       dw = WG(dy, x)
 *   z = IG(dy, w):   d(dy) = conv(dz, w),  dw = WG(dy, dz)
 *   u = WG(dy, x):   d(dy) = conv(x, du),  dx = IG(dy, du).
 * The algorithm is chosen by shape when the plan is made; then, too, sums of a result of the first two kinds
 * with a bias, a row for each sample and a residual become further inputs of its node (fuse.c). */
#include "../node.h"

/* Kinds of addends, in the order in which they are added. */
typedef enum addend { BIAS, SAMPLE, RESIDUAL, ADDENDS } addend;

typedef struct convolution {
  dsm_conv2d c;
  int addend[ADDENDS];                   /* which input of the node, 0 for none */
  const dsm_conv2d_algorithm *algorithm; /* set by prepare */
} convolution;

static const dsm__op op_conv, op_input_gradient, op_weight_gradient;

static void prepare(dsm_node *node, const dsm_kernels *k) {
  convolution *o = node->parameters;
  o->algorithm = dsm_kernels_conv2d(k, &o->c);
}

static size_t scratch(const dsm_node *node, const dsm_kernels *k) {
  const convolution *o = node->parameters;
  return o->algorithm->scratch ? o->algorithm->scratch(k, &o->c) : 0;
}

/* The weights made ready, where they are parameters. */
static size_t kept(const dsm_node *node, const dsm_kernels *k, bool turned) {
  const convolution *o = node->parameters;
  const bool parameters = node->input[1]->root->place == DSM__PARAMETER;
  return parameters && o->algorithm->prepared ? o->algorithm->prepared->size(k, &o->c, turned) : 0;
}
static size_t kept_conv(const dsm_node *node, const dsm_kernels *k) {
  return kept(node, k, false);
}
static size_t kept_input_gradient(const dsm_node *node, const dsm_kernels *k) {
  return kept(node, k, true);
}

static const char *kernel(const dsm_node *node) {
  return ((const convolution *)node->parameters)->algorithm->name;
}

static double flops(const dsm_node *node) {
  const dsm_conv2d *c = &((const convolution *)node->parameters)->c;
  return 2.0 * (double)(c->batch * c->out_height * c->out_width) * (double)(c->kernel_h * c->kernel_w) *
         (double)(c->in * c->out);
}

static const float *addend_data(const dsm_node *node, addend kind) {
  const int input = ((const convolution *)node->parameters)->addend[kind];
  return input ? node->input[input]->data : NULL;
}

static dsm_conv2d_addends addends_of(const dsm_node *node) {
  return (dsm_conv2d_addends){addend_data(node, BIAS), addend_data(node, SAMPLE),
                              addend_data(node, RESIDUAL)};
}

/* y, or (turned) dx; by the weights made ready, which are kept, where there is room for them. */
static void run_product(const dsm_node *node, const dsm__context *x, bool turned) {
  const convolution *o = node->parameters;
  const dsm_conv2d_algorithm *a = o->algorithm;
  const dsm_conv2d_addends add = addends_of(node);
  const float *of = node->input[0]->data, *w = node->input[1]->data;
  if (x->kept) {
    if (!x->run->same_parameters) a->prepared->prepare(x->kernels, &o->c, turned, x->kept, w);
    (turned ? a->prepared->input_gradient : a->prepared->forward)(x->kernels, &o->c, node->data, of, x->kept,
                                                                  &add, x->scratch);
  } else {
    (turned ? a->input_gradient : a->forward)(x->kernels, &o->c, node->data, of, w, &add, x->scratch);
  }
}
static void run_conv(const dsm_node *node, const dsm__context *x) {
  run_product(node, x, false);
}
static void run_input_gradient(const dsm_node *node, const dsm__context *x) {
  run_product(node, x, true);
}

static void run_weight_gradient(const dsm_node *node, const dsm__context *x) {
  const convolution *o = node->parameters;
  o->algorithm->weight_gradient(x->kernels, &o->c, node->data, node->input[0]->data, node->input[1]->data,
                                x->scratch);
}

static dsm_shape x_shape(const dsm_conv2d *c) {
  return DSM_SHAPE(c->batch, c->height, c->width, c->in);
}
static dsm_shape y_shape(const dsm_conv2d *c) {
  return DSM_SHAPE(c->batch, c->out_height, c->out_width, c->out);
}
static dsm_shape w_shape(const dsm_conv2d *c) {
  return DSM_SHAPE(c->out, c->kernel_h, c->kernel_w, c->in);
}

static dsm_node *conv(dsm_graph *g, const dsm_conv2d *c, dsm_node *x, dsm_node *w) {
  return dsm__node_add(g, &op_conv, y_shape(c), (dsm_node *[]){x, w}, 2, &(convolution){.c = *c},
                       sizeof(convolution));
}

static dsm_node *input_gradient(dsm_graph *g, const dsm_conv2d *c, dsm_node *dy, dsm_node *w) {
  return dsm__node_add(g, &op_input_gradient, x_shape(c), (dsm_node *[]){dy, w}, 2, &(convolution){.c = *c},
                       sizeof(convolution));
}

static dsm_node *weight_gradient(dsm_graph *g, const dsm_conv2d *c, dsm_node *dy, dsm_node *x) {
  return dsm__node_add(g, &op_weight_gradient, w_shape(c), (dsm_node *[]){dy, x}, 2, &(convolution){.c = *c},
                       sizeof(convolution));
}

static void gradient_conv(dsm_graph *g, dsm_node *y, dsm_node *dy, const bool *wanted, dsm_node **d) {
  const dsm_conv2d *c = &((const convolution *)y->parameters)->c;
  if (wanted[1]) d[1] = weight_gradient(g, c, dy, y->input[0]);
  if (wanted[0]) d[0] = input_gradient(g, c, dy, y->input[1]);
}

static void gradient_input_gradient(dsm_graph *g, dsm_node *z, dsm_node *dz, const bool *wanted,
                                    dsm_node **d) {
  const dsm_conv2d *c = &((const convolution *)z->parameters)->c;
  if (wanted[0]) d[0] = conv(g, c, dz, z->input[1]);
  if (wanted[1]) d[1] = weight_gradient(g, c, z->input[0], dz);
}

static void gradient_weight_gradient(dsm_graph *g, dsm_node *u, dsm_node *du, const bool *wanted,
                                     dsm_node **d) {
  const dsm_conv2d *c = &((const convolution *)u->parameters)->c;
  if (wanted[0]) d[0] = conv(g, c, u->input[1], du);
  if (wanted[1]) d[1] = input_gradient(g, c, u->input[0], du);
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

/* What `shape` is to a result of shape y; ADDENDS: nothing of these. */
static addend kind_of(dsm_shape shape, dsm_shape y) {
  if (dsm_shape_equal(shape, y)) return RESIDUAL;
  if (dsm_shape_equal(shape, DSM_SHAPE(1, 1, 1, y.n[3]))) return BIAS;
  if (dsm_shape_equal(shape, DSM_SHAPE(y.n[0], 1, 1, y.n[3]))) return SAMPLE;
  return ADDENDS;
}

/* The order of additions decides the bits: one that would come before another that is there is refused. */
static bool absorb(dsm_node *sum, const dsm_node *node, dsm_node *more) {
  convolution *o = node->parameters; /* from now on, of the sum */
  addend kind = kind_of(more->shape, sum->shape);
  if (kind == BIAS && o->addend[BIAS] && o->c.batch == 1) kind = SAMPLE; /* a second row, of the one sample */
  if (kind == ADDENDS || node->inputs == DSM__MAX_INPUTS) return false;
  for (int later = kind; later < ADDENDS; later++)
    if (o->addend[later]) return false;
  o->addend[kind] = node->inputs;
  for (int i = 0; i < node->inputs; i++) sum->input[i] = node->input[i];
  sum->input[node->inputs] = more;
  sum->inputs = node->inputs + 1;
  sum->op = node->op;
  sum->parameters = o;
  return true;
}

#define CONVOLUTION_OP(text, run_, gradient_, absorb_, kept_)                                                \
  {                                                                                                          \
    .name = text, .run = run_, .gradient = gradient_, .absorb = absorb_, .prepare = prepare,                 \
    .scratch = scratch, .kept = kept_, .flops = flops, .kernel = kernel                                      \
  }
static const dsm__op op_conv = CONVOLUTION_OP("conv2d", run_conv, gradient_conv, absorb, kept_conv);
static const dsm__op op_input_gradient = CONVOLUTION_OP("conv2d_input_gradient", run_input_gradient,
                                                        gradient_input_gradient, absorb, kept_input_gradient);
static const dsm__op op_weight_gradient =
    CONVOLUTION_OP("conv2d_weight_gradient", run_weight_gradient, gradient_weight_gradient, NULL, NULL);

dsm_node *dsm_conv2d_node(dsm_graph *g, dsm_node *x, dsm_node *w, dsm_node *bias, size_t stride,
                          const size_t pad[4]) {
  if (!dsm__usable(g, x, w)) return NULL;
  const dsm_shape sx = x->shape, sw = w->shape;
  const bool fit = sx.rank == 4 && sw.rank == 4 && sx.n[3] == sw.n[3] && stride >= 1 &&
                   sx.n[1] + pad[0] + pad[2] >= sw.n[1] && sx.n[2] + pad[1] + pad[3] >= sw.n[2];
  if (!fit) {
    char a[64], b[64];
    return dsm__graph_fail(g, DSM_INTERNAL, "conv2d: x %s and weights %s do not fit",
                           dsm_shape_text(sx, a, sizeof a), dsm_shape_text(sw, b, sizeof b));
  }
  const dsm_conv2d c = {.batch = sx.n[0],
                        .height = sx.n[1],
                        .width = sx.n[2],
                        .in = sx.n[3],
                        .out = sw.n[0],
                        .out_height = (sx.n[1] + pad[0] + pad[2] - sw.n[1]) / stride + 1,
                        .out_width = (sx.n[2] + pad[1] + pad[3] - sw.n[2]) / stride + 1,
                        .kernel_h = sw.n[1],
                        .kernel_w = sw.n[2],
                        .stride = stride,
                        .pad_top = pad[0],
                        .pad_left = pad[1],
                        .pad_bottom = pad[2],
                        .pad_right = pad[3]};
  dsm_node *y = conv(g, &c, x, w);
  return bias ? dsm_add(g, y, dsm_reshape(g, bias, DSM_SHAPE(1, 1, 1, c.out))) : y;
}
