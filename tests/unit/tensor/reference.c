/* The plain C kernels: values by hand, the identities that define gradients, finite differences. */
#include "operands.h"
#include "conv_shapes.h"

static dsm_kernels ref;

static void assert_values(const float *x, const float *expected, size_t n) {
  for (size_t i = 0; i < n; i++) assert_near(x[i], expected[i], 1e-6 * (1 + fabs((double)expected[i])));
}

/* ---- values by hand ------------------------------------------------------------------------------------ */

static void matmul_multiplies_with_every_transposition(void **state) {
  (void)state;
  const float a[] = {1, 2, 3, 4, 5, 6}, a_t[] = {1, 4, 2, 5, 3, 6};       /* 2 x 3 */
  const float b[] = {7, 8, 9, 10, 11, 12}, b_t[] = {7, 9, 11, 8, 10, 12}; /* 3 x 2 */
  const float expected[] = {29, 32, 69.5f, 77};                           /* a b / 2 */
  for (int t = 0; t < 4; t++) {
    const dsm_matmul p = {1, 2, 2, 3, t & 1, t >> 1, 0.5f};
    float c[4];
    ref.matmul(&ref, &p, c, t & 1 ? a_t : a, t >> 1 ? b_t : b, NULL);
    assert_values(c, expected, 4);
  }
}

static void convolution_correlates_and_pads_with_zeros(void **state) {
  (void)state;
  const dsm_conv2d c = {1, 2, 3, 1, 1, 2, 3, 3, 3, 1, 1, 1, 1, 1};
  const float x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  float y[6];
  dsm_kernels_conv2d(&ref, &c)->forward(&ref, &c, y, x, w, NULL, NULL);
  assert_values(y, (const float[]){94, 154, 106, 58, 91, 58}, 6);
}

static void strided_convolution_starts_in_the_corner(void **state) {
  (void)state;
  /* as a U-Net goes down: stride 2, padding to the right and below only */
  const dsm_conv2d c = {1, 4, 4, 1, 1, 2, 2, 3, 3, 2, 0, 0, 1, 1};
  const float w[9] = {1, 0, 0, 0, 0, 0, 0, 0, 100};
  float x[16], y[4];
  for (int i = 0; i < 16; i++) x[i] = (float)i;
  dsm_kernels_conv2d(&ref, &c)->forward(&ref, &c, y, x, w, NULL, NULL);
  assert_values(y, (const float[]){1000, 2, 8, 10}, 4);
}

static void binary_broadcasts_by_strides(void **state) {
  (void)state;
  const float a[] = {1, 2, 3, 4}, b[] = {10, 20, 30};
  const dsm_broadcast p = {2, {4, 3}, {1, 0}, {0, 1}};
  float y[12];
  ref.binary(&ref, DSM_BINARY_SUB, y, a, b, &p);
  assert_values(y, (const float[]){-9, -19, -29, -8, -18, -28, -7, -17, -27, -6, -16, -26}, 12);
  ref.broadcast(&ref, y, a, &p);
  assert_values(y, (const float[]){1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}, 12);
}

static void reduce_sums_the_axes_not_kept(void **state) {
  (void)state;
  float x[24], y[6];
  for (int i = 0; i < 24; i++) x[i] = (float)i;
  ref.reduce(&ref, y, x, &(dsm_reduce){3, {2, 3, 4}, {false, true, false}}, NULL);
  assert_values(y, (const float[]){60, 92, 124}, 3);
  ref.reduce(&ref, y, x, &(dsm_reduce){3, {2, 3, 4}, {true, false, false}}, NULL);
  assert_values(y, (const float[]){66, 210}, 2);
  ref.reduce(&ref, y, x, &(dsm_reduce){3, {2, 3, 4}, {false, false, false}}, NULL);
  assert_values(y, (const float[]){276}, 1);
}

static void softmax_sums_to_one_and_does_not_overflow(void **state) {
  (void)state;
  const float x[] = {0, logf(3), 1000, 1000};
  float y[4];
  ref.softmax(&ref, y, x, 2, 2);
  assert_values(y, (const float[]){0.25f, 0.75f, 0.5f, 0.5f}, 4);
}

