/** @file tree.h
 *  The canonical summation tree, as pure functions of leaf counts. No MPI, no memory, no numbers.
 *
 *  Node (level l, index i) is the sum of the leaves [i 2^l, (i+1) 2^l) that exist: left child (l-1, 2i) plus
 * right child (l-1, 2i+1). A right child without leaves is absent, and the node then equals its left child.
 * The root has level dsm__tree_height().
 *
 *      leaves = 7          (3,0)
 *                    (2,0)       (2,1)
 *                 (1,0) (1,1) (1,2) (1,3)
 *                 0  1  2  3  4  5  6  -        sum = ((0+1) + (2+3)) + ((4+5) + 6)
 *
 *  A rank that owns the leaves [3, 7) can finish (0,3) and (2,1) alone: its forest. All forests together,
 * joined in tree order, give the same bits as one rank adding everything. */
#ifndef DSMPI_DIST_TREE_H
#define DSMPI_DIST_TREE_H

#include <stddef.h>

typedef struct dsm_tree_node {
  unsigned level;
  size_t index;
} dsm_tree_node;

/* A forest climbs to its largest node and descends again: at most one node a level on each way. */
enum { DSM_TREE_FOREST_MAX = 128 };

/** Level of the root: the smallest l with 2^l >= leaves. */
unsigned dsm__tree_height(size_t leaves);

/** Maximal nodes whose leaves all lie in [first, first + count), in leaf order; leaves <= 2^62.
 *  @param[out] nodes  DSM_TREE_FOREST_MAX entries at most; NULL = count only
 *  @return their number */
size_t dsm__tree_forest(size_t leaves, size_t first, size_t count, dsm_tree_node *nodes);

/** Finished nodes that wait for their right neighbours: a binary counter. Start from {.leaves = n}. */
typedef struct dsm_tree_stack {
  size_t leaves, depth;
  dsm_tree_node node[DSM_TREE_FOREST_MAX];
} dsm_tree_stack;

/** Puts the next node, in leaf order, on top and joins what can be joined.
 *  @return the number of joins to do now, each: entry below the top += top, and the top is dropped */
size_t dsm__tree_push(dsm_tree_stack *stack, dsm_tree_node node);

/** piece[into] += piece[from] */
typedef struct dsm_tree_join {
  size_t into, from;
} dsm_tree_join;

/** Joins that make piece 0 the root, given the pieces (all forests in the order of ranks): n - 1 joins, in
 * order. */
void dsm__tree_joins(size_t leaves, const dsm_tree_node *pieces, size_t n, dsm_tree_join *joins);

#endif
