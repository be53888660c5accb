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

enum { BLOCKS_MAX = 64, SKIPS_MAX = DSM_LIST_MAX * (BLOCKS_MAX + 1), WIDTH_UNIT = 4 };

static bool has_attention(const dsm_config *config, dsm_shape sample, size_t level) {
  const dsm_int_list *heights = &config->model.attention;
  for (size_t i = 0; i < heights->count; i++)
    if ((size_t)heights->value[i] == sample.n[0] >> level) return true;
  return false;
}

/* ---- what cannot be built ------------------------------------------------------------------------------ */

/* Largest number of levels whose halvings divide n. */
static size_t levels_that_fit(size_t n) {
  size_t levels = 1;
  while (n > 0 && n % 2 == 0) n /= 2, levels++;
  return levels;
}

static dsm_status check_size(const dsm_config *config, dsm_shape sample) {
  const size_t levels = config->model.multipliers.count, unit = (size_t)1 << (levels - 1);
  const size_t height = sample.n[0], width = sample.n[1];
  if (height % unit == 0 && width % unit == 0) return DSM_OK;
  const size_t low_h = height / unit * unit, low_w = width / unit * unit;
  const size_t high_h = (height + unit - 1) / unit * unit, high_w = (width + unit - 1) / unit * unit;
  const size_t fit_h = levels_that_fit(height), fit_w = levels_that_fit(width),
               fit = fit_h < fit_w ? fit_h : fit_w;
  char smaller[64] = "";
  if (low_h && low_w) snprintf(smaller, sizeof smaller, "%zux%zu or ", low_h, low_w);
  DSM_FAIL(DSM_BAD_CONFIG,
           "a unet of %zu levels (model.multipliers) needs height and width divisible by %zu, "
           "samples are %zux%zu: the nearest sizes that fit are %s%zux%zu; this size allows %zu level%s",
           levels, unit, height, width, smaller, high_h, high_w, fit, fit == 1 ? "" : "s");
}

static dsm_status check_attention(const dsm_config *config, dsm_shape sample) {
  const dsm_int_list *wanted = &config->model.attention;
  const size_t levels = config->model.multipliers.count;
  for (size_t i = 0; i < wanted->count; i++) {
    size_t level = 0;
    while (level < levels && (int64_t)(sample.n[0] >> level) != wanted->value[i]) level++;
    if (level < levels) continue;
    char heights[256];
    size_t used = 0;
    for (level = 0; level < levels; level++)
      used += (size_t)snprintf(heights + used, sizeof heights - used, " %zu", sample.n[0] >> level);
    DSM_FAIL(DSM_BAD_CONFIG, "model.attention has %" PRId64 ", but the levels have the heights%s",
             wanted->value[i], heights);
  }
  return DSM_OK;
}

static dsm_status unet_check(const dsm_config *config, dsm_shape sample) {
  const dsm_int_list *multipliers = &config->model.multipliers;
  const int64_t width = config->model.width, blocks = config->model.blocks;
  char text[64];
  if (sample.rank != 3)
    DSM_FAIL(DSM_BAD_CONFIG, "model.name unet is for images (H, W, C), but a sample has shape %s%s",
             dsm_shape_text(sample, text, sizeof text),
             sample.rank == 1 ? ": use model.name mlp for vectors"
                              : ": store samples as images or as vectors");
  if (width < WIDTH_UNIT || width % WIDTH_UNIT != 0 || width > DSM__WIDTH_MAX)
    DSM_FAIL(DSM_BAD_CONFIG,
             "model.width is %" PRId64
             ": a unet normalises its channels in groups, so width must be a multiple of %d up to %d, "
             "best of 32",
             width, WIDTH_UNIT, DSM__WIDTH_MAX);
  if (blocks < 1 || blocks > BLOCKS_MAX)
    DSM_FAIL(DSM_BAD_CONFIG, "model.blocks is %" PRId64 ": a level of a unet has 1 to %d blocks", blocks,
             BLOCKS_MAX);
  if (multipliers->count < 1)
    DSM_FAIL(DSM_BAD_CONFIG,
             "model.multipliers is empty: a unet needs one multiplier a level, e.g. [1, 2, 2]");
  for (size_t i = 0; i < multipliers->count; i++)
    if (multipliers->value[i] < 1 || multipliers->value[i] > DSM__WIDTH_MAX)
      DSM_FAIL(DSM_BAD_CONFIG, "model.multipliers has %" PRId64 ": multipliers are whole numbers from 1",
               multipliers->value[i]);
  DSM_TRY(check_size(config, sample));
  return check_attention(config, sample);
}

