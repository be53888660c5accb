/* One step from a summed gradient to new parameters: Kingma & Ba 2015 (arXiv:1412.6980) with the decay of
 * Loshchilov & Hutter 2019 (arXiv:1711.05101). Clipping is on the norm of the global mean gradient, so it
 * comes after the reduction over ranks; it is a mere factor and rides in the scale of the kernel, without a
 * pass of its own. So there are two passes over the flat arrays: the norm, then everything else. */
#include <math.h>
#include <stdlib.h>

#include "dsmpi/memory.h"
#include "dsmpi/optim.h"

struct dsm_optimizer {
  dsm_config config;
  const dsm_parameters *table;
  const dsm_kernels *kernels;
  size_t count;
  dsm_adamw_span *span; /* neighbouring entries of the table with the same flag are one */
  dsm_optimizer_state state;
};

static dsm_status find_spans(dsm_optimizer *o) {
  const size_t entries = dsm_parameters_entries(o->table);
  dsm_adamw_span *last = NULL;
  DSM_TRY(DSM_ALLOC(entries, &o->span));
  for (size_t i = 0; i < entries; i++) {
    const dsm_parameter *p = dsm_parameters_entry(o->table, i);
    if (!last || last->decays != p->decay) last = last ? last + 1 : o->span;
    *last = (dsm_adamw_span){p->offset + dsm_shape_count(p->shape), p->decay};
  }
  return DSM_OK;
}

dsm_status dsm_optimizer_create(const dsm_config *config, const dsm_parameters *table, const float *w,
                                const dsm_kernels *kernels, dsm_optimizer **optimizer) {
  dsm_status status = DSM_OK;
  dsm_optimizer *o = NULL;
  *optimizer = NULL;
  DSM_TRY(DSM_ALLOC(1, &o));
  o->config = *config;
  o->table = table;
  o->kernels = kernels;
  o->count = dsm_parameters_count(table);
  o->state.rates = o->config.optimizer.ema.value;
  o->state.averages = o->config.optimizer.ema.count;
  DSM_TRY_DONE(find_spans(o));
  DSM_TRY_DONE(DSM_ALLOC(o->count, &o->state.m));
  DSM_TRY_DONE(DSM_ALLOC(o->count, &o->state.v));
  for (size_t a = 0; a < o->state.averages; a++) {
    DSM_TRY_DONE(DSM_ALLOC(o->count, &o->state.average[a]));
    for (size_t i = 0; i < o->count; i++) o->state.average[a][i] = w[i];
  }
  *optimizer = o;
done:
  if (status != DSM_OK) dsm_optimizer_destroy(&o);
  return status;
}

void dsm_optimizer_destroy(dsm_optimizer **optimizer) {
  if (!optimizer || !*optimizer) return;
  dsm_optimizer *o = *optimizer;
  for (size_t a = 0; a < DSM_LIST_MAX; a++) free(o->state.average[a]);
  free(o->state.m);
  free(o->state.v);
  free(o->span);
  free(o);
  *optimizer = NULL;
}

/* Name of the first parameter whose gradient is not finite: where to look. */
static const char *first_not_finite(const dsm_parameters *table, const float *gradient) {
  for (size_t e = 0; e < dsm_parameters_entries(table); e++) {
    const dsm_parameter *p = dsm_parameters_entry(table, e);
    size_t n = dsm_shape_count(p->shape);
    for (size_t i = 0; i < n; i++)
      if (!isfinite(gradient[p->offset + i])) return p->name;
  }
  return "their sum"; /* each is finite, the squares or the scale are not */
}

/* The kernel works with float betas, and the corrections must undo exactly those: 1 - 0.999f differs from
 * 0.001 by 1e-5. */
static dsm_adamw_step adamw_step(const dsm_config *config, int64_t step, double lr, double scale) {
  dsm_adamw_step s = {.lr = (float)lr,
                      .beta1 = (float)config->optimizer.beta1,
                      .beta2 = (float)config->optimizer.beta2,
                      .eps = (float)config->optimizer.eps,
                      .decay = (float)config->optimizer.weight_decay,
                      .scale = (float)scale};
  s.correction1 = 1 - pow(s.beta1, (double)step);
  s.correction2 = 1 - pow(s.beta2, (double)step);
  return s;
}

dsm_status dsm_optimizer_step(dsm_optimizer *o, float *w, const float *gradient_sum, double scale,
                              dsm_step_report *report) {
  const dsm_kernels *k = o->kernels;
  dsm_optimizer_state *s = &o->state;
  double norm = sqrt(k->sum_squares(k, gradient_sum, o->count)) * fabs(scale);
  double clip = o->config.optimizer.clip, lr = dsm_learning_rate(&o->config, s->step);
  bool clipped = clip > 0 && norm > clip;
  if (report) *report = (dsm_step_report){.gradient_norm = norm, .learning_rate = lr, .clipped = clipped};
  if (!isfinite(norm))
    DSM_FAIL(
        DSM_DIVERGED,
        "step %lld: the norm of the gradient is %g, first in %s: try a lower optimizer.lr (now %g), a longer "
        "optimizer.warmup (now %lld) or optimizer.clip (now %g)",
        (long long)s->step, norm, first_not_finite(o->table, gradient_sum), o->config.optimizer.lr,
        (long long)o->config.optimizer.warmup, clip);

  s->step++;
  dsm_adamw_step step = adamw_step(&o->config, s->step, lr, clipped ? scale * (clip / norm) : scale);
  double decay[DSM_LIST_MAX];
  for (size_t a = 0; a < s->averages; a++) decay[a] = dsm_ema_decay(s->rates[a], s->step);
  step.span = o->span;
  step.averages = s->averages;
  step.average = s->average;
  step.average_decay = decay;
  k->adamw(k, w, s->m, s->v, gradient_sum, &step, o->count);
  return DSM_OK;
}

void dsm_optimizer_skip(dsm_optimizer *o) {
  o->state.step++;
}

dsm_optimizer_state dsm_optimizer_state_of(dsm_optimizer *optimizer) {
  return optimizer->state;
}

void dsm_optimizer_set_step(dsm_optimizer *optimizer, int64_t step) {
  optimizer->state.step = step;
}
