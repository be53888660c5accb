/* An objective's life: the graph of its loss with the gradients of all parameters, built once, filled and run
 * every step. */
#include "objective/objective.h"

#include <stdlib.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"

static const dsm__objective_ops *const objectives[] = {
    [DSM_OBJECTIVE_DENOISING] = &dsm__objective_denoising,
    [DSM_OBJECTIVE_HYBRID] = &dsm__objective_hybrid,
    [DSM_OBJECTIVE_ESM_KDE] = &dsm__objective_esm_kde,
    [DSM_OBJECTIVE_ISM] = &dsm__objective_ism,
    [DSM_OBJECTIVE_ISM_HUTCHINSON] = &dsm__objective_ism_hutchinson,
    [DSM_OBJECTIVE_SLICED] = &dsm__objective_sliced,
    [DSM_OBJECTIVE_SLICED_VR] = &dsm__objective_sliced_vr,
    [DSM_OBJECTIVE_CLASSIFIER] = &dsm__objective_classifier,
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

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config,
                        const dsm_kernels *kernels) {
  DSM_TRY(dsm_graph_create(&o->graph));
  o->condition = dsm__condition_input(o->graph, model, o->n);
  DSM_TRY(o->ops->build(o, model, config));
  DSM_TRY(dsm_graph_status(o->graph));
  if (dsm_times_weighted(o->times)) {
    o->importance = dsm_input(o->graph, "importance", DSM_SHAPE(o->n, 1));
    o->loss = dsm_mul(o->graph, o->loss, o->importance);
  }
  DSM_TRY(add_gradients(o->graph, o->loss, dsm_model_parameters(model)));
  dsm_graph_output(o->graph, "loss", o->loss);
  if (o->error) dsm_graph_output(o->graph, "error", o->error);
  if (o->odds) dsm_graph_output(o->graph, "odds", o->odds);
  DSM_TRY(dsm_graph_plan(o->graph, kernels));
  return DSM_OK;
}

dsm_status dsm_objective_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                                const dsm_kernels *kernels, size_t micro_batch, dsm_objective **objective) {
  dsm_status status = DSM_OK;
  const dsm_shape sample = dsm_model_sample(model);
  const int name = config->objective.name;
  *objective = NULL;
  DSM_ASSERT(name >= 0 && (size_t)name < sizeof objectives / sizeof *objectives && micro_batch > 0);
  DSM_ASSERT(sample.rank + 1 <= DSM_MAX_RANK);
  const dsm__objective_ops *ops = objectives[name];
  if (name != DSM_OBJECTIVE_CLASSIFIER) {
    DSM_TRY(dsm_prediction_check(&config->objective, process));
    DSM_TRY(dsm_weighting_check(&config->objective, process));
  }
  if (ops->check) DSM_TRY(ops->check(config, process, dsm_shape_count(sample)));
  dsm_objective *o = NULL;
  DSM_TRY(DSM_ALLOC(1, &o));
  o->ops = ops;
  o->process = process;
  o->settings = config->objective;
  o->n = micro_batch;
  o->d = dsm_shape_count(sample);
  o->batch.rank = sample.rank + 1;
  for (int a = 0; a < DSM_MAX_RANK; a++)
    o->batch.n[a] = a == 0 ? o->n : a <= sample.rank ? sample.n[a - 1] : 1;
  DSM_TRY_DONE(dsm_times_create(config, process, &o->times));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->t));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->weights));
  DSM_TRY_DONE(DSM_ALLOC(o->n * o->d, &o->eps));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->sample));
  o->conditions = dsm_model_conditions(model) + dsm_model_classes(model); /* one of them is 0 */
  DSM_TRY_DONE(DSM_ALLOC(o->n * o->conditions, &o->u));
  DSM_TRY_DONE(DSM_ALLOC(o->n, &o->dropped));
  if (ops->own > 0) DSM_TRY_DONE(dsm_alloc(1, ops->own, &o->own));
  DSM_TRY_DONE(build(o, model, config, kernels));
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
  if (o->own && o->ops->release) o->ops->release(o);
  free(o->table);
  free(o->dropped);
  free(o->u);
  free(o->own);
  free(o->sample);
  free(o->eps);
  free(o->weights);
  free(o->t);
  dsm_times_destroy(&o->times);
  free(o);
  *objective = NULL;
}

