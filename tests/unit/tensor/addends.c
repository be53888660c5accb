/* A convolution with addends has the bits of the convolution followed by the additions, one after the other:
 * every algorithm, every instruction set of this processor, every choice of addends, one aligned thread
 * and three unaligned ones. So a plan that joins them changes no result. */
#include "operands.h"
#include "conv_shapes.h"

/* Beside conv_shapes, whose channels are few: whole and ragged tiles, whole and ragged vectors and panels. */
static const dsm_conv2d more_shapes[] = {
    {1, 16, 16, 64, 64, 16, 16, 3, 3, 1, 1, 1, 1, 1}, {2, 14, 14, 40, 83, 14, 14, 3, 3, 1, 1, 1, 1, 1},
    {9, 7, 7, 32, 48, 7, 7, 3, 3, 1, 1, 1, 1, 1},     {33, 12, 10, 33, 17, 12, 10, 1, 1, 1, 0, 0, 0, 0},
    {16, 5, 9, 16, 24, 7, 7, 3, 3, 1, 2, 0, 2, 0},
};
enum { MORE_SHAPES = sizeof more_shapes / sizeof *more_shapes };

typedef struct sizes {
  size_t batch, positions, channels;
} sizes;

static sizes result_sizes(const dsm_conv2d *c, bool forward) {
  return forward ? (sizes){c->batch, c->out_height * c->out_width, c->out}
                 : (sizes){c->batch, c->height * c->width, c->in};
}

static float *run_once(const dsm_kernels *k, const dsm_conv2d_algorithm *a, const dsm_conv2d *c, bool forward,
                       const dsm_conv2d_addends *add, float size) {
  const float *w = operand_input(conv_weight_size(c), 2, -size, size);
  void *scratch = operand_scratch(a->scratch(k, c));
  if (forward) {
    float *y = operand_output(conv_output_size(c));
    a->forward(k, c, y, operand_input(conv_input_size(c), 1, -size, size), w, add, scratch);
    return y;
  }
  float *dx = operand_output(conv_input_size(c));
  a->input_gradient(k, c, dx, operand_input(conv_output_size(c), 1, -size, size), w, add, scratch);
  return dx;
}

static void add_one_after_the_other(float *y, sizes s, const dsm_conv2d_addends *add) {
  for (size_t i = 0; i < s.batch * s.positions * s.channels; i++) {
    const size_t channel = i % s.channels, n = i / s.channels / s.positions;
    if (add->bias) y[i] += add->bias[channel];
    if (add->sample) y[i] += add->sample[n * s.channels + channel];
    if (add->residual) y[i] += add->residual[i];
  }
}

/* Numbers so small that every product is 0 or -0, and so is every result, whose sign must stay. */
static const float TINY = 1e-30f;

static float *addend(size_t n, uint32_t seed, float size) {
  float *x = operand_input(n, seed, -size, size);
  for (size_t i = 0; size == TINY && i < n; i++) x[i] = -0.0f;
  return x;
}

static void check(const dsm_kernels *k, const dsm_conv2d_algorithm *a, const dsm_conv2d *c, size_t offset,
                  float size) {
  for (int forward = 0; forward < 2; forward++) {
    const sizes s = result_sizes(c, forward);
    const size_t n = s.batch * s.positions * s.channels;
    for (int choice = 0; choice < 8; choice++) {
      operands.offset = offset;
      const dsm_conv2d_addends add = {choice & 1 ? addend(s.channels, 3, size) : NULL,
                                      choice & 2 ? addend(s.batch * s.channels, 4, size) : NULL,
                                      choice & 4 ? addend(n, 5, size) : NULL};
      float *expected = run_once(k, a, c, forward, NULL, size);
      const float *got = run_once(k, a, c, forward, &add, size);
      add_one_after_the_other(expected, s, &add);
      for (size_t i = 0; i < n; i++) {
        if (memcmp(got + i, expected + i, sizeof *got) != 0)
          fail_msg("%s, %s %s, %d threads, %zux%zux%zux%zu to %zu, addends %d: element %zu is %.9g, not %.9g",
                   a->name, k->instructions, forward ? "y" : "dx", k->threads, c->batch, c->height, c->width,
                   c->in, c->out, choice, i, got[i], expected[i]);
      }
      operands_release();
    }
  }
}

static void check_algorithms(const dsm_kernels *k, const dsm_conv2d *c) {
  for (const dsm_conv2d_algorithm *const *a = k->conv2d; *a != NULL; a++) {
    if (!(*a)->suits(c)) continue;
    check(k, *a, c, k->threads > 1, 1);
    if (k->threads == 1) check(k, *a, c, 0, TINY);
  }
}

static void check_kernels(const dsm_kernels *k) {
  for (int i = 0; i < CONV_SHAPES; i++) check_algorithms(k, &conv_shapes[i]);
  for (int i = 0; i < MORE_SHAPES && strcmp(k->name, "ref") != 0; i++) check_algorithms(k, &more_shapes[i]);
}

static void addends_have_the_bits_of_additions(void **state) {
  (void)state;
  static const char *const sets[] = {"sse2", "avx2", "avx512", "neon"};
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  check_kernels(&k);
  for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
    for (int threads = 1; threads <= 3; threads += 2) {
      if (dsm_kernels_fast(&k, threads, sets[s]) == DSM_OK) check_kernels(&k);
    }
  }
  dsm_trail_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(addends_have_the_bits_of_additions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
