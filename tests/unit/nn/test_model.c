#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/memory.h"
#include "dsmpi/nn.h"

#define LIST(...)                                                                                            \
  {                                                                                                          \
    .count = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .value = { __VA_ARGS__ }                    \
  }

static dsm_config unet(int64_t width, dsm_int_list multipliers, int64_t blocks, int64_t attention, int up) {
  dsm_config c;
  dsm_config_defaults(&c);
  c.model.name = DSM_MODEL_UNET;
  c.model.width = width;
  c.model.multipliers = multipliers;
  c.model.blocks = blocks;
  c.model.attention = (dsm_int_list){.count = attention > 0, .value = {attention}};
  c.model.up_attention = up;
  c.model.dropout = 0;
  return c;
}

static dsm_config mlp(int64_t width, int64_t depth) {
  dsm_config c;
  dsm_config_defaults(&c);
  c.model.name = DSM_MODEL_MLP;
  c.model.width = width;
  c.model.depth = depth;
  c.model.dropout = 0;
  return c;
}

static dsm_model *create(const dsm_config *config, dsm_shape sample) {
  dsm_model *model = NULL;
  if (dsm_model_create(config, sample, &model) != DSM_OK) fail_msg("%s", dsm_trail());
  return model;
}

static void assert_refused(const dsm_config *config, dsm_shape sample, const char *words) {
  dsm_model *model = NULL;
  assert_int_equal(dsm_model_create(config, sample, &model), DSM_BAD_CONFIG);
  assert_null(model);
  if (!strstr(dsm_trail_message(), words)) fail_msg("\"%s\" does not say \"%s\"", dsm_trail_message(), words);
}

/* The counts of multiply-adds are given to two or three digits. */
static const double GMAC_TOLERANCE = 0.01;

/* The first row is the published count of the CIFAR-10 net of Ho et al. 2020 (35.7 million), the second that
 * of the code of Song et al. 2021; the others were counted with the modules in tests/data/unet_torch.py. */
static const struct {
  size_t height, width, channels;
  int64_t model_width;
  dsm_int_list multipliers;
  int64_t blocks, attention;
  int up;
  size_t count;
  double gmac; /* multiply-adds of one sample forward, in 1e9 */
} FINGERPRINTS[] = {
    {32, 32, 3, 128, LIST(1, 2, 2, 2), 2, 16, DSM_UP_ATTENTION_EVERY, 35746307, 6.22},
    {32, 32, 3, 128, LIST(1, 2, 2, 2), 2, 16, DSM_UP_ATTENTION_ONCE, 35218947, 6.02},
    {32, 32, 3, 64, LIST(1, 2, 2, 2), 2, 16, DSM_UP_ATTENTION_ONCE, 8819459, 1.53},
    {32, 32, 3, 32, LIST(1, 2, 2), 2, 8, DSM_UP_ATTENTION_ONCE, 1590787, 0.361},
    {28, 28, 1, 32, LIST(1, 2, 2), 2, 7, DSM_UP_ATTENTION_ONCE, 1589633, 0.275},
    {28, 28, 1, 32, LIST(1, 2, 2), 2, 7, DSM_UP_ATTENTION_EVERY, 1623169, 0.277},
    {32, 32, 1, 32, LIST(1, 2, 2, 2), 1, 8, DSM_UP_ATTENTION_ONCE, 1507489, 0.247},
    {16, 16, 1, 32, LIST(1, 2), 1, 8, DSM_UP_ATTENTION_ONCE, 684577, 0.065},
};

/* Multiply-adds of products and convolutions of one sample. */
static double multiply_adds(const dsm_model *model) {
  dsm_kernels kernels;
  dsm_graph *g = NULL;
  const dsm_shape s = dsm_model_sample(model);
  dsm_kernels_ref(&kernels, 1);
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_node *x = dsm_input(g, "x", DSM_SHAPE(1, s.n[0], s.n[1], s.n[2]));
  dsm_graph_output(g, "y", dsm_model_build(model, g, x, dsm_input(g, "label", DSM_SHAPE(1, 1)), NULL));
  assert_int_equal(dsm_graph_plan(g, &kernels), DSM_OK);
  const double flops = dsm_graph_facts_of(g).flops;
  dsm_graph_destroy(&g);
  return flops / 2;
}

