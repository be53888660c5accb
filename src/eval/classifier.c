#include "classifier.h"

#include <math.h>
#include <stdlib.h>
#include "dsmpi/config.h"
#include "dsmpi/graph.h"
#include "dsmpi/memory.h"
#include "dsmpi/optim.h"
#include "dsmpi/random.h"

enum {
  WIDTH = 128,
  BATCH = 256,    /* half of it from either set */
  STEP_BATCH = 4, /* of the random stream; the fold is added */
  LAYERS = 3
};
static const double learning_rate = 1e-3, weight_decay = 1e-2;

/* z = W3 silu(W2 silu(W1 x + b1) + b2) + b3, the logit of "from a". */
typedef struct network {
  dsm_kernels kernels;
  dsm_parameters *table;
  const dsm_parameter *weight[LAYERS], *bias[LAYERS];
  dsm_graph *training, *scoring;
  dsm_node *x, *label, *x_scored, *z;
  float *w, *gradient;
  double *mean, *std; /* (d) of the training rows */
} network;

static dsm_status make_table(network *n, size_t d) {
  static const char *const names[LAYERS][2] = {
      {"0.weight", "0.bias"}, {"2.weight", "2.bias"}, {"4.weight", "4.bias"}};
  const size_t size[LAYERS + 1] = {d, WIDTH, WIDTH, 1};
  DSM_TRY(dsm_parameters_create(&n->table));
  for (size_t l = 0; l < LAYERS; l++) {
    DSM_TRY(dsm_parameters_add(n->table, names[l][0], DSM_SHAPE(size[l + 1], size[l]), true, DSM_INIT_FAN_AVG,
                               1, &n->weight[l]));
    DSM_TRY(dsm_parameters_add(n->table, names[l][1], DSM_SHAPE(size[l + 1]), false, DSM_INIT_ZERO, 0,
                               &n->bias[l]));
  }
  DSM_TRY(DSM_ALLOC(dsm_parameters_count(n->table), &n->w));
  DSM_TRY(DSM_ALLOC(dsm_parameters_count(n->table), &n->gradient));
  return DSM_OK;
}

static dsm_node *logit(network *n, dsm_graph *g, dsm_node *x) {
  for (size_t l = 0; l < LAYERS; l++) {
    x = dsm_linear(g, x, dsm_parameter_node(g, n->weight[l]), dsm_parameter_node(g, n->bias[l]));
    if (l + 1 < LAYERS) x = dsm_unary_node(g, DSM_UNARY_SILU, x);
  }
  return x;
}

/* The gradient of the cross-entropy by the logit is sigmoid(z) - y: no logarithm is needed. */
static dsm_status build(network *n, size_t d) {
  dsm_node *parameter[2 * LAYERS], *gradient[2 * LAYERS];
  DSM_TRY(dsm_graph_create(&n->training));
  DSM_TRY(dsm_graph_create(&n->scoring));
  dsm_graph *g = n->training;
  n->x = dsm_input(g, "x", DSM_SHAPE(BATCH, d));
  n->label = dsm_input(g, "label", DSM_SHAPE(BATCH, 1));
  dsm_node *z = logit(n, g, n->x), *dz = dsm_sub(g, dsm_unary_node(g, DSM_UNARY_SIGMOID, z), n->label);
  for (size_t l = 0; l < LAYERS; l++) {
    parameter[2 * l] = dsm_parameter_node(g, n->weight[l]);
    parameter[2 * l + 1] = dsm_parameter_node(g, n->bias[l]);
  }
  dsm_graph_gradient(g, z, dz, parameter, 2 * LAYERS, gradient);
  DSM_TRY(dsm_graph_status(g));
  for (size_t l = 0; l < LAYERS; l++) {
    dsm_graph_gradient_output(g, gradient[2 * l], n->weight[l]);
    dsm_graph_gradient_output(g, gradient[2 * l + 1], n->bias[l]);
  }
  DSM_TRY(dsm_graph_plan(g, &n->kernels));
  n->x_scored = dsm_input(n->scoring, "x", DSM_SHAPE(BATCH, d));
  n->z = logit(n, n->scoring, n->x_scored);
  dsm_graph_output(n->scoring, "z", n->z);
  DSM_TRY(dsm_graph_plan(n->scoring, &n->kernels));
  return DSM_OK;
}

/* ---- data ------------------------------------------------------------------------------------------------ */

size_t dsm__fold_rows(size_t n, size_t fold) {
  return (n + 1 - fold) / 2;
}

/* Training row i of a set: those that the fold leaves. */
static size_t training_row(const dsm__classifier_task *t, size_t i) {
  return 2 * i + 1 - t->fold;
}

static void standardize(const network *n, const double *row, size_t d, float *x) {
  for (size_t j = 0; j < d; j++) x[j] = (float)((row[j] - n->mean[j]) / n->std[j]);
}

