/* The plan: sharing memory changes no bit, unneeded nodes do not run, gradients land in their places in
 * order. */
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "graph/node.h"
#include "dsmpi/random.h"

enum { BATCH = 4, IN = 3, WIDTH = 8, LAYERS = 5 };

typedef struct net {
  dsm_graph *graph;
  dsm_parameters *table;
  dsm_node *x, *loss;
} net;

static const dsm_parameter *entry(net *n, const char *name, dsm_shape shape) {
  const dsm_parameter *p;
  assert_int_equal(dsm_parameters_add(n->table, name, shape, true, DSM_INIT_FAN_AVG, 1, &p), DSM_OK);
  return p;
}

/** An MLP with residual connections and a convolutional head, its loss and all gradients. `keep` makes every
 * value an output, so that nothing is shared. */
static net make_net(const dsm_kernels *k, bool keep) {
  net n = {0};
  assert_int_equal(dsm_graph_create(&n.graph), DSM_OK);
  assert_int_equal(dsm_parameters_create(&n.table), DSM_OK);
  n.x = dsm_input(n.graph, "x", DSM_SHAPE(BATCH, IN));
  const dsm_parameter *p[2 * LAYERS + 2];
  size_t count = 0;
  p[count++] = entry(&n, "in.weight", DSM_SHAPE(WIDTH, IN));
  dsm_node *h = dsm_linear(n.graph, n.x, dsm_parameter_node(n.graph, p[0]), NULL);
  for (int l = 0; l < LAYERS; l++) {
    char name[32];
    snprintf(name, sizeof name, "%d.weight", l);
    const dsm_parameter *w = p[count++] = entry(&n, name, DSM_SHAPE(WIDTH, WIDTH));
    snprintf(name, sizeof name, "%d.bias", l);
    const dsm_parameter *b = p[count++] = entry(&n, name, DSM_SHAPE(WIDTH));
    dsm_node *t = dsm_linear(n.graph, dsm_unary_node(n.graph, DSM_UNARY_SILU, h),
                             dsm_parameter_node(n.graph, w), dsm_parameter_node(n.graph, b));
    h = dsm_add(n.graph, h, t);
  }
  const dsm_parameter *wc = p[count++] = entry(&n, "conv.weight", DSM_SHAPE(2, 3, 3, 2));
  dsm_node *picture = dsm_reshape(n.graph, h, DSM_SHAPE(BATCH, 2, 2, 2));
  picture = dsm_conv2d_node(n.graph, picture, dsm_parameter_node(n.graph, wc), NULL, 1,
                            (const size_t[]){1, 1, 1, 1});
  dsm_node *square =
      dsm_square(n.graph, dsm_add(n.graph, picture, dsm_reshape(n.graph, h, DSM_SHAPE(BATCH, 2, 2, 2))));
  n.loss = dsm_sum_to(n.graph, dsm_reshape(n.graph, square, DSM_SHAPE(1, BATCH * WIDTH)), DSM_SHAPE(1, 1));
  dsm_node *w[2 * LAYERS + 2], *dw[2 * LAYERS + 2];
  for (size_t i = 0; i < count; i++) w[i] = dsm_parameter_node(n.graph, p[i]);
  dsm_graph_gradient(n.graph, n.loss, NULL, w, count, dw);
  for (size_t i = 0; i < count; i++) dsm_graph_gradient_output(n.graph, dw[i], p[i]);
  dsm_graph_output(n.graph, "loss", n.loss);
  dsm_add(n.graph, n.loss, n.loss); /* nobody wants this one */
  if (keep)
    for (int i = 0, nodes = n.graph->nodes; i < nodes; i++)
      if (n.graph->node[i]->op->run && n.graph->node[i]->place == DSM__ARENA)
        dsm_graph_output(n.graph, "kept", n.graph->node[i]);
  assert_int_equal(dsm_graph_plan(n.graph, k), DSM_OK);
  dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 0, 0}, 0, BATCH * IN, dsm_graph_data(n.graph, n.x));
  return n;
}