static void parameters_and_products_are_those_of_the_ddpm_networks(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof FINGERPRINTS / sizeof *FINGERPRINTS; i++) {
    dsm_config c = unet(FINGERPRINTS[i].model_width, FINGERPRINTS[i].multipliers, FINGERPRINTS[i].blocks,
                        FINGERPRINTS[i].attention, FINGERPRINTS[i].up);
    dsm_model *model =
        create(&c, DSM_SHAPE(FINGERPRINTS[i].height, FINGERPRINTS[i].width, FINGERPRINTS[i].channels));
    if (dsm_parameters_count(dsm_model_parameters(model)) != FINGERPRINTS[i].count)
      fail_msg("row %zu: %zu parameters, expected %zu", i, dsm_parameters_count(dsm_model_parameters(model)),
               FINGERPRINTS[i].count);
    const double gmac = multiply_adds(model) / 1e9;
    if (fabs(gmac / FINGERPRINTS[i].gmac - 1) > GMAC_TOLERANCE)
      fail_msg("row %zu: %.4f GMAC, expected %.3f", i, gmac, FINGERPRINTS[i].gmac);
    dsm_model_destroy(&model);
  }
}

static void parameters_are_named_shaped_and_started_as_documented(void **state) {
  (void)state;
  dsm_config c = unet(16, (dsm_int_list)LIST(1, 2), 1, 4, DSM_UP_ATTENTION_EVERY);
  dsm_model *model = create(&c, DSM_SHAPE(8, 12, 5));
  const dsm_parameters *table = dsm_model_parameters(model);
  const struct {
    const char *name;
    dsm_shape shape;
    bool decay;
    dsm_init init;
    float gain;
  } rows[] = {
      {"time.linear1.weight", DSM_SHAPE(64, 16), true, DSM_INIT_FAN_AVG, 1},
      {"time.linear2.bias", DSM_SHAPE(64), false, DSM_INIT_ZERO, 0},
      {"stem.weight", DSM_SHAPE(16, 3, 3, 5), true, DSM_INIT_FAN_AVG, 1},
      {"down.0.blocks.0.norm1.weight", DSM_SHAPE(16), false, DSM_INIT_ONE, 0},
      {"down.0.blocks.0.time.weight", DSM_SHAPE(16, 64), true, DSM_INIT_FAN_AVG, 1},
      {"down.0.blocks.0.conv2.weight", DSM_SHAPE(16, 3, 3, 16), true, DSM_INIT_ZERO, 0},
      {"down.0.downsample.weight", DSM_SHAPE(16, 3, 3, 16), true, DSM_INIT_FAN_AVG, 1},
      {"down.1.blocks.0.shortcut.weight", DSM_SHAPE(32, 16), true, DSM_INIT_FAN_AVG, 1},
      {"down.1.attention.0.q.weight", DSM_SHAPE(32, 32), true, DSM_INIT_FAN_AVG, 0.31622777f},
      {"down.1.attention.0.out.weight", DSM_SHAPE(32, 32), true, DSM_INIT_ZERO, 0},
      {"middle.attention.v.bias", DSM_SHAPE(32), false, DSM_INIT_ZERO, 0},
      {"up.1.blocks.1.conv1.weight", DSM_SHAPE(32, 3, 3, 48), true, DSM_INIT_FAN_AVG, 1},
      {"up.1.attention.1.norm.bias", DSM_SHAPE(32), false, DSM_INIT_ZERO, 0},
      {"up.1.upsample.weight", DSM_SHAPE(32, 3, 3, 32), true, DSM_INIT_FAN_AVG, 1},
      {"up.0.blocks.1.shortcut.weight", DSM_SHAPE(16, 32), true, DSM_INIT_FAN_AVG, 1},
      {"head.norm.weight", DSM_SHAPE(16), false, DSM_INIT_ONE, 0},
      {"head.conv.weight", DSM_SHAPE(5, 3, 3, 16), true, DSM_INIT_ZERO, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const dsm_parameter *p = dsm_parameters_find(table, rows[i].name);
    if (!p) fail_msg("no parameter %s", rows[i].name);
    if (!dsm_shape_equal(p->shape, rows[i].shape) || p->decay != rows[i].decay || p->init != rows[i].init ||
        (p->init == DSM_INIT_FAN_AVG && p->gain != rows[i].gain))
      fail_msg("%s: shape, decay or initial values differ", rows[i].name);
  }
  assert_null(dsm_parameters_find(table, "down.0.attention.0.q.weight"));     /* height 8 has no attention */
  assert_null(dsm_parameters_find(table, "down.0.blocks.0.shortcut.weight")); /* as many channels as before */
  assert_null(dsm_parameters_find(table, "down.1.downsample.weight"));
  dsm_model_destroy(&model);
}

static void attention_once_keeps_only_the_last_of_an_up_level(void **state) {
  (void)state;
  dsm_config c = unet(16, (dsm_int_list)LIST(1, 2), 2, 4, DSM_UP_ATTENTION_ONCE);
  dsm_model *model = create(&c, DSM_SHAPE(8, 8, 1));
  const dsm_parameters *table = dsm_model_parameters(model);
  assert_non_null(dsm_parameters_find(table, "down.1.attention.1.q.weight"));
  assert_non_null(dsm_parameters_find(table, "up.1.attention.0.q.weight"));
  assert_null(dsm_parameters_find(table, "up.1.attention.1.q.weight"));
  dsm_model_destroy(&model);
}

static void models_describe_themselves(void **state) {
  (void)state;
  dsm_config c = unet(32, (dsm_int_list)LIST(1, 2, 2), 2, 7, DSM_UP_ATTENTION_EVERY);
  dsm_model *model = create(&c, DSM_SHAPE(28, 28, 1));
  assert_string_equal(dsm_model_text(model),
                      "unet 28x28x1, width 32, levels 1 2 2, 2 blocks, attention at 7");
  assert_true(dsm_shape_equal(dsm_model_sample(model), DSM_SHAPE(28, 28, 1)));
  dsm_model_destroy(&model);
  c = mlp(128, 3);
  model = create(&c, DSM_SHAPE(2));
  assert_string_equal(dsm_model_text(model), "mlp of 2, width 128, 3 blocks");
  dsm_model_destroy(&model);
  assert_null(model);
  dsm_model_destroy(&model);
}

static void a_unet_that_cannot_be_built_is_refused_with_the_remedy(void **state) {
  (void)state;
  const dsm_config good = unet(32, (dsm_int_list)LIST(1, 2, 2, 2), 2, 0, DSM_UP_ATTENTION_EVERY);
  dsm_config c = good;
  assert_refused(&c, DSM_SHAPE(28, 28, 1), "24x24 or 32x32; this size allows 3 levels");
  assert_refused(&c, DSM_SHAPE(45, 16, 9), "40x16 or 48x16; this size allows 1 level");
  assert_refused(&c, DSM_SHAPE(4, 64, 1), "the nearest sizes that fit are 8x64;");
  assert_refused(&c, DSM_SHAPE(2), "model.name mlp");
  assert_refused(&c, DSM_SHAPE(16, 16, 16, 1), "(16, 16, 16, 1)");
  c.model.width = 30;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "multiple of 4");
  c.model.width = 0;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "multiple of 4");
  c = good;
  c.model.attention = (dsm_int_list)LIST(16, 15);
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "has 15, but the levels have the heights 32 16 8 4");
  c = good;
  c.model.blocks = 0;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "model.blocks is 0");
  c = good;
  c.model.multipliers.count = 0;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "model.multipliers is empty");
  c = good;
  c.model.multipliers.value[1] = 0;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "model.multipliers has 0");
  c = good;
  c.model.dropout = 1;
  assert_refused(&c, DSM_SHAPE(32, 32, 1), "model.dropout is 1");
}