/* " 1 2 2" at the end of `text` */
static void append_list(char *text, size_t size, size_t *used, const dsm_int_list *list) {
  for (size_t i = 0; i < list->count && *used < size; i++)
    *used += (size_t)snprintf(text + *used, size - *used, " %" PRId64, list->value[i]);
}

static void unet_describe(const dsm_config *config, dsm_shape sample, char *text, size_t size) {
  const int64_t blocks = config->model.blocks;
  size_t used = (size_t)snprintf(text, size, "unet %zux%zux%zu, width %" PRId64 ", levels", sample.n[0],
                                 sample.n[1], sample.n[2], config->model.width);
  append_list(text, size, &used, &config->model.multipliers);
  used += (size_t)snprintf(text + used, size - used, ", %" PRId64 " block%s", blocks, blocks == 1 ? "" : "s");
  if (config->model.attention.count == 0) return;
  used += (size_t)snprintf(text + used, size - used, ", attention at");
  append_list(text, size, &used, &config->model.attention);
  if (config->model.up_attention == DSM_UP_ATTENTION_ONCE)
    snprintf(text + used, size - used, " (once on the way up)");
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

static size_t channels_at(const dsm__net *net, size_t level) {
  return (size_t)(net->config->model.width * net->config->model.multipliers.value[level]);
}

static dsm_node *down_level(dsm__net *net, dsm_node *h, dsm_node *time, size_t level, skips *s) {
  const size_t channels = channels_at(net, level), levels = net->config->model.multipliers.count;
  char name[DSM__NAME_MAX];
  for (int64_t j = 0; j < net->config->model.blocks; j++) {
    snprintf(name, sizeof name, "down.%zu.blocks.%" PRId64, level, j);
    h = dsm__resblock(net, h, time, channels, name);
    if (has_attention(net->config, net->sample, level)) {
      snprintf(name, sizeof name, "down.%zu.attention.%" PRId64, level, j);
      h = dsm__attention(net, h, name);
    }
    push(s, h);
  }
  if (level + 1 == levels) return h;
  return push(s, dsm__conv3_half(net, h, channels, 1, "down.%zu.downsample", level));
}

static dsm_node *up_level(dsm__net *net, dsm_node *h, dsm_node *time, size_t level, skips *s) {
  const size_t channels = channels_at(net, level);
  const int64_t last = net->config->model.blocks;
  const bool every = net->config->model.up_attention == DSM_UP_ATTENTION_EVERY;
  char name[DSM__NAME_MAX];
  for (int64_t j = 0; j <= last; j++) {
    snprintf(name, sizeof name, "up.%zu.blocks.%" PRId64, level, j);
    h = dsm__resblock(net, join_newest(net, s, h), time, channels, name);
    if (has_attention(net->config, net->sample, level) && (every || j == last)) {
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

  h = dsm__resblock(net, h, time, channels_at(net, levels - 1), "middle.block1");
  h = dsm__attention(net, h, "middle.attention");
  h = dsm__resblock(net, h, time, channels_at(net, levels - 1), "middle.block2");

  for (size_t level = levels; level-- > 0;) h = up_level(net, h, time, level, &s);
  h = dsm__group_norm(net, h, DSM_ACTIVATION_SILU, "head.norm");
  return dsm__conv3(net, h, dsm__outputs(net), 0, "head.conv");
}

const dsm__network dsm__unet = {.check = unet_check, .describe = unet_describe, .build = unet_build};
