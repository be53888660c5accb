/* Speed of the kernels on shapes of real models, next to the best that a large matrix product reaches.
 *
 *   bench_kernels [-t threads] [-i sse2|avx2|avx512|neon] [-s seconds a line] [part of a name]
 *
 * GFLOP/s count the multiplications and additions of the formula; GB/s count every operand once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "dsmpi/kernels.h"
#include "dsmpi/memory.h"
#include "tensor/kernels/fast/products.h"

static dsm_kernels kernels;
static double seconds_a_line = 0.2;
static const char *wanted = "";
static float *pool; /* operands, cut from one array of small numbers */
enum { POOL = 1 << 26 };

/* One thread is measured by the processor's time, which other programs on the machine disturb least. */
static double now(void) {
  struct timespec t;
  clock_gettime(kernels.threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best time of one call, in seconds. */
static double best_time(void (*call)(const void *), const void *argument) {
  double best = 1e9;
  const double end = now() + seconds_a_line;
  call(argument); /* warm up */
  do {
    const double start = now();
    call(argument);
    const double time = now() - start;
    if (time < best) best = time;
  } while (now() < end);
  return best;
}

static void report(const char *name, double time, double flops, double bytes) {
  printf("%-44s %10.1f us", name, 1e6 * time);
  if (flops > 0) printf(" %8.1f GFLOP/s", 1e-9 * flops / time);
  if (bytes > 0) printf(" %8.1f GB/s", 1e-9 * bytes / time);
  printf("\n");
}

static void measure(const char *name, void (*call)(const void *), const void *argument, double flops,
                    double bytes) {
  if (strstr(name, wanted) != NULL) report(name, best_time(call, argument), flops, bytes);
}

/* Kernels write into the pool too: fresh numbers before each family. */
static void fill_pool(void) {
  for (size_t i = 0; i < POOL; i++) pool[i] = 0.01f + 1e-3f * (float)(i % 997);
}

/* ---- products ------------------------------------------------------------------------------------------ */

static void *scratch;
static size_t scratch_bytes;
static void need_scratch(size_t bytes) {
  if (bytes <= scratch_bytes) return;
  free(scratch);
  if (dsm_alloc(bytes, 1, &scratch) != DSM_OK) exit(71);
  scratch_bytes = bytes;
}

static void call_matmul(const void *argument) {
  const dsm_matmul *p = argument;
  const size_t a = p->batch * p->m * p->k, b = p->batch * p->k * p->n;
  kernels.matmul(&kernels, p, pool + a + b, pool, pool + a, scratch);
}

static size_t product_size(const dsm_matmul *p) {
  return p->batch * (p->m * p->k + p->k * p->n + p->m * p->n);
}

static void multiply_by_fast(const dsm_matmul *p, float *a, float *b, float *c) {
  kernels.matmul(&kernels, p, c, a, b, scratch);
}

static void multiply_by_openblas(const dsm_matmul *p, float *a, float *b, float *c) {
  for (size_t i = 0; i < p->batch; i++) {
    dsm__sgemm(&(dsm__product){.m = p->m,
                               .n = p->n,
                               .k = p->k,
                               .alpha = p->alpha,
                               .a = {a + i * p->m * p->k, p->transpose_a ? p->m : p->k, p->transpose_a},
                               .b = {b + i * p->k * p->n, p->transpose_b ? p->k : p->n, p->transpose_b},
                               .c = c + i * p->m * p->n,
                               .c_pitch = p->n});
  }
}

/* Best times of both, in turns, with the same operands each time or with others, which come from memory. */
static void time_products(const dsm_matmul *p, bool other_operands, double best[2]) {
  static void (*const ways[])(const dsm_matmul *p, float *a, float *b, float *c) = {multiply_by_fast,
                                                                                    multiply_by_openblas};
  const size_t size = (product_size(p) + 15) / 16 * 16, a = p->batch * p->m * p->k,
               b = p->batch * p->k * p->n;
  const int calls = other_operands ? 1 : 1 + (int)(1e6 / (double)(p->batch * p->m * p->n * p->k));
  const double end = now() + 2 * seconds_a_line;
  size_t at = 0;
  best[0] = best[1] = 1e9;
  do {
    for (int way = 0; way < 2; way++) {
      at = other_operands && at + 2 * size <= POOL ? at + size : 0;
      const double start = now();
      for (int call = 0; call < calls; call++) ways[way](p, pool + at, pool + at + a, pool + at + a + b);
      const double time = (now() - start) / calls;
      if (time < best[way]) best[way] = time;
    }
  } while (now() < end);
}

/* Our loops beside OpenBLAS on one thread. */
static void products(void) {
  static const struct {
    const char *name;
    dsm_matmul p;
  } rows[] = {
      {"matmul 2048^3 (peak, OpenBLAS both)", {1, 2048, 2048, 2048, false, false, 1}},
      {"matmul 512^3", {1, 512, 512, 512, false, false, 1}},
      {"matmul linear 3136x128x128 x w^T", {1, 3136, 128, 128, false, true, 1}},
      {"matmul linear 3136x128x128 dy w", {1, 3136, 128, 128, false, false, 1}},
      {"matmul linear 128x128x3136 dy^T x", {1, 128, 128, 3136, true, false, 1}},
      {"matmul linear 12544x64x128 x w^T", {1, 12544, 64, 128, false, true, 1}},
      {"matmul linear 64x128x12544 dy^T x", {1, 64, 128, 12544, true, false, 1}},
      {"matmul attention 16 x 196x196x128 q k^T", {16, 196, 196, 128, false, true, 0.1f}},
      {"matmul attention 16 x 196x128x196 p v", {16, 196, 128, 196, false, false, 1}},
      {"matmul attention 16 x 196x128x196 p^T dv", {16, 196, 128, 196, true, false, 1}},
      {"matmul attention 32 x 49x49x64 q k^T", {32, 49, 49, 64, false, true, 0.125f}},
      {"matmul attention 32 x 49x64x49 p v", {32, 49, 64, 49, false, false, 1}},
      {"matmul time 16x256x128 x w^T", {1, 16, 256, 128, false, true, 1}},
      {"matmul mlp 128x64x2 x w^T", {1, 128, 64, 2, false, true, 1}},
      {"matmul mlp 64x2x128 dy^T x", {1, 64, 2, 128, true, false, 1}},
      {"matmul mlp 128x64x64 x w^T", {1, 128, 64, 64, false, true, 1}},
      {"matmul mlp 128x64x64 dy w", {1, 128, 64, 64, false, false, 1}},
      {"matmul mlp 64x64x128 dy^T x", {1, 64, 64, 128, true, false, 1}},
      {"matmul mlp 128x2x64 x w^T", {1, 128, 2, 64, false, true, 1}},
      {"matmul mlp 128x64x2 dy w", {1, 128, 64, 2, false, false, 1}},
      {"matmul mlp 128x128x128 x w^T", {1, 128, 128, 128, false, true, 1}},
      {"matmul mlp 1024x256x256 x w^T", {1, 1024, 256, 256, false, true, 1}},
      {"matmul mlp 256x256x1024 dy^T x", {1, 256, 256, 1024, true, false, 1}},
  };
  if (strstr("matmul", wanted) != NULL || strstr(wanted, "matmul") != NULL)
    printf("GFLOP/s, operands in the caches / from memory%*sfast%*sOpenBLAS\n", 5, "", 14, "");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const dsm_matmul *p = &rows[i].p;
    if (strstr(rows[i].name, wanted) == NULL) continue;
    need_scratch(kernels.matmul_scratch(&kernels, p));
    double warm[2], cold[2];
    time_products(p, false, warm);
    time_products(p, true, cold);
    const double flops = 2e-9 * (double)(p->batch * p->m * p->n * p->k);
    printf("%-44s %9.2f us %6.1f / %5.1f   %9.2f us %6.1f / %5.1f\n", rows[i].name, 1e6 * warm[0],
           flops / warm[0], flops / cold[0], 1e6 * warm[1], flops / warm[1], flops / cold[1]);
  }
}

/* ---- convolution --------------------------------------------------------------------------------------- */

static const dsm_conv2d_algorithm *algorithm;
static size_t input_size(const dsm_conv2d *c) {
  return c->batch * c->height * c->width * c->in;
}
static size_t output_size(const dsm_conv2d *c) {
  return c->batch * c->out_height * c->out_width * c->out;
}
static void call_forward(const void *argument) {
  const dsm_conv2d *c = argument;
  float *x = pool, *y = x + input_size(c), *w = y + output_size(c);
  algorithm->forward(&kernels, c, y, x, w, NULL, scratch);
}
static void call_input_gradient(const void *argument) {
  const dsm_conv2d *c = argument;
  float *x = pool, *y = x + input_size(c), *w = y + output_size(c);
  algorithm->input_gradient(&kernels, c, x, y, w, NULL, scratch);
}
static void call_weight_gradient(const void *argument) {
  const dsm_conv2d *c = argument;
  float *x = pool, *y = x + input_size(c), *w = y + output_size(c);
  algorithm->weight_gradient(&kernels, c, w, y, x, scratch);
}

static void convolutions(void) {
  static const struct {
    const char *name;
    dsm_conv2d c;
  } rows[] = {
      {"conv 32x28x28 1->64 3x3", {32, 28, 28, 1, 64, 28, 28, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x28x28 32->32 3x3", {32, 28, 28, 32, 32, 28, 28, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x28x28 64->64 3x3", {32, 28, 28, 64, 64, 28, 28, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x14x14 128->128 3x3", {32, 14, 14, 128, 128, 14, 14, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x7x7 256->128 3x3", {32, 7, 7, 256, 128, 7, 7, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x28x28 64->64 3x3 /2", {32, 28, 28, 64, 64, 14, 14, 3, 3, 2, 0, 0, 1, 1}},
      {"conv 32x28x28 64->1 3x3", {32, 28, 28, 64, 1, 28, 28, 3, 3, 1, 1, 1, 1, 1}},
      {"conv 32x28x28 128->64 1x1", {32, 28, 28, 128, 64, 28, 28, 1, 1, 1, 0, 0, 0, 0}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const dsm_conv2d *c = &rows[i].c;
    const double flops = 2.0 * (double)(output_size(c) * c->kernel_h * c->kernel_w * c->in);
    char name[80];
    algorithm = dsm_kernels_conv2d(&kernels, c);
    need_scratch(algorithm->scratch(&kernels, c));
    snprintf(name, sizeof name, "%s y", rows[i].name);
    measure(name, call_forward, c, flops, 0);
    snprintf(name, sizeof name, "%s dx", rows[i].name);
    measure(name, call_input_gradient, c, flops, 0);
    snprintf(name, sizeof name, "%s dw", rows[i].name);
    measure(name, call_weight_gradient, c, flops, 0);
  }
}

/* Winograd's 3 x 3 convolution beside patches, in effective GFLOP/s: those of the definition, of which it
 * multiplies a quarter. So four times the speed of a large matrix product by OpenBLAS stands beside. */
static const dsm_conv2d_algorithm *algorithm_named(const char *name) {
  const dsm_conv2d_algorithm *const *a = kernels.conv2d;
  while (*a != NULL && strcmp((*a)->name, name) != 0) a++;
  return *a;
}

static void winograd(void) {
  static const size_t rows[][2] = {{28, 64}, {14, 128}, {7, 128}, {32, 128}}; /* size, channels */
  static const dsm_matmul large = {1, 2048, 2048, 2048, false, false, 1};
  static const char *const names[] = {"winograd", "im2col"};
  static void (*const calls[])(const void *) = {call_forward, call_input_gradient, call_weight_gradient};
  if (strstr("winograd", wanted) == NULL) return;
  need_scratch(kernels.matmul_scratch(&kernels, &large));
  const double peak = 2e-9 * 2048 * 2048 * 2048 / best_time(call_matmul, &large);
  printf("effective GFLOP/s, y dx dw         winograd                  im2col              4 x SGEMM %.0f\n",
         4 * peak);
  for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
    const size_t size = rows[i / 2][0], channels = rows[i / 2][1], batch = i % 2 == 0 ? 16 : 32;
    const dsm_conv2d c = {batch, size, size, channels, channels, size, size, 3, 3, 1, 1, 1, 1, 1};
    const double flops = 18.0 * (double)(batch * size * size * channels * channels);
    printf("%zu x %zux%zu, %zu channels%*s", batch, size, size, channels, channels < 100 ? 5 : 4, "");
    for (int a = 0; a < 2; a++) {
      algorithm = algorithm_named(names[a]);
      need_scratch(algorithm->scratch(&kernels, &c));
      for (int o = 0; o < 3; o++) printf(" %7.1f", 1e-9 * flops / best_time(calls[o], &c));
      printf("  ");
    }
    printf("\n");
  }
}

/* ---- everything that is not a product ------------------------------------------------------------------ */

enum { COUNT = 32 * 28 * 28 * 64, SMALL = 128 * 128 };

static void call_unary(const void *argument) {
  kernels.unary(&kernels, *(const dsm_unary *)argument, pool + COUNT, pool, COUNT);
}
static void call_small_unary(const void *argument) {
  kernels.unary(&kernels, *(const dsm_unary *)argument, pool + COUNT, pool, SMALL);
}
static void call_silu_gradient(const void *argument) {
  const size_t n = *(const size_t *)argument;
  kernels.silu_gradient(&kernels, pool + n, pool, pool + 2 * n, n);
}
static void call_add(const void *argument) {
  kernels.binary(&kernels, DSM_BINARY_ADD, pool + 2 * COUNT, pool, pool + COUNT, argument);
}
static void call_reduce(const void *argument) {
  kernels.reduce(&kernels, pool + COUNT, pool, argument, scratch);
}

static void elementwise(void) {
  static const char *const names[DSM_UNARY_COUNT] = {"exp",  "log",     "sqrt", "reciprocal", "sin",    "cos",
                                                     "tanh", "sigmoid", "silu", "silu_d1",    "silu_d2"};
  for (int f = 0; f < DSM_UNARY_COUNT; f++) {
    char name[64];
    const dsm_unary unary = (dsm_unary)f;
    snprintf(name, sizeof name, "unary %s 32x28x28x64", names[f]);
    measure(name, call_unary, &unary, 0, 8.0 * COUNT);
    snprintf(name, sizeof name, "unary %s 128x128", names[f]);
    measure(name, call_small_unary, &unary, 0, 8.0 * SMALL);
  }
  static const size_t large = COUNT, small = SMALL;
  measure("silu gradient 32x28x28x64", call_silu_gradient, &large, 0, 12.0 * COUNT);
  measure("silu gradient 128x128", call_silu_gradient, &small, 0, 12.0 * SMALL);
  static const struct {
    const char *name;
    double operands;
    dsm_broadcast p;
  } pairs[] = {
      {"add equal shapes", 3, {1, {COUNT}, {1}, {1}}},
      {"add equal shapes 128x128", 3, {1, {SMALL}, {1}, {1}}},
      {"add bias of 64", 2, {2, {COUNT / 64, 64}, {64, 1}, {0, 1}}},
      {"add bias of 3", 2, {2, {COUNT / 3, 3}, {3, 1}, {0, 1}}},
      {"add bias of 128 to 128", 2, {2, {128, 128}, {128, 1}, {0, 1}}},
      {"add a scalar per sample", 2, {2, {32, COUNT / 32}, {COUNT / 32, 1}, {1, 0}}},
      {"add (N,1,1,C)", 2, {3, {32, 784, 64}, {784 * 64, 64, 1}, {64, 0, 1}}},
      {"add (N,1,1,1) of rows of 49", 2, {2, {COUNT / 49, 49}, {49, 1}, {1, 0}}},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    double bytes = 4 * pairs[i].operands;
    for (int axis = 0; axis < pairs[i].p.rank; axis++) bytes *= (double)pairs[i].p.n[axis];
    measure(pairs[i].name, call_add, &pairs[i].p, 0, bytes);
  }
  static const struct {
    const char *name;
    dsm_reduce p;
  } sums[] = {
      {"sum bias gradient of 64", {2, {COUNT / 64, 64}, {false, true}}},
      {"sum bias gradient of 3", {2, {COUNT / 3, 3}, {false, true}}},
      {"sum bias gradient of 128 from 128", {2, {128, 128}, {false, true}}},
      {"sum per sample", {2, {32, COUNT / 32}, {true, false}}},
      {"sum keep (N,C)", {3, {32, 784, 64}, {true, false, true}}},
      {"sum of rows of 49", {2, {COUNT / 49, 49}, {true, false}}},
      {"sum all", {1, {COUNT}, {false}}},
  };
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
    double bytes = 4;
    for (int axis = 0; axis < sums[i].p.rank; axis++) bytes *= (double)sums[i].p.n[axis];
    need_scratch(kernels.reduce_scratch(&kernels, &sums[i].p));
    measure(sums[i].name, call_reduce, &sums[i].p, 0, bytes);
  }
}

static void call_copy(const void *argument) {
  (void)argument;
  kernels.copy(&kernels, pool + COUNT, 128, pool, 64, COUNT / 64, 64);
}
static void call_softmax(const void *argument) {
  const size_t width = *(const size_t *)argument;
  kernels.softmax(&kernels, pool + COUNT, pool, COUNT / width, width);
}
static void call_softmax_gradient(const void *argument) {
  const size_t width = *(const size_t *)argument;
  kernels.softmax_gradient(&kernels, pool + 2 * COUNT, pool + COUNT, pool, COUNT / width, width);
}
static void call_group_norm(const void *argument) {
  float *statistics = pool + 3 * COUNT, *gamma = statistics + 8192;
  kernels.group_norm(&kernels, pool + COUNT, statistics, pool, gamma, gamma, argument);
}
static void call_norm_gradient(const void *argument) {
  float *statistics = pool + 3 * COUNT, *gamma = statistics + 8192;
  kernels.group_norm_gradient(&kernels, pool + 2 * COUNT, gamma + 8192, gamma + 16384, pool + COUNT, pool,
                              statistics, gamma, gamma, argument);
}
static void call_upsample(const void *argument) {
  (void)argument;
  kernels.upsample2(&kernels, pool + COUNT, pool, 32, 14, 14, 64);
}
static void call_downsample(const void *argument) {
  (void)argument;
  kernels.downsample2_sum(&kernels, pool + COUNT, pool, 32, 14, 14, 64);
}
/* Parameters of the toy MLP, of the U-Nets of configs/bench_*.yaml. */
static const size_t parameters[] = {46082, 6500000, 36000000};
static float *state; /* w, m, v, gradient, average (float64) */
static size_t state_count;
static void call_adamw(const void *argument) {
  const size_t n = state_count;
  double *const average[] = {(double *)(state + 4 * n)};
  const double decay = 0.999;
  dsm_adamw_step step = *(const dsm_adamw_step *)argument;
  step.averages = 1;
  step.average = average;
  step.average_decay = &decay;
  kernels.adamw(&kernels, state, state + n, state + 2 * n, state + 3 * n, &step, n);
}
static void optimizer(void) {
  const dsm_adamw_step step = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 0.1, 0.001, NULL, 0, NULL, NULL};
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
    char name[64];
    state_count = parameters[i];
    snprintf(name, sizeof name, "adamw with an average, %zu", state_count);
    if (strstr(name, wanted) == NULL || DSM_ALLOC(6 * state_count, &state) != DSM_OK) continue;
    for (size_t j = 0; j < 6 * state_count; j++)
      state[j] = j < 4 * state_count ? 0.01f + 1e-3f * (float)(j % 997) : 0;
    measure(name, call_adamw, &step, 0, 44.0 * (double)state_count);
    free(state);
  }
}
static void call_squares(const void *argument) {
  (void)argument;
  pool[COUNT] = (float)kernels.sum_squares(&kernels, pool, COUNT);
}
static void call_accumulate(const void *argument) {
  (void)argument;
  kernels.accumulate(&kernels, pool, pool + COUNT, COUNT);
}

static void others(void) {
  measure("copy 25088 rows of 64 into 128", call_copy, NULL, 0, 8.0 * COUNT);
  for (size_t width = 49; width <= 196; width *= 4) {
    char name[64];
    snprintf(name, sizeof name, "softmax rows of %zu", width);
    measure(name, call_softmax, &width, 0, 8.0 * COUNT);
    snprintf(name, sizeof name, "softmax gradient rows of %zu", width);
    measure(name, call_softmax_gradient, &width, 0, 12.0 * COUNT);
  }
  static const size_t norms[][3] = {{32, 784, 64}, {128, 49, 256}, {2, 4096, 192}, {1, 16384, 96}};
  for (size_t i = 0; i < 2 * (sizeof norms / sizeof *norms); i++) {
    const size_t *n = norms[i / 2], count = n[0] * n[1] * n[2];
    const dsm_group_norm p = {n[0], n[1], n[2], 32, 1e-5f, (dsm_activation)(i % 2)};
    char name[64];
    int length =
        snprintf(name, sizeof name, "group norm%s %zux%zux%zu", i % 2 ? ", silu" : "", n[0], n[1], n[2]);
    measure(name, call_group_norm, &p, 0, 8.0 * (double)count);
    snprintf(name + length, sizeof name - (size_t)length, " gradient");
    measure(name, call_norm_gradient, &p, 0, 12.0 * (double)count);
  }
  measure("upsample 32x14x14x64", call_upsample, NULL, 0, 4.0 * 5 * 32 * 196 * 64);
  measure("downsample to 32x14x14x64", call_downsample, NULL, 0, 4.0 * 5 * 32 * 196 * 64);
  measure("sum of squares", call_squares, NULL, 0, 4.0 * COUNT);
  measure("accumulate", call_accumulate, NULL, 0, 12.0 * COUNT);
}

int main(int argc, char **argv) {
  int threads = 1, option;
  const char *instructions = NULL;
  while ((option = getopt(argc, argv, "t:i:s:")) != -1) {
    if (option == 't') threads = atoi(optarg);
    if (option == 'i') instructions = optarg;
    if (option == 's') seconds_a_line = atof(optarg);
    if (option == '?') return dsm_status_exit_code(DSM_USAGE);
  }
  if (optind < argc) wanted = argv[optind];
  dsm_status status = dsm_kernels_fast(&kernels, threads > 0 ? threads : 1, instructions);
  if (status == DSM_OK) status = DSM_ALLOC(POOL, &pool);
  if (status != DSM_OK) {
    fprintf(stderr, "bench_kernels: %s\n", dsm_trail());
    return dsm_status_exit_code(status);
  }
  printf("%s, %s, %d threads\n", dsm_kernels_blas(), kernels.instructions, kernels.threads);
  void (*const families[])(void) = {products, convolutions, winograd, elementwise, others, optimizer};
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    fill_pool();
    families[i]();
  }
  free(scratch);
  free(pool);
  return 0;
}
