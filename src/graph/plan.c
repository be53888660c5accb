#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "node.h"

/* The memory plan. Each computed value lives from the node that makes it (a by-product: from the node whose run
 * computes it) to the last one that reads it; views and in-place ops extend the life of their root. Lifetimes
 * are then placed in one arena, largest first, each at the lowest offset where it meets no other that lives at
 * the same time. Kept values and constants live for ever. */

/** Marks what the outputs need. Inputs come before their readers, so one pass from the end is enough. */
static void mark_needed(dsm_graph *g) {
  for (int k = 0; k < g->nodes; k++) g->node[k]->needed = g->node[k]->place == DSM__GRADIENT;
  for (int i = 0; i < g->outputs; i++) g->output[i].node->needed = true;
  for (int k = g->nodes - 1; k >= 0; k--)
    if (g->node[k]->needed)
      for (int i = 0; i < g->node[k]->inputs; i++) g->node[k]->input[i]->needed = true;
  for (int k = 0; k < g->nodes; k++) /* a caller may fill any input it made, also one that nothing reads */
    if (g->node[k]->name) g->node[k]->needed = true;
}

static void find_lifetimes(dsm_graph *g) {
  for (int k = 0; k < g->nodes; k++) {
    dsm_node *node = g->node[k];
    if (!node->needed) continue;
    node->root = node->op->view ? node->input[0]->root : node;
    node->root->last_use = k;
    for (int i = 0; i < node->inputs; i++) node->input[i]->root->last_use = k;
  }
}

/** True if the node may overwrite its input i: the memory is ours, nobody reads it later, and no other input
 * is a different view of it. */
static bool may_overwrite(const dsm_node *node, int i) {
  const dsm_node *root = node->input[i]->root;
  if (!(node->op->in_place >> i & 1u)) return false;
  if (node->place != DSM__ARENA || root->place != DSM__ARENA || root->last_use != node->id) return false;
  if (dsm__count(root) != dsm__count(node)) return false;
  for (int j = 0; j < node->inputs; j++)
    if (node->input[j] != node->input[i] && node->input[j]->root == root) return false;
  return true;
}

/** In node order, so that each decision sees the lifetimes that earlier ones left. */
static void join_in_place(dsm_graph *g) {
  for (int k = 0; k < g->nodes; k++) {
    dsm_node *node = g->node[k];
    if (!node->needed) continue;
    if (node->op->view) {
      node->root = node->input[0]->root;
      continue;
    }
    for (int i = 0; i < node->inputs; i++) {
      if (!may_overwrite(node, i)) continue;
      node->root = node->input[i]->root;
      node->root->last_use = node->last_use;
      break;
    }
  }
}

typedef struct interval {
  size_t bytes, *offset;
  int birth, death;
} interval;

static int larger_first(const void *a, const void *b) {
  const interval *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return x->birth - y->birth;
}

static int lower_first(const void *a, const void *b) {
  const interval *x = *(const interval *const *)a, *y = *(const interval *const *)b;
  return *x->offset < *y->offset ? -1 : *x->offset > *y->offset;
}

/** Places all intervals; returns the size of the arena. `live` is room for n pointers. */
static size_t place_intervals(interval *all, size_t n, const interval **live) {
  size_t total = 0;
  qsort(all, n, sizeof *all, larger_first);
  for (size_t k = 0; k < n; k++) {
    size_t count = 0, offset = 0;
    for (size_t j = 0; j < k; j++)
      if (all[j].birth <= all[k].death && all[k].birth <= all[j].death) live[count++] = &all[j];
    qsort(live, count, sizeof *live, lower_first);
    for (size_t j = 0; j < count; j++) {
      if (offset + all[k].bytes <= *live[j]->offset) break;
      size_t end = *live[j]->offset + live[j]->bytes;
      if (end > offset) offset = end;
    }
    *all[k].offset = offset;
    if (offset + all[k].bytes > total) total = offset + all[k].bytes;
  }
  return total;
}

