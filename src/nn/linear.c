/* F = W x + b for vectors (C), whatever the time: the exact score of a Gaussian at one noise level, and so the
 * network whose optimum is known in closed form. */
#include "layers.h"

#include <stdio.h>

static dsm_status linear_check(const dsm_config *config, dsm_shape sample) {
  char text[64];
  if (sample.rank != 1)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "model.name linear is for vectors (C), but a sample has shape %s: use model.name unet for images "
        "(H, W, C)",
        dsm_shape_text(sample, text, sizeof text));
  if (config->objective.name == DSM_OBJECTIVE_CLASSIFIER)
    DSM_FAIL(DSM_BAD_CONFIG, "model.name linear is no classifier: use mlp");
  if (config->data.conditions[0])
    DSM_FAIL(DSM_BAD_CONFIG, "model.name linear sees nothing but x: use mlp with data.conditions");
  return DSM_OK;
}

static void linear_describe(const dsm_config *config, dsm_shape sample, char *text, size_t size) {
  (void)config;
  snprintf(text, size, "linear map of %zu", sample.n[0]);
}

static dsm_node *linear_build(dsm__net *net, dsm_node *x, dsm_node *label) {
  (void)label;
  return dsm__linear(net, x, dsm__outputs(net), 0, "output");
}

const dsm__network dsm__linear_network = {
    .check = linear_check, .describe = linear_describe, .build = linear_build};