static void destroy_net(net *n) {
  dsm_graph_destroy(&n->graph);
  dsm_parameters_destroy(&n->table);
}

static float *parameters_of(const net *n) {
  float *w = calloc(dsm_parameters_count(n->table), sizeof *w);
  dsm_parameters_init(n->table, 3, w);
  return w;
}

static void sharing_memory_changes_no_bit(void **state) {
  (void)state;
  for (int fast = 0; fast < 2; fast++) {
    dsm_kernels k;
    if (fast)
      assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
    else
      dsm_kernels_ref(&k, 1);
    net a = make_net(&k, false), b = make_net(&k, true);
    const size_t count = dsm_parameters_count(a.table);
    float *w = parameters_of(&a), *ga = malloc(count * sizeof *ga), *gb = malloc(count * sizeof *gb);
    for (int repeat = 0; repeat < 2; repeat++) { /* the second run must not see what the first left */
      memset(ga, 0xff, count * sizeof *ga);
      memset(gb, 0xff, count * sizeof *gb);
      dsm_graph_run(a.graph, &(dsm_run){.parameters = w, .gradients = ga});
      dsm_graph_run(b.graph, &(dsm_run){.parameters = w, .gradients = gb});
      assert_memory_equal(ga, gb, count * sizeof *ga);
      for (size_t i = 0; i < count; i++) assert_true(isfinite(ga[i]));
      assert_memory_equal(dsm_graph_data(a.graph, a.loss), dsm_graph_data(b.graph, b.loss), sizeof(float));
    }
    if (!fast) /* whose scratch is larger than all values of this small net */
      assert_true(dsm_graph_facts_of(a.graph).arena_bytes < dsm_graph_facts_of(b.graph).arena_bytes / 2);
    free(w), free(ga), free(gb);
    destroy_net(&a);
    destroy_net(&b);
  }
}

static void intervals_that_live_together_do_not_overlap(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  net n = make_net(&k, false);
  for (int i = 0; i < n.graph->nodes; i++) {
    const dsm_node *a = n.graph->node[i];
    if (!a->needed || a->root != a || a->place == DSM__PARAMETER || a->place == DSM__GRADIENT) continue;
    for (int j = 0; j < i; j++) {
      const dsm_node *b = n.graph->node[j];
      if (!b->needed || b->root != b || b->place == DSM__PARAMETER || b->place == DSM__GRADIENT) continue;
      const bool together = b->place == DSM__KEPT || a->place == DSM__KEPT || b->last_use >= i;
      const size_t ea = a->offset + dsm__count(a) * sizeof(float),
                   eb = b->offset + dsm__count(b) * sizeof(float);
      if (together) assert_true(a->offset >= eb || b->offset >= ea);
    }
  }
  destroy_net(&n);
}

static void unneeded_nodes_do_not_run(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  net n = make_net(&k, false);
  int compute = 0;
  for (int i = 0; i < n.graph->nodes; i++) compute += n.graph->node[i]->op->run != NULL;
  assert_true(dsm_graph_facts_of(n.graph).nodes < (size_t)compute);
  destroy_net(&n);
}

/* A residual block as in nn/resblock.c, without its norms, then a strided convolution and one in which a row for
 * each sample comes after the residual, which would be another order of additions. */
typedef struct block {
  dsm_graph *graph;
  dsm_parameters *table;
  dsm_node *x, *row, *y;
} block;

