/* The trained network as a denoiser eps_hat(x_t, t) for blocks of fixed size: the forward half of the
 * objective's graph. The output F becomes x0_hat and eps_hat in one pass, by the reading of the prediction.
 * Pulling back through it is a second graph, with the derivative of F by its input. Guidance combines what one
 * graph gives with and without the conditions. */
#include "output.h"

#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"

/* A graph with its inputs and outputs. */
typedef struct pass {
  dsm_graph *graph;
  dsm_node *x, *label; /* (n, sample...), (n, 1) */
  dsm_node *condition; /* (n, c + 1), or NULL in a model without conditions */
  dsm_node *u;         /* (n, d) of the backward pass */
  dsm_node *output;    /* (n, d) F or dF */
  bool same;           /* it has run with these parameters */
  dsm__output_parts parts;
} pass;

struct dsm_network {
  const dsm_process *process; /* borrowed */
  dsm_objective_settings objective;
  size_t n, d;
  const float *parameters; /* borrowed, of dsm_network_denoiser */
  pass forward;            /* F, and the energy if there is one */
  pass backward;           /* dF = (dF/dx)' u, when asked for */
  dsm_reading *reading;    /* (n) */
  size_t conditions;       /* c */
  float *given;            /* (n, c) of dsm_network_condition */
  bool has_given;
  double guidance; /* w */
  float *guided;   /* (n, d) where two evaluations are combined */
};

static dsm_status build(pass *p, const dsm_network *network, const dsm_model *model,
                        const dsm_kernels *kernels, bool backward) {
  DSM_TRY(dsm_graph_create(&p->graph));
  dsm_graph *g = p->graph;
  dsm_shape sample = dsm_model_sample(model), block = {.rank = sample.rank + 1};
  DSM_ASSERT(block.rank <= DSM_MAX_RANK);
  for (int a = 0; a < DSM_MAX_RANK; a++)
    block.n[a] = a == 0 ? network->n : a <= sample.rank ? sample.n[a - 1] : 1;
  dsm_graph_keep(g, true);
  dsm__output_prepare(g, network->objective.prediction, backward ? 1 : 0);
  p->x = dsm_input(g, "x", block);
  p->label = dsm_input(g, "label", DSM_SHAPE(network->n, 1));
  p->condition = dsm__condition_input(g, model, network->n);
  p->output = dsm__output(g, model, network->objective.prediction, p->x, p->label, p->condition, &p->parts);
  if (p->parts.energy) dsm_graph_output(g, "energy", p->parts.energy);
  if (p->parts.variance) dsm_graph_output(g, "variance", p->parts.variance);
  if (backward && p->output) {
    p->u = dsm_input(g, "u", DSM_SHAPE(network->n, network->d));
    dsm_graph_gradient(g, p->output, p->u, &p->x, 1, &p->output);
  }
  DSM_TRY(dsm_graph_status(g));
  dsm_graph_output(g, backward ? "dF" : "F", p->output);
  DSM_TRY(dsm_graph_plan(g, kernels));
  return DSM_OK;
}

static int evaluations(const dsm_network *network) {
  return network->guidance == 0 || network->guidance == 1 ? 1 : 2;
}

dsm_status dsm_network_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                              const dsm_kernels *kernels, size_t block, bool pullback,
                              dsm_network **network) {
  dsm_status status = DSM_OK;
  *network = NULL;
  DSM_ASSERT(block > 0);
  dsm_network *created = NULL;
  DSM_TRY(dsm_prediction_check(&config->objective, process));
  DSM_TRY(DSM_ALLOC(1, &created));
  created->process = process;
  created->objective = config->objective;
  created->n = block;
  created->d = dsm_shape_count(dsm_model_sample(model));
  created->conditions = dsm_model_conditions(model);
  created->guidance = created->conditions > 0 ? config->sampler.guidance : 1;
  DSM_TRY_DONE(DSM_ALLOC(block, &created->reading));
  DSM_TRY_DONE(DSM_ALLOC(block * created->conditions, &created->given));
  if (evaluations(created) > 1) DSM_TRY_DONE(DSM_ALLOC(block * created->d, &created->guided));
  DSM_TRY_DONE(build(&created->forward, created, model, kernels, false));
  if (pullback) DSM_TRY_DONE(build(&created->backward, created, model, kernels, true));
  *network = created;
  created = NULL;
done:
  dsm_network_destroy(&created);
  return status;
}

void dsm_network_destroy(dsm_network **network) {
  if (!network || !*network) return;
  dsm_graph_destroy(&(*network)->forward.graph);
  dsm_graph_destroy(&(*network)->backward.graph);
  free((*network)->reading);
  free((*network)->given);
  free((*network)->guided);
  free(*network);
  *network = NULL;
}

