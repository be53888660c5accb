#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "node.h"

/** Points the nodes that live in the caller's arrays there. */
static void bind_external(dsm_graph *g, const dsm_run *run) {
  for (int i = 0; i < g->external_count; i++) {
    dsm_node *node = g->external[i];
    const dsm_node *root = node->root;
    if (root->place == DSM__PARAMETER) {
      node->data = (float *)run->parameters +
                   root->entry->offset; /* ops never write their inputs' roots of this kind */
    } else {
      DSM_ASSERT(run->gradients != NULL || run->last != NULL);
      node->data = run->gradients ? run->gradients + root->entry->offset : NULL;
    }
  }
}

static void call_hooks(const dsm_node *node, const dsm_run_hooks *hooks) {
  if (hooks->gradient_ready && node->place == DSM__GRADIENT)
    hooks->gradient_ready(hooks->context, node->entry);
  if (hooks->progress) hooks->progress(hooks->context);
}

static void run_node(dsm_graph *g, const dsm_node *node, const dsm_run *run) {
  void *scratch = node->scratch_bytes ? (char *)g->values + node->scratch_offset : NULL;
  void *kept = node->kept_bytes ? (char *)g->values + node->kept_offset : NULL;
  node->op->run(node, &(dsm__context){g->kernels, run, scratch, kept});
  if (run->hooks) call_hooks(node, run->hooks);
}

void dsm_graph_run(dsm_graph *g, const dsm_run *run) {
  bind_external(g, run);
  for (int i = 0; i < g->list_count; i++) {
    if (run->last && g->list[i]->id > run->last->id) break;
    run_node(g, g->list[i], run);
  }
}

/* ---- profile ------------------------------------------------------------------------------------------- */

static double node_bytes(const dsm_node *node) {
  double bytes = (double)dsm__count(node);
  for (int i = 0; i < node->inputs; i++) bytes += (double)dsm__count(node->input[i]);
  return bytes * sizeof(float);
}

static int slower_first(const void *a, const void *b) {
  double x = ((const dsm_node_time *)a)->seconds, y = ((const dsm_node_time *)b)->seconds;
  return (x < y) - (x > y);
}

static dsm_node_time *find_row(dsm_node_time *row, size_t *rows, const dsm_node *node) {
  char shape[64];
  dsm_shape_text(node->shape, shape, sizeof shape);
  const char *kernel = node->op->kernel ? node->op->kernel(node) : "";
  for (size_t r = 0; r < *rows; r++)
    if (row[r].op == node->op->name && strcmp(row[r].shape, shape) == 0 && strcmp(row[r].kernel, kernel) == 0)
      return &row[r];
  dsm_node_time *fresh = &row[(*rows)++];
  fresh->op = node->op->name;
  fresh->kernel = kernel;
  snprintf(fresh->shape, sizeof fresh->shape, "%s", shape);
  return fresh;
}

dsm_status dsm_graph_profile(dsm_graph *g, const dsm_run *run, int repeats, dsm_node_time **times,
                             size_t *count) {
  dsm_status status = DSM_OK;
  const size_t nodes = (size_t)g->list_count, n = (size_t)repeats;
  dsm_node_time *row = NULL;
  double *seconds = NULL; /* (nodes, repeats) */
  size_t rows = 0;
  DSM_TRY_DONE(DSM_ALLOC(nodes + 1, &row));
  DSM_TRY_DONE(DSM_ALLOC(nodes * n + 1, &seconds));
  bind_external(g, run);
  for (size_t repeat = 0; repeat < n; repeat++) {
    for (size_t i = 0; i < nodes; i++) {
      const double start = dsm_seconds();
      run_node(g, g->list[i], run);
      seconds[i * n + repeat] = dsm_seconds() - start;
    }
  }
  for (size_t i = 0; i < nodes; i++) {
    const dsm_node *node = g->list[i];
    dsm_node_time *r = find_row(row, &rows, node);
    r->calls++;
    r->seconds += dsm_median(seconds + i * n, n);
    r->flops += node->op->flops ? node->op->flops(node) : 0;
    r->bytes += node_bytes(node);
  }
  qsort(row, rows, sizeof *row, slower_first);
  *times = row;
  *count = rows;
  row = NULL;
done:
  free(seconds);
  free(row);
  return status;
}