static block make_block(const dsm_kernels *k, size_t batch, bool keep) {
  block b = {0};
  const size_t pad[] = {1, 1, 1, 1}, pad_half[] = {0, 0, 1, 1};
  assert_int_equal(dsm_graph_create(&b.graph), DSM_OK);
  assert_int_equal(dsm_parameters_create(&b.table), DSM_OK);
  dsm_graph *g = b.graph;
  dsm_node *w[8], *dw[8];
  const dsm_parameter *p[8];
  for (int i = 0; i < 8; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    assert_int_equal(dsm_parameters_add(b.table, name, i % 2 == 0 ? DSM_SHAPE(8, 3, 3, 8) : DSM_SHAPE(8),
                                        true, DSM_INIT_FAN_AVG, 1, &p[i]),
                     DSM_OK);
    w[i] = dsm_parameter_node(g, p[i]);
  }
  b.x = dsm_input(g, "x", DSM_SHAPE(batch, 12, 12, 8));
  b.row = dsm_input(g, "row", DSM_SHAPE(batch, 1, 1, 8));
  dsm_node *h = dsm_unary_node(g, DSM_UNARY_SILU, b.x);
  h = dsm_add(g, dsm_conv2d_node(g, h, w[0], w[1], 1, pad), b.row);
  h = dsm_add(g, b.x, dsm_conv2d_node(g, dsm_unary_node(g, DSM_UNARY_SILU, h), w[2], w[3], 1, pad));
  h = dsm_add(g, dsm_add(g, dsm_conv2d_node(g, h, w[4], w[5], 1, pad), h), b.row);
  b.y = dsm_square(g, dsm_conv2d_node(g, h, w[6], w[7], 2, pad_half));
  dsm_graph_gradient(g, b.y, NULL, w, 8, dw);
  for (int i = 0; i < 8; i++) dsm_graph_gradient_output(g, dw[i], p[i]);
  dsm_graph_output(g, "y", b.y);
  for (int i = 0, nodes = g->nodes; keep && i < nodes; i++)
    if (g->node[i]->op->run && g->node[i]->place == DSM__ARENA) dsm_graph_output(g, "kept", g->node[i]);
  assert_int_equal(dsm_graph_plan(g, k), DSM_OK);
  dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 0, 0}, 0, batch * 12 * 12 * 8,
                    dsm_graph_data(g, b.x));
  dsm_random_normal((dsm_random_key){2, DSM_STREAM_DATA, 0, 0}, 0, batch * 8, dsm_graph_data(g, b.row));
  return b;
}

static int sums_that_run(const dsm_graph *g) {
  int sums = 0;
  for (int i = 0; i < g->list_count; i++) sums += dsm__is_sum(g->list[i]);
  return sums;
}

static void sums_join_convolutions_and_change_no_bit(void **state) {
  (void)state;
  for (int set = 0; set < 4;
       set++) { /* ref and fast; samples in a batch, and one, where all rows are alike */
    dsm_kernels k;
    if (set % 2)
      assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
    else
      dsm_kernels_ref(&k, 1);
    block a = make_block(&k, set < 2 ? 3 : 1, false), b = make_block(&k, set < 2 ? 3 : 1, true);
    const size_t count = dsm_parameters_count(a.table), ny = dsm_shape_count(dsm_node_shape(a.y));
    float *w = malloc(count * sizeof *w), *ga = malloc(count * sizeof *ga), *gb = malloc(count * sizeof *gb);
    dsm_parameters_init(a.table, 3, w);
    dsm_graph_run(a.graph, &(dsm_run){.parameters = w, .gradients = ga});
    dsm_graph_run(b.graph, &(dsm_run){.parameters = w, .gradients = gb});
    assert_memory_equal(dsm_graph_data(a.graph, a.y), dsm_graph_data(b.graph, b.y), ny * sizeof(float));
    assert_memory_equal(ga, gb, count * sizeof *ga);
    /* forward: four biases, two rows, two residuals; backward: one adjoint of h (x needs none) */
    assert_int_equal(sums_that_run(b.graph), 4 + 2 + 2 + 1);
    assert_int_equal(sums_that_run(a.graph), 1); /* the row behind a residual */
    free(w), free(ga), free(gb);
    dsm_graph_destroy(&a.graph), dsm_graph_destroy(&b.graph);
    dsm_parameters_destroy(&a.table), dsm_parameters_destroy(&b.table);
  }
}

typedef struct notices {
  size_t count, finite;
  const float *gradients;
  const char *first, *last;
} notices;

