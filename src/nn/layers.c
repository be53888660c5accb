#include "layers.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { GROUPS_MAX = 32, CHANNELS_MIN = 4 /* of a group */ };
static const float GROUP_NORM_EPS = 1e-6f;

/* The entry "<layer>.<part>": new on the first walk, looked up afterwards. NULL once the table has failed. */
static dsm_node *parameter(dsm__net *net, const char *layer, const char *part, dsm_shape shape, dsm_init init,
                           float gain) {
  if (net->status != DSM_OK) return NULL;
  char name[DSM__NAME_MAX];
  DSM_ASSERT(snprintf(name, sizeof name, "%s.%s", layer, part) < (int)sizeof name);
  const dsm_parameter *entry = NULL;
  if (net->growing) {
    const bool decay = shape.rank > 1; /* weights, not biases and norms */
    net->status = dsm_parameters_add(net->growing, name, shape, decay, init, gain, &entry);
    if (net->status != DSM_OK) return NULL;
  } else {
    entry = dsm_parameters_find(net->table, name);
    DSM_ASSERT(entry); /* where an input of another shape asks for another one, the op refuses the pair */
  }
  return dsm_parameter_node(net->graph, entry);
}

static dsm_node *weight(dsm__net *net, const char *layer, dsm_shape shape, float scale) {
  return parameter(net, layer, "weight", shape, scale > 0 ? DSM_INIT_FAN_AVG : DSM_INIT_ZERO, sqrtf(scale));
}

static dsm_node *bias(dsm__net *net, const char *layer, size_t out) {
  return parameter(net, layer, "bias", DSM_SHAPE(out), DSM_INIT_ZERO, 0);
}

/* The name of a layer from its printf-style arguments. */
#define LAYER_NAME(layer, format)                                                                            \
  char layer[DSM__NAME_MAX];                                                                                 \
  do {                                                                                                       \
    va_list arguments;                                                                                       \
    va_start(arguments, format);                                                                             \
    int length = vsnprintf(layer, sizeof layer, format, arguments);                                          \
    va_end(arguments);                                                                                       \
    DSM_ASSERT(length > 0 && length < (int)sizeof layer);                                                    \
  } while (0)

size_t dsm__outputs(const dsm__net *net) {
  const size_t channels = net->sample.n[net->sample.rank - 1];
  if (net->config->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    return (size_t)net->config->data.classes.value[0];
  return net->config->objective.name == DSM_OBJECTIVE_HYBRID ? 2 * channels : channels;
}

static size_t channels_of(const dsm_node *x) {
  const dsm_shape shape = dsm_node_shape(x);
  return shape.n[shape.rank - 1];
}

dsm_node *dsm__linear(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...) {
  if (!x) return NULL;
  LAYER_NAME(layer, name);
  dsm_node *w = weight(net, layer, DSM_SHAPE(out, channels_of(x)), scale);
  dsm_node *b = bias(net, layer, out);
  return w && b ? dsm_linear(net->graph, x, w, b) : NULL;
}

static dsm_node *conv3(dsm__net *net, dsm_node *x, size_t out, float scale, size_t stride,
                       const size_t pad[4], const char *layer) {
  dsm_node *w = weight(net, layer, DSM_SHAPE(out, 3, 3, channels_of(x)), scale);
  dsm_node *b = bias(net, layer, out);
  return w && b ? dsm_conv2d_node(net->graph, x, w, b, stride, pad) : NULL;
}

dsm_node *dsm__conv3(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...) {
  if (!x) return NULL;
  LAYER_NAME(layer, name);
  return conv3(net, x, out, scale, 1, (const size_t[4]){1, 1, 1, 1}, layer);
}

dsm_node *dsm__conv3_half(dsm__net *net, dsm_node *x, size_t out, float scale, const char *name, ...) {
  if (!x) return NULL;
  LAYER_NAME(layer, name);
  return conv3(net, x, out, scale, 2, (const size_t[4]){0, 0, 1, 1}, layer);
}

dsm_node *dsm__group_norm(dsm__net *net, dsm_node *x, dsm_activation activation, const char *name, ...) {
  if (!x) return NULL;
  LAYER_NAME(layer, name);
  const size_t channels = channels_of(x);
  dsm_node *gamma = parameter(net, layer, "weight", DSM_SHAPE(channels), DSM_INIT_ONE, 0);
  dsm_node *beta = parameter(net, layer, "bias", DSM_SHAPE(channels), DSM_INIT_ZERO, 0);
  if (!gamma || !beta) return NULL;
  return dsm_group_norm_node(net->graph, x, gamma, beta, dsm__groups(channels), GROUP_NORM_EPS, activation);
}

/* 32 groups as in DDPM wherever that leaves four channels a group; below, min(C/4, 32) as in DDPM++ and
 * NCSN++ (Song et al. 2021). In groups of one channel the norm behind the time's addition would remove it
 * again: a constant over positions. */
size_t dsm__groups(size_t channels) {
  size_t groups = channels / CHANNELS_MIN < GROUPS_MAX ? channels / CHANNELS_MIN : GROUPS_MAX;
  while (groups > 1 && channels % groups != 0) groups--;
  return groups > 1 ? groups : 1;
}

dsm_node *dsm__silu(dsm__net *net, dsm_node *x) {
  return x ? dsm_unary_node(net->graph, DSM_UNARY_SILU, x) : NULL;
}

dsm_node *dsm__dropout(dsm__net *net, dsm_node *x) {
  const float p = (float)net->config->model.dropout;
  if (!x || p == 0) return x;
  return dsm_mul(net->graph, x, dsm_dropout_mask(net->graph, dsm_node_shape(x), p, net->masks++));
}