static void an_mlp_that_cannot_be_built_is_refused_with_the_remedy(void **state) {
  (void)state;
  dsm_config c = mlp(64, 2);
  assert_refused(&c, DSM_SHAPE(8, 8, 1), "use model.name unet");
  c.model.width = 63;
  assert_refused(&c, DSM_SHAPE(2), "even width");
  c.model.width = 2;
  assert_refused(&c, DSM_SHAPE(2), "even width");
  c = mlp(64, 0);
  assert_refused(&c, DSM_SHAPE(2), "model.depth is 0");
}

/* ---- the network on a graph ---------------------------------------------------------------------------- */

typedef struct built {
  dsm_graph *graph;
  dsm_node *x, *label, *y;
  float *parameters;
  size_t count; /* elements of x and y */
} built;

/* The network for n samples with random parameters, those that start at zero too, and some input. */
static built build(const dsm_model *model, size_t n) {
  static dsm_kernels kernels;
  built b = {0};
  dsm_kernels_ref(&kernels, 1);
  assert_int_equal(dsm_graph_create(&b.graph), DSM_OK);
  dsm_shape sample = dsm_model_sample(model), batch = {.rank = sample.rank + 1, .n = {n}};
  for (int i = 1; i < DSM_MAX_RANK; i++) batch.n[i] = sample.n[i - 1];
  b.x = dsm_input(b.graph, "x", batch);
  b.label = dsm_input(b.graph, "label", DSM_SHAPE(n, 1));
  b.y = dsm_model_build(model, b.graph, b.x, b.label, NULL);
  dsm_graph_output(b.graph, "y", b.y);
  if (dsm_graph_plan(b.graph, &kernels) != DSM_OK) fail_msg("%s", dsm_trail());
  assert_true(dsm_shape_equal(dsm_node_shape(b.y), batch));
  const size_t parameters = dsm_parameters_count(dsm_model_parameters(model));
  assert_int_equal(DSM_ALLOC(parameters, &b.parameters), DSM_OK);
  dsm_parameters_init(dsm_model_parameters(model), 1, b.parameters);
  for (size_t i = 0; i < parameters; i++)
    if (b.parameters[i] == 0) b.parameters[i] = (float)((i * 37) % 101) / 1000.0f - 0.05f;
  b.count = dsm_shape_count(batch);
  for (size_t i = 0; i < b.count; i++) dsm_graph_data(b.graph, b.x)[i] = (float)((i * 61) % 97) / 48.0f - 1;
  for (size_t i = 0; i < n; i++) dsm_graph_data(b.graph, b.label)[i] = 100.0f * (float)(i + 1);
  return b;
}