static void notice(void *context, const dsm_parameter *p) {
  notices *n = context;
  if (n->count++ == 0) n->first = p->name;
  n->last = p->name;
  bool finite = true;
  for (size_t i = 0; i < dsm_shape_count(p->shape); i++)
    finite = finite && isfinite(n->gradients[p->offset + i]);
  n->finite += finite;
}

static void gradients_are_announced_last_layer_first_and_are_final_then(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  net n = make_net(&k, false);
  const size_t count = dsm_parameters_count(n.table);
  float *w = parameters_of(&n), *g = malloc(count * sizeof *g);
  memset(g, 0xff, count * sizeof *g); /* NaN until written */
  notices seen = {.gradients = g};
  const dsm_run_hooks hooks = {.gradient_ready = notice, .context = &seen};
  dsm_graph_run(n.graph, &(dsm_run){.parameters = w, .gradients = g, .hooks = &hooks});
  assert_int_equal(seen.count, dsm_parameters_entries(n.table));
  assert_int_equal(seen.finite, seen.count);
  assert_string_equal(seen.first, "conv.weight");
  assert_string_equal(seen.last, "in.weight");
  free(w), free(g);
  destroy_net(&n);
}

static void a_parameter_that_does_not_matter_has_zero_gradient(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  dsm_graph *g;
  dsm_parameters *table;
  const dsm_parameter *p;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  assert_int_equal(dsm_parameters_create(&table), DSM_OK);
  assert_int_equal(dsm_parameters_add(table, "idle", DSM_SHAPE(3), true, DSM_INIT_ONE, 1, &p), DSM_OK);
  dsm_node *w = dsm_parameter_node(g, p), *x = dsm_input(g, "x", DSM_SHAPE(2, 2)), *dw;
  dsm_graph_gradient(g, dsm_square(g, x), NULL, &w, 1, &dw);
  dsm_graph_gradient_output(g, dw, p);
  assert_int_equal(dsm_graph_plan(g, &k), DSM_OK);
  float parameters[3] = {1, 1, 1}, gradients[3] = {5, 5, 5};
  dsm_graph_run(g, &(dsm_run){.parameters = parameters, .gradients = gradients});
  for (int i = 0; i < 3; i++) assert_true(gradients[i] == 0.0f);
  dsm_graph_destroy(&g);
  dsm_parameters_destroy(&table);
}

static void dropout_masks_depend_on_the_sample_not_on_its_place(void **state) {
  (void)state;
  dsm_kernels k;
  dsm_kernels_ref(&k, 1);
  enum { N = 4, D = 1000 };
  dsm_graph *g;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_node *a = dsm_dropout_mask(g, DSM_SHAPE(N, D), 0.25f, 0),
           *b = dsm_dropout_mask(g, DSM_SHAPE(N, D), 0.25f, 1);
  dsm_graph_output(g, "a", a);
  dsm_graph_output(g, "b", b);
  assert_int_equal(dsm_graph_plan(g, &k), DSM_OK);
  float first[N * D];
  const uint64_t forward[N] = {10, 11, 12, 13}, backward[N] = {13, 12, 11, 10};
  dsm_run run = {.training = true, .seed = 1, .step = 2, .sample = forward};
  dsm_graph_run(g, &run);
  memcpy(first, dsm_graph_data(g, a), sizeof first);
  assert_memory_not_equal(first, dsm_graph_data(g, b), sizeof first);
  double mean = 0;
  for (int i = 0; i < N * D; i++) {
    assert_true(first[i] == 0.0f || first[i] == 1.0f / 0.75f);
    mean += first[i] / (N * D);
  }
  assert_true(fabs(mean - 1.0) < 4 * sqrt(0.25 / 0.75 / (N * D))); /* four standard errors */
  run.sample = backward;
  dsm_graph_run(g, &run);
  for (int i = 0; i < N; i++)
    assert_memory_equal(first + i * D, dsm_graph_data(g, a) + (N - 1 - i) * D, D * sizeof(float));
  run.training = false;
  dsm_graph_run(g, &run);
  for (int i = 0; i < N * D; i++) assert_true(dsm_graph_data(g, a)[i] == 1.0f);
  dsm_graph_destroy(&g);
}

