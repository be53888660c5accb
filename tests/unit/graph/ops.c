/* Every op of the graph: its first derivatives and, where it has them, its second derivatives against finite
 * differences, on the ref and on the fast kernels; and the two kernel sets against each other.
 *
 * A case builds y from up to four inputs. The scalar is L = sum(y * p) with a fixed random p. First
 * derivatives: dL/dx_i against central differences of L. Second ones: with q = sum_i sum(dL/dx_i * u_i) for
 * fixed random u, dq/dx_j against central differences of q. */
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dsmpi/graph.h"
#include "dsmpi/random.h"

/* Central differences in float32: truncation h^2 f'''/6 ~ 2e-5, round-off 1e-7 |L| / h ~ 5e-5 for h = 4e-3
 * and |L| ~ 2; sums over a few dozen elements grow this. Relative to the largest derivative of the input. */
static const float STEP = 4e-3f;
static const double FIRST_TOLERANCE = 4e-3, SECOND_TOLERANCE = 8e-3;
/* fast against ref: different order of sums, polynomial exponentials */
static const double KERNEL_TOLERANCE = 2e-5;

enum { MAX_INPUTS = 4, MAX_COUNT = 4096 };

typedef struct op_case {
  const char *name;
  int inputs;
  dsm_shape shape[MAX_INPUTS];
  dsm_node *(*build)(dsm_graph *g, dsm_node **x);
  float low, high; /* range of the inputs */
  bool second;     /* has second derivatives */
} op_case;

/* ---- the cases ----------------------------------------------------------------------------------------- */

#define UNARY_CASE(name_, F)                                                                                 \
  static dsm_node *name_(dsm_graph *g, dsm_node **x) {                                                       \
    return dsm_unary_node(g, F, x[0]);                                                                       \
  }
UNARY_CASE(build_exp, DSM_UNARY_EXP)
UNARY_CASE(build_log, DSM_UNARY_LOG)
UNARY_CASE(build_sqrt, DSM_UNARY_SQRT)
UNARY_CASE(build_reciprocal, DSM_UNARY_RECIPROCAL)
UNARY_CASE(build_sin, DSM_UNARY_SIN)
UNARY_CASE(build_cos, DSM_UNARY_COS)
UNARY_CASE(build_tanh, DSM_UNARY_TANH)
UNARY_CASE(build_sigmoid, DSM_UNARY_SIGMOID)
UNARY_CASE(build_silu, DSM_UNARY_SILU)
UNARY_CASE(build_silu_d1, DSM_UNARY_SILU_D1)
UNARY_CASE(build_silu_d2, DSM_UNARY_SILU_D2)

