/* Denoising score matching (Vincent 2011, doi:10.1162/NECO_a_00142; Song & Ermon 2019, arXiv:1907.05600;
 * Ho et al. 2020, arXiv:2006.11239). For each sample at its own time t:
 *   x_t  = alpha x0 + sigma eps
 *   F    = network(input x_t, label(t))
 *   loss = w(t) |eps - eps_hat|^2 = w(t) k |F - F*|^2,   k = eps_f^2
 * with input, F* and eps_f from the reading of the prediction (prediction.c). w k is one number a sample, put
 * in from outside, so one graph serves every process, prediction and weighting. */
#include "dsmpi/diffusion.h"

#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"

struct dsm_objective {
  const dsm_process *process; /* borrowed */
  int prediction, weighting;
  size_t n, d; /* samples of a micro-batch, elements of a sample */
  dsm_graph *graph;
  dsm_node *x;      /* (n, sample...) */
  dsm_node *label;  /* (n, 1) */
  dsm_node *target; /* (n, d) F* */
  dsm_node *weight; /* (n, 1) w k */
  dsm_node *loss;   /* (n, 1) */
  double *t;        /* (n) */
  float *eps;       /* (n, d) */
  uint64_t *sample; /* (n) global indices */
};

/* Differentiating the losses with dy = 1 for each is the gradient of their sum. */
static dsm_status add_gradients(dsm_graph *graph, dsm_node *loss, const dsm_parameters *parameters) {
  dsm_status status = DSM_OK;
  size_t entries = dsm_parameters_entries(parameters);
  dsm_node **w = NULL, **dw = NULL;
  DSM_TRY_DONE(DSM_ALLOC(entries, &w));
  DSM_TRY_DONE(DSM_ALLOC(entries, &dw));
  for (size_t i = 0; i < entries; i++) w[i] = dsm_parameter_node(graph, dsm_parameters_entry(parameters, i));
  dsm_graph_gradient(graph, loss, NULL, w, entries, dw);
  DSM_TRY_DONE(dsm_graph_status(graph));
  for (size_t i = 0; i < entries; i++)
    dsm_graph_gradient_output(graph, dw[i], dsm_parameters_entry(parameters, i));
done:
  free(dw);
  free(w);
  return status;
}

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_kernels *kernels) {
  DSM_TRY(dsm_graph_create(&o->graph));
  dsm_graph *g = o->graph;
  dsm_shape sample = dsm_model_sample(model), batch = {.rank = sample.rank + 1};
  DSM_ASSERT(batch.rank <= DSM_MAX_RANK);
  for (int a = 0; a < DSM_MAX_RANK; a++) batch.n[a] = a == 0 ? o->n : a <= sample.rank ? sample.n[a - 1] : 1;

  o->x = dsm_input(g, "x", batch);
  o->label = dsm_input(g, "label", DSM_SHAPE(o->n, 1));
  o->target = dsm_input(g, "target", DSM_SHAPE(o->n, o->d));
  o->weight = dsm_input(g, "weight", DSM_SHAPE(o->n, 1));
  dsm_node *f = dsm_reshape(g, dsm_model_build(model, g, o->x, o->label), DSM_SHAPE(o->n, o->d));
  dsm_node *error = dsm_square(g, dsm_sub(g, f, o->target));
  o->loss = dsm_mul(g, dsm_sum_to(g, error, DSM_SHAPE(o->n, 1)), o->weight);
  DSM_TRY(dsm_graph_status(g));

  DSM_TRY(add_gradients(g, o->loss, dsm_model_parameters(model)));
  dsm_graph_output(g, "loss", o->loss);
  DSM_TRY(dsm_graph_plan(g, kernels));
  return DSM_OK;
}

