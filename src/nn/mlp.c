/* A residual network for vectors (C), conditioned on time in every block:
 *   h = input(x);   h = h + linear2(silu(linear1(silu(h)) + linear(time)))  `depth` times;   F =
 * output(silu(h)) `output` starts at zero: a fresh network predicts zero. */
#include "layers.h"

#include <inttypes.h>
#include <stdio.h>

static dsm_status mlp_check(const dsm_config *config, dsm_shape sample) {
  const int64_t width = config->model.width, depth = config->model.depth;
  char text[64];
  if (sample.rank != 1)
    DSM_FAIL(DSM_BAD_CONFIG,
             "model.name mlp is for vectors (C), but a sample has shape %s: use model.name unet for images "
             "(H, W, C)",
             dsm_shape_text(sample, text, sizeof text));
  if (width < 4 || width % 2 != 0 || width > DSM__WIDTH_MAX)
    DSM_FAIL(DSM_BAD_CONFIG,
             "model.width is %" PRId64
             ": an mlp needs an even width from 4 to %d (half sines, half cosines of the time)",
             width, DSM__WIDTH_MAX);
  if (depth < 1) DSM_FAIL(DSM_BAD_CONFIG, "model.depth is %" PRId64 ": an mlp needs at least 1 block", depth);
  return DSM_OK;
}

static void mlp_describe(const dsm_config *config, dsm_shape sample, char *text, size_t size) {
  snprintf(text, size, "mlp of %zu, width %" PRId64 ", %" PRId64 " block%s", sample.n[0], config->model.width,
           config->model.depth, config->model.depth == 1 ? "" : "s");
}

static dsm_node *block(dsm__net *net, dsm_node *x, dsm_node *time, size_t width, int64_t i) {
  dsm_node *h = dsm__linear(net, dsm__silu(net, x), width, 1, "blocks.%" PRId64 ".linear1", i);
  dsm_node *t = dsm__linear(net, time, width, 1, "blocks.%" PRId64 ".time", i);
  if (!h || !t) return NULL;
  h = dsm__dropout(net, dsm__silu(net, dsm_add(net->graph, h, t)));
  h = dsm__linear(net, h, width, 1, "blocks.%" PRId64 ".linear2", i);
  return h ? dsm_add(net->graph, x, h) : NULL;
}

static dsm_node *mlp_build(dsm__net *net, dsm_node *x, dsm_node *label) {
  const size_t width = (size_t)net->config->model.width;
  dsm_node *time = dsm__time_features(net, label, width, width);
  dsm_node *h = dsm__linear(net, x, width, 1, "input");
  for (int64_t i = 0; i < net->config->model.depth; i++) h = block(net, h, time, width, i);
  net->features = dsm__silu(net, h);
  return dsm__linear(net, net->features, dsm__outputs(net), 0, "output");
}

const dsm__network dsm__mlp = {.check = mlp_check, .describe = mlp_describe, .build = mlp_build};
