/* The Winograd convolution against the definition in float64, for every instruction set of this processor;
 * the same bits on 1, 2 and 3 threads and for data at another alignment; gradients that are its adjoints. */
#include "operands.h"
#include "conv_shapes.h"

/* Largest error over largest result. Rounding is 6e-8; the transforms enlarge it about tenfold, the sums over
 * channels or up to 1024 tiles somewhat more. 2e-5 is asked for; half of it is the bound, because the
 * interpolation points were chosen for it: see what is printed. */
static const double worst_error = 1e-5;

#define CONV(batch, height, width, in, out)                                                                  \
  { batch, height, width, in, out, height, width, 3, 3, 1, 1, 1, 1, 1 }
static const dsm_conv2d shapes[] = {
    /* of U-Nets */
    CONV(1, 28, 28, 32, 32),
    CONV(2, 28, 28, 64, 64),
    CONV(1, 28, 28, 96, 96),
    CONV(1, 28, 28, 128, 128),
    CONV(16, 14, 14, 64, 64),
    CONV(2, 14, 14, 128, 128),
    CONV(1, 14, 14, 192, 192),
    CONV(16, 7, 7, 64, 64),
    CONV(2, 7, 7, 128, 128),
    CONV(2, 7, 7, 256, 128),
    CONV(1, 32, 32, 128, 128),
    CONV(2, 16, 16, 48, 96),
    CONV(1, 12, 12, 256, 256),
    /* few channels, and numbers of them that fill no vector */
    CONV(16, 28, 28, 1, 32),
    CONV(2, 28, 28, 3, 16),
    CONV(2, 28, 28, 64, 1),
    CONV(2, 12, 10, 37, 37),
    CONV(2, 12, 10, 5, 83),
    /* ragged pictures, fewer tiles than a vector or a block has room for */
    CONV(16, 5, 9, 16, 24),
    CONV(1, 5, 9, 37, 40),
    CONV(2, 30, 11, 20, 40), /* 4 divides neither: narrow tiles of 3, and of 2 cut to 1 */
    CONV(5, 8, 13, 9, 17),
    CONV(4, 3, 6, 17, 33), /* no whole tile */
    CONV(1, 1, 1, 2, 3),
    CONV(3, 4, 1, 8, 8),
    /* other paddings */
    {2, 9, 8, 16, 8, 7, 6, 3, 3, 1, 0, 0, 0, 0},
    {2, 9, 8, 8, 16, 11, 10, 3, 3, 1, 2, 2, 2, 2},
    {3, 10, 7, 8, 20, 9, 8, 3, 3, 1, 0, 2, 1, 1},
    /* more tiles than the most segments hold, and runs than one in a segment */
    CONV(48, 28, 28, 4, 4),
    CONV(350, 28, 28, 3, 3),
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
enum { SETS = sizeof sets / sizeof *sets };

static const dsm_conv2d_algorithm *winograd_of(const dsm_kernels *k) {
  for (const dsm_conv2d_algorithm *const *a = k->conv2d; *a != NULL; a++) {
    if (strcmp((*a)->name, "winograd") == 0) return *a;
  }
  fail_msg("%s has no winograd", k->name);
  return NULL;
}

/* ---- the definition ------------------------------------------------------------------------------------ */

typedef struct results {
  double *y, *dx, *dw;
} results;

/* Adds the terms of one output pixel and one of its inputs to all three. */
static void add_terms(const dsm_conv2d *c, const results *r, const float *dy, const float *x, const float *w,
                      size_t pixel_y, size_t pixel_x, size_t tap) {
  const size_t in = c->in;
  for (size_t o = 0; o < c->out; o++) {
    const double g = dy[pixel_y * c->out + o];
    const float *from = x + pixel_x * in, *weight = w + (o * 9 + tap) * in;
    double *dx = r->dx + pixel_x * in, *dw = r->dw + (o * 9 + tap) * in, sum = 0;
    for (size_t l = 0; l < in; l++) {
      sum += (double)from[l] * weight[l];
      dx[l] += g * weight[l];
      dw[l] += g * from[l];
    }
    r->y[pixel_y * c->out + o] += sum;
  }
}

static results define(const dsm_conv2d *c, const float *dy, const float *x, const float *w) {
  results r;
  assert_int_equal(DSM_ALLOC(conv_output_size(c), &r.y), DSM_OK);
  assert_int_equal(DSM_ALLOC(conv_input_size(c), &r.dx), DSM_OK);
  assert_int_equal(DSM_ALLOC(conv_weight_size(c), &r.dw), DSM_OK);
  for (size_t pixel = 0; pixel < c->batch * c->out_height * c->out_width; pixel++) {
    const size_t j = pixel % c->out_width, i = pixel / c->out_width % c->out_height;
    const size_t n = pixel / c->out_width / c->out_height;
    for (size_t tap = 0; tap < 9; tap++) {
      const size_t row = i + tap / 3 - c->pad_top,
                   column = j + tap % 3 - c->pad_left; /* wraps when below 0 */
      if (row < c->height && column < c->width) {
        add_terms(c, &r, dy, x, w, pixel, (n * c->height + row) * c->width + column, tap);
      }
    }
  }
  return r;
}

static void results_free(results *r) {
  free(r->y);
  free(r->dx);
  free(r->dw);
}

/* ---- the kernel ---------------------------------------------------------------------------------------- */

typedef struct run {
  const float *dy, *x, *w;
  float *y, *dx, *dw;
} run;

static run run_once(const dsm_kernels *k, const dsm_conv2d *c, size_t offset) {
  const dsm_conv2d_algorithm *a = winograd_of(k);
  operands.offset = offset;
  run r = {.dy = operand_input(conv_output_size(c), 1, -1, 1),
           .x = operand_input(conv_input_size(c), 2, -1, 1),
           .w = operand_input(conv_weight_size(c), 3, -1, 1),
           .y = operand_output(conv_output_size(c)),
           .dx = operand_output(conv_input_size(c)),
           .dw = operand_output(conv_weight_size(c))};
  a->forward(k, c, r.y, r.x, r.w, NULL, operand_scratch(a->scratch(k, c)));
  a->input_gradient(k, c, r.dx, r.dy, r.w, NULL, operand_scratch(a->scratch(k, c)));
  a->weight_gradient(k, c, r.dw, r.dy, r.x, operand_scratch(a->scratch(k, c)));
  return r;
}

static double error_of(const float *got, const double *expected, size_t n) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    const double e = fabs(got[i] - expected[i]);
    if (!(e <= error)) error = e; /* a NAN counts, and stays */
    if (fabs(expected[i]) > largest) largest = fabs(expected[i]);
  }
  return error / largest;
}