static dsm_status measure(const dsm__classifier_task *t, network *n) {
  const double *const set[] = {t->a, t->b};
  const size_t rows[] = {dsm__fold_rows(t->na, 1 - t->fold), dsm__fold_rows(t->nb, 1 - t->fold)};
  DSM_TRY(DSM_ALLOC(t->d, &n->mean));
  DSM_TRY(DSM_ALLOC(t->d, &n->std));
  for (int pass = 0; pass < 2; pass++)
    for (int k = 0; k < 2; k++)
      for (size_t i = 0; i < rows[k]; i++)
        for (size_t j = 0; j < t->d; j++) {
          const double x = set[k][training_row(t, i) * t->d + j], off = x - n->mean[j],
                       share = 0.5 / (double)rows[k];
          if (pass == 0)
            n->mean[j] += x * share;
          else
            n->std[j] += off * off * share;
        }
  /* what hardly varies where the network learns must not blow up where it is tested */
  for (size_t j = 0; j < t->d; j++) {
    const double std = sqrt(n->std[j]);
    n->std[j] = std > 1e-6 * fabs(n->mean[j]) && std > 0 ? std : 1;
  }
  return DSM_OK;
}

static void fill_batch(const dsm__classifier_task *t, network *n, uint64_t step) {
  float *x = dsm_graph_data(n->training, n->x), *label = dsm_graph_data(n->training, n->label);
  const dsm_random_key key = {t->seed, DSM_STREAM_EVALUATION, STEP_BATCH + t->fold, step};
  for (size_t i = 0; i < BATCH; i++) {
    const bool of_a = i < BATCH / 2;
    const size_t rows = dsm__fold_rows(of_a ? t->na : t->nb, 1 - t->fold);
    const size_t row = training_row(t, (size_t)dsm_random_below(key, i, rows));
    standardize(n, (of_a ? t->a : t->b) + row * t->d, t->d, x + i * t->d);
    label[i] = of_a;
  }
}

/* ---- training and scoring -------------------------------------------------------------------------------- */

static dsm_status train(const dsm__classifier_task *t, network *n) {
  dsm_config config;
  dsm_optimizer *optimizer = NULL;
  dsm_status status = DSM_OK;
  dsm_config_defaults(&config);
  config.optimizer.lr = learning_rate;
  config.optimizer.weight_decay = weight_decay;
  config.optimizer.clip = 1;
  config.optimizer.schedule = DSM_LR_COSINE;
  config.optimizer.warmup = 10;
  config.optimizer.ema.count = 0;
  config.train.steps = (int64_t)t->steps;
  dsm_parameters_init(n->table, t->seed, n->w);
  DSM_TRY_DONE(dsm_optimizer_create(&config, n->table, n->w, &n->kernels, &optimizer));
  const dsm_run run = {.parameters = n->w, .gradients = n->gradient, .training = true, .seed = t->seed};
  for (uint64_t step = 0; step < t->steps; step++) {
    fill_batch(t, n, step);
    dsm_graph_run(n->training, &run);
    DSM_TRY_DONE(dsm_optimizer_step(optimizer, n->w, n->gradient, 1.0 / BATCH, NULL));
  }
done:
  dsm_optimizer_destroy(&optimizer);
  return status;
}

static void score(const dsm__classifier_task *t, network *n, const double *set, size_t rows, double *out) {
  float *x = dsm_graph_data(n->scoring, n->x_scored);
  const dsm_run run = {.parameters = n->w};
  const size_t count = dsm__fold_rows(rows, t->fold);
  for (size_t done = 0; done < count; done += BATCH) {
    const size_t k = count - done < BATCH ? count - done : BATCH;
    for (size_t i = 0; i < BATCH; i++) { /* the last row fills up the batch */
      const size_t row = 2 * (done + (i < k ? i : k - 1)) + t->fold;
      standardize(n, set + row * t->d, t->d, x + i * t->d);
    }
    dsm_graph_run(n->scoring, &run);
    for (size_t i = 0; i < k; i++) out[done + i] = (double)dsm_graph_data(n->scoring, n->z)[i];
  }
}

dsm_status dsm__classify(const dsm__classifier_task *t, double *score_a, double *score_b) {
  dsm_status status = DSM_OK;
  network n = {0};
  DSM_TRY_DONE(dsm_kernels_fast(&n.kernels, 1, NULL));
  DSM_TRY_DONE(make_table(&n, t->d));
  DSM_TRY_DONE(build(&n, t->d));
  DSM_TRY_DONE(measure(t, &n));
  DSM_TRY_DONE(train(t, &n));
  score(t, &n, t->a, t->na, score_a);
  score(t, &n, t->b, t->nb, score_b);
done:
  dsm_graph_destroy(&n.training);
  dsm_graph_destroy(&n.scoring);
  dsm_parameters_destroy(&n.table);
  free(n.w);
  free(n.gradient);
  free(n.mean);
  free(n.std);
  return status;
}
