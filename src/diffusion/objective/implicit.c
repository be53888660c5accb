/* Score matching without a target: integration by parts turns the error of the score into terms of the score
 * alone (Hyvaerinen 2005, JMLR 6:695). At each time t, for x_t ~ p_t,
 *
 *   ism            1/2 |s|^2 + tr(ds/dx)                    d more passes: for few dimensions only
 *   ism_hutchinson 1/2 |s|^2 + v' (ds/dx) v                 v = +-1, one a sample (Hutchinson 1990)
 *   sliced         1/2 (v' s)^2 + v' (ds/dx) v              v ~ N(0, 1)  (Song et al. 2019, arXiv:1905.07088)
 *   sliced_vr      1/2 |s|^2 + v' (ds/dx) v                 the same with less variance: E (v' s)^2 = |s|^2
 *
 * each times 2 w sigma^2, w the weight of |eps - eps_hat|^2, so that with the weighting sigma2 it is Song and
 * Ermon's lambda(sigma) = sigma^2. The mean is that of the denoising loss but for a constant,
 * w sigma^2 E |grad log p_t|^2 - w d. The score is read from the network's output, s = -eps_hat / sigma. */
#include "dsmpi/random.h"
#include "objective/objective.h"

enum { TRACE_MAX = 64 }; /* dimensions of an exact trace: each is a backward pass in every evaluation */

/* Inputs beside those of every objective. */
typedef struct implicit {
  dsm_node *input;               /* (n, 1, ...) factor of x_t on entering the network */
  dsm_node *x_factor, *f_factor; /* (n, 1) s = x_factor x_t + f_factor F */
  dsm_node *v;                   /* (n, d) */
} implicit;

static bool is_exact(const dsm_objective *o) {
  return o->ops == &dsm__objective_ism;
}

/* tr(ds/dx), one row after the other */
static dsm_node *exact_trace(dsm_graph *g, dsm_node *s, dsm_node *x, size_t n, size_t d) {
  dsm_node *trace = NULL;
  for (size_t k = 0; k < d; k++) {
    dsm_node *row = NULL;
    dsm_graph_gradient(g, dsm_slice(g, 1, k, 1, s), NULL, &x, 1, &row);
    dsm_node *entry = row ? dsm_slice(g, 1, k, 1, dsm_reshape(g, row, DSM_SHAPE(n, d))) : NULL;
    trace = trace ? dsm_add(g, trace, entry) : entry;
  }
  return trace;
}

/* v' (ds/dx) v: the gradient of v' s, times v */
static dsm_node *projected_trace(dsm_graph *g, dsm_node *s, dsm_node *x, dsm_node *v, size_t n, size_t d) {
  dsm_node *row = NULL;
  dsm_graph_gradient(g, dsm_mul(g, s, v), NULL, &x, 1, &row);
  return row ? dsm_sum_to(g, dsm_mul(g, dsm_reshape(g, row, DSM_SHAPE(n, d)), v), DSM_SHAPE(n, 1)) : NULL;
}

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  (void)config;
  dsm_graph *g = o->graph;
  const size_t n = o->n, d = o->d;
  const dsm_shape flat = DSM_SHAPE(n, d), each = DSM_SHAPE(n, 1);
  dsm_shape factor = o->batch;
  for (int a = 1; a < factor.rank; a++) factor.n[a] = 1;
  dsm__output_prepare(g, o->settings.prediction, 2);
  o->x = dsm_input(g, "x", o->batch);
  o->label = dsm_input(g, "label", each);
  o->weight = dsm_input(g, "weight", each);
  implicit *own = o->own;
  own->input = dsm_input(g, "input", factor);
  own->x_factor = dsm_input(g, "x_factor", each);
  own->f_factor = dsm_input(g, "f_factor", each);
  own->v = is_exact(o) ? NULL : dsm_input(g, "v", flat);

  dsm_node *entering = dsm_mul(g, o->x, own->input);
  dsm_node *f = dsm__output(g, model, o->settings.prediction, entering, o->label, o->condition, NULL);
  if (!f) return DSM_OK; /* the graph knows why */
  dsm_node *s =
      dsm_add(g, dsm_mul(g, dsm_reshape(g, o->x, flat), own->x_factor), dsm_mul(g, f, own->f_factor));
  dsm_node *trace = is_exact(o) ? exact_trace(g, s, o->x, n, d) : projected_trace(g, s, o->x, own->v, n, d);
  dsm_node *size = dsm_sum_to(g, dsm_square(g, s), each);
  if (o->ops == &dsm__objective_sliced) size = dsm_square(g, dsm_sum_to(g, dsm_mul(g, s, own->v), each));
  o->loss = dsm_mul(g, o->weight, dsm_add(g, dsm_affine(g, size, 0.5f, 0.0f), trace));
  return DSM_OK;
}

