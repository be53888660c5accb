/* The canonical summation tree: see tree.h. Checked without MPI for every rank count up to 64 in
 * tests/unit/dist. */
#include "tree.h"

#include "dsmpi/dist.h"

void dsm_leaf_range(size_t leaves, int rank, int size, size_t *first, size_t *count) {
  size_t r = (size_t)rank, share = leaves / (size_t)size, extra = leaves % (size_t)size;
  *first = r * share + (r < extra ? r : extra);
  *count = share + (r < extra ? 1 : 0);
}

unsigned dsm__tree_height(size_t leaves) {
  unsigned level = 0;
  while (((size_t)1 << level) < leaves) level++;
  return level;
}

size_t dsm__tree_forest(size_t leaves, size_t first, size_t count, dsm_tree_node *nodes) {
  unsigned height = dsm__tree_height(leaves);
  size_t end = first + count, n = 0;
  for (size_t at = first; at < end;) {
    unsigned level = 0;
    size_t next = at + 1;
    /* Climb while the node above starts here too and has no leaf outside the range. */
    while (level < height) {
      size_t width = (size_t)2 << level, above = at + width < leaves ? at + width : leaves;
      if (at % width != 0 || above > end) break;
      next = above;
      level++;
    }
    if (nodes) nodes[n] = (dsm_tree_node){level, at >> level};
    n++;
    at = next;
  }
  return n;
}

size_t dsm__tree_push(dsm_tree_stack *stack, dsm_tree_node node) {
  unsigned height = dsm__tree_height(stack->leaves);
  size_t joins = 0;
  DSM_ASSERT(stack->depth < DSM_TREE_FOREST_MAX);
  while (node.level < height) {
    if (node.index % 2 == 1) {
      if (stack->depth == 0) break;
      dsm_tree_node left = stack->node[stack->depth - 1];
      if (left.level != node.level || left.index != node.index - 1)
        break; /* the left half is another rank's */
      stack->depth--;
      joins++;
    } else if (((node.index + 1) << node.level) < stack->leaves) {
      break; /* the right half is still to come */
    }
    node.level++;
    node.index /= 2;
  }
  stack->node[stack->depth++] = node;
  return joins;
}

void dsm__tree_joins(size_t leaves, const dsm_tree_node *pieces, size_t n, dsm_tree_join *joins) {
  dsm_tree_stack stack = {.leaves = leaves};
  size_t piece[DSM_TREE_FOREST_MAX], made = 0;
  for (size_t i = 0; i < n; i++) {
    size_t top = stack.depth, ready = dsm__tree_push(&stack, pieces[i]);
    piece[top] = i;
    for (size_t j = 0; j < ready; j++, top--)
      joins[made++] = (dsm_tree_join){.into = piece[top - 1], .from = piece[top]};
  }
  DSM_ASSERT(stack.depth == 1 && made == n - 1); /* else the pieces are not all leaves in order */
}
