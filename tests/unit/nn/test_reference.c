/* Output, loss and every gradient of small networks against PyTorch (tests/data/make_unet_fixture.py). */
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
#include "fixture.h"

/* Largest deviation, as a part of the largest value of each tensor. float32 gives about 1e-6 here (the
 * fixture is float64); the rest is room for other kernels. */
static const double TOLERANCE = 1e-4;
/* A bias of keys has no gradient at all, softmax does not see it: such tensors are measured by the largest
 * gradient of the network, times this. */
static const double SMALLEST = 1e-2;

typedef struct network {
  const char *file;
  dsm_shape sample;
  size_t n;
  dsm_config config;
} network;

static network unet_network(void) {
  network net = {.file = "unet_fixture.h5", .sample = DSM_SHAPE(8, 12, 2), .n = 3};
  dsm_config_defaults(&net.config);
  net.config.model.name = DSM_MODEL_UNET;
  net.config.model.width = 8;
  net.config.model.multipliers = (dsm_int_list){.count = 2, .value = {1, 2}};
  net.config.model.blocks = 1;
  net.config.model.attention = (dsm_int_list){.count = 1, .value = {4}};
  net.config.model.up_attention = DSM_UP_ATTENTION_EVERY;
  net.config.model.dropout = 0;
  return net;
}

static network mlp_network(void) {
  network net = {.file = "mlp_fixture.h5", .sample = DSM_SHAPE(3), .n = 5};
  dsm_config_defaults(&net.config);
  net.config.model.name = DSM_MODEL_MLP;
  net.config.model.width = 16;
  net.config.model.depth = 2;
  net.config.model.dropout = 0;
  return net;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static size_t dataset_name(char *text, size_t size, const char *group, const char *name) {
  return (size_t)snprintf(text, size, "/%s/%s", group, name);
}

/* One dataset a parameter, PyTorch's order, into the flat order of the table. */
static float *read_flat(const network *net, const dsm_parameters *table, const char *group) {
  float *flat = NULL;
  assert_int_equal(fixture_entries(net->file, group), dsm_parameters_entries(table));
  assert_int_equal(DSM_ALLOC(dsm_parameters_count(table), &flat), DSM_OK);
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    char name[160];
    float *values = NULL;
    assert_true(dataset_name(name, sizeof name, group, p->name) < sizeof name);
    fixture_read(net->file, name, dsm_shape_count(p->shape), &values);
    dsm_parameter_from_file(p, sizeof(float), values, flat + p->offset);
    free(values);
  }
  return flat;
}

/* (n, C, positions) to (n, positions, C) */
static float *read_channels_last(const network *net, const char *name) {
  const size_t size = dsm_shape_count(net->sample), channels = net->sample.n[net->sample.rank - 1];
  const size_t positions = size / channels;
  float *first = NULL, *last = NULL;
  fixture_read(net->file, name, net->n * size, &first);
  assert_int_equal(DSM_ALLOC(net->n * size, &last), DSM_OK);
  for (size_t i = 0; i < net->n; i++)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < positions; p++)
        last[(i * positions + p) * channels + c] = first[(i * channels + c) * positions + p];
  free(first);
  return last;
}

