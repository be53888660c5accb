/* Denoising with a learned reverse variance (Nichol & Dhariwal 2021, arXiv:2102.09672, section 3.1), for processes
 * in discrete time. Beside F the network puts out r for each element, and
 *   log var = lo + v (hi - lo),  v = (r + 1) / 2,  lo and hi the logarithms of the small and large variance
 * of a step from t to t - 1. The loss is
 *   w(t) |eps - eps_hat|^2 + lambda T L_t / d,   lambda = objective.vlb_weight,
 * where L_t is the term of the variational bound at t, in nats, with the mean held fixed, so that it trains the
 * variance alone:
 *   t > 1   L_t = KL(q(x_{t-1} | x_t, x0) || N(mu_hat, var)) = 1/2 sum [log var - lo - 1 + (e^lo + q) / var]
 *   t = 1   L_1 = -log N(x0; x0_hat, var)                    = 1/2 sum [log var + log 2 pi + q / var]
 * q = (mu - mu_hat)^2 = c (F - F*)^2. At t = 1 the small variance is 0; lo is then that of t = 2. */
#include <math.h>
#include "objective/objective.h"

typedef struct hybrid {
  double vlb_weight;
  /* (n, 1): L_t = 1/2 sum [log var + offset + (base + c (F - F*)^2) / var],  log var = low + v range */
  dsm_node *low, *range, *offset, *base, *c;
  dsm_node *vlb; /* (n, 1) lambda T / d */
} hybrid;

static dsm_node *bound_term(dsm_graph *g, const hybrid *own, dsm_node *error, dsm_node *r, dsm_shape each) {
  dsm_node *v = dsm_affine(g, r, 0.5f, 0.5f);
  dsm_node *log_variance = dsm_add(g, dsm_mul(g, v, own->range), own->low);
  dsm_node *precision = dsm_unary_node(g, DSM_UNARY_EXP, dsm_affine(g, log_variance, -1.0f, 0.0f));
  dsm_node *square = dsm_add(g, dsm_mul(g, dsm_detach(g, error), own->c), own->base);
  dsm_node *sum = dsm_add(g, dsm_add(g, log_variance, own->offset), dsm_mul(g, square, precision));
  return dsm_affine(g, dsm_sum_to(g, sum, each), 0.5f, 0.0f);
}

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  dsm_graph *g = o->graph;
  const dsm_shape each = DSM_SHAPE(o->n, 1);
  hybrid *own = o->own;
  own->vlb_weight = config->objective.vlb_weight;
  dsm__output_prepare(g, o->settings.prediction, 1);
  o->x = dsm_input(g, "x", o->batch);
  o->label = dsm_input(g, "label", each);
  o->target = dsm_input(g, "target", DSM_SHAPE(o->n, o->d));
  o->weight = dsm_input(g, "weight", each);
  own->low = dsm_input(g, "low", each);
  own->range = dsm_input(g, "range", each);
  own->offset = dsm_input(g, "offset", each);
  own->base = dsm_input(g, "base", each);
  own->c = dsm_input(g, "c", each);
  own->vlb = dsm_input(g, "vlb", each);
  dsm__output_parts parts;
  dsm_node *f = dsm__output(g, model, o->settings.prediction, o->x, o->label, o->condition, &parts);
  dsm_node *error = dsm_square(g, dsm_sub(g, f, o->target));
  dsm_node *simple = dsm_mul(g, dsm_sum_to(g, error, each), o->weight);
  o->loss = dsm_add(g, simple, dsm_mul(g, bound_term(g, own, error, parts.variance, each), own->vlb));
  return DSM_OK;
}

static void fill(dsm_objective *o, const float *x0) {
  const hybrid *own = o->own;
  dsm_graph *g = o->graph;
  dsm__fill_denoising(o, x0);
  float *low = dsm_graph_data(g, own->low), *range = dsm_graph_data(g, own->range);
  float *offset = dsm_graph_data(g, own->offset), *base = dsm_graph_data(g, own->base);
  float *c = dsm_graph_data(g, own->c), *vlb = dsm_graph_data(g, own->vlb);
  for (size_t i = 0; i < o->n; i++) {
    const double t = o->t[i], pi = acos(-1.0);
    const dsm_posterior q = dsm_process_posterior(o->process, t - 1, t);
    const dsm_log_variances v = dsm_process_log_variances(o->process, t - 1, t);
    const double x0_f = dsm_prediction_reading(&o->settings, o->process, t).x0_f;
    low[i] = (float)v.small;
    range[i] = (float)(v.large - v.small);
    offset[i] = (float)(t > 1 ? -v.small - 1 : log(2 * pi));
    base[i] = (float)(t > 1 ? exp(v.small) : 0);
    c[i] = (float)(q.x0_factor * x0_f * q.x0_factor * x0_f);
    vlb[i] = (float)(own->vlb_weight * dsm_process_last(o->process) / (double)o->d);
  }
}

static dsm_status check(const dsm_config *config, const dsm_process *process, size_t d) {
  (void)d;
  if (!dsm_process_discrete(process))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "objective.name hybrid learns the variance of a step, but process %s has no steps: use process ddpm",
        dsm_process_name_of(process));
  if (dsm_process_last(process) < 2)
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.name hybrid learns the variance of a step, but the one step of this %s process goes "
             "to the data "
             "and has none: use process ddpm with process.steps of 2 or more",
             dsm_process_name_of(process));
  if (config->objective.prediction == DSM_PREDICT_ENERGY)
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.name hybrid needs a variance beside the prediction, which an energy is not");
  return DSM_OK;
}

const dsm__objective_ops dsm__objective_hybrid = {
    .name = "hybrid", .own = sizeof(hybrid), .check = check, .build = build, .fill = fill};
