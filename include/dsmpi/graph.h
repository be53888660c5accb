/** @file graph.h
 *  A static graph of operations on shaped tensors: build it once, differentiate it (the derivative is made
 *  of ordinary nodes, so it can be differentiated again), plan its memory, run it many times.
 *
 *      dsm_graph_create(&g);
 *      dsm_node *x = dsm_input(g, "x", DSM_SHAPE(32, 2));
 *      dsm_node *w = dsm_parameter_node(g, entry);
 *      dsm_node *y = dsm_linear(g, x, w, NULL);
 *      dsm_node *loss = dsm_sum_to(g, dsm_square(g, y), DSM_SHAPE(1, 1));
 *      dsm_graph_gradient(g, loss, NULL, &w, 1, &dw);
 *      dsm_graph_output(g, "loss", loss);  dsm_graph_gradient_output(g, dw, entry);
 *      dsm_graph_plan(g, kernels);
 *      ... fill dsm_graph_data(g, x);  dsm_graph_run(g, &run); ...
 *
 *  Builders never fail one by one: the first mistake is kept in the graph, later builders return NULL at
 *  once, and dsm_graph_plan() (or dsm_graph_status()) returns it. Nothing here is collective; nothing here
 *  knows MPI or files. */
#ifndef DSMPI_GRAPH_H
#define DSMPI_GRAPH_H

#include "dsmpi/kernels.h"
#include "dsmpi/parameters.h"

typedef struct dsm_graph dsm_graph;
typedef struct dsm_node dsm_node; /* owned by its graph */

dsm_status dsm_graph_create(dsm_graph **graph);
void dsm_graph_destroy(dsm_graph **graph);
/** First failure of a builder, with its trail restored; DSM_OK if there was none. */
dsm_status dsm_graph_status(dsm_graph *graph);
dsm_shape dsm_node_shape(const dsm_node *node);

/** Layers with a fused kernel whose second derivative does not exist (group norm) are built from basic ops
 *  while this is on, so that the gradient can be taken again. Default off. */
void dsm_graph_decompose(dsm_graph *graph, bool on);

/* ---- leaves -------------------------------------------------------------------------------------------- */

/** Data filled in by the caller before each run through dsm_graph_data(). */
dsm_node *dsm_input(dsm_graph *graph, const char *name, dsm_shape shape);
/** A parameter: a view of the flat array given to dsm_graph_run(). The same entry gives the same node again. */
dsm_node *dsm_parameter_node(dsm_graph *graph, const dsm_parameter *entry);
/** Values fixed now; copied. */
dsm_node *dsm_constant(dsm_graph *graph, dsm_shape shape, const float *values);
dsm_node *dsm_fill(dsm_graph *graph, dsm_shape shape, float value);
/** Inverted dropout mask of `shape`, first axis the samples: 0 with probability p, else 1/(1-p); a function
 *  of the run's (seed, step, sample index) and of `layer`, a number unique in the model. All ones when the
 *  run has `training` off. Not differentiable (a constant). */
dsm_node *dsm_dropout_mask(dsm_graph *graph, dsm_shape shape, float p, uint32_t layer);

/* ---- operations ---------------------------------------------------------------------------------------- */

/* Element-wise; shapes of equal rank, an axis of size 1 is broadcast. */
dsm_node *dsm_add(dsm_graph *graph, dsm_node *a, dsm_node *b);
dsm_node *dsm_sub(dsm_graph *graph, dsm_node *a, dsm_node *b);
dsm_node *dsm_mul(dsm_graph *graph, dsm_node *a, dsm_node *b);
dsm_node *dsm_div(dsm_graph *graph, dsm_node *a, dsm_node *b);
dsm_node *dsm_affine(dsm_graph *graph, dsm_node *x, float scale, float shift); /* scale x + shift */
dsm_node *dsm_unary_node(dsm_graph *graph, dsm_unary f, dsm_node *x);
dsm_node *dsm_square(dsm_graph *graph, dsm_node *x);
/** Sums the axes where `shape` is 1 and x is not. */
dsm_node *dsm_sum_to(dsm_graph *graph, dsm_node *x, dsm_shape shape);
/** Repeats the axes where x is 1. */
dsm_node *dsm_broadcast_to(dsm_graph *graph, dsm_node *x, dsm_shape shape);
/** Another shape of the same number of elements; no copy. */
dsm_node *dsm_reshape(dsm_graph *graph, dsm_node *x, dsm_shape shape);
/** The same values, a constant to derivatives; no copy. */
dsm_node *dsm_detach(dsm_graph *graph, dsm_node *x);
/** Joins along `axis`; shapes agree elsewhere. */
dsm_node *dsm_concat(dsm_graph *graph, int axis, dsm_node *a, dsm_node *b);
/** Entries first ... first + count - 1 of `axis`. */
dsm_node *dsm_slice(dsm_graph *graph, int axis, size_t first, size_t count, dsm_node *x);
/** Zeros around x on `axis`: `before` in front, up to `total` entries: the transpose of slice. */
dsm_node *dsm_pad(dsm_graph *graph, int axis, size_t before, size_t total, dsm_node *x);

/** alpha op(a) op(b) over (batch, m, k) and (batch, k, n), or rank 2 without the batch. */
dsm_node *dsm_matmul_node(dsm_graph *graph, dsm_node *a, bool transpose_a, dsm_node *b, bool transpose_b,
                          float alpha);