static dsm_node *build_add(dsm_graph *g, dsm_node **x) {
  return dsm_add(g, x[0], x[1]);
}
static dsm_node *build_sub(dsm_graph *g, dsm_node **x) {
  return dsm_sub(g, x[0], x[1]);
}
static dsm_node *build_mul(dsm_graph *g, dsm_node **x) {
  return dsm_mul(g, x[0], x[1]);
}
static dsm_node *build_div(dsm_graph *g, dsm_node **x) {
  return dsm_div(g, x[0], x[1]);
}
static dsm_node *build_square(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, x[0]);
}
static dsm_node *build_affine(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_affine(g, x[0], -1.5f, 0.3f));
}
static dsm_node *build_sum(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_sum_to(g, x[0], DSM_SHAPE(3, 1, 1, 5)));
}
static dsm_node *build_broadcast(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_broadcast_to(g, x[0], DSM_SHAPE(3, 2, 4, 5)));
}
static dsm_node *build_reshape(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_reshape(g, x[0], DSM_SHAPE(6, 4)));
}
static dsm_node *build_concat_last(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_concat(g, 2, x[0], x[1]));
}
static dsm_node *build_concat_first(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_concat(g, 0, x[0], x[1]));
}
static dsm_node *build_slice(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_slice(g, 1, 1, 2, x[0]));
}
static dsm_node *build_pad(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_pad(g, 1, 2, 6, x[0]));
}
static dsm_node *build_matmul(dsm_graph *g, dsm_node **x) {
  return dsm_matmul_node(g, x[0], false, x[1], false, 0.7f);
}
static dsm_node *build_matmul_ta(dsm_graph *g, dsm_node **x) {
  return dsm_matmul_node(g, x[0], true, x[1], false, 1);
}
static dsm_node *build_matmul_tb(dsm_graph *g, dsm_node **x) {
  return dsm_matmul_node(g, x[0], false, x[1], true, 1);
}
static dsm_node *build_matmul_tt(dsm_graph *g, dsm_node **x) {
  return dsm_matmul_node(g, x[0], true, x[1], true, -2);
}
static dsm_node *build_linear(dsm_graph *g, dsm_node **x) {
  return dsm_linear(g, x[0], x[1], x[2]);
}
static dsm_node *build_conv(dsm_graph *g, dsm_node **x) {
  return dsm_conv2d_node(g, x[0], x[1], x[2], 1, (const size_t[]){1, 1, 1, 1});
}
static dsm_node *build_conv_down(dsm_graph *g, dsm_node **x) {
  return dsm_conv2d_node(g, x[0], x[1], x[2], 2, (const size_t[]){0, 0, 1, 1});
}
static dsm_node *build_softmax(dsm_graph *g, dsm_node **x) {
  return dsm_softmax(g, x[0]);
}
static dsm_node *build_group_norm(dsm_graph *g, dsm_node **x) {
  return dsm_group_norm_node(g, x[0], x[1], x[2], 2, 1e-3f, DSM_ACTIVATION_NONE);
}
static dsm_node *build_group_norm_silu(dsm_graph *g, dsm_node **x) {
  return dsm_group_norm_node(g, x[0], x[1], x[2], 2, 1e-3f, DSM_ACTIVATION_SILU);
}
static dsm_node *build_group_norm_silu_parts(dsm_graph *g, dsm_node **x) {
  dsm_graph_decompose(g, true);
  return build_group_norm_silu(g, x);
}
static dsm_node *build_group_norm_parts(dsm_graph *g, dsm_node **x) {
  dsm_graph_decompose(g, true);
  return build_group_norm(g, x);
}
static dsm_node *build_up(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_upsample2(g, x[0]));
}
static dsm_node *build_down(dsm_graph *g, dsm_node **x) {
  return dsm_square(g, dsm_downsample2_sum(g, x[0]));
}
static dsm_node *build_attention(dsm_graph *g, dsm_node **x) {
  dsm_node *weights = dsm_softmax(g, dsm_matmul_node(g, x[0], false, x[1], true, 0.5f));
  return dsm_matmul_node(g, weights, false, x[2], false, 1.0f);
}

