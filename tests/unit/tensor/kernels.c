/* Every fast kernel, on every instruction set of this processor, against the plain C one; and the same bits
 * on 1, 2 and 3 threads and for data at another alignment. */
#include "operands.h"
#include "conv_shapes.h"

/* |fast - ref| <= relative |ref| + absolute sqrt(terms): float rounding is 6e-8, and the errors of a sum of
 * numbers of size 1 grow like the square root of the number of terms. */
typedef struct tolerance {
  double relative, absolute;
} tolerance;
static const tolerance exact = {0, 0};         /* moves, single operations: the same rounding */
static const tolerance rounded = {5e-7, 1e-7}; /* a few operations */
static const tolerance summed = {1e-6, 3e-7};  /* sums in float over short runs, joined in double */
static const tolerance multiplied = {
    1e-6, 1e-6}; /* running sums in float, as large as sqrt(terms), over 256 terms at most; then joined */
static const tolerance filtered = {
    1e-6, 4e-6}; /* Winograd's transforms enlarge roundings; winograd.c measures them by the largest result */
static const tolerance normalized = {2e-6, 1e-6}; /* divided by a standard deviation, down to about 1/3 */

/* A kernel with its sizes: makes its operands and returns the output; the count goes into *n. */
typedef struct job {
  const char *name;
  const float *(*run)(const dsm_kernels *k, const void *sizes, size_t *n);
  const void *sizes;
  size_t terms;
  tolerance tolerance;
} job;

static char shape_text[160]; /* of the job under test, for messages */

static void compare(const dsm_kernels *k, const job *of, const float *got, const float *expected, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double bound =
        of->tolerance.relative * fabs((double)expected[i]) + of->tolerance.absolute * sqrt((double)of->terms);
    if (!(fabs((double)got[i] - (double)expected[i]) <= bound)) {
      fail_msg("%s %s, %s, %d threads: element %zu of %zu is %.9g, not %.9g (bound %.2g)", of->name,
               shape_text, k->instructions, k->threads, i, n, got[i], expected[i], bound);
    }
  }
}

static float *run_once(const job *of, const dsm_kernels *k, size_t offset, size_t *n) {
  float *kept = NULL;
  operands.offset = offset;
  const float *result = of->run(k, of->sizes, n);
  assert_int_equal(DSM_ALLOC(*n, &kept), DSM_OK);
  memcpy(kept, result, *n * sizeof *kept);
  operands_release();
  return kept;
}

static void check(job of) {
  static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
  dsm_kernels k;
  size_t n, m;
  dsm_kernels_ref(&k, 1);
  float *expected = run_once(&of, &k, 0, &n);
  for (int s = 0; s < 4; s++) {
    if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
    float *first = run_once(&of, &k, 0, &m);
    assert_int_equal(m, n);
    compare(&k, &of, first, expected, n);
    for (int other = 1; other <= 3; other++) { /* 1 thread and another alignment; 2, 3 threads */
      assert_int_equal(dsm_kernels_fast(&k, other, sets[s]), DSM_OK);
      float *again = run_once(&of, &k, other == 1, &m);
      if (memcmp(again, first, n * sizeof *first) != 0) {
        fail_msg("%s %s, %s: other bits %s", of.name, shape_text, sets[s],
                 other == 1 ? "at another alignment" : "on more threads");
      }
      free(again);
    }
    free(first);
  }
  free(expected);
  dsm_trail_clear();
}

/* ---- matrix products ----------------------------------------------------------------------------------- */

static const float *run_matmul(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_matmul *p = sizes;
  const float *a = operand_input(p->batch * p->m * p->k, 1, -1, 1);
  const float *b = operand_input(p->batch * p->k * p->n, 2, -1, 1);
  float *c = operand_output(*n = p->batch * p->m * p->n);
  k->matmul(k, p, c, a, b, operand_scratch(k->matmul_scratch(k, p)));
  return c;
}