static void free_built(built *b) {
  dsm_graph_destroy(&b->graph);
  free(b->parameters);
}

static void run(built *b, bool training, float *y) {
  const uint64_t sample[4] = {0, 1, 2, 3};
  dsm_graph_run(
      b->graph,
      &(dsm_run){.parameters = b->parameters, .training = training, .seed = 5, .step = 9, .sample = sample});
  memcpy(y, dsm_graph_data(b->graph, b->y), b->count * sizeof *y);
}

static void dropout_acts_in_training_alone_and_repeats(void **state) {
  (void)state;
  enum { COUNT = 2 * 8 * 8 };
  dsm_config with = unet(8, (dsm_int_list)LIST(1, 2), 1, 4, DSM_UP_ATTENTION_EVERY), without = with;
  with.model.dropout = 0.3;
  dsm_model *model = create(&with, DSM_SHAPE(8, 8, 1)), *plain = create(&without, DSM_SHAPE(8, 8, 1));
  built b = build(model, 2), p = build(plain, 2);
  float off[COUNT], on[COUNT], again[COUNT], never[COUNT];
  assert_int_equal(b.count, COUNT);
  run(&b, false, off);
  run(&b, true, on);
  run(&b, true, again);
  run(&p, true, never);
  assert_memory_equal(off, never, sizeof off);
  assert_memory_equal(on, again, sizeof on);
  assert_memory_not_equal(on, off, sizeof on);
  free_built(&b);
  free_built(&p);
  dsm_model_destroy(&model);
  dsm_model_destroy(&plain);
}

static void set_diagonal(float *parameters, const dsm_parameters *table, const char *name, float value) {
  const dsm_parameter *p = dsm_parameters_find(table, name);
  assert_non_null(p);
  for (size_t i = 0; i < p->shape.n[0]; i++) parameters[p->offset + i * (p->shape.n[0] + 1)] = value;
}

/* An MLP without weights but these: block 0 adds its mask to h, block 1 adds 10 times its own, so that h
 * shows both. */
static void every_block_has_a_dropout_mask_of_its_own(void **state) {
  (void)state;
  enum { WIDTH = 16 };
  dsm_config c = mlp(WIDTH, 2);
  c.model.dropout = 0.5;
  dsm_model *model = create(&c, DSM_SHAPE(WIDTH));
  const dsm_parameters *table = dsm_model_parameters(model);
  built b = build(model, 4);
  memset(b.parameters, 0, dsm_parameters_count(table) * sizeof *b.parameters);
  for (int i = 0; i < 2; i++) {
    char name[64];
    snprintf(name, sizeof name, "blocks.%d.linear1.bias", i);
    const dsm_parameter *p = dsm_parameters_find(table, name);
    assert_non_null(p);
    for (size_t j = 0; j < WIDTH; j++) b.parameters[p->offset + j] = 1;
    snprintf(name, sizeof name, "blocks.%d.linear2.weight", i);
    set_diagonal(b.parameters, table, name, i == 0 ? 1 : 10);
  }
  set_diagonal(b.parameters, table, "output.weight", 1);
  float y[4 * WIDTH];
  run(&b, true, y);
  int seen[4] = {
      0}; /* neither kept, the first, the second, both: h = 0, 1, 10 or 11 times 2 silu(1) = 1.46 */
  for (int i = 0; i < 4 * WIDTH; i++) seen[(y[i] > 0.5f) + (y[i] > 5) + (y[i] > 15.5f)]++;
  for (int i = 0; i < 4; i++) assert_true(seen[i] > 4); /* 16 expected */
  free_built(&b);
  dsm_model_destroy(&model);
}