static op_case *all_cases(size_t *count) {
  static op_case cases[64];
  size_t n = 0;
#define CASE(name_, build_, low_, high_, second_, inputs_, ...)                                              \
  cases[n++] = (op_case) {                                                                                   \
    .name = name_, .build = build_, .low = low_, .high = high_, .second = second_, .inputs = inputs_,        \
    .shape = {                                                                                               \
      __VA_ARGS__                                                                                            \
    }                                                                                                        \
  }
  const dsm_shape block = DSM_SHAPE(3, 2, 4, 5);
  CASE("exp", build_exp, -1, 1, true, 1, DSM_SHAPE(4, 5));
  CASE("log", build_log, 0.5f, 2, true, 1, DSM_SHAPE(4, 5));
  CASE("sqrt", build_sqrt, 0.5f, 2, true, 1, DSM_SHAPE(4, 5));
  CASE("reciprocal", build_reciprocal, 0.5f, 2, true, 1, DSM_SHAPE(4, 5));
  CASE("sin", build_sin, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("cos", build_cos, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("tanh", build_tanh, -2, 2, true, 1, DSM_SHAPE(4, 5));
  CASE("sigmoid", build_sigmoid, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("silu", build_silu, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("silu_d1", build_silu_d1, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("silu_d2", build_silu_d2, -3, 3, true, 1, DSM_SHAPE(4, 5));
  CASE("add", build_add, -1, 1, true, 2, block, block);
  CASE("add over samples", build_add, -1, 1, true, 2, block, DSM_SHAPE(3, 1, 1, 1));
  CASE("sub bias", build_sub, -1, 1, true, 2, block, DSM_SHAPE(1, 1, 1, 5));
  CASE("mul", build_mul, -1, 1, true, 2, block, block);
  CASE("mul sample and channel", build_mul, -1, 1, true, 2, block, DSM_SHAPE(3, 1, 1, 5));
  CASE("mul both broadcast", build_mul, -1, 1, true, 2, DSM_SHAPE(3, 1, 5), DSM_SHAPE(1, 4, 5));
  CASE("div", build_div, 0.5f, 2, true, 2, block, block);
  CASE("div by rows", build_div, 0.5f, 2, true, 2, DSM_SHAPE(4, 6), DSM_SHAPE(4, 1));
  CASE("square", build_square, -1, 1, true, 1, block);
  CASE("affine", build_affine, -1, 1, true, 1, block);
  CASE("sum", build_sum, -1, 1, true, 1, block);
  CASE("broadcast", build_broadcast, -1, 1, true, 1, DSM_SHAPE(3, 1, 1, 5));
  CASE("reshape", build_reshape, -1, 1, true, 1, DSM_SHAPE(2, 3, 4));
  CASE("concat last axis", build_concat_last, -1, 1, true, 2, DSM_SHAPE(2, 3, 4), DSM_SHAPE(2, 3, 2));
  CASE("concat first axis", build_concat_first, -1, 1, true, 2, DSM_SHAPE(2, 3, 4), DSM_SHAPE(1, 3, 4));
  CASE("slice", build_slice, -1, 1, true, 1, DSM_SHAPE(2, 4, 3));
  CASE("pad", build_pad, -1, 1, true, 1, DSM_SHAPE(2, 3, 3));
  CASE("matmul", build_matmul, -1, 1, true, 2, DSM_SHAPE(5, 4), DSM_SHAPE(4, 6));
  CASE("matmul batched", build_matmul, -1, 1, true, 2, DSM_SHAPE(3, 5, 4), DSM_SHAPE(3, 4, 6));
  CASE("matmul, a transposed", build_matmul_ta, -1, 1, true, 2, DSM_SHAPE(3, 4, 5), DSM_SHAPE(3, 4, 6));
  CASE("matmul, b transposed", build_matmul_tb, -1, 1, true, 2, DSM_SHAPE(5, 4), DSM_SHAPE(6, 4));
  CASE("matmul, both transposed", build_matmul_tt, -1, 1, true, 2, DSM_SHAPE(4, 5), DSM_SHAPE(6, 4));
  CASE("linear", build_linear, -1, 1, true, 3, DSM_SHAPE(2, 3, 4), DSM_SHAPE(5, 4), DSM_SHAPE(5));
  CASE("conv2d 3x3", build_conv, -1, 1, true, 3, DSM_SHAPE(2, 5, 4, 3), DSM_SHAPE(4, 3, 3, 3), DSM_SHAPE(4));
  CASE("conv2d 3x3 stride 2", build_conv_down, -1, 1, true, 3, DSM_SHAPE(2, 6, 4, 3), DSM_SHAPE(4, 3, 3, 3),
       DSM_SHAPE(4));
  CASE("softmax", build_softmax, -2, 2, true, 1, DSM_SHAPE(4, 7));
  CASE("group_norm", build_group_norm, -1, 1, false, 3, DSM_SHAPE(2, 3, 2, 6), DSM_SHAPE(6), DSM_SHAPE(6));
  CASE("group_norm decomposed", build_group_norm_parts, -1, 1, true, 3, DSM_SHAPE(2, 3, 2, 6), DSM_SHAPE(6),
       DSM_SHAPE(6));
  CASE("group_norm, silu", build_group_norm_silu, -1, 1, false, 3, DSM_SHAPE(2, 3, 2, 6), DSM_SHAPE(6),
       DSM_SHAPE(6));
  CASE("group_norm, silu, decomposed", build_group_norm_silu_parts, -1, 1, true, 3, DSM_SHAPE(2, 3, 2, 6),
       DSM_SHAPE(6), DSM_SHAPE(6));
  CASE("upsample2", build_up, -1, 1, true, 1, DSM_SHAPE(2, 3, 2, 3));
  CASE("downsample2_sum", build_down, -1, 1, true, 1, DSM_SHAPE(2, 4, 6, 3));
  CASE("attention", build_attention, -1, 1, true, 3, DSM_SHAPE(2, 5, 4), DSM_SHAPE(2, 6, 4),
       DSM_SHAPE(2, 6, 3));
#undef CASE
  *count = n;
  return cases;
}

/* ---- the harness --------------------------------------------------------------------------------------- */

/** A planned graph of a case: the scalar and its derivatives by the inputs. */
typedef struct built {
  dsm_graph *graph;
  dsm_node *x[MAX_INPUTS], *scalar, *dx[MAX_INPUTS];
} built;

static void fill_random(float *out, dsm_shape shape, uint64_t sample, float low, float high) {
  const size_t n = dsm_shape_count(shape);
  dsm_random_uniform((dsm_random_key){7, DSM_STREAM_DATA, 0, sample}, 0, n, out);
  for (size_t i = 0; i < n; i++) out[i] = low + (high - low) * out[i];
}

static dsm_node *random_constant(dsm_graph *g, dsm_shape shape, uint64_t sample) {
  float values[MAX_COUNT];
  assert_true(dsm_shape_count(shape) <= MAX_COUNT);
  fill_random(values, shape, sample, -1, 1);
  return dsm_constant(g, shape, values);
}

static dsm_node *sum_all(dsm_graph *g, dsm_node *x) {
  dsm_shape flat = DSM_SHAPE(1, dsm_shape_count(dsm_node_shape(x)));
  return dsm_sum_to(g, dsm_reshape(g, x, flat), DSM_SHAPE(1, 1));
}

static built build_case(const op_case *c, const dsm_kernels *kernels, bool second) {
  built b = {0};
  assert_int_equal(dsm_graph_create(&b.graph), DSM_OK);
  for (int i = 0; i < c->inputs; i++) b.x[i] = dsm_input(b.graph, "x", c->shape[i]);
  dsm_node *y = c->build(b.graph, b.x);
  if (!y) fail_msg("%s: %s", c->name, (dsm_graph_status(b.graph), dsm_trail()));
  b.scalar = sum_all(b.graph, dsm_mul(b.graph, y, random_constant(b.graph, dsm_node_shape(y), 100)));
  dsm_graph_gradient(b.graph, b.scalar, NULL, b.x, (size_t)c->inputs, b.dx);
  if (second) {
    dsm_node *q = NULL;
    for (int i = 0; i < c->inputs; i++) {
      dsm_node *u = random_constant(b.graph, c->shape[i], 200 + (uint64_t)i);
      dsm_node *term = sum_all(b.graph, dsm_mul(b.graph, b.dx[i], u));
      q = q ? dsm_add(b.graph, q, term) : term;
    }
    b.scalar = q;
    dsm_graph_gradient(b.graph, q, NULL, b.x, (size_t)c->inputs, b.dx);
  }
  dsm_graph_output(b.graph, "scalar", b.scalar);
  for (int i = 0; i < c->inputs; i++) dsm_graph_output(b.graph, "dx", b.dx[i]);
  if (dsm_graph_plan(b.graph, kernels) != DSM_OK) fail_msg("%s: %s", c->name, dsm_trail());
  for (int i = 0; i < c->inputs; i++)
    fill_random(dsm_graph_data(b.graph, b.x[i]), c->shape[i], (uint64_t)i, c->low, c->high);
  return b;
}

static double run_scalar(built *b) {
  dsm_graph_run(b->graph, &(dsm_run){0});
  return *dsm_graph_data(b->graph, b->scalar);
}

/** Largest deviation of the derivative by input i from central differences, relative to the largest
 * derivative. `sign` -1 checks that a wrong sign is seen. */
static double derivative_error(built *b, const op_case *c, int i, double sign) {
  const size_t n = dsm_shape_count(c->shape[i]);
  float analytic[MAX_COUNT];
  run_scalar(b);
  memcpy(analytic, dsm_graph_data(b->graph, b->dx[i]), n * sizeof(float));
  float *x = dsm_graph_data(b->graph, b->x[i]);
  double largest = 1e-2, error = 0;
  for (size_t e = 0; e < n; e++) /* no fmax: GCC 12 for aarch64 fails to compile that */
    if (fabsf(analytic[e]) > largest) largest = fabsf(analytic[e]);
  for (size_t e = 0; e < n; e++) {
    const float at = x[e], above = at + STEP, below = at - STEP;
    x[e] = above;
    const double high = run_scalar(b);
    x[e] = below;
    const double low = run_scalar(b);
    x[e] = at;
    error = fmax(error, fabs((high - low) / ((double)above - below) - sign * analytic[e]));
  }
  return error / largest;
}

static void check_case(const op_case *c, const dsm_kernels *kernels, bool second) {
  built b = build_case(c, kernels, second);
  const double tolerance = second ? SECOND_TOLERANCE : FIRST_TOLERANCE;
  double wrong_sign = 0;
  for (int i = 0; i < c->inputs; i++) {
    const double error = derivative_error(&b, c, i, 1.0);
    if (!(error <= tolerance))
      fail_msg("%s on %s: %s derivative by input %d deviates by %g of its largest value, allowed %g", c->name,
               kernels->name, second ? "second" : "first", i, error, tolerance);
    wrong_sign = fmax(wrong_sign, derivative_error(&b, c, i, -1.0));
  }
  if (!second && !(wrong_sign > 0.5)) fail_msg("%s: the check does not see a wrong sign", c->name);
  dsm_graph_destroy(&b.graph);
}

static void check_all(const dsm_kernels *kernels) {
  size_t count;
  const op_case *cases = all_cases(&count);
  for (size_t k = 0; k < count; k++) {
    check_case(&cases[k], kernels, false);
    if (cases[k].second) check_case(&cases[k], kernels, true);
  }
}

static void derivatives_match_finite_differences_on_ref(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  check_all(&k);
}

static void derivatives_match_finite_differences_on_fast(void **state) {
  (void)state;
  dsm_kernels k;
  assert_int_equal(dsm_kernels_fast(&k, 2, NULL), DSM_OK);
  check_all(&k);
}

static void fast_and_ref_agree(void **state) {
  (void)state;
  dsm_kernels ref, fast;
  dsm_kernels_ref(&ref, 1);
  assert_int_equal(dsm_kernels_fast(&fast, 1, NULL), DSM_OK);
  size_t count;
  const op_case *cases = all_cases(&count);
  for (size_t k = 0; k < count; k++) {
    const op_case *c = &cases[k];
    built a = build_case(c, &ref, c->second), b = build_case(c, &fast, c->second);
    run_scalar(&a);
    run_scalar(&b);
    for (int i = 0; i < c->inputs; i++) {
      const float *da = dsm_graph_data(a.graph, a.dx[i]), *db = dsm_graph_data(b.graph, b.dx[i]);
      double largest = 1.0, error = 0; /* values are of order one; sums may cancel to zero */
      for (size_t e = 0; e < dsm_shape_count(c->shape[i]); e++) {
        largest = fmax(largest, fabs(da[e]));
        error = fmax(error, fabs((double)da[e] - db[e]));
      }
      if (!(error <= KERNEL_TOLERANCE * largest))
        fail_msg("%s: input %d deviates by %g", c->name, i, error / largest);
    }
    dsm_graph_destroy(&a.graph);
    dsm_graph_destroy(&b.graph);
  }
}

static void fused_group_norm_refuses_a_second_derivative_and_says_what_to_do(void **state) {
  (void)state;
  dsm_graph *g;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_node *x = dsm_input(g, "x", DSM_SHAPE(2, 4, 6)), *gamma = dsm_fill(g, DSM_SHAPE(6), 1),
           *beta = dsm_fill(g, DSM_SHAPE(6), 0), *dx, *ddx;
  dsm_graph_gradient(g, dsm_group_norm_node(g, x, gamma, beta, 2, 1e-6f, DSM_ACTIVATION_NONE), NULL, &x, 1,
                     &dx);
  dsm_graph_gradient(g, dsm_square(g, dx), NULL, &x, 1, &ddx);
  assert_int_equal(dsm_graph_status(g), DSM_INTERNAL);
  assert_non_null(strstr(dsm_trail(), "group_norm_gradient has no derivative"));
  assert_non_null(strstr(dsm_trail(), "dsm_graph_decompose"));
  dsm_graph_destroy(&g);
}

static void shapes_that_do_not_fit_are_refused_with_both_shapes(void **state) {
  (void)state;
  dsm_graph *g;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_node *a = dsm_input(g, "a", DSM_SHAPE(2, 3)), *b = dsm_input(g, "b", DSM_SHAPE(4, 5));
  assert_null(dsm_matmul_node(g, a, false, b, false, 1));
  assert_null(dsm_add(g, a, a)); /* the graph stays failed, with its first message */
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  assert_int_equal(dsm_graph_plan(g, &k), DSM_INTERNAL);
  assert_non_null(strstr(dsm_trail(), "matmul: (2, 3) and (4, 5) do not fit"));
  dsm_graph_destroy(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_match_finite_differences_on_ref),
      cmocka_unit_test(derivatives_match_finite_differences_on_fast),
      cmocka_unit_test(fast_and_ref_agree),
      cmocka_unit_test(fused_group_norm_refuses_a_second_derivative_and_says_what_to_do),
      cmocka_unit_test(shapes_that_do_not_fit_are_refused_with_both_shapes),
  };
  return cmocka_run_group_tests_name("graph: operations", tests, NULL, NULL);
}