/* v of one sample: signs for Hutchinson's estimate, which has no variance from the diagonal; normals for
 * slices */
static void draw_direction(const dsm_objective *o, size_t i, float *v) {
  const dsm_random_key key = {o->seed, DSM_STREAM_PROJECTION, o->step, o->sample[i]};
  if (o->ops != &dsm__objective_ism_hutchinson) {
    dsm_random_normal(key, 0, o->d, v);
    return;
  }
  dsm_random_uniform(key, 0, o->d, v);
  for (size_t j = 0; j < o->d; j++) v[j] = v[j] < 0.5f ? -1.0f : 1.0f;
}

static void fill(dsm_objective *o, const float *x0) {
  const implicit *own = o->own;
  float *x = dsm_graph_data(o->graph, o->x), *label = dsm_graph_data(o->graph, o->label);
  float *weight = dsm_graph_data(o->graph, o->weight), *input = dsm_graph_data(o->graph, own->input);
  float *x_factor = dsm_graph_data(o->graph, own->x_factor),
        *f_factor = dsm_graph_data(o->graph, own->f_factor);
  for (size_t i = 0; i < o->n; i++) {
    const double t = o->t[i], alpha = dsm_process_alpha(o->process, t),
                 sigma = dsm_process_sigma(o->process, t);
    const dsm_reading r = dsm_prediction_reading(&o->settings, o->process, t);
    label[i] = (float)dsm_process_label(o->process, t);
    weight[i] = (float)(2 * dsm_weighting_value(&o->settings, o->process, t, o->d) * sigma * sigma);
    input[i] = (float)r.input;
    x_factor[i] = (float)(-r.eps_x / sigma);
    f_factor[i] = (float)(-r.eps_f / sigma);
    for (size_t j = i * o->d; j < (i + 1) * o->d; j++)
      x[j] = (float)(alpha * (double)x0[j] + sigma * (double)o->eps[j]);
    if (own->v) draw_direction(o, i, dsm_graph_data(o->graph, own->v) + i * o->d);
  }
}

static dsm_status check_dimensions(const dsm_config *config, const dsm_process *process, size_t d) {
  (void)config, (void)process;
  if (d <= TRACE_MAX) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG,
           "objective.name ism: the exact trace costs one backward pass for each of the %zu dimensions, in "
           "every step; it is offered up to %d: use ism_hutchinson or sliced_vr, which cost one",
           d, TRACE_MAX);
}

#define IMPLICIT(name_, check_)                                                                              \
  { .name = name_, .own = sizeof(implicit), .check = check_, .build = build, .fill = fill }
const dsm__objective_ops dsm__objective_ism = IMPLICIT("ism", check_dimensions);
const dsm__objective_ops dsm__objective_ism_hutchinson = IMPLICIT("ism_hutchinson", NULL);
const dsm__objective_ops dsm__objective_sliced = IMPLICIT("sliced", NULL);
const dsm__objective_ops dsm__objective_sliced_vr = IMPLICIT("sliced_vr", NULL);