static void group_norm_centres_and_scales_each_group(void **state) {
  (void)state;
  /* one sample, 2 positions, 4 channels in 2 groups: group 0 holds 1 3 5 7, group 1 only 2 */
  const float x[] = {1, 3, 2, 2, 5, 7, 2, 2}, gamma[] = {1, 2, 1, 1}, beta[] = {0, 0, 5, 6};
  const float r = 1 / sqrtf(6), u[] = {-3 * r, -2 * r, 5, 6, r, 6 * r, 5, 6};
  float statistics[4], y[8], s[8];
  ref.group_norm(&ref, y, statistics, x, gamma, beta, &(dsm_group_norm){1, 2, 4, 2, 1, DSM_ACTIVATION_NONE});
  assert_values(statistics, (const float[]){4, r, 2, 1}, 4);
  assert_values(y, u, 8);
  ref.group_norm(&ref, y, NULL, x, gamma, beta, &(dsm_group_norm){1, 2, 4, 2, 1, DSM_ACTIVATION_SILU});
  for (int i = 0; i < 8; i++) s[i] = u[i] / (1 + expf(-u[i]));
  assert_values(y, s, 8);
}

static void upsampling_repeats_and_its_transpose_sums(void **state) {
  (void)state;
  const float x[] = {1, 2, 3, 4}; /* 1 x 1 x 2 pixels of 2 channels */
  float y[16], back[4];
  ref.upsample2(&ref, y, x, 1, 1, 2, 2);
  assert_values(y, (const float[]){1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4}, 16);
  ref.downsample2_sum(&ref, back, y, 1, 1, 2, 2);
  assert_values(back, (const float[]){4, 8, 12, 16}, 4);
}

static void adamw_first_step_moves_by_the_learning_rate(void **state) {
  (void)state;
  /* with corrections of step 1 the direction is the sign of the gradient; decay takes lr * decay * w off
   * first */
  const dsm_adamw_span span[] = {{1, true}, {3, false}};
  double average[3] = {1, 1, 1}, *const averages[] = {average};
  const double decay = 0.75;
  const dsm_adamw_step step = {.lr = 0.1f,
                               .beta1 = 0.9f,
                               .beta2 = 0.999f,
                               .eps = 1e-12f,
                               .decay = 0.5f,
                               .scale = 2,
                               .correction1 = 1 - 0.9,
                               .correction2 = 1 - 0.999,
                               .span = span,
                               .averages = 1,
                               .average = averages,
                               .average_decay = &decay};
  float w[] = {1, -2, 3}, m[3] = {0}, v[3] = {0};
  ref.adamw(&ref, w, m, v, (const float[]){3, -0.5f, 0.5f}, &step, 3);
  assert_values(w, (const float[]){1 - 0.05f - 0.1f, -2 + 0.1f, 3 - 0.1f}, 3);
  assert_values(m, (const float[]){0.6f, -0.1f, 0.1f}, 3);
  assert_values(v, (const float[]){0.036f, 0.001f, 0.001f}, 3);
  /* a quarter of the way from 1 to the new w */
  assert_values((const float[]){(float)average[0], (float)average[1], (float)average[2]},
                (const float[]){0.9625f, 0.275f, 1.475f}, 3);
}

static void sum_of_squares_is_exact_on_small_integers(void **state) {
  (void)state;
  enum { N = 3 * 4096 + 5 };
  static float x[N];
  for (int i = 0; i < N; i++) x[i] = (float)(i % 7);
  double expected = 0;
  for (int i = 0; i < N; i++) expected += (i % 7) * (i % 7);
  assert_true(ref.sum_squares(&ref, x, N) == expected);
  assert_true(ref.sum_squares(&ref, x, 0) == 0);
}

/* ---- gradients ----------------------------------------------------------------------------------------- */

/* y is linear in x and in w, so <dy, y> = <dx, x> = <dw, w>. */
static void convolution_gradients_are_its_adjoints(void **state) {
  (void)state;
  for (int i = 0; i < CONV_SHAPES; i++) {
    const dsm_conv2d *c = &conv_shapes[i];
    const size_t nx = conv_input_size(c), ny = conv_output_size(c), nw = conv_weight_size(c);
    const float *x = operand_input(nx, 1, -1, 1), *w = operand_input(nw, 2, -1, 1),
                *dy = operand_input(ny, 3, -1, 1);
    float *y = operand_output(ny), *dx = operand_output(nx), *dw = operand_output(nw);
    const dsm_conv2d_algorithm *algorithm = dsm_kernels_conv2d(&ref, c);
    algorithm->forward(&ref, c, y, x, w, NULL, NULL);
    algorithm->input_gradient(&ref, c, dx, dy, w, NULL, NULL);
    algorithm->weight_gradient(&ref, c, dw, dy, x, NULL);
    const double expected = inner_product(dy, y, ny),
                 size = sqrt(inner_product(y, y, ny) * inner_product(dy, dy, ny));
    assert_near(inner_product(dx, x, nx), expected,
                1e-6 * size); /* roundings of y, dx, dw to float: 6e-8 each */
    assert_near(inner_product(dw, w, nw), expected, 1e-6 * size);
    operands_release();
  }
}