static void matmul_equals_reference(void **state) {
  (void)state;
  static const size_t rows[][4] = {
      /* batch m n k */
      {1, 1, 1, 1},      {1, 5, 7, 3},
      {3, 49, 49, 64},   {1, 128, 128, 128},
      {2, 37, 1, 65},    {1, 12, 9, 5000} /* sums in segments */,
      {2, 3, 5, 4200},   {1, 4, 3000, 700} /* cut by columns */,
      {64, 8, 8, 8},     {1, 1100, 70, 100} /* cut by rows */,
      {1, 259, 300, 60}, {5, 300, 40, 350},
      {2, 1, 2, 3},      {1, 2, 17, 33},
      {2, 33, 33, 17},   {1, 13, 48, 9},
      {1, 17, 80, 31},   {2, 64, 64, 64},
      {1, 130, 64, 2},   {1, 7, 1040, 300} /* b by blocks of its rows and columns */,
      {3, 100, 2, 64},   {2, 90, 3, 600} /* few columns: dot products, or turned */,
      {2, 3, 150, 400},  {1, 1, 40, 1300} /* few rows */,
      {1, 5, 6, 0},      {1, 515, 520, 260} /* large: OpenBLAS */,
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (int t = 0; t < 4; t++) {
      const dsm_matmul p = {rows[r][0], rows[r][1], rows[r][2], rows[r][3], t & 1, t >> 1, 0.7f};
      snprintf(shape_text, sizeof shape_text, "%zu x %zux%zux%zu transposed %d %d", p.batch, p.m, p.n, p.k,
               t & 1, t >> 1);
      check((job){"matmul", run_matmul, &p, p.k, multiplied});
    }
  }
}

/* ---- convolution --------------------------------------------------------------------------------------- */

static const float *run_forward(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_conv2d *c = sizes;
  const dsm_conv2d_algorithm *algorithm = dsm_kernels_conv2d(k, c);
  const float *x = operand_input(conv_input_size(c), 1, -1, 1),
              *w = operand_input(conv_weight_size(c), 2, -1, 1);
  float *y = operand_output(*n = conv_output_size(c));
  algorithm->forward(k, c, y, x, w, NULL, operand_scratch(algorithm->scratch(k, c)));
  return y;
}

static const float *run_input_gradient(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_conv2d *c = sizes;
  const dsm_conv2d_algorithm *algorithm = dsm_kernels_conv2d(k, c);
  const float *dy = operand_input(conv_output_size(c), 1, -1, 1),
              *w = operand_input(conv_weight_size(c), 2, -1, 1);
  float *dx = operand_output(*n = conv_input_size(c));
  algorithm->input_gradient(k, c, dx, dy, w, NULL, operand_scratch(algorithm->scratch(k, c)));
  return dx;
}

static const float *run_weight_gradient(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_conv2d *c = sizes;
  const dsm_conv2d_algorithm *algorithm = dsm_kernels_conv2d(k, c);
  const float *x = operand_input(conv_input_size(c), 1, -1, 1),
              *dy = operand_input(conv_output_size(c), 2, -1, 1);
  float *dw = operand_output(*n = conv_weight_size(c));
  algorithm->weight_gradient(k, c, dw, dy, x, operand_scratch(algorithm->scratch(k, c)));
  return dw;
}

static void convolution_equals_reference(void **state) {
  (void)state;
  for (int i = 0; i < CONV_SHAPES; i++) {
    const dsm_conv2d *c = &conv_shapes[i];
    snprintf(shape_text, sizeof shape_text, "%zux%zux%zux%zu to %zux%zux%zu by %zux%zu/%zu", c->batch,
             c->height, c->width, c->in, c->out_height, c->out_width, c->out, c->kernel_h, c->kernel_w,
             c->stride);
    check((job){"conv2d", run_forward, c, c->kernel_h * c->kernel_w * c->in, filtered});
    check((job){"conv2d dx", run_input_gradient, c, c->kernel_h * c->kernel_w * c->out, filtered});
    check((job){"conv2d dw", run_weight_gradient, c, c->batch * c->out_height * c->out_width, filtered});
  }
}

/* ---- element-wise -------------------------------------------------------------------------------------- */