static void text_of(char *text, size_t n, const dsm_conv2d *c, const char *set) {
  snprintf(text, n, "%zux%zux%zu, %zu to %zu channels, padding %zu %zu %zu %zu, %s", c->batch, c->height,
           c->width, c->in, c->out, c->pad_top, c->pad_left, c->pad_bottom, c->pad_right, set);
}

static void all_three_equal_their_definition(void **state) {
  (void)state;
  dsm_kernels k;
  double worst[3] = {0};
  for (int i = 0; i < SHAPES; i++) {
    const dsm_conv2d *c = &shapes[i];
    results expected = {0};
    for (int s = 0; s < SETS; s++) {
      if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
      const run r = run_once(&k, c, 0);
      if (expected.y == NULL) expected = define(c, r.dy, r.x, r.w);
      const double error[3] = {error_of(r.y, expected.y, conv_output_size(c)),
                               error_of(r.dx, expected.dx, conv_input_size(c)),
                               error_of(r.dw, expected.dw, conv_weight_size(c))};
      for (int o = 0; o < 3; o++) {
        static const char *const names[] = {"y", "dx", "dw"};
        char text[128];
        text_of(text, sizeof text, c, sets[s]);
        if (!(error[o] <= worst_error))
          fail_msg("%s: error of %s is %.3g of its largest", text, names[o], error[o]);
        if (error[o] > worst[o]) worst[o] = error[o];
      }
      operands_release();
    }
    results_free(&expected);
  }
  dsm_trail_clear();
  print_message("largest error over largest result: y %.2g, dx %.2g, dw %.2g\n", worst[0], worst[1],
                worst[2]);
}

/* The three results of a run, one after the other, to be freed. */
static float *bits_of(const dsm_kernels *k, const dsm_conv2d *c, size_t offset) {
  const size_t y = conv_output_size(c), x = conv_input_size(c), w = conv_weight_size(c);
  const run r = run_once(k, c, offset);
  float *bits = NULL;
  assert_int_equal(DSM_ALLOC(y + x + w, &bits), DSM_OK);
  memcpy(bits, r.y, y * sizeof *bits);
  memcpy(bits + y, r.dx, x * sizeof *bits);
  memcpy(bits + y + x, r.dw, w * sizeof *bits);
  operands_release();
  return bits;
}

static void bits_depend_on_neither_threads_nor_alignment(void **state) {
  (void)state;
  dsm_kernels k;
  for (int i = 0; i < SHAPES; i++) {
    const dsm_conv2d *c = &shapes[i];
    const size_t n = conv_output_size(c) + conv_input_size(c) + conv_weight_size(c);
    for (int s = 0; s < SETS; s++) {
      if (dsm_kernels_fast(&k, 1, sets[s]) != DSM_OK) continue;
      char text[128];
      text_of(text, sizeof text, c, sets[s]);
      float *first = bits_of(&k, c, 0);
      for (int other = 1; other <= 3; other++) { /* 1 thread and another alignment; 2, 3 threads */
        assert_int_equal(dsm_kernels_fast(&k, other, sets[s]), DSM_OK);
        float *again = bits_of(&k, c, other == 1);
        if (memcmp(first, again, n * sizeof *first) != 0) {
          fail_msg("%s: other bits %s", text, other == 1 ? "at another alignment" : "on more threads");
        }
        free(again);
      }
      free(first);
    }
  }
  dsm_trail_clear();
}

