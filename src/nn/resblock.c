/* The residual block of Ho et al. 2020 (arXiv:2006.11239), appendix B, as in its reference code:
 *   h = conv1(silu(norm1(x))) + linear(time);  y = shortcut(x) + conv2(dropout(silu(norm2(h))))
 * The shortcut is a product over channels where their number changes, and nothing where it does not. conv2
 * starts at zero, so that a fresh block is its shortcut. */
#include "layers.h"

/* h (N, H, W, C) + one row of C for each sample */
static dsm_node *add_to_positions(dsm__net *net, dsm_node *h, dsm_node *row) {
  if (!h || !row) return NULL;
  const dsm_shape shape = dsm_node_shape(row);
  return dsm_add(net->graph, h, dsm_reshape(net->graph, row, DSM_SHAPE(shape.n[0], 1, 1, shape.n[1])));
}

dsm_node *dsm__resblock(dsm__net *net, dsm_node *x, dsm_node *time, size_t out, const char *name) {
  if (!x) return NULL;
  dsm_node *h = dsm__group_norm(net, x, DSM_ACTIVATION_SILU, "%s.norm1", name);
  h = dsm__conv3(net, h, out, 1, "%s.conv1", name);
  h = add_to_positions(net, h, dsm__linear(net, time, out, 1, "%s.time", name));
  h = dsm__group_norm(net, h, DSM_ACTIVATION_SILU, "%s.norm2", name);
  h = dsm__conv3(net, dsm__dropout(net, h), out, 0, "%s.conv2", name);
  if (dsm_node_shape(x).n[3] != out) x = dsm__linear(net, x, out, 1, "%s.shortcut", name);
  return h && x ? dsm_add(net->graph, x, h) : NULL;
}