enum { LONG = 70001 }; /* odd, and enough for threads */
static const size_t lengths[] = {1, 2, 15, 16, 17, 63, 1000, 8200, LONG};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static dsm_unary unary_under_test;
static const float *run_unary_in_place(const dsm_kernels *k, const void *sizes, size_t *n) {
  float *x = operand_input(*n = *(const size_t *)sizes, 1, 0.1f, 5);
  k->unary(k, unary_under_test, x, x, *n);
  return x;
}

/* sizes: elements; where dx goes: 0 elsewhere, 1 over dy, 2 over x */
static const float *run_silu_gradient(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t count = *n = ((const size_t *)sizes)[0], where = ((const size_t *)sizes)[1];
  float *dy = operand_input(count, 1, -1, 1), *x = operand_input(count, 2, -100, 100);
  float *dx = where == 0 ? operand_output(count) : where == 1 ? dy : x;
  k->silu_gradient(k, dx, dy, x, count);
  return dx;
}

static const float *run_affine(const dsm_kernels *k, const void *sizes, size_t *n) {
  float *x = operand_input(*n = *(const size_t *)sizes, 1, -1, 1);
  k->affine(k, x, x, 1.7f, -0.3f, *n);
  return x;
}

static void functions_of_one_element_work_in_place(void **state) {
  (void)state;
  for (int i = 0; i < LENGTHS; i++) {
    snprintf(shape_text, sizeof shape_text, "of %zu", lengths[i]);
    for (int f = 0; f < DSM_UNARY_COUNT; f++) {
      unary_under_test = (dsm_unary)f;
      check((job){"unary", run_unary_in_place, &lengths[i], 1, rounded});
    }
    check((job){"affine", run_affine, &lengths[i], 1, rounded});
    for (size_t where = 0; where < 3; where++) /* silu' goes through 0 by cancellation of terms of size 1 */
      check((job){"silu gradient", run_silu_gradient, (const size_t[]){lengths[i], where}, 1,
                  (tolerance){4e-7, 4e-7}});
  }
}

typedef struct pair {
  int rank;
  size_t a[DSM_MAX_RANK], b[DSM_MAX_RANK]; /* shapes */
} pair;

static size_t strides_of(size_t *stride, const size_t *n, int rank) {
  size_t size = 1;
  for (int axis = rank - 1; axis >= 0; axis--) {
    stride[axis] = n[axis] == 1 ? 0 : size;
    size *= n[axis];
  }
  return size;
}

static dsm_binary binary_under_test;
static bool in_place; /* y is the operand that has its shape */
static const float *run_binary(const dsm_kernels *k, const void *sizes, size_t *n) {
  const pair *shapes = sizes;
  dsm_broadcast p = {.rank = shapes->rank};
  *n = 1;
  for (int axis = 0; axis < p.rank; axis++) {
    p.n[axis] = shapes->a[axis] > shapes->b[axis] ? shapes->a[axis] : shapes->b[axis];
    *n *= p.n[axis];
  }
  const size_t size_a = strides_of(p.stride_a, shapes->a, p.rank),
               size_b = strides_of(p.stride_b, shapes->b, p.rank);
  float *a = operand_input(size_a, 1, -1, 1), *b = operand_input(size_b, 2, 0.5f, 2);
  float *y = !in_place ? operand_output(*n) : size_a == *n ? a : size_b == *n ? b : operand_output(*n);
  k->binary(k, binary_under_test, y, a, b, &p);
  return y;
}

static const float *run_broadcast(const dsm_kernels *k, const void *sizes, size_t *n) {
  const pair *shapes = sizes; /* a to the shape of the pair */
  dsm_broadcast p = {.rank = shapes->rank};
  *n = 1;
  for (int axis = 0; axis < p.rank; axis++) {
    p.n[axis] = shapes->a[axis] > shapes->b[axis] ? shapes->a[axis] : shapes->b[axis];
    *n *= p.n[axis];
  }
  const float *a = operand_input(strides_of(p.stride_a, shapes->a, p.rank), 1, -1, 1);
  float *y = operand_output(*n);
  k->broadcast(k, y, a, &p);
  return y;
}