static void set_input(dsm_graph *g, dsm_node *node, float *values) {
  memcpy(dsm_graph_data(g, node), values, dsm_shape_count(dsm_node_shape(node)) * sizeof *values);
  free(values);
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

static double largest(const float *x, size_t n) {
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
  return most;
}

/* Largest |x - y| / max(largest |y|, floor); fails where it is above the tolerance. */
static double compare(const char *what, const float *x, const float *y, size_t n, double floor) {
  const double scale = fmax(largest(y, n), floor);
  double worst = 0;
  for (size_t i = 0; i < n; i++) {
    const double deviation = fabs((double)x[i] - y[i]) / scale;
    if (!(deviation <= TOLERANCE)) fail_msg("%s, element %zu: %.8g, expected %.8g", what, i, x[i], y[i]);
    worst = fmax(worst, deviation);
  }
  return worst;
}

/* ---- the test ------------------------------------------------------------------------------------------ */

/* Adds loss = sum_n weight_n |F - target|^2 and its gradients by the parameters and by x. */
static void add_loss(dsm_graph *g, const dsm_parameters *table, dsm_node *x, dsm_node *y, dsm_node *target,
                     dsm_node *weight) {
  const size_t entries = dsm_parameters_entries(table);
  dsm_shape one = dsm_node_shape(y);
  for (int i = 0; i < one.rank; i++) one.n[i] = 1;
  dsm_node *loss = dsm_sum_to(g, dsm_mul(g, dsm_square(g, dsm_sub(g, y, target)), weight), one);
  dsm_node **by = NULL, **gradient = NULL;
  assert_int_equal(DSM_ALLOC(entries + 1, &by), DSM_OK);
  assert_int_equal(DSM_ALLOC(entries + 1, &gradient), DSM_OK);
  for (size_t i = 0; i < entries; i++) by[i] = dsm_parameter_node(g, dsm_parameters_entry(table, i));
  by[entries] = x;
  dsm_graph_gradient(g, loss, NULL, by, entries + 1, gradient);
  for (size_t i = 0; i < entries; i++)
    dsm_graph_gradient_output(g, gradient[i], dsm_parameters_entry(table, i));
  dsm_graph_output(g, "output", y);
  dsm_graph_output(g, "loss", loss);
  dsm_graph_output(g, "x_gradient", gradient[entries]);
  free(by);
  free(gradient);
}

static void check(const network *net, const dsm_kernels *kernels, bool decompose) {
  dsm_model *model = NULL;
  dsm_graph *g = NULL;
  if (dsm_model_create(&net->config, net->sample, &model) != DSM_OK) fail_msg("%s", dsm_trail());
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_graph_decompose(g, decompose);
  const dsm_parameters *table = dsm_model_parameters(model);
  dsm_shape batch = {.rank = net->sample.rank + 1, .n = {net->n}}, ones = batch;
  for (int i = 1; i < DSM_MAX_RANK; i++) {
    batch.n[i] = net->sample.n[i - 1];
    ones.n[i] = 1;
  }
  dsm_node *x = dsm_input(g, "x", batch), *target = dsm_input(g, "target", batch);
  dsm_node *label = dsm_input(g, "label", DSM_SHAPE(net->n, 1)), *weight = dsm_input(g, "weight", ones);
  add_loss(g, table, x, dsm_model_build(model, g, x, label, NULL), target, weight);
  if (dsm_graph_plan(g, kernels) != DSM_OK) fail_msg("%s", dsm_trail());

  float *values = NULL;
  set_input(g, x, read_channels_last(net, "/x"));
  set_input(g, target, read_channels_last(net, "/target"));
  fixture_read(net->file, "/label", net->n, &values);
  set_input(g, label, values);
  fixture_read(net->file, "/weight", net->n, &values);
  set_input(g, weight, values);

  float *parameters = read_flat(net, table, "model"), *gradients = NULL;
  assert_int_equal(DSM_ALLOC(dsm_parameters_count(table), &gradients), DSM_OK);
  for (size_t i = 0; i < dsm_parameters_count(table); i++) gradients[i] = NAN; /* all must be written */
  dsm_graph_run(g, &(dsm_run){.parameters = parameters, .gradients = gradients});

  const size_t elements = dsm_shape_count(batch);
  float *output = read_channels_last(net, "/output"), *x_gradient = read_channels_last(net, "/x_gradient");
  float *loss = NULL, *expected = read_flat(net, table, "gradient");
  fixture_read(net->file, "/loss", 1, &loss);
  const float *got[3] = {dsm_graph_data(g, dsm_graph_find_output(g, "output")),
                         dsm_graph_data(g, dsm_graph_find_output(g, "loss")),
                         dsm_graph_data(g, dsm_graph_find_output(g, "x_gradient"))};
  const double output_worst = compare("output", got[0], output, elements, 0);
  const double loss_worst = compare("loss", got[1], loss, 1, 0);
  const double x_worst = compare("gradient by x", got[2], x_gradient, elements, 0);
  const double floor = SMALLEST * largest(expected, dsm_parameters_count(table));
  double worst = 0;
  for (size_t i = 0; i < dsm_parameters_entries(table); i++) {
    const dsm_parameter *p = dsm_parameters_entry(table, i);
    worst = fmax(worst, compare(p->name, gradients + p->offset, expected + p->offset,
                                dsm_shape_count(p->shape), floor));
  }
  print_message("%s, kernels %s%s: largest relative deviation of output %.1e, loss %.1e, gradient by x %.1e, "
                "by parameters %.1e\n",
                dsm_model_text(model), kernels->name, decompose ? ", decomposed" : "", output_worst,
                loss_worst, x_worst, worst);
  free(output);
  free(x_gradient);
  free(loss);
  free(expected);
  free(parameters);
  free(gradients);
  dsm_graph_destroy(&g);
  dsm_model_destroy(&model);
}

static void check_all(network net) {
  dsm_kernels set[2];
  dsm_kernels_ref(&set[0], 1);
  assert_int_equal(dsm_kernels_fast(&set[1], 2, NULL), DSM_OK);
  for (int k = 0; k < 2; k++)
    for (int decompose = 0; decompose < 2; decompose++) check(&net, &set[k], decompose);
}

/* trap 16: its convolutions of stride 2 are padded by one on the right and at the bottom alone; trap 15: the time embedding
 * is that of PyTorch too, inside. */
static void unet_and_its_gradients_equal_pytorch(void **state) {
  (void)state;
  check_all(unet_network());
}

static void mlp_and_its_gradients_equal_pytorch(void **state) {
  (void)state;
  check_all(mlp_network());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unet_and_its_gradients_equal_pytorch),
      cmocka_unit_test(mlp_and_its_gradients_equal_pytorch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
