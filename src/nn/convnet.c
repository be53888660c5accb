/* The first half of the U-Net as a classifier, with the mean over positions behind it (as the noisy classifier of
 * Dhariwal & Nichol 2021, arXiv:2105.05233, with its simplest pooling):
 *
 *   stem ─ down.0 ─ ... ─ down.L-1 ─ norm, SiLU ─ mean over positions ─ output
 *                                                 the features ^
 * It sees the time in every block; 0 where the data are clean. */
#include "layers.h"

#include <inttypes.h>
#include <stdio.h>

static dsm_status convnet_check(const dsm_config *config, dsm_shape sample) {
  if (config->objective.name != DSM_OBJECTIVE_CLASSIFIER)
    DSM_FAIL(DSM_BAD_CONFIG, "model.name convnet is for objective.name classifier: use model.name unet");
  return dsm__levels_check("convnet", config, sample);
}

static void convnet_describe(const dsm_config *config, dsm_shape sample, char *text, size_t size) {
  dsm__levels_describe("convnet", config, sample, text, size);
}

static dsm_node *level(dsm__net *net, dsm_node *h, dsm_node *time, size_t i) {
  const size_t channels = dsm__level_channels(net, i);
  char name[DSM__NAME_MAX];
  for (int64_t j = 0; j < net->config->model.blocks; j++) {
    snprintf(name, sizeof name, "down.%zu.blocks.%" PRId64, i, j);
    h = dsm__resblock(net, h, time, channels, name);
    if (!dsm__has_attention(net->config, net->sample, i)) continue;
    snprintf(name, sizeof name, "down.%zu.attention.%" PRId64, i, j);
    h = dsm__attention(net, h, name);
  }
  if (i + 1 == net->config->model.multipliers.count) return h;
  return dsm__conv3_half(net, h, channels, 1, "down.%zu.downsample", i);
}

/* (N, H, W, C) -> (N, C) */
static dsm_node *mean_over_positions(dsm__net *net, dsm_node *h) {
  if (!h) return NULL;
  const dsm_shape s = dsm_node_shape(h);
  h = dsm_sum_to(net->graph, h, DSM_SHAPE(s.n[0], 1, 1, s.n[3]));
  h = dsm_affine(net->graph, h, 1.0f / (float)(s.n[1] * s.n[2]), 0);
  return dsm_reshape(net->graph, h, DSM_SHAPE(s.n[0], s.n[3]));
}

static dsm_node *convnet_build(dsm__net *net, dsm_node *x, dsm_node *label) {
  const size_t levels = net->config->model.multipliers.count, width = (size_t)net->config->model.width;
  dsm_node *time = dsm__time_features(net, label, width, 4 * width);
  dsm_node *h = dsm__conv3(net, x, width, 1, "stem");
  for (size_t i = 0; i < levels; i++) h = level(net, h, time, i);
  h = dsm__group_norm(net, h, DSM_ACTIVATION_SILU, "head.norm");
  net->features = mean_over_positions(net, h);
  return dsm__linear(net, net->features, dsm__outputs(net), 0, "output");
}

const dsm__network dsm__convnet = {
    .check = convnet_check, .describe = convnet_describe, .build = convnet_build};