static void weights_made_ready_change_no_bit(void **state) {
  (void)state;
  dsm_kernels k;
  for (int i = 0; i < SHAPES; i++) {
    const dsm_conv2d *c = &shapes[i];
    for (int s = 0; s < SETS; s++) {
      if (dsm_kernels_fast(&k, 2, sets[s]) != DSM_OK) continue;
      const dsm_conv2d_algorithm *a = winograd_of(&k);
      const run r = run_once(&k, c, 0);
      float *y = operand_output(conv_output_size(c)), *dx = operand_output(conv_input_size(c));
      for (int turned = 0; turned <= 1; turned++) {
        void *ready = operand_scratch(a->prepared->size(&k, c, turned)),
             *scratch = operand_scratch(a->scratch(&k, c));
        a->prepared->prepare(&k, c, turned, ready, r.w);
        if (turned) a->prepared->input_gradient(&k, c, dx, r.dy, ready, NULL, scratch);
        if (!turned) a->prepared->forward(&k, c, y, r.x, ready, NULL, scratch);
      }
      assert_memory_equal(y, r.y, conv_output_size(c) * sizeof *y);
      assert_memory_equal(dx, r.dx, conv_input_size(c) * sizeof *dx);
      operands_release();
    }
  }
  dsm_trail_clear();
}

/* y is linear in x and in w, so <dy, y> = <dx, x> = <dw, w>: no reference needed. */
static void gradients_are_adjoints(void **state) {
  (void)state;
  dsm_kernels k;
  assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
  for (int i = 0; i < SHAPES; i++) {
    const dsm_conv2d *c = &shapes[i];
    const run r = run_once(&k, c, 0);
    const double by_y = inner_product(r.dy, r.y, conv_output_size(c));
    const double size =
        sqrt(inner_product(r.dy, r.dy, conv_output_size(c)) * inner_product(r.y, r.y, conv_output_size(c)));
    /* errors of single results are 1e-6 of their size and do not add up */
    assert_near(inner_product(r.dx, r.x, conv_input_size(c)), by_y, 2e-6 * size);
    assert_near(inner_product(r.dw, r.w, conv_weight_size(c)), by_y, 2e-6 * size);
    operands_release();
  }
}

static const char *choice(size_t batch, size_t height, size_t in, size_t out, size_t kernel, size_t stride) {
  dsm_kernels k;
  const size_t pad = kernel / 2, size = (height + 2 * pad - kernel) / stride + 1;
  const dsm_conv2d c = {batch,  height, height, in,  out, size, size,
                        kernel, kernel, stride, pad, pad, pad,  pad};
  assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
  return dsm_kernels_conv2d(&k, &c)->name;
}

static void shapes_choose_the_algorithm(void **state) {
  (void)state;
  assert_string_equal(choice(1, 28, 64, 64, 3, 1), "winograd");
  assert_string_equal(choice(4, 7, 256, 128, 3, 1), "winograd");
  assert_string_equal(choice(16, 4, 64, 64, 3, 1), "winograd");
  assert_string_equal(choice(16, 28, 3, 16, 3, 1), "winograd");
  assert_string_equal(choice(16, 28, 1, 64, 3, 1), "im2col");  /* one channel in a vector of 16 */
  assert_string_equal(choice(1, 7, 128, 128, 3, 1), "im2col"); /* four tiles */
  assert_string_equal(choice(64, 2, 64, 64, 3, 1), "im2col");  /* as many products as the definition */
  assert_string_equal(choice(16, 28, 64, 64, 3, 2), "im2col");
  assert_string_equal(choice(16, 28, 64, 64, 5, 1), "im2col");
  assert_string_equal(choice(16, 28, 64, 64, 1, 1), "1x1");
}

static void winograd_can_be_left_out(void **state) {
  (void)state;
  dsm_kernels k;
  for (int i = 0; i < SHAPES; i++) {
    assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
    const dsm_conv2d_algorithm *const before = dsm_kernels_conv2d(&k, &shapes[i]);
    dsm_kernels_no_winograd(&k);
    const dsm_conv2d_algorithm *const after = dsm_kernels_conv2d(&k, &shapes[i]);
    assert_string_not_equal(after->name, "winograd");
    if (strcmp(before->name, "winograd") != 0) assert_ptr_equal(before, after);
  }
  assert_string_equal(k.name, "im2col");
  assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
  assert_string_equal(choice(1, 28, 64, 64, 3, 1), "winograd"); /* another table is left alone */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_choose_the_algorithm),
      cmocka_unit_test(winograd_can_be_left_out),
      cmocka_unit_test(all_three_equal_their_definition),
      cmocka_unit_test(bits_depend_on_neither_threads_nor_alignment),
      cmocka_unit_test(weights_made_ready_change_no_bit),
      cmocka_unit_test(gradients_are_adjoints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
