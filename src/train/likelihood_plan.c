/* What `dsmpi likelihood` computes: the method that the process allows, its settings, the units of the data,
 * the fields of the file. */
#include <math.h>
#include <stdio.h>
#include "dsmpi/memory.h"
#include "likelihood.h"

enum { EXACT_UP_TO = 8, PROBES = 2, STEPS = 1000 };

/* ---- settings ------------------------------------------------------------------------------------------ */

static dsm_status foreign(const char *option, const char *method, const char *process) {
  DSM_FAIL(DSM_BAD_CONFIG, "%s belongs to the other method: %s is computed on this process %s", option,
           method, process);
}

/* The method, and that no option of the other one was given. */
static dsm_status choose_method(dsm__likelihood *s) {
  const dsm_likelihood_options *o = s->options;
  const dsm_process *process = s->trained.session.process;
  const char *name = dsm_process_name_of(process);
  s->method = o->method >= 0                  ? o->method
              : dsm_process_discrete(process) ? DSM_LIKELIHOOD_BOUND
                                              : DSM_LIKELIHOOD_ODE;
  if (s->method == DSM_LIKELIHOOD_ODE) {
    if (o->strata > 0) return foreign("--strata", "the likelihood along the ODE", name);
    return DSM_OK;
  }
  if (o->probes > 0) return foreign("--probes", "the variational bound", name);
  if (o->law >= 0) return foreign("--probe-law", "the variational bound", name);
  if (o->t0 > 0) return foreign("--first-time", "the variational bound", name);
  return DSM_OK;
}

static void describe_density(dsm__likelihood *s) {
  const dsm_likelihood_options *o = s->options;
  const dsm_config *c = &s->trained.session.config;
  const dsm_process *process = s->trained.session.process;
  const bool small = s->trained.session.d <= EXACT_UP_TO && o->probes == 0;
  /* those of the training are meant for its sampler, which may well be another one */
  const bool asked = dsm__trained_overridden(&s->trained, "sampler.steps") && c->sampler.steps > 0;
  const int64_t steps = asked ? c->sampler.steps : STEPS;
  const int law = o->law >= 0 ? o->law : small ? DSM_PROBE_EXACT : DSM_PROBE_RADEMACHER;
  s->density = (dsm_likelihood){.process = process,
                                .n = (size_t)c->sampler.block,
                                .d = s->trained.session.d,
                                .seed = (uint64_t)c->sampler.seed,
                                .law = law,
                                .probes = law == DSM_PROBE_EXACT ? 1
                                          : o->probes > 0        ? o->probes
                                                                 : PROBES,
                                .t0 = o->t0 > 0 ? o->t0 : dsm_process_first(process, false),
                                .rtol = c->sampler.rtol,
                                .atol = c->sampler.atol,
                                .steps = steps};
}

static void describe_bound(dsm__likelihood *s) {
  const dsm_config *c = &s->trained.session.config;
  s->bound = (dsm_bound){.process = s->trained.session.process,
                         .n = (size_t)c->sampler.block,
                         .d = s->trained.session.d,
                         .seed = (uint64_t)c->sampler.seed,
                         .variance = c->sampler.variance,
                         .strata = s->options->strata,
                         .clip_low = s->trained.clip_low,
                         .clip_high = s->trained.clip_high,
                         .width = s->options->width > 0 ? s->width : NULL,
                         .channels = s->trained.header.normalization.channels};
}

/* Sum of ln scale over the elements, and the steps of quantised data in normalised units. */
static dsm_status measure_units(dsm__likelihood *s) {
  const dsm_normalization *n = &s->trained.header.normalization;
  const double pixels = (double)(s->trained.session.d / n->channels);
  DSM_TRY(DSM_ALLOC(n->channels, &s->width));
  s->log_scale = 0;
  for (size_t c = 0; c < n->channels; c++) {
    s->log_scale += pixels * log(n->scale[c]);
    s->width[c] = s->options->width / n->scale[c];
  }
  return DSM_OK;
}

dsm_status dsm__likelihood_plan(dsm__likelihood *s) {
  DSM_TRY(choose_method(s));
  DSM_TRY(measure_units(s));
  describe_density(s);
  describe_bound(s);
  if (s->method == DSM_LIKELIHOOD_ODE)
    DSM_TRY(dsm_likelihood_check(&s->density));
  else
    DSM_TRY(dsm_bound_check(&s->bound));
  return DSM_OK;
}

/* ---- in words ------------------------------------------------------------------------------------------ */