static size_t round_up(size_t bytes) {
  return (bytes + DSM_ALIGNMENT - 1) / DSM_ALIGNMENT * DSM_ALIGNMENT;
}

static bool is_external(const dsm_node *root) {
  return root->place == DSM__PARAMETER || root->place == DSM__GRADIENT;
}

/** Fills `all` with what needs a place; returns the number. */
static size_t collect_intervals(dsm_graph *g, interval *all) {
  size_t n = 0;
  for (int k = 0; k < g->nodes; k++) {
    dsm_node *node = g->node[k];
    if (!node->needed) continue;
    if (node->root == node && !is_external(node)) {
      const bool kept = node->place == DSM__KEPT;
      size_t bytes = round_up(dsm__count(node) * sizeof(float));
      const int birth = node->op->by_product ? node->input[0]->id : k;
      all[n++] = (interval){bytes, &node->offset, kept ? 0 : birth, kept ? INT_MAX : node->last_use};
      g->facts.values_bytes += bytes;
    }
    node->scratch_bytes = node->op->scratch ? round_up(node->op->scratch(node, g->kernels)) : 0;
    if (node->scratch_bytes) all[n++] = (interval){node->scratch_bytes, &node->scratch_offset, k, k};
    node->kept_bytes = g->keep && node->op->kept ? round_up(node->op->kept(node, g->kernels)) : 0;
    if (node->kept_bytes) all[n++] = (interval){node->kept_bytes, &node->kept_offset, 0, INT_MAX};
    g->facts.kept_bytes += node->kept_bytes;
  }
  return n;
}

static dsm_status make_lists(dsm_graph *g) {
  DSM_TRY(DSM_ALLOC((size_t)g->nodes + 1, &g->list));
  DSM_TRY(DSM_ALLOC((size_t)g->nodes + 1, &g->external));
  for (int k = 0; k < g->nodes; k++) {
    dsm_node *node = g->node[k];
    if (!node->needed) continue;
    if (is_external(node->root)) {
      g->external[g->external_count++] = node;
    } else {
      node->data = (float *)((char *)g->values + node->root->offset);
    }
    if (!node->op->run) continue;
    g->list[g->list_count++] = node;
    if (node->op->flops) g->facts.flops += node->op->flops(node);
  }
  g->facts.nodes = (size_t)g->list_count;
  return DSM_OK;
}

dsm_status dsm_graph_plan(dsm_graph *g, const dsm_kernels *kernels) {
  dsm_status status = DSM_OK;
  interval *all = NULL;
  const interval **live = NULL;
  DSM_TRY(dsm_graph_status(g));
  if (g->list) DSM_FAIL(DSM_INTERNAL, "the graph is planned already");
  g->kernels = kernels;
  mark_needed(g);
  dsm__fuse_sums(g);
  for (int k = 0; k < g->nodes; k++)
    if (g->node[k]->needed && g->node[k]->op->prepare) g->node[k]->op->prepare(g->node[k], kernels);
  find_lifetimes(g);
  join_in_place(g);

  DSM_TRY_DONE(DSM_ALLOC(3 * (size_t)g->nodes + 1, &all));
  DSM_TRY_DONE(DSM_ALLOC(3 * (size_t)g->nodes + 1, &live));
  g->facts.arena_bytes = place_intervals(all, collect_intervals(g, all), live);
  DSM_TRY_DONE(dsm_alloc(g->facts.arena_bytes, 1, (void **)&g->values));
  DSM_TRY_DONE(make_lists(g));
  for (int k = 0; k < g->nodes; k++) /* constants: their values wait in the node */
    if (g->node[k]->needed && g->node[k]->place == DSM__KEPT && !g->node[k]->op->run &&
        g->node[k]->parameters)
      memcpy(g->node[k]->data, g->node[k]->parameters, dsm__count(g->node[k]) * sizeof(float));
done:
  free(all);
  free((void *)live);
  return status;
}