static void binary_and_broadcast_equal_reference(void **state) {
  (void)state;
  static const pair pairs[] = {
      {1, {1}, {1}},
      {1, {LONG}, {LONG}},
      {1, {LONG}, {1}},
      {1, {1}, {37}},
      {4, {5, 7, 3, 37}, {5, 7, 3, 37}},
      {4, {1, 1, 1, 37}, {3, 5, 7, 37}}, /* bias */
      {4, {6, 20, 20, 3}, {1, 1, 1, 3}}, /* bias of few channels */
      {4, {2, 150, 150, 1}, {1, 1, 1, 1}},
      {4, {7, 20, 20, 32}, {7, 1, 1, 1}}, /* per sample */
      {4, {3, 1, 1, 5}, {3, 9, 60, 5}},   /* (N, 1, 1, C) */
      {4, {3, 31, 20, 64}, {3, 1, 1, 64}},
      {4, {3, 1, 1, 1}, {1, 9, 6, 5}}, /* outer sum */
      {5, {2, 1, 3, 1, 4}, {2, 5, 3, 6, 4}},
      {5, {2, 5, 1, 6, 1}, {2, 5, 3, 6, 4}},
      {3, {900, 1, 1}, {900, 49, 1}}, /* softmax-like */
      {2, {3, 30000}, {3, 1}},
      {2, {3, 30000}, {1, 30000}},
      {3, {1, 4, 1}, {6, 1, 5}},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    snprintf(shape_text, sizeof shape_text, "row %zu", i);
    for (int f = 0; f < DSM_BINARY_COUNT; f++) {
      binary_under_test = (dsm_binary)f;
      in_place = false;
      check((job){"binary", run_binary, &pairs[i], 1, exact});
      in_place = true;
      check((job){"binary in place", run_binary, &pairs[i], 1, exact});
    }
    check((job){"broadcast", run_broadcast, &pairs[i], 1, exact});
  }
}

static const float *run_copy(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t *s = sizes; /* rows, width, dst_stride, src_stride */
  const float *src = operand_input(s[0] * s[3], 1, -1, 1);
  float *dst = operand_input(*n = s[0] * s[2], 2, -1, 1); /* what lies between the rows stays */
  k->copy(k, dst, s[2], src, s[3], s[0], s[1]);
  return dst;
}

