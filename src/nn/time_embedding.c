/* How networks see time, and conditions beside it. The frequencies are those of the DDPM code, with width/2 - 1 in the exponent and
 * sines first; other codes divide by width/2 or put cosines first, and weights do not carry over between
 * them. */
#include "layers.h"

#include <math.h>

dsm_node *dsm_time_embedding(dsm_graph *graph, dsm_node *label, size_t width) {
  const size_t half = width / 2;
  DSM_ASSERT(width % 2 == 0 && half >= 2 && width <= DSM__WIDTH_MAX);
  if (!label) return NULL;
  float frequency[DSM__WIDTH_MAX / 2];
  for (size_t i = 0; i < half; i++) frequency[i] = (float)exp(-log(1e4) * (double)i / (double)(half - 1));
  dsm_node *angle = dsm_mul(graph, label, dsm_constant(graph, DSM_SHAPE(1, half), frequency));
  if (!angle) return NULL;
  return dsm_concat(graph, 1, dsm_unary_node(graph, DSM_UNARY_SIN, angle),
                    dsm_unary_node(graph, DSM_UNARY_COS, angle));
}

dsm_node *dsm__time_features(dsm__net *net, dsm_node *label, size_t width, size_t hidden) {
  dsm_node *h = dsm_time_embedding(net->graph, label, width);
  h = dsm__silu(net, dsm__linear(net, h, hidden, 1, "time.linear1"));
  h = dsm__linear(net, h, hidden, 1, "time.linear2");
  if (!net->condition) return dsm__silu(net, h);
  dsm_node *c = dsm__silu(net, dsm__linear(net, net->condition, hidden, 1, "condition.linear1"));
  c = dsm__linear(net, c, hidden, 1, "condition.linear2");
  return h && c ? dsm__silu(net, dsm_add(net->graph, h, c)) : NULL;
}