static void softmax_gradient_matches_finite_differences(void **state) {
  (void)state;
  enum { WIDTH = 5 };
  const float h = 1e-2f; /* error of the difference: h^2, and rounding 1e-7 / h */
  float x[WIDTH] = {0.3f, -1, 2, 0.5f, 1.1f}, dy[WIDTH] = {1, -2, 0.5f, 3, -1}, y[WIDTH], dx[WIDTH];
  ref.softmax(&ref, y, x, 1, WIDTH);
  ref.softmax_gradient(&ref, dx, dy, y, 1, WIDTH);
  for (int i = 0; i < WIDTH; i++) {
    const float middle = x[i];
    x[i] = middle + h;
    ref.softmax(&ref, y, x, 1, WIDTH);
    const double above = inner_product(y, dy, WIDTH);
    x[i] = middle - h;
    ref.softmax(&ref, y, x, 1, WIDTH);
    assert_near(dx[i], (above - inner_product(y, dy, WIDTH)) / (2 * (double)h), 2e-4);
    x[i] = middle;
  }
}

static double norm_loss(const float *x, const float *gamma, const float *beta, const float *dy,
                        const dsm_group_norm *p) {
  float y[64];
  ref.group_norm(&ref, y, NULL, x, gamma, beta, p);
  return inner_product(y, dy, p->batch * p->positions * p->channels);
}

static void check_norm_gradients(dsm_activation activation) {
  const dsm_group_norm p = {2, 3, 6, 2, 1e-3f, activation};
  enum { N = 2 * 3 * 6, C = 6 };
  const float h = 1e-2f;
  float *x = operand_input(N, 1, -1, 3), *gamma = operand_input(C, 2, 0.5f, 2),
        *beta = operand_input(C, 3, -1, 1);
  const float *dy = operand_input(N, 4, -1, 1);
  float statistics[8], y[N], dx[N], dgamma[2 * C], dbeta[2 * C];
  ref.group_norm(&ref, y, statistics, x, gamma, beta, &p);
  ref.group_norm_gradient(&ref, dx, dgamma, dbeta, dy, x, statistics, gamma, beta, &p);
  for (int i = 0; i < N + 2 * C; i++) {
    const int c = (i - N) % C; /* after those of x, those of gamma, then of beta: sums over both samples */
    float *at = i < N ? x + i : i < N + C ? gamma + c : beta + c;
    const float middle = *at;
    const double expected = i < N       ? (double)dx[i]
                            : i < N + C ? (double)dgamma[c] + (double)dgamma[C + c]
                                        : (double)dbeta[c] + (double)dbeta[C + c];
    *at = middle + h;
    const double above = norm_loss(x, gamma, beta, dy, &p);
    *at = middle - h;
    const double below = norm_loss(x, gamma, beta, dy, &p);
    *at = middle;
    assert_near(expected, (above - below) / (2 * (double)h), 1e-3);
  }
  operands_release();
}

static void group_norm_gradients_match_finite_differences(void **state) {
  (void)state;
  check_norm_gradients(DSM_ACTIVATION_NONE);
  check_norm_gradients(DSM_ACTIVATION_SILU);
}

static int setup(void **state) {
  (void)state;
  dsm_kernels_ref(&ref, 1);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matmul_multiplies_with_every_transposition),
      cmocka_unit_test(convolution_correlates_and_pads_with_zeros),
      cmocka_unit_test(strided_convolution_starts_in_the_corner),
      cmocka_unit_test(binary_broadcasts_by_strides),
      cmocka_unit_test(reduce_sums_the_axes_not_kept),
      cmocka_unit_test(softmax_sums_to_one_and_does_not_overflow),
      cmocka_unit_test(group_norm_centres_and_scales_each_group),
      cmocka_unit_test(upsampling_repeats_and_its_transpose_sums),
      cmocka_unit_test(adamw_first_step_moves_by_the_learning_rate),
      cmocka_unit_test(sum_of_squares_is_exact_on_small_integers),
      cmocka_unit_test(convolution_gradients_are_its_adjoints),
      cmocka_unit_test(softmax_gradient_matches_finite_differences),
      cmocka_unit_test(group_norm_gradients_match_finite_differences),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