static void copy_leaves_the_gaps_alone(void **state) {
  (void)state;
  static const size_t rows[][4] = {
      {1, 1, 1, 1}, {5, 3, 7, 4}, {300, 64, 128, 64}, {1000, 37, 64, 100}, {9, 8200, 8300, 8200}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(shape_text, sizeof shape_text, "row %zu", i);
    check((job){"copy", run_copy, rows[i], 1, exact});
  }
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

static const float *run_reduce(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_reduce *p = sizes;
  size_t size = 1;
  *n = 1;
  for (int axis = 0; axis < p->rank; axis++) {
    size *= p->n[axis];
    *n *= p->keep[axis] ? p->n[axis] : 1;
  }
  const float *x = operand_input(size, 1, -1, 1);
  float *y = operand_output(*n);
  k->reduce(k, y, x, p, operand_scratch(k->reduce_scratch(k, p)));
  return y;
}

static void reduce_equals_reference(void **state) {
  (void)state;
  static const dsm_reduce rows[] = {
      {1, {1}, {false}},
      {1, {LONG}, {false}},
      {1, {37}, {true}},
      {4, {5, 30, 30, 37}, {false, false, false, true}}, /* bias gradient */
      {4, {40, 30, 30, 3}, {false, false, false, true}},
      {4, {3, 5, 7, 1}, {false, false, false, true}},
      {2, {9, 3000}, {false, true}},
      {4, {7, 20, 20, 32}, {true, false, false, false}}, /* per sample */
      {4, {3, 200, 200, 1}, {true, false, false, false}},
      {4, {3, 20, 33, 37}, {true, false, false, true}}, /* keep (N, C) */
      {4, {20, 9, 9, 64}, {true, false, false, true}},
      {2, {900, 49}, {true, false}},
      {5, {2, 3, 4, 5, 6}, {false, true, false, true, false}}, /* left to ref */
      {3, {6, 7, 8}, {false, true, false}},
      {4, {6, 1, 8, 1}, {true, true, true, false}},
      {3, {2, 3, 1500}, {true, false, true}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t terms = 1;
    for (int axis = 0; axis < rows[i].rank; axis++) terms *= rows[i].keep[axis] ? 1 : rows[i].n[axis];
    snprintf(shape_text, sizeof shape_text, "row %zu", i);
    check((job){"reduce", run_reduce, &rows[i], terms, summed});
  }
}

/* ---- normalisation ------------------------------------------------------------------------------------- */

static const float *run_softmax(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t *s = sizes;
  float *x = operand_input(*n = s[0] * s[1], 1, -8, 8);
  k->softmax(k, x, x, s[0], s[1]);
  return x;
}

static const float *run_softmax_gradient(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t *s = sizes;
  float *dy = operand_input(*n = s[0] * s[1], 1, -1, 1);
  const float *y = operand_input(*n, 2, 0, 1);
  k->softmax_gradient(k, dy, dy, y, s[0], s[1]);
  return dy;
}

static void softmax_equals_reference(void **state) {
  (void)state;
  static const size_t rows[][2] = {{1, 1}, {3, 7}, {700, 49}, {50, 196}, {9, 64}, {20, 5000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(shape_text, sizeof shape_text, "%zu rows of %zu", rows[i][0], rows[i][1]);
    check(
        (job){"softmax", run_softmax, rows[i], 1, (tolerance){2e-6, 1e-9}}); /* exp of 16 at most: 2 units */
    check((job){"softmax gradient", run_softmax_gradient, rows[i], rows[i][1], summed});
  }
}

static float norm_mean = 0.5f; /* of the data: large means must not spoil the variance */

static const float *norm_input(const dsm_group_norm *p, uint32_t seed) {
  return operand_input(p->batch * p->positions * p->channels, seed, norm_mean - 1, norm_mean + 1);
}

/* Plausible statistics, not those of x: the kernels must use what they are given. */
static const float *norm_statistics(const dsm_group_norm *p) {
  return operand_input(2 * p->batch * p->groups, 7, 0.4f, 1.6f);
}

/* statistics, then y: of x itself */
static const float *run_group_norm(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_group_norm *p = sizes;
  const float *x = norm_input(p, 1);
  const float *gamma = operand_input(p->channels, 2, -1, 1), *beta = operand_input(p->channels, 3, -1, 1);
  const size_t statistics = 2 * p->batch * p->groups;
  float *out = operand_output(*n = statistics + p->batch * p->positions * p->channels);
  k->group_norm(k, out + statistics, out, x, gamma, beta, p);
  return out;
}

/* y over x, and nowhere to put the statistics */
static const float *run_norm_in_place(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_group_norm *p = sizes;
  const float *gamma = operand_input(p->channels, 2, -1, 1), *beta = operand_input(p->channels, 3, -1, 1);
  float *x = operand_input(*n = p->batch * p->positions * p->channels, 1, norm_mean - 1, norm_mean + 1);
  k->group_norm(k, x, NULL, x, gamma, beta, p);
  return x;
}

static const float *run_norm_gradient(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_group_norm *p = sizes;
  const float *x = norm_input(p, 1), *statistics = norm_statistics(p);
  const float *gamma = operand_input(p->channels, 2, -1, 1), *beta = operand_input(p->channels, 3, -1, 1);
  const float *dy = operand_input(*n = p->batch * p->positions * p->channels, 4, -1, 1);
  float *dx = operand_output(*n);
  k->group_norm_gradient(k, dx, NULL, NULL, dy, x, statistics, gamma, beta, p);
  return dx;
}

/* dgamma and dbeta, dx over dy */
static const float *run_norm_parameter_gradients(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_group_norm *p = sizes;
  const float *x = norm_input(p, 1), *statistics = norm_statistics(p);
  const float *gamma = operand_input(p->channels, 2, -1, 1), *beta = operand_input(p->channels, 3, -1, 1);
  float *dy = operand_input(p->batch * p->positions * p->channels, 4, -1, 1);
  const size_t each = p->batch * p->channels;
  float *out = operand_output(*n = 2 * each);
  k->group_norm_gradient(k, dy, out, out + each, dy, x, statistics, gamma, beta, p);
  return out;
}

static void group_norm_equals_reference(void **state) {
  (void)state;
  static const dsm_group_norm rows[] = {
      {1, 1, 4, 2, 1e-2f, 0},      {2, 5, 3, 1, 1e-5f, 0},     {3, 49, 37, 37, 1e-5f, 0},
      {4, 784, 32, 8, 1e-5f, 0},   {2, 196, 64, 32, 1e-5f, 0}, {3, 100, 1, 1, 1e-5f, 0},
      {2, 33, 96, 4, 1e-5f, 0},    {1, 50, 3000, 3, 1e-5f, 0}, {2, 9, 2500, 1, 1e-5f, 0},
      {2, 11, 1500, 50, 1e-5f, 0}, {5, 400, 48, 1, 1e-5f, 0},  {1, 4100, 192, 32, 1e-5f, 0},
      {2, 1, 70, 7, 1e-5f, 0},     {1, 3, 5, 5, 1e-2f, 0},
  };
  for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
    dsm_group_norm p = rows[i / 2];
    p.activation = i % 2 ? DSM_ACTIVATION_SILU : DSM_ACTIVATION_NONE;
    const size_t size = p.positions * p.channels / p.groups;
    snprintf(shape_text, sizeof shape_text, "%zux%zux%zu in %zu%s", p.batch, p.positions, p.channels,
             p.groups, i % 2 ? ", silu" : "");
    check((job){"group norm", run_group_norm, &p, 1, normalized});
    check((job){"group norm in place", run_norm_in_place, &p, 1, normalized});
    check((job){"group norm dx", run_norm_gradient, &p, 1, normalized});
    check((job){"group norm dgamma, dbeta", run_norm_parameter_gradients, &p, size, summed});
  }
}

static const float *run_statistics(const dsm_kernels *k, const void *sizes, size_t *n) {
  const dsm_group_norm *p = sizes;
  const float *out = run_group_norm(k, sizes, n);
  *n = 2 * p->batch * p->groups;
  return out;
}

static void statistics_survive_a_large_mean(void **state) {
  (void)state;
  /* float keeps 1000 +- 1 to 6e-5; the squares, 1e6, would leave nothing of a variance of 1/3 */
  static const dsm_group_norm p = {2, 784, 32, 8, 1e-5f, 0}, wide = {2, 9, 2500, 1, 1e-5f, 0};
  norm_mean = 1000;
  snprintf(shape_text, sizeof shape_text, "about 1000");
  check((job){"statistics", run_statistics, &p, 1, normalized});
  check((job){"statistics", run_statistics, &wide, 1, normalized});
  norm_mean = 0.5f;
}

/* SiLU far out: the fused kernel must go to 0 and to u there, its slope to 0 and 1, without a NAN. */
static void fused_silu_is_right_far_from_zero(void **state) {
  (void)state;
  enum { N = 40 };
  const dsm_group_norm p = {1, N, 1, 1, 0, DSM_ACTIVATION_SILU};
  const float gamma = 300, beta = 0, statistics[2] = {0, 1};
  float x[N], y[N], dx[N], ones[N], dbeta;
  for (int i = 0; i < N; i++) {
    x[i] = (float)(i % 2 ? i : -i) / N;
    ones[i] = i == N - 1; /* the slope at 300 (N-1)/N alone */
  }
  dsm_kernels k;
  for (int s = 0; s < 4; s++) {
    static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
    if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
    k.group_norm(&k, y, NULL, x, &gamma, &beta, &p);
    for (int i = 10; i < N; i++) { /* deviation 0.57, so |u| > 130 there */
      assert_true(i % 2 ? y[i] > 130 : y[i] <= 0 && y[i] > -1e-30f);
    }
    k.group_norm_gradient(&k, dx, NULL, &dbeta, ones, x, statistics, &gamma, &beta, &p);
    assert_true(dbeta == 1);
  }
  dsm_trail_clear();
}

/* ---- resampling ---------------------------------------------------------------------------------------- */

static const float *run_upsample(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t *s = sizes; /* batch height width channels */
  const float *x = operand_input(s[0] * s[1] * s[2] * s[3], 1, -1, 1);
  float *y = operand_output(*n = 4 * s[0] * s[1] * s[2] * s[3]);
  k->upsample2(k, y, x, s[0], s[1], s[2], s[3]);
  return y;
}

static const float *run_downsample(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t *s = sizes;
  const float *y = operand_input(4 * s[0] * s[1] * s[2] * s[3], 1, -1, 1);
  float *x = operand_output(*n = s[0] * s[1] * s[2] * s[3]);
  k->downsample2_sum(k, x, y, s[0], s[1], s[2], s[3]);
  return x;
}

static void resampling_equals_reference(void **state) {
  (void)state;
  static const size_t rows[][4] = {{1, 1, 1, 1}, {2, 3, 5, 1}, {3, 7, 4, 37}, {4, 14, 14, 32}, {2, 5, 3, 3}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(shape_text, sizeof shape_text, "row %zu", i);
    check((job){"upsample", run_upsample, rows[i], 1, exact});
    check((job){"downsample", run_downsample, rows[i], 4, rounded});
  }
}

/* ---- parameters ---------------------------------------------------------------------------------------- */

enum { AVERAGES = 2 };

/* sizes: elements; length of the spans, which take turns with and without decay, 0: all decay */
static const float *run_adamw(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t count = ((const size_t *)sizes)[0], length = ((const size_t *)sizes)[1];
  const double average_decay[AVERAGES] = {0.999, 0.5};
  float *w = operand_input(3 * count, 1, 0.1f, 1), *m = w + count, *v = m + count;
  const float *gradient = operand_input(count, 2, -1, 1), *start = operand_input(count, 3, -1, 1);
  double *average[AVERAGES];
  dsm_adamw_span *span = operand_scratch((count / (length ? length : 1) + 1) * sizeof *span);
  for (size_t a = 0; a < AVERAGES; a++) {
    average[a] = operand_scratch(count * sizeof(double));
    for (size_t i = 0; i < count; i++) average[a][i] = start[i];
  }
  for (size_t s = 0; length && s * length < count; s++) {
    const size_t end = (s + 1) * length;
    span[s] = (dsm_adamw_span){end < count ? end : count, s % 2 == 0};
  }
  const dsm_adamw_step step = {
      1e-3f,    0.9f,    0.999f,       1e-8f, 1.0f, 0.25f, 1 - 0.9, 1 - 0.999, length ? span : NULL,
      AVERAGES, average, average_decay};
  k->adamw(k, w, m, v, gradient, &step, count);
  float *result = operand_output(*n = (3 + AVERAGES) * count); /* w, m, v and the averages in one array */
  for (size_t i = 0; i < 3 * count; i++) result[i] = w[i];
  for (size_t i = 0; i < AVERAGES * count; i++) result[3 * count + i] = (float)average[i / count][i % count];
  return result;
}

static const float *run_sum_squares(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t count = *(const size_t *)sizes;
  const double sum = k->sum_squares(k, operand_input(count, 1, -1, 1), count);
  float *result = operand_output(*n = 2); /* both halves of the double, so that all its bits are compared */
  result[0] = (float)sum;
  result[1] = (float)(sum - result[0]);
  return result;
}

/* Two numbers a run: their sum is rounded once, in whatever order; all other rounding is that of the tree. */
static const float *run_tree(const dsm_kernels *k, const void *sizes, size_t *n) {
  const size_t runs = ((const size_t *)sizes)[0], seed = ((const size_t *)sizes)[1];
  float *x = operand_output(runs * 4096);
  const float *value = operand_input(2 * runs, (uint32_t)seed, -1, 1);
  for (size_t i = 0; i < runs * 4096; i++) x[i] = 0;
  for (size_t run = 0; run < runs; run++) {
    x[run * 4096 + 77] = value[2 * run];
    x[run * 4096 + 3000] = value[2 * run + 1] * 0x1p-12f;
  }
  const double sum = k->sum_squares(k, x, runs * 4096);
  float *result = operand_output(*n = 3); /* a double is the sum of three floats */
  result[0] = (float)sum;
  result[1] = (float)(sum - result[0]);
  result[2] = (float)(sum - result[0] - result[1]);
  return result;
}

static const float *run_accumulate(const dsm_kernels *k, const void *sizes, size_t *n) {
  float *y = operand_input(*n = *(const size_t *)sizes, 1, -1, 1);
  k->accumulate(k, y, operand_input(*n, 2, -1, 1), *n);
  return y;
}

static void optimizer_kernels_equal_reference(void **state) {
  (void)state;
  static const size_t very_long = 16 * 4096 * 5 + 4099;
  for (int i = 0; i < LENGTHS; i++) {
    snprintf(shape_text, sizeof shape_text, "of %zu", lengths[i]);
    for (size_t length = 0; length <= 3000; length = 10 * length + 3) { /* of spans: none, 3, 33, 333 */
      const size_t sizes[] = {lengths[i], length};
      snprintf(shape_text, sizeof shape_text, "of %zu in spans of %zu", lengths[i], length);
      check((job){"adamw", run_adamw, sizes, 1, rounded});
    }
    snprintf(shape_text, sizeof shape_text, "of %zu", lengths[i]);
    check((job){"accumulate", run_accumulate, &lengths[i], 1, exact});
    /* double throughout; the second half of the number is below the rounding of the first */
    check((job){"sum of squares", run_sum_squares, &lengths[i], 1, (tolerance){1e-7, 1e-8}});
  }
  check((job){"sum of squares", run_sum_squares, &very_long, 1, (tolerance){1e-7, 1e-8}});
}

static void sum_of_squares_joins_runs_by_the_tree_of_the_reference(void **state) {
  (void)state;
  /* two trees agree by chance in most sums, so there are many */
  for (size_t seed = 1; seed <= 100; seed++) {
    const size_t sizes[] = {1 + seed % 20, seed};
    snprintf(shape_text, sizeof shape_text, "of %zu runs", sizes[0]);
    check((job){"sum of squares", run_tree, sizes, 1, exact});
  }
  for (size_t runs = 31; runs <= 163; runs += 33) {
    const size_t sizes[] = {runs, 1};
    snprintf(shape_text, sizeof shape_text, "of %zu runs", runs);
    check((job){"sum of squares", run_tree, sizes, 1, exact});
  }
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static void unknown_instruction_sets_are_refused_by_name(void **state) {
  (void)state;
  dsm_kernels k;
  assert_int_equal(dsm_kernels_fast(&k, 1, "mmx"), DSM_USAGE);
  assert_non_null(strstr(dsm_trail_message(), "'mmx'"));
  dsm_trail_clear();
  assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
  assert_string_equal(k.name, "fast");
  assert_non_null(strstr(dsm_kernels_blas(), "OpenBLAS"));
}

static void every_entry_is_filled(void **state) {
  (void)state;
  dsm_kernels k;
  for (int fast = 0; fast < 2; fast++) {
    memset(&k, 0, sizeof k);
    if (fast) assert_int_equal(dsm_kernels_fast(&k, 2, NULL), DSM_OK);
    if (!fast) dsm_kernels_ref(&k, 2);
    assert_int_equal(k.threads, 2);
    const char *entry = (const char *)&k.matmul_scratch, *end = (const char *)(&k + 1);
    for (; entry < end; entry += sizeof(void *)) {
      void *pointer;
      memcpy(&pointer, entry, sizeof pointer);
      assert_non_null(pointer);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_entry_is_filled),
      cmocka_unit_test(unknown_instruction_sets_are_refused_by_name),
      cmocka_unit_test(matmul_equals_reference),
      cmocka_unit_test(convolution_equals_reference),
      cmocka_unit_test(functions_of_one_element_work_in_place),
      cmocka_unit_test(binary_and_broadcast_equal_reference),
      cmocka_unit_test(copy_leaves_the_gaps_alone),
      cmocka_unit_test(reduce_equals_reference),
      cmocka_unit_test(softmax_equals_reference),
      cmocka_unit_test(group_norm_equals_reference),
      cmocka_unit_test(statistics_survive_a_large_mean),
      cmocka_unit_test(fused_silu_is_right_far_from_zero),
      cmocka_unit_test(resampling_equals_reference),
      cmocka_unit_test(optimizer_kernels_equal_reference),
      cmocka_unit_test(sum_of_squares_joins_runs_by_the_tree_of_the_reference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
