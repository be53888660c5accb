/* Inverted dropout mask: mask = 0 with probability p, else 1 / (1 - p).  Srivastava et al. 2014.
 * Element e of sample i is a function of (seed, step, sample index, layer, e), so the mask is the same on any
 * rank. */
#include <math.h>
#include "dsmpi/random.h"
#include "../node.h"

/* The mask's bits of one layer start here in the sample's row of random numbers: layers are this many
 * elements apart. */
static const uint64_t LAYER_STRIDE = (uint64_t)1 << 24;

typedef struct dropout {
  float p;
  uint32_t layer;
} dropout;

static void run(const dsm_node *node, const dsm__context *c) {
  const dropout *d = node->parameters;
  const size_t rows = node->shape.n[0], width = dsm__count(node) / rows;
  const float keep = 1.0f / (1.0f - d->p);
  for (size_t i = 0; i < rows; i++) {
    float *mask = node->data + i * width;
    if (!c->run->training) {
      for (size_t e = 0; e < width; e++) mask[e] = 1.0f;
      continue;
    }
    dsm_random_key key = {c->run->seed, DSM_STREAM_DROPOUT, c->run->step,
                          c->run->sample ? c->run->sample[i] : i};
    dsm_random_uniform(key, d->layer * LAYER_STRIDE, width, mask);
    for (size_t e = 0; e < width; e++) mask[e] = mask[e] < d->p ? 0.0f : keep;
  }
}

static const dsm__op op = {.name = "dropout_mask", .run = run};

dsm_node *dsm_dropout_mask(dsm_graph *g, dsm_shape shape, float p, uint32_t layer) {
  if (!(p >= 0.0f && p < 1.0f))
    return dsm__graph_fail(g, DSM_BAD_CONFIG, "dropout: the probability must be in [0, 1), received %g",
                           (double)p);
  if (layer >= 256 || dsm_shape_count(shape) / shape.n[0] > LAYER_STRIDE)
    return dsm__graph_fail(g, DSM_BAD_CONFIG,
                           "dropout: layer %u or its size is beyond what the random stream holds", layer);
  return dsm__node_add(g, &op, shape, NULL, 0, &(dropout){p, layer}, sizeof(dropout));
}