/** x (rows..., in) w(out, in)^T + bias (out) -> (rows..., out); bias may be NULL. */
dsm_node *dsm_linear(dsm_graph *graph, dsm_node *x, dsm_node *w, dsm_node *bias);
/** Convolution of x (N,H,W,in) with w (out,kh,kw,in) + bias (out), bias may be NULL. `pad` = top, left,
 *  bottom, right. */
dsm_node *dsm_conv2d_node(dsm_graph *graph, dsm_node *x, dsm_node *w, dsm_node *bias, size_t stride,
                          const size_t pad[4]);
/** Softmax over the last axis. */
dsm_node *dsm_softmax(dsm_graph *graph, dsm_node *x);
/** Group normalisation over (N, positions..., C) with gamma, beta (C), and what is applied behind it. */
dsm_node *dsm_group_norm_node(dsm_graph *graph, dsm_node *x, dsm_node *gamma, dsm_node *beta, size_t groups,
                              float eps, dsm_activation activation);
/** Nearest-neighbour upsampling by 2 of (N,H,W,C), and its transpose, sums over 2 x 2. */
dsm_node *dsm_upsample2(dsm_graph *graph, dsm_node *x);
dsm_node *dsm_downsample2_sum(dsm_graph *graph, dsm_node *x);

/* ---- derivative ---------------------------------------------------------------------------------------- */

/** Adds the nodes of dx_i = (dy/dx_i)^T dy, for y of any shape.
 *  @param[in]  dy  same shape as y; NULL = ones
 *  @param[out] dx  n nodes; a zero node where y does not depend on x_i
 *  Fails (through the graph's status) where an op on the way has no derivative, naming it and what to do
 *  (dsm_graph_decompose). */
void dsm_graph_gradient(dsm_graph *graph, dsm_node *y, dsm_node *dy, dsm_node *const *x, size_t n,
                        dsm_node **dx);

/* ---- plan and run -------------------------------------------------------------------------------------- */

/** Marks a node whose value is wanted after the run, by name. */
void dsm_graph_output(dsm_graph *graph, const char *name, dsm_node *node);
/** Marks a node as the gradient of a parameter: it is computed straight into its place of the flat gradient
 *  array. */
void dsm_graph_gradient_output(dsm_graph *graph, dsm_node *gradient, const dsm_parameter *entry);
/** For a graph that is run many times with the same parameters (sampling): what is made of parameters alone, such as
 *  the transformed weights of convolutions, is kept from one run to the next that says same_parameters, for
 *  memory (facts.kept_bytes). Before the plan. Default off. */
void dsm_graph_keep(dsm_graph *graph, bool on);
/** Drops what no output needs, chooses kernels by shape, gives each node a place in one arena by liveness
 *  (in place where possible), allocates it. Call once, after the last builder.
 *  @param[in] kernels  borrowed until destroy */
dsm_status dsm_graph_plan(dsm_graph *graph, const dsm_kernels *kernels);

/** Calls out of a run, for what happens meanwhile (communication); either may be NULL. */
typedef struct dsm_run_hooks {
  /* as soon as a parameter's gradient is final, in the order of the plan */
  void (*gradient_ready)(void *context, const dsm_parameter *entry);
  void (*progress)(void *context); /* after every node */
  void *context;
} dsm_run_hooks;

/** What a run needs from outside. */
typedef struct dsm_run {
  const float *parameters; /* flat array */
  float *gradients;        /* flat array; NULL if the graph has no gradient outputs */
  bool same_parameters;    /* those of the run before, unchanged: what dsm_graph_keep has kept serves again */
  bool training;           /* dropout on */
  uint64_t seed, step;     /* of the random streams */
  const uint64_t
      *sample; /* global index of each sample of the first axis; may be NULL when there is no dropout */
  const dsm_run_hooks *hooks; /* NULL = none */
  /* nothing that was built after this node is run: a loss without its gradients, which may then be NULL; NULL = all */
  const dsm_node *last;
} dsm_run;
/** Runs the plan. Cannot fail. Not thread-safe on one graph. */
void dsm_graph_run(dsm_graph *graph, const dsm_run *run);
/** Memory of an input (write it before the run; it stays until changed) or of an output (read it after the
 *  run). */
float *dsm_graph_data(dsm_graph *graph, dsm_node *node);
/** Output by name, NULL if unknown. */
dsm_node *dsm_graph_find_output(dsm_graph *graph, const char *name);

/** Facts of the plan. */
typedef struct dsm_graph_facts {
  size_t nodes;        /* that run */
  size_t arena_bytes;  /* of all intermediate values and scratch */
  size_t kept_bytes;   /* of these, what stays from run to run: dsm_graph_keep */
  size_t values_bytes; /* what they would take without sharing */
  double flops; /* multiply-adds x 2 of products and convolutions of one run, as if computed directly */
} dsm_graph_facts;
dsm_graph_facts dsm_graph_facts_of(const dsm_graph *graph);

/** Time of a node in dsm_graph_profile. */
typedef struct dsm_node_time {
  const char *op;     /* "conv2d", "group_norm", ... */
  char shape[64];     /* of the output */
  const char *kernel; /* algorithm chosen, or "" */
  size_t calls;       /* in one run, as all that follows */
  double seconds;     /* sum over the nodes of the median over the repeats */
  double flops, bytes;
} dsm_node_time;
/** Runs `repeats` times (>= 1) with a clock around every node and adds up nodes of equal op, shape and
 *  kernel, slowest first. `*times` is owned by the caller: free(). */
dsm_status dsm_graph_profile(dsm_graph *graph, const dsm_run *run, int repeats, dsm_node_time **times,
                             size_t *count);

#endif