size_t dsm_objective_rows_wanted(const dsm_objective *o) {
  return o->ops->use_data ? (size_t)o->settings.centres : 0;
}

dsm_status dsm_objective_use_rows(dsm_objective *o, const float *rows, size_t count) {
  DSM_ASSERT(o->ops->use_data && count > 0);
  DSM_TRY(o->ops->use_data(o, rows, count));
  return DSM_OK;
}

size_t dsm_objective_conditions(const dsm_objective *o) {
  return o->conditions;
}

void dsm_objective_condition(dsm_objective *o, const float *u) {
  o->has_u = u != NULL;
  if (u) memcpy(o->u, u, o->n * o->conditions * sizeof *u);
}

void dsm__objective_fill(dsm_objective *o, const float *x0, uint64_t seed, uint64_t step, uint64_t first) {
  o->seed = seed;
  o->step = step;
  for (size_t i = 0; i < o->n; i++) o->sample[i] = first + i;
  if (o->condition)
    dsm__condition_fill(dsm_graph_data(o->graph, o->condition), o->n, o->conditions, o->has_u ? o->u : NULL,
                        o->dropped);
  o->ops->fill(o, x0);
  float *importance = o->importance ? dsm_graph_data(o->graph, o->importance) : NULL;
  for (size_t i = 0; importance && i < o->n; i++) importance[i] = (float)o->weights[i];
}

static void draw(const dsm_objective *o, uint64_t seed, uint64_t step, uint64_t first, double *t,
                 double *weights, float *eps) {
  dsm_times_draw(o->times, seed, step, first, o->n, t, weights);
  dsm_random_normal_rows((dsm_random_key){seed, DSM_STREAM_NOISE, step, first}, o->n, o->d, eps);
}

void dsm_objective_draw(const dsm_objective *o, uint64_t seed, uint64_t step, uint64_t first, double *t,
                        float *eps) {
  draw(o, seed, step, first, t, NULL, eps);
}

void dsm_objective_draw_drops(double probability, uint64_t seed, uint64_t step, uint64_t first, size_t n,
                              bool *dropped) {
  for (size_t i = 0; i < n; i++)
    dropped[i] = dsm_random_uniform_double((dsm_random_key){seed, DSM_STREAM_CONDITION, step, first + i}, 0) <
                 probability;
}

dsm_times *dsm_objective_times(dsm_objective *objective) {
  return objective->times;
}

static void run(dsm_objective *o, const dsm_run *settings, float *loss) {
  DSM_ASSERT(settings->gradients != NULL);
  dsm_graph_run(o->graph, settings);
  memcpy(loss, dsm_graph_data(o->graph, o->loss), o->n * sizeof *loss);
}

void dsm_objective_run(dsm_objective *o, const float *parameters, const float *x0, uint64_t seed,
                       uint64_t step, uint64_t first, float *gradients, float *loss,
                       const dsm_run_hooks *hooks) {
  draw(o, seed, step, first, o->t, o->weights, o->eps);
  dsm_objective_draw_drops(o->settings.condition_drop, seed, step, first, o->n, o->dropped);
  dsm__objective_fill(o, x0, seed, step, first);
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
  memcpy(o->t, t, o->n * sizeof *t);
  for (size_t i = 0; i < o->n; i++) o->weights[i] = 1;
  memcpy(o->eps, eps, o->n * o->d * sizeof *eps);
  memset(o->dropped, 0, o->n * sizeof *o->dropped);
  dsm__objective_fill(o, x0, 0, 0, 0);
  run(o, &(dsm_run){.parameters = parameters, .gradients = gradients}, loss);
}

dsm_graph_facts dsm_objective_facts(const dsm_objective *objective) {
  return dsm_graph_facts_of(objective->graph);
}

dsm_status dsm_objective_profile(dsm_objective *o, const float *parameters, float *gradients, int repeats,
                                 dsm_node_time **times, size_t *count) {
  /* noise at drawn times is as good as data for the clock, and keeps NANs and denormals out of it */
  draw(o, 0, 0, 0, o->t, o->weights, o->eps);
  dsm__objective_fill(o, o->eps, 0, 0, 0);
  dsm_run settings = {
      .parameters = parameters, .gradients = gradients, .training = true, .sample = o->sample};
  DSM_TRY(dsm_graph_profile(o->graph, &settings, repeats, times, count));
  return DSM_OK;
}
