/* Self-attention over the S = H W positions of an image, one head, as in the DDPM code:
 *   y = x + out(softmax(q k^T / sqrt(C)) v),   q, k, v linear maps of norm(x)
 * `out` starts at zero; q, k and v start with a tenth of the usual variance. */
#include "layers.h"

#include <math.h>

static const float PROJECTION_SCALE = 0.1f;

dsm_node *dsm__attention(dsm__net *net, dsm_node *x, const char *name) {
  if (!x) return NULL;
  dsm_graph *g = net->graph;
  const dsm_shape image = dsm_node_shape(x);
  const size_t channels = image.n[3];
  dsm_node *h = dsm__group_norm(net, x, DSM_ACTIVATION_NONE, "%s.norm", name);
  if (!h) return NULL;
  h = dsm_reshape(g, h, DSM_SHAPE(image.n[0], image.n[1] * image.n[2], channels));
  dsm_node *q = dsm__linear(net, h, channels, PROJECTION_SCALE, "%s.q", name);
  dsm_node *k = dsm__linear(net, h, channels, PROJECTION_SCALE, "%s.k", name);
  dsm_node *v = dsm__linear(net, h, channels, PROJECTION_SCALE, "%s.v", name);
  if (!q || !k || !v) return NULL;
  dsm_node *a = dsm_softmax(g, dsm_matmul_node(g, q, false, k, true, 1 / sqrtf((float)channels)));
  h = dsm__linear(net, dsm_matmul_node(g, a, false, v, false, 1), channels, 0, "%s.out", name);
  return h ? dsm_add(g, x, dsm_reshape(g, h, image)) : NULL;
}