static void describe_method(const dsm__likelihood *s, char *text, size_t size) {
  const dsm_likelihood *l = &s->density;
  if (s->method == DSM_LIKELIHOOD_BOUND)
    snprintf(text, size, "bound, %zu of %g terms, variance %s, clip %s", s->terms,
             dsm_process_last(s->bound.process), dsm_config_word("sampler.variance", s->bound.variance),
             dsm_config_word("sampler.clip", s->trained.session.config.sampler.clip));
  else if (l->law == DSM_PROBE_EXACT)
    snprintf(text, size, "ode, exact divergence, first time %g, rtol %g, atol %g", l->t0, l->rtol, l->atol);
  else
    snprintf(text, size, "ode, %zu %s probe%s, first time %g, rtol %g, atol %g", l->probes,
             l->law == DSM_PROBE_GAUSSIAN ? "gaussian" : "rademacher", l->probes == 1 ? "" : "s", l->t0,
             l->rtol, l->atol);
}

static void describe_model(const dsm__likelihood *s, char *text, size_t size) {
  char steps[48] = "", guidance[48] = "";
  if (s->options->width > 0) snprintf(steps, sizeof steps, "data in steps of %g, ", s->options->width);
  if (s->conditions.layout.count > 0)
    snprintf(guidance, sizeof guidance, "guidance %g, ", s->trained.session.config.sampler.guidance);
  snprintf(text, size, "%s%s%s", steps, guidance, s->trained.average);
}

void dsm__likelihood_text(const dsm__likelihood *s, char *method, size_t method_size, char *model,
                          size_t model_size) {
  describe_method(s, method, method_size);
  describe_model(s, model, model_size);
}

/* ---- the fields of the file ---------------------------------------------------------------------------- */

static void add_field(dsm__likelihood *s, const char *name, dsm_field_type type, size_t columns,
                      const char *sentence) {
  const dsm_shape row = columns > 0 ? DSM_SHAPE(columns) : (dsm_shape){.rank = 0, .n = {1, 1, 1, 1, 1}};
  s->field[s->fields++] = (dsm_samples_field){.name = name, .type = type, .row = row, .sentence = sentence};
}

/* What /nll is. */
static void describe_values(dsm__likelihood *s) {
  const bool ode = s->method == DSM_LIKELIHOOD_ODE;
  const double width = s->options->width, d = (double)s->density.d;
  const char *of = "of each sample, nats, in the units of the data";
  if (ode && width > 0)
    snprintf(s->sentence, sizeof s->sentence,
             "bound of -ln P of the steps %s: -(log_prior + divergence) + %.17g, sum of ln(scale / width)",
             of, s->log_scale - d * log(width));
  else if (ode)
    snprintf(s->sentence, sizeof s->sentence, "-ln p %s: -(log_prior + divergence) + %.17g, sum of ln scale",
             of, s->log_scale);
  else if (width > 0)
    snprintf(s->sentence, sizeof s->sentence,
             "variational bound of -ln P of the steps %s: prior and the terms", of);
  else
    snprintf(s->sentence, sizeof s->sentence,
             "variational bound of -ln p %s: prior and the terms, + %.17g, sum of ln scale", of,
             s->log_scale);
}

void dsm__likelihood_fields(dsm__likelihood *s) {
  const size_t terms = s->terms;
  describe_values(s);
  add_field(s, "nll", DSM_FIELD_FLOAT64, 0, s->sentence);
  add_field(s, "nats_per_dim", DSM_FIELD_FLOAT64, 0,
            "nll by the number of elements; by ln 2 it is bits per dimension");
  if (s->method == DSM_LIKELIHOOD_ODE) {
    add_field(s, "log_prior", DSM_FIELD_FLOAT64, 0, "ln N(x_T; 0, prior_std^2), in normalised units");
    add_field(
        s, "divergence", DSM_FIELD_FLOAT64, 0,
        "integral of the divergence along the path, and d ln alpha of the first time: ln |det dx_T / dx|, in "
        "normalised units");
    if (s->density.law != DSM_PROBE_EXACT && s->density.probes > 1)
      add_field(s, "probe_error", DSM_FIELD_FLOAT64, 0, "standard error of divergence over its probes");
    return;
  }
  add_field(s, "prior", DSM_FIELD_FLOAT64, 0, "L_T, nats");
  add_field(s, "decoder", DSM_FIELD_FLOAT64, 0, "L_0, the term of t = 1, nats, in normalised units");
  if (s->options->strata > 0)
    add_field(s, "times", DSM_FIELD_INT32, terms, "t of each term: 1, and one drawn from each stratum");
  add_field(s, "vb", DSM_FIELD_FLOAT32, terms,
            "terms of the bound, nats, in normalised units: t = 1 first, L_0");
  add_field(s, "x0_mse", DSM_FIELD_FLOAT32, terms, "|x0 - x0_hat|^2 / d at the same t");
  add_field(s, "eps_mse", DSM_FIELD_FLOAT32, terms, "|eps - eps_hat|^2 / d at the same t");
}