dsm_status dsm_objective_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                                const dsm_kernels *kernels, size_t micro_batch, dsm_objective **objective) {
  dsm_status status = DSM_OK;
  *objective = NULL;
  DSM_ASSERT(config->objective.name == DSM_OBJECTIVE_DENOISING && micro_batch > 0);
  dsm_objective *o = NULL;
  DSM_TRY(DSM_ALLOC(1, &o));
  o->process = process;
  o->prediction = config->objective.prediction;
  o->weighting = config->objective.weighting;
  o->n = micro_batch;
  o->d = dsm_shape_count(dsm_model_sample(model));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->t));
  DSM_TRY_DONE(DSM_ALLOC(o->n * o->d, &o->eps));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->sample));
  DSM_TRY_DONE(build(o, model, kernels));
  *objective = o;
  o = NULL;
done:
  dsm_objective_destroy(&o);
  return status;
}

void dsm_objective_destroy(dsm_objective **objective) {
  if (!objective || !*objective) return;
  dsm_objective *o = *objective;
  dsm_graph_destroy(&o->graph);
  free(o->sample);
  free(o->eps);
  free(o->t);
  free(o);
  *objective = NULL;
}

static void fill_inputs(dsm_objective *o, const float *x0, const double *t, const float *eps) {
  float *x = dsm_graph_data(o->graph, o->x), *target = dsm_graph_data(o->graph, o->target);
  float *label = dsm_graph_data(o->graph, o->label), *weight = dsm_graph_data(o->graph, o->weight);
  for (size_t i = 0; i < o->n; i++) {
    const double alpha = dsm_process_alpha(o->process, t[i]), sigma = dsm_process_sigma(o->process, t[i]);
    const dsm_reading r = dsm_prediction_reading(o->prediction, o->process, t[i]);
    label[i] = (float)dsm_process_label(o->process, t[i]);
    weight[i] = (float)(dsm_weighting_value(o->weighting, o->process, t[i], o->d) * r.eps_f * r.eps_f);
    for (size_t j = i * o->d; j < (i + 1) * o->d; j++) {
      double clean = (double)x0[j], noise = (double)eps[j];
      x[j] = (float)(r.input * (alpha * clean + sigma * noise));
      target[j] = (float)(r.f_x0 * clean + r.f_eps * noise);
    }
  }
}

static void run(dsm_objective *o, const dsm_run *settings, float *loss) {
  DSM_ASSERT(settings->gradients != NULL);
  dsm_graph_run(o->graph, settings);
  memcpy(loss, dsm_graph_data(o->graph, o->loss), o->n * sizeof *loss);
}

void dsm_objective_run(dsm_objective *o, const float *parameters, const float *x0, uint64_t seed,
                       uint64_t step, uint64_t first, float *gradients, float *loss,
                       const dsm_run_hooks *hooks) {
  dsm_objective_draw(o->process, seed, step, first, o->n, o->d, o->t, o->eps);
  fill_inputs(o, x0, o->t, o->eps);
  for (size_t i = 0; i < o->n; i++) o->sample[i] = first + i;
  run(o,
      &(dsm_run){.parameters = parameters,
                 .gradients = gradients,
                 .training = true,
                 .seed = seed,
                 .step = step,
                 .sample = o->sample,
                 .hooks = hooks},
      loss);
}

void dsm_objective_run_given(dsm_objective *o, const float *parameters, const float *x0, const double *t,
                             const float *eps, float *gradients, float *loss) {
  fill_inputs(o, x0, t, eps);
  run(o, &(dsm_run){.parameters = parameters, .gradients = gradients}, loss);
}

dsm_graph_facts dsm_objective_facts(const dsm_objective *objective) {
  return dsm_graph_facts_of(objective->graph);
}

dsm_status dsm_objective_profile(dsm_objective *o, const float *parameters, float *gradients, int repeats,
                                 dsm_node_time **times, size_t *count) {
  /* noise at drawn times is as good as data for the clock, and keeps NANs and denormals out of it */
  dsm_objective_draw(o->process, 0, 0, 0, o->n, o->d, o->t, o->eps);
  fill_inputs(o, o->eps, o->t, o->eps);
  for (size_t i = 0; i < o->n; i++) o->sample[i] = i;
  dsm_run settings = {
      .parameters = parameters, .gradients = gradients, .training = true, .sample = o->sample};
  DSM_TRY(dsm_graph_profile(o->graph, &settings, repeats, times, count));
  return DSM_OK;
}