static void fill(dsm_network *network, const pass *p, const float *x, const double *t) {
  const size_t n = network->n, d = network->d;
  float *input = dsm_graph_data(p->graph, p->x), *label = dsm_graph_data(p->graph, p->label);
  for (size_t i = 0; i < n; i++) {
    network->reading[i] = dsm_prediction_reading(&network->objective, network->process, t[i]);
    label[i] = (float)dsm_process_label(network->process, t[i]);
    for (size_t j = i * d; j < (i + 1) * d; j++) input[j] = (float)(network->reading[i].input * (double)x[j]);
  }
}

void dsm_network_condition(dsm_network *network, const float *u) {
  network->has_given = u != NULL;
  if (u) memcpy(network->given, u, network->n * network->conditions * sizeof *u);
}

static const float *run_once(const dsm_network *network, pass *p, dsm_node *output, bool conditions) {
  if (p->condition)
    dsm__condition_fill(dsm_graph_data(p->graph, p->condition), network->n, network->conditions,
                        conditions && network->has_given ? network->given : NULL, NULL);
  dsm_graph_run(p->graph, &(dsm_run){.parameters = network->parameters, .same_parameters = p->same});
  p->same = true;
  return dsm_graph_data(p->graph, output);
}

/* The output, `count` numbers, with guidance. What else the graph holds is given the conditions: they come last. */
static const float *run(const dsm_network *network, pass *p, dsm_node *output, size_t count) {
  const double w = network->guidance;
  if (evaluations(network) == 1) return run_once(network, p, output, w > 0);
  float *guided = network->guided;
  memcpy(guided, run_once(network, p, output, false), count * sizeof *guided);
  const float *f = run_once(network, p, output, true);
  for (size_t j = 0; j < count; j++)
    guided[j] = (float)((double)guided[j] + w * ((double)f[j] - (double)guided[j]));
  return guided;
}

static void network_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  dsm_network *network = self;
  const size_t n = network->n, d = network->d;
  DSM_ASSERT(!estimate->variance || network->forward.parts.variance);
  fill(network, &network->forward, x, t);
  const float *f = run(network, &network->forward, network->forward.output, n * d);
  const float *v = network->forward.parts.variance
                       ? dsm_graph_data(network->forward.graph, network->forward.parts.variance)
                       : NULL;
  for (size_t i = 0; i < n; i++) {
    const dsm_reading *r = &network->reading[i];
    for (size_t j = i * d; j < (i + 1) * d; j++) {
      if (estimate->variance) estimate->variance[j] = 0.5f * (v[j] + 1);
      if (estimate->x0) estimate->x0[j] = (float)(r->x0_x * (double)x[j] + r->x0_f * (double)f[j]);
      if (estimate->eps) estimate->eps[j] = (float)(r->eps_x * (double)x[j] + r->eps_f * (double)f[j]);
    }
  }
}

/* x0 = x0_x x + x0_f F(input x), eps likewise: with u_F = input (x0_f u_x0 + eps_f u_eps),
 * dx = x0_x u_x0 + eps_x u_eps + (dF/dx)' u_F */
static void network_pullback(void *self, const float *x, const double *t, const float *u_x0,
                             const float *u_eps, float *dx) {
  dsm_network *network = self;
  pass *p = &network->backward;
  const size_t n = network->n, d = network->d;
  fill(network, p, x, t);
  float *u = dsm_graph_data(p->graph, p->u);
  for (size_t i = 0; i < n; i++) {
    const dsm_reading *r = &network->reading[i];
    for (size_t j = i * d; j < (i + 1) * d; j++)
      u[j] = (float)(r->input *
                     (r->x0_f * (u_x0 ? (double)u_x0[j] : 0) + r->eps_f * (u_eps ? (double)u_eps[j] : 0)));
  }
  const float *df = run(network, p, p->output, n * d);
  for (size_t i = 0; i < n; i++) {
    const dsm_reading *r = &network->reading[i];
    for (size_t j = i * d; j < (i + 1) * d; j++)
      dx[j] = (float)((double)df[j] + r->x0_x * (u_x0 ? (double)u_x0[j] : 0) +
                      r->eps_x * (u_eps ? (double)u_eps[j] : 0));
  }
}

static void network_energy(void *self, const float *x, const double *t, double *energy) {
  dsm_network *network = self;
  fill(network, &network->forward, x, t);
  const float *e = run(network, &network->forward, network->forward.parts.energy, network->n);
  for (size_t i = 0; i < network->n; i++)
    energy[i] = (double)e[i] / (network->reading[i].input * dsm_process_sigma(network->process, t[i]));
}

dsm_denoiser dsm_network_denoiser(dsm_network *network, const float *parameters) {
  network->parameters = parameters;
  network->forward.same = network->backward.same = false;
  return (dsm_denoiser){.self = network,
                        .estimate = network_estimate,
                        .evaluations = evaluations(network),
                        .learns_variance = network->forward.parts.variance != NULL,
                        .pullback = network->backward.graph ? network_pullback : NULL,
                        .energy = network->forward.parts.energy ? network_energy : NULL};
}

dsm_graph_facts dsm_network_facts(const dsm_network *network) {
  return dsm_graph_facts_of(network->forward.graph);
}
