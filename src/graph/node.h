/** @file node.h
 *  What the parts of src/graph know of each other: nodes, ops, and the few functions that ops are written
 * with.
 *
 *  An op is one file in ops/: a builder with the shape rule, the kernel call, and the derivative rule, side
 * by side. To add one: write the file, declare the builder in dsmpi/graph.h, add a row to
 * tests/unit/graph/ops.c. */
#ifndef DSMPI_GRAPH_NODE_H
#define DSMPI_GRAPH_NODE_H

#include "dsmpi/graph.h"
#include "dsmpi/memory.h"

enum { DSM__MAX_INPUTS = 5, DSM__MAX_BY_PRODUCTS = 2 };

/** What an op's kernel call needs besides its node. */
typedef struct dsm__context {
  const dsm_kernels *kernels;
  const dsm_run *run;
  void *scratch;
  void *kept; /* NULL: nothing is kept */
} dsm__context;

typedef struct dsm__op {
  const char *name;
  /* computes node->data; NULL for leaves whose data come from outside, and for views */
  void (*run)(const dsm_node *node, const dsm__context *context);
  /* sets dx[i] for inputs with wanted[i]; an entry left NULL is zero. NULL: see no_gradient */
  void (*gradient)(dsm_graph *graph, dsm_node *node, dsm_node *dy, const bool *wanted, dsm_node **dx);
  const char *no_gradient; /* why there is none, when it matters; NULL: the op is a constant */
  /* at plan time: turns `sum`, which is `node` + `addend` and has the shape of `node`, into one node that
   * writes the sum, or returns false. NULL: cannot. See fuse.c */
  bool (*absorb)(dsm_node *sum, const dsm_node *node, dsm_node *addend);
  void (*prepare)(dsm_node *node, const dsm_kernels *kernels);         /* at plan time; may be NULL */
  size_t (*scratch)(const dsm_node *node, const dsm_kernels *kernels); /* bytes; may be NULL */
  /* bytes that it can use from run to run while the parameters stay the same; NULL, 0: none. Only in graphs that
   * keep, and then filled anew by each run without same_parameters */
  size_t (*kept)(const dsm_node *node, const dsm_kernels *kernels);
  double (*flops)(const dsm_node *node);       /* may be NULL */
  const char *(*kernel)(const dsm_node *node); /* algorithm chosen; may be NULL */
  unsigned in_place; /* bit i: the output may take the memory of input i, if that has as many elements */
  bool view;         /* the output is the memory of input 0 */
  bool by_product;   /* computed by input 0 when that runs: lives from there on */
} dsm__op;

/** Where a value lives. */
typedef enum dsm__place {
  DSM__ARENA,     /* shared by liveness */
  DSM__KEPT,      /* a place of its own in the arena: inputs, constants, outputs */
  DSM__PARAMETER, /* in the caller's array of parameters */
  DSM__GRADIENT   /* in the caller's array of gradients */
} dsm__place;

struct dsm_node {
  const dsm__op *op;
  int id; /* index in the graph; inputs have smaller ones */
  dsm_shape shape;
  int inputs;
  dsm_node *input[DSM__MAX_INPUTS];
  dsm_node *by_product[DSM__MAX_BY_PRODUCTS]; /* what its run computes besides; NULL where there is none */
  void *parameters;                           /* of the op; in the graph's memory */
  const char *name;                           /* of inputs; else NULL */
  dsm__place place;
  const dsm_parameter *entry; /* of DSM__PARAMETER and DSM__GRADIENT */
  /* the plan */
  bool needed;
  dsm_node *root; /* whose memory this value is in (itself, or another's for views and in-place ops) */
  int last_use;   /* of a root: last node that reads or writes it */
  size_t offset, scratch_offset, scratch_bytes, kept_offset, kept_bytes;
  float *data;
};

typedef struct dsm__named_output {
  const char *name;
  dsm_node *node;
} dsm__named_output;

struct dsm_graph {
  dsm_arena *memory; /* nodes, their parameters, names */
  dsm_node **node;
  int nodes, capacity;
  dsm__named_output *output;
  int outputs, output_capacity;
  dsm_status status; /* of the first failed builder */
  char *trail;
  bool decompose, keep;
  /* the plan */
  const dsm_kernels *kernels;
  dsm_node **list; /* nodes that compute, in order */
  int list_count;
  dsm_node **external; /* nodes whose data follow the arrays given to the run */
  int external_count;
  float *values; /* the arena of values */
  dsm_graph_facts facts;
};

/** Keeps the first failure of a builder in the graph; returns NULL. */
dsm_node *dsm__graph_fail(dsm_graph *graph, dsm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** False if the graph has failed or a node is missing: the builder then returns NULL. */
bool dsm__usable(const dsm_graph *graph, const dsm_node *a, const dsm_node *b);
/** Appends a node; `parameters` (size bytes) are copied. NULL when a builder has failed or memory is short.
 */
dsm_node *dsm__node_add(dsm_graph *graph, const dsm__op *op, dsm_shape shape, dsm_node *const *input,
                        int inputs, const void *parameters, size_t size);
/** Appends a node for one more, small value that the run of `of` computes, `of`'s by-product `which`. Call right
 * behind `of`. Not differentiable. */
dsm_node *dsm__by_product(dsm_graph *graph, dsm_node *of, int which, dsm_shape shape);
/** Where the run of `of` puts it; NULL if there is none or nothing reads it. */
float *dsm__by_product_data(const dsm_node *of, int which);
/** True for a sum of two nodes. (ops/binary.c) */
bool dsm__is_sum(const dsm_node *node);
/** Joins sums with the operations that make their operands, where those can add while they write; drops what is
 *  then not needed any more. Part of the plan, after it is known which nodes are needed. (fuse.c) */
void dsm__fuse_sums(dsm_graph *graph);
/** Elements of a node. */
size_t dsm__count(const dsm_node *node);
/** Shape of ones with the last axis of size n, of the same rank as `like`: what a per-channel vector is
 * reshaped to. */
dsm_shape dsm__last_axis(dsm_shape like, size_t n);

#endif
