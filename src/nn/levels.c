/* What networks of levels have in common, each with half the height and width of the one before: what they refuse, and how
 * they are told of. */
#include "layers.h"

#include <inttypes.h>
#include <stdio.h>
#include "dsmpi/text.h"

enum { WIDTH_UNIT = 4 };

bool dsm__has_attention(const dsm_config *config, dsm_shape sample, size_t level) {
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

static dsm_status check_size(const char *name, const dsm_config *config, dsm_shape sample) {
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
           "a %s of %zu levels (model.multipliers) needs height and width divisible by %zu, "
           "samples are %zux%zu: the nearest sizes that fit are %s%zux%zu; this size allows %zu level%s",
           name, levels, unit, height, width, smaller, high_h, high_w, fit, fit == 1 ? "" : "s");
}

static dsm_status check_attention(const dsm_config *config, dsm_shape sample) {
  const dsm_int_list *wanted = &config->model.attention;
  const size_t levels = config->model.multipliers.count;
  for (size_t i = 0; i < wanted->count; i++) {
    size_t level = 0;
    while (level < levels && (int64_t)(sample.n[0] >> level) != wanted->value[i]) level++;
    if (level < levels) continue;
    char heights[256] = "";
    for (level = 0; level < levels; level++)
      dsm_append(heights, sizeof heights, " %zu", sample.n[0] >> level);
    DSM_FAIL(DSM_BAD_CONFIG, "model.attention has %" PRId64 ", but the levels have the heights%s",
             wanted->value[i], heights);
  }
  return DSM_OK;
}

dsm_status dsm__levels_check(const char *name, const dsm_config *config, dsm_shape sample) {
  const dsm_int_list *multipliers = &config->model.multipliers;
  const int64_t width = config->model.width, blocks = config->model.blocks;
  char text[64];
  if (sample.rank != 3)
    DSM_FAIL(DSM_BAD_CONFIG, "model.name %s is for images (H, W, C), but a sample has shape %s%s", name,
             dsm_shape_text(sample, text, sizeof text),
             sample.rank == 1 ? ": use model.name mlp for vectors"
                              : ": store samples as images or as vectors");
  if (width < WIDTH_UNIT || width % WIDTH_UNIT != 0 || width > DSM__WIDTH_MAX)
    DSM_FAIL(DSM_BAD_CONFIG,
             "model.width is %" PRId64
             ": a %s normalises its channels in groups, so width must be a multiple of %d up to %d, "
             "best of 32",
             width, name, WIDTH_UNIT, DSM__WIDTH_MAX);
  if (blocks < 1 || blocks > DSM__BLOCKS_MAX)
    DSM_FAIL(DSM_BAD_CONFIG, "model.blocks is %" PRId64 ": a level of a %s has 1 to %d blocks", blocks, name,
             DSM__BLOCKS_MAX);
  if (multipliers->count < 1)
    DSM_FAIL(DSM_BAD_CONFIG, "model.multipliers is empty: a %s needs one multiplier a level, e.g. [1, 2, 2]",
             name);
  for (size_t i = 0; i < multipliers->count; i++)
    if (multipliers->value[i] < 1 || multipliers->value[i] > DSM__WIDTH_MAX)
      DSM_FAIL(DSM_BAD_CONFIG, "model.multipliers has %" PRId64 ": multipliers are whole numbers from 1",
               multipliers->value[i]);
  DSM_TRY(check_size(name, config, sample));
  return check_attention(config, sample);
}

/* " 1 2 2" at the end of `text` */
static void append_list(char *text, size_t size, const dsm_int_list *list) {
  for (size_t i = 0; i < list->count; i++) dsm_append(text, size, " %" PRId64, list->value[i]);
}

void dsm__levels_describe(const char *name, const dsm_config *config, dsm_shape sample, char *text,
                          size_t size) {
  const int64_t blocks = config->model.blocks;
  snprintf(text, size, "%s %zux%zux%zu, width %" PRId64 ", levels", name, sample.n[0], sample.n[1],
           sample.n[2], config->model.width);
  append_list(text, size, &config->model.multipliers);
  dsm_append(text, size, ", %" PRId64 " block%s", blocks, blocks == 1 ? "" : "s");
  if (config->model.attention.count == 0) return;
  dsm_append(text, size, ", attention at");
  append_list(text, size, &config->model.attention);
}

size_t dsm__level_channels(const dsm__net *net, size_t level) {
  return (size_t)(net->config->model.width * net->config->model.multipliers.value[level]);
}
