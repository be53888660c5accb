/* Sums that are written by the operation before them: in  sum = product + addend,  where nothing else reads the
 * product, the node of the sum becomes the product with one input more. What is added to a value still in the
 * cache saves a pass over memory: biases, time embeddings and residuals on the way forward, adjoints of values
 * with two readers on the way back.
 *
 * Works on the graph that is about to be planned, when all derivatives have been built: they are those of sum
 * and product. Nodes are taken in order, so that chains of sums collapse from the left. */
#include <stdlib.h>
#include "node.h"

static bool only_reader(const dsm_node *product, const int *readers) {
  return product->place == DSM__ARENA && readers[product->id] == 1;
}

static bool fuse(dsm_node *sum, dsm_node *product, dsm_node *addend) {
  if (!product->op->absorb || !dsm_shape_equal(product->shape, sum->shape)) return false;
  return product->op->absorb(sum, product, addend);
}

void dsm__fuse_sums(dsm_graph *g) {
  int *readers = calloc((size_t)g->nodes + 1, sizeof *readers);
  if (!readers) return; /* slower, not wrong; the plan itself will say that memory is short */
  for (int k = 0; k < g->nodes; k++) {
    for (int i = 0; g->node[k]->needed && i < g->node[k]->inputs; i++) readers[g->node[k]->input[i]->id]++;
  }
  for (int k = 0; k < g->nodes; k++) {
    dsm_node *sum = g->node[k];
    if (!sum->needed || !dsm__is_sum(sum)) continue;
    /* the operand that was made last: the other one exists by then, and lives as long anyway */
    const int later = sum->input[1]->id > sum->input[0]->id;
    for (int turn = 0; turn < 2; turn++) {
      dsm_node *product = sum->input[turn == 0 ? later : !later],
               *addend = sum->input[turn == 0 ? !later : later];
      if (!only_reader(product, readers) || !fuse(sum, product, addend)) continue;
      product->needed = false; /* its readers and those of the sum are the same nodes as before */
      break;
    }
  }
  free(readers);
}
