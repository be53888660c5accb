/* Denoising score matching (Vincent 2011, doi:10.1162/NECO_a_00142; Song & Ermon 2019, arXiv:1907.05600;
 * Ho et al. 2020, arXiv:2006.11239). For each sample at its own time t:
 *   x_t  = alpha x0 + sigma eps
 *   F    = network(input x_t, label(t))
 *   loss = w(t) |eps - eps_hat|^2 = w(t) k |F - F*|^2,   k = eps_f^2
 * with input, F* and eps_f from the reading of the prediction (prediction.c). w k is one number a sample, put
 * in from outside, so one graph serves every process, prediction and weighting. */
#include "dsmpi/memory.h"
#include "objective/objective.h"

/* Everything of a sample that its time decides. */
typedef struct coefficients {
  double alpha, sigma, input, f_x0, f_eps;
  float label, weight;
} coefficients;

static coefficients at_time(const dsm_objective *o, double t) {
  const dsm_reading r = dsm_prediction_reading(&o->settings, o->process, t);
  return (coefficients){.alpha = dsm_process_alpha(o->process, t),
                        .sigma = dsm_process_sigma(o->process, t),
                        .input = r.input,
                        .f_x0 = r.f_x0,
                        .f_eps = r.f_eps,
                        .label = (float)dsm_process_label(o->process, t),
                        .weight = (float)dsm_weighting_of_output(&o->settings, o->process, t, o->d)};
}

/* Where times are few they stand in a table: exponentials for each sample take as long as a small network. */
static dsm_status make_table(dsm_objective *o) {
  enum { TIMES_MAX = 10000 };
  const double last = dsm_process_last(o->process);
  coefficients *table = NULL;
  if (!dsm_process_discrete(o->process) || last > TIMES_MAX) return DSM_OK;
  DSM_TRY(DSM_ALLOC((size_t)last, &table)); /* of t = 1 ... last */
  for (size_t t = 1; t <= (size_t)last; t++) table[t - 1] = at_time(o, (double)t);
  o->table = table;
  return DSM_OK;
}

static coefficients look_up(const dsm_objective *o, double t) {
  const coefficients *table = o->table;
  const size_t k = t >= 1 && t <= dsm_process_last(o->process) ? (size_t)t : 0;
  return table && k > 0 && (double)k == t ? table[k - 1] : at_time(o, t);
}

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  (void)config;
  dsm_graph *g = o->graph;
  DSM_TRY(make_table(o));
  dsm__output_prepare(g, o->settings.prediction, 1);
  o->x = dsm_input(g, "x", o->batch);
  o->label = dsm_input(g, "label", DSM_SHAPE(o->n, 1));
  o->target = dsm_input(g, "target", DSM_SHAPE(o->n, o->d));
  o->weight = dsm_input(g, "weight", DSM_SHAPE(o->n, 1));
  dsm_node *f = dsm__output(g, model, o->settings.prediction, o->x, o->label, o->condition, NULL);
  o->error = dsm_sub(g, f, o->target);
  dsm_node *error = dsm_square(g, o->error);
  o->loss = dsm_mul(g, dsm_sum_to(g, error, DSM_SHAPE(o->n, 1)), o->weight);
  return DSM_OK;
}

void dsm__fill_denoising(dsm_objective *o, const float *x0) {
  const float *eps = o->eps;
  float *x = dsm_graph_data(o->graph, o->x), *target = dsm_graph_data(o->graph, o->target);
  float *label = dsm_graph_data(o->graph, o->label), *weight = dsm_graph_data(o->graph, o->weight);
  for (size_t i = 0; i < o->n; i++) {
    const coefficients c = look_up(o, o->t[i]);
    label[i] = c.label;
    weight[i] = c.weight;
    for (size_t j = i * o->d; j < (i + 1) * o->d; j++) {
      double clean = (double)x0[j], noise = (double)eps[j];
      x[j] = (float)(c.input * (c.alpha * clean + c.sigma * noise));
      target[j] = (float)(c.f_x0 * clean + c.f_eps * noise);
    }
  }
}

const dsm__objective_ops dsm__objective_denoising = {
    .name = "denoising", .build = build, .fill = dsm__fill_denoising};