/* y = conv(x, w) and dx, by Winograd's method. */
static dsm_graph *convolve(const dsm_kernels *k, const dsm_parameter *w, bool keep) {
  dsm_graph *g;
  dsm_node *x, *dx;
  assert_int_equal(dsm_graph_create(&g), DSM_OK);
  dsm_graph_keep(g, keep);
  x = dsm_input(g, "x", DSM_SHAPE(1, 16, 16, 4));
  dsm_node *y = dsm_conv2d_node(g, x, dsm_parameter_node(g, w), NULL, 1, (const size_t[]){1, 1, 1, 1});
  dsm_graph_gradient(g, dsm_square(g, y), NULL, &x, 1, &dx);
  dsm_graph_output(g, "dx", dx);
  assert_int_equal(dsm_graph_plan(g, k), DSM_OK);
  assert_int_equal(dsm_graph_facts_of(g).kept_bytes > 0, keep);
  dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 0, 0}, 0, 16 * 16 * 4, dsm_graph_data(g, x));
  return g;
}

static const float *run_with(dsm_graph *g, const float *w, bool same) {
  dsm_graph_run(g, &(dsm_run){.parameters = w, .same_parameters = same});
  return dsm_graph_data(g, dsm_graph_find_output(g, "dx"));
}

static void what_is_kept_serves_the_same_parameters(void **state) {
  (void)state;
  enum { WEIGHTS = 4 * 9 * 4 };
  const size_t bytes = 16 * 16 * 4 * sizeof(float);
  dsm_kernels k;
  dsm_parameters *table;
  const dsm_parameter *p;
  float w[2][WEIGHTS], first[16 * 16 * 4];
  assert_int_equal(dsm_kernels_fast(&k, 1, NULL), DSM_OK);
  assert_int_equal(dsm_parameters_create(&table), DSM_OK);
  assert_int_equal(dsm_parameters_add(table, "w", DSM_SHAPE(4, 3, 3, 4), true, DSM_INIT_FAN_AVG, 1, &p),
                   DSM_OK);
  for (uint64_t i = 0; i < 2; i++)
    dsm_random_normal((dsm_random_key){1, DSM_STREAM_DATA, 1, i}, 0, WEIGHTS, w[i]);
  dsm_graph *plain = convolve(&k, p, false), *keeping = convolve(&k, p, true);
  memcpy(first, run_with(plain, w[0], false), bytes);
  assert_memory_equal(run_with(keeping, w[0], false), first, bytes);
  assert_memory_equal(run_with(keeping, w[0], true), first, bytes);
  /* it is really kept: other parameters, called the same, are not looked at; and it is made anew when they are not */
  assert_memory_equal(run_with(keeping, w[1], true), first, bytes);
  assert_memory_equal(run_with(keeping, w[1], false), run_with(plain, w[1], false), bytes);
  assert_memory_not_equal(run_with(keeping, w[1], true), first, bytes);
  dsm_graph_destroy(&plain);
  dsm_graph_destroy(&keeping);
  dsm_parameters_destroy(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sharing_memory_changes_no_bit),
      cmocka_unit_test(intervals_that_live_together_do_not_overlap),
      cmocka_unit_test(unneeded_nodes_do_not_run),
      cmocka_unit_test(sums_join_convolutions_and_change_no_bit),
      cmocka_unit_test(what_is_kept_serves_the_same_parameters),
      cmocka_unit_test(gradients_are_announced_last_layer_first_and_are_final_then),
      cmocka_unit_test(a_parameter_that_does_not_matter_has_zero_gradient),
      cmocka_unit_test(dropout_masks_depend_on_the_sample_not_on_its_place),
  };
  return cmocka_run_group_tests_name("graph: plan and run", tests, NULL, NULL);
}
