/* The U-Net of Ho et al. 2020 (arXiv:2006.11239), appendix B, as in its reference code. With levels i = 0 ...
 * L-1 of multiplier_i x width channels and half the height and width of the level before:
 *
 *   stem ─ down.0 ─ down.1 ─ ... ─ down.L-1 ─ middle ─ up.L-1 ─ ... ─ up.1 ─ up.0 ─ head
 *             └────────┴─── skips: stem, every block, every downsample ──┴───────┘
 *
 * A down level has `blocks` residual blocks, an up level one more, each of which takes the newest skip beside
 * its input. Levels whose height is in model.attention have attention after every block; on the way up only
 * after the last one when model.up_attention is once (as in the code of Song et al. 2021, arXiv:2011.13456).
 */
#include "layers.h"

#include <inttypes.h>
#include <stdio.h>
#include "dsmpi/text.h"

enum { SKIPS_MAX = DSM_LIST_MAX * (DSM__BLOCKS_MAX + 1) };

static dsm_status unet_check(const dsm_config *config, dsm_shape sample) {
  if (config->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    DSM_FAIL(DSM_BAD_CONFIG, "model.name unet is no classifier: use convnet, which is its first half");
  return dsm__levels_check("unet", config, sample);
}

static void unet_describe(const dsm_config *config, dsm_shape sample, char *text, size_t size) {
  dsm__levels_describe("unet", config, sample, text, size);
  if (config->model.attention.count > 0 && config->model.up_attention == DSM_UP_ATTENTION_ONCE)
    dsm_append(text, size, " (once on the way up)");
}

/* ---- the network --------------------------------------------------------------------------------------- */

/* Values waiting for the way up, newest last. */
typedef struct skips {
  size_t count;
  dsm_node *node[SKIPS_MAX];
} skips;

static dsm_node *push(skips *s, dsm_node *h) {
  DSM_ASSERT(s->count < SKIPS_MAX);
  s->node[s->count++] = h;
  return h;
}

static dsm_node *join_newest(dsm__net *net, skips *s, dsm_node *h) {
  DSM_ASSERT(s->count > 0);
  dsm_node *skip = s->node[--s->count];
  return h && skip ? dsm_concat(net->graph, 3, h, skip) : NULL;
}

static dsm_node *down_level(dsm__net *net, dsm_node *h, dsm_node *time, size_t level, skips *s) {
  const size_t channels = dsm__level_channels(net, level), levels = net->config->model.multipliers.count;
  char name[DSM__NAME_MAX];
  for (int64_t j = 0; j < net->config->model.blocks; j++) {
    snprintf(name, sizeof name, "down.%zu.blocks.%" PRId64, level, j);
    h = dsm__resblock(net, h, time, channels, name);
    if (dsm__has_attention(net->config, net->sample, level)) {
      snprintf(name, sizeof name, "down.%zu.attention.%" PRId64, level, j);
      h = dsm__attention(net, h, name);
    }
    push(s, h);
  }
  if (level + 1 == levels) return h;
  return push(s, dsm__conv3_half(net, h, channels, 1, "down.%zu.downsample", level));
}

static dsm_node *up_level(dsm__net *net, dsm_node *h, dsm_node *time, size_t level, skips *s) {
  const size_t channels = dsm__level_channels(net, level);
  const int64_t last = net->config->model.blocks;
  const bool every = net->config->model.up_attention == DSM_UP_ATTENTION_EVERY;
  char name[DSM__NAME_MAX];
  for (int64_t j = 0; j <= last; j++) {
    snprintf(name, sizeof name, "up.%zu.blocks.%" PRId64, level, j);
    h = dsm__resblock(net, join_newest(net, s, h), time, channels, name);
    if (dsm__has_attention(net->config, net->sample, level) && (every || j == last)) {
      snprintf(name, sizeof name, "up.%zu.attention.%" PRId64, level, every ? j : 0);
      h = dsm__attention(net, h, name);
    }
  }
  if (level == 0 || !h) return h;
  return dsm__conv3(net, dsm_upsample2(net->graph, h), channels, 1, "up.%zu.upsample", level);
}

static dsm_node *unet_build(dsm__net *net, dsm_node *x, dsm_node *label) {
  const size_t levels = net->config->model.multipliers.count, width = (size_t)net->config->model.width;
  skips s = {.count = 0};
  dsm_node *time = dsm__time_features(net, label, width, 4 * width);
  dsm_node *h = push(&s, dsm__conv3(net, x, width, 1, "stem"));
  for (size_t level = 0; level < levels; level++) h = down_level(net, h, time, level, &s);

  h = dsm__resblock(net, h, time, dsm__level_channels(net, levels - 1), "middle.block1");
  h = dsm__attention(net, h, "middle.attention");
  h = dsm__resblock(net, h, time, dsm__level_channels(net, levels - 1), "middle.block2");

  for (size_t level = levels; level-- > 0;) h = up_level(net, h, time, level, &s);
  h = dsm__group_norm(net, h, DSM_ACTIVATION_SILU, "head.norm");
  return dsm__conv3(net, h, dsm__outputs(net), 0, "head.conv");
}

const dsm__network dsm__unet = {.check = unet_check, .describe = unet_describe, .build = unet_build};