/* In groups of one channel, group norm would take away what the time adds, the same at all positions. */
static void the_time_reaches_every_block_of_the_narrowest_unet(void **state) {
  (void)state;
  dsm_config c = unet(8, (dsm_int_list)LIST(1), 1, 0, DSM_UP_ATTENTION_EVERY);
  dsm_model *model = create(&c, DSM_SHAPE(4, 4, 1));
  const dsm_parameters *table = dsm_model_parameters(model);
  built b = build(model, 1);
  float before[16], after[16];
  run(&b, false, before);
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    if (!strstr(p->name, ".time.weight")) continue;
    float *w = b.parameters + p->offset, *kept = NULL;
    const size_t count = dsm_shape_count(p->shape);
    assert_int_equal(DSM_ALLOC(count, &kept), DSM_OK);
    memcpy(kept, w, count * sizeof *w);
    for (size_t j = 0; j < count; j++) w[j] = j % 2 ? 0.7f : -w[j];
    run(&b, false, after);
    float most = 0;
    for (int j = 0; j < 16; j++) most = fmaxf(most, fabsf(after[j] - before[j]));
    if (most < 1e-3f) fail_msg("%s changes the output by %g at most", p->name, most);
    memcpy(w, kept, count * sizeof *w);
    free(kept);
  }
  free_built(&b);
  dsm_model_destroy(&model);
}

static void a_fresh_network_predicts_zero(void **state) {
  (void)state;
  dsm_config configs[2] = {unet(8, (dsm_int_list)LIST(1, 2), 1, 4, DSM_UP_ATTENTION_EVERY), mlp(16, 2)};
  const dsm_shape samples[2] = {DSM_SHAPE(8, 4, 3), DSM_SHAPE(96)};
  for (int i = 0; i < 2; i++) {
    dsm_model *model = create(&configs[i], samples[i]);
    built b = build(model, 1);
    dsm_parameters_init(dsm_model_parameters(model), 3, b.parameters);
    float y[96];
    assert_int_equal(b.count, 96);
    run(&b, false, y);
    for (int j = 0; j < 96; j++) assert_true(y[j] == 0);
    free_built(&b);
    dsm_model_destroy(&model);
  }
}

static void wrong_inputs_are_kept_as_a_mistake_of_the_graph(void **state) {
  (void)state;
  dsm_config c = unet(8, (dsm_int_list)LIST(1, 2), 1, 4, DSM_UP_ATTENTION_EVERY);
  dsm_model *model = create(&c, DSM_SHAPE(8, 8, 2));
  const dsm_shape wrong[] = {DSM_SHAPE(1, 8, 8, 3), DSM_SHAPE(1, 7, 8, 2), DSM_SHAPE(1, 128)};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    dsm_graph *g = NULL;
    assert_int_equal(dsm_graph_create(&g), DSM_OK);
    dsm_node *y =
        dsm_model_build(model, g, dsm_input(g, "x", wrong[i]), dsm_input(g, "label", DSM_SHAPE(1, 1)), NULL);
    assert_null(y);
    assert_int_not_equal(dsm_graph_status(g), DSM_OK);
    dsm_graph_destroy(&g);
  }
  dsm_model_destroy(&model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameters_and_products_are_those_of_the_ddpm_networks),
      cmocka_unit_test(parameters_are_named_shaped_and_started_as_documented),
      cmocka_unit_test(attention_once_keeps_only_the_last_of_an_up_level),
      cmocka_unit_test(models_describe_themselves),
      cmocka_unit_test(a_unet_that_cannot_be_built_is_refused_with_the_remedy),
      cmocka_unit_test(an_mlp_that_cannot_be_built_is_refused_with_the_remedy),
      cmocka_unit_test(dropout_acts_in_training_alone_and_repeats),
      cmocka_unit_test(every_block_has_a_dropout_mask_of_its_own),
      cmocka_unit_test(the_time_reaches_every_block_of_the_narrowest_unet),
      cmocka_unit_test(a_fresh_network_predicts_zero),
      cmocka_unit_test(wrong_inputs_are_kept_as_a_mistake_of_the_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
