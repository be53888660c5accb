#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "node.h"

enum { GRAPH_BLOCK = 1 << 16 };

dsm_status dsm_graph_create(dsm_graph **graph) {
  dsm_graph *g = NULL;
  DSM_TRY(DSM_ALLOC(1, &g));
  dsm_status status = dsm_arena_create(GRAPH_BLOCK, &g->memory);
  if (status != DSM_OK) {
    free(g);
    return dsm__forward(status, __FILE__, __LINE__);
  }
  *graph = g;
  return DSM_OK;
}

void dsm_graph_destroy(dsm_graph **graph) {
  if (!graph || !*graph) return;
  dsm_graph *g = *graph;
  dsm_arena_destroy(&g->memory);
  free(g->node);
  free(g->output);
  free(g->trail);
  free(g->list);
  free(g->external);
  free(g->values);
  free(g);
  *graph = NULL;
}

dsm_status dsm_graph_status(dsm_graph *graph) {
  return graph->status == DSM_OK ? DSM_OK : dsm_trail_set(graph->status, graph->trail ? graph->trail : "");
}

dsm_shape dsm_node_shape(const dsm_node *node) {
  return node->shape;
}

void dsm_graph_decompose(dsm_graph *graph, bool on) {
  graph->decompose = on;
}

void dsm_graph_keep(dsm_graph *graph, bool on) {
  graph->keep = on;
}

dsm_node *dsm__graph_fail(dsm_graph *graph, dsm_status status, const char *format, ...) {
  if (graph->status != DSM_OK) return NULL;
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  graph->status = status;
  graph->trail = strdup(message);
  return NULL;
}

bool dsm__usable(const dsm_graph *graph, const dsm_node *a, const dsm_node *b) {
  return graph->status == DSM_OK && a && b;
}

static bool graph_grow(dsm_graph *g) {
  if (g->nodes < g->capacity) return true;
  int capacity = g->capacity ? 2 * g->capacity : 256;
  dsm_node **node = realloc(g->node, (size_t)capacity * sizeof *node);
  if (!node) return false;
  g->node = node;
  g->capacity = capacity;
  return true;
}

dsm_node *dsm__node_add(dsm_graph *g, const dsm__op *op, dsm_shape shape, dsm_node *const *input, int inputs,
                        const void *parameters, size_t size) {
  if (g->status != DSM_OK) return NULL;
  if (g->list) return dsm__graph_fail(g, DSM_INTERNAL, "%s: the graph is planned already", op->name);
  for (int i = 0; i < inputs; i++)
    if (!input[i]) return dsm__graph_fail(g, DSM_INTERNAL, "%s: input %d is missing", op->name, i);
  DSM_ASSERT(inputs <= DSM__MAX_INPUTS);
  dsm_node *node = dsm_arena_alloc(g->memory, sizeof *node);
  void *copy = size ? dsm_arena_alloc(g->memory, size) : NULL;
  if (!node || (size && !copy) || !graph_grow(g))
    return dsm__graph_fail(g, DSM_NO_MEMORY, "%s: not enough memory for node %d", op->name, g->nodes);
  if (size) memcpy(copy, parameters, size);
  node->op = op;
  node->id = g->nodes;
  node->shape = shape;
  node->inputs = inputs;
  for (int i = 0; i < inputs; i++) node->input[i] = input[i];
  node->parameters = copy;
  g->node[g->nodes++] = node;
  return node;
}

static const dsm__op op_by_product = {.name = "by-product", .by_product = true};

dsm_node *dsm__by_product(dsm_graph *g, dsm_node *of, int which, dsm_shape shape) {
  dsm_node *node = dsm__node_add(g, &op_by_product, shape, &of, 1, NULL, 0);
  if (node) of->by_product[which] = node;
  return node;
}

float *dsm__by_product_data(const dsm_node *of, int which) {
  const dsm_node *node = of->by_product[which];
  return node && node->needed ? node->data : NULL;
}

size_t dsm__count(const dsm_node *node) {
  return dsm_shape_count(node->shape);
}

dsm_shape dsm__last_axis(dsm_shape like, size_t n) {
  for (int i = 0; i < like.rank; i++) like.n[i] = 1;
  like.n[like.rank - 1] = n;
  return like;
}

/** Whose memory a value is in before the plan joins more: the end of its chain of views. */
static dsm_node *view_root(dsm_node *node) {
  while (node->op->view) node = node->input[0];
  return node;
}

void dsm_graph_output(dsm_graph *g, const char *name, dsm_node *node) {
  if (!dsm__usable(g, node, node)) return;
  dsm_node *root = view_root(node);
  if (root->place == DSM__PARAMETER || root->place == DSM__GRADIENT) {
    node = dsm_affine(g, node, 1.0f, 0.0f); /* the caller's memory cannot be an output's */
    if (!node) return;
    root = node;
  }
  root->place = DSM__KEPT;
  if (g->outputs == g->output_capacity) {
    int capacity = g->output_capacity ? 2 * g->output_capacity : 8;
    dsm__named_output *output = realloc(g->output, (size_t)capacity * sizeof *output);
    if (!output) {
      dsm__graph_fail(g, DSM_NO_MEMORY, "not enough memory for output %s", name);
      return;
    }
    g->output = output;
    g->output_capacity = capacity;
  }
  const char *copy = dsm_arena_print(g->memory, "%s", name);
  if (!copy) {
    dsm__graph_fail(g, DSM_NO_MEMORY, "not enough memory for output %s", name);
    return;
  }
  g->output[g->outputs++] = (dsm__named_output){copy, node};
}

void dsm_graph_gradient_output(dsm_graph *g, dsm_node *gradient, const dsm_parameter *entry) {
  if (!dsm__usable(g, gradient, gradient)) return;
  if (dsm__count(gradient) != dsm_shape_count(entry->shape)) {
    char a[64], b[64];
    dsm__graph_fail(g, DSM_INTERNAL, "gradient of %s has shape %s, the parameter %s", entry->name,
                    dsm_shape_text(gradient->shape, a, sizeof a), dsm_shape_text(entry->shape, b, sizeof b));
    return;
  }
  dsm_node *root = view_root(gradient);
  if (!root->op->run || root->place != DSM__ARENA) { /* a leaf, or wanted elsewhere too: copy it there */
    root = dsm_affine(g, gradient, 1.0f, 0.0f);
    if (!root) return;
  }
  root->place = DSM__GRADIENT;
  root->entry = entry;
}

dsm_node *dsm_graph_find_output(dsm_graph *g, const char *name) {
  for (int i = 0; i < g->outputs; i++)
    if (strcmp(g->output[i].name, name) == 0) return g->output[i].node;
  return NULL;
}

float *dsm_graph_data(dsm_graph *g, dsm_node *node) {
  (void)g;
  return node->data;
}

dsm_graph_facts dsm_graph_facts_of(const dsm_graph *g) {
  return g->facts;
}
