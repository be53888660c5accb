/* Likelihood: what a trained model says of data, sample by sample, into one file, by all ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/random.h"
#include "likelihood.h"

/* Where the block has the field of that name; NULL: the file has none. */
static void *place_of(const dsm__likelihood *s, const dsm__block *block, const char *name) {
  for (size_t k = 0; k < s->fields; k++)
    if (strcmp(s->field[k].name, name) == 0) return block->field[k];
  return NULL;
}

/* ---- one block ----------------------------------------------------------------------------------------- */

/* Are the values of each channel whole steps apart? Those of the first sample say where they begin. float32
 * keeps 7 digits, of which large values of narrow steps leave few behind the point; values that lie anywhere
 * are found out at 0.05 at once. */
static dsm_status check_steps(const dsm__likelihood *s, const dsm__block *block) {
  const size_t channels = s->trained.header.normalization.channels;
  const size_t values = block->n * s->density.d;
  for (size_t j = channels; j < values; j++) {
    const double steps = ((double)s->x[j] - (double)s->x[j % channels]) / s->width[j % channels];
    if (fabs(steps - round(steps)) <= 0.05) continue;
    DSM_FAIL(DSM_BAD_DATA,
             "--quantized %g: a value of sample %llu is %g steps away from the first one of sample %llu, "
             "which is no "
             "whole number; give the width of the steps of the data, or leave it out for continuous data",
             s->options->width, (unsigned long long)(block->first + j / s->density.d), steps,
             (unsigned long long)block->first);
  }
  return DSM_OK;
}

/* The data of a block in normalised units, and what they are conditioned on; past the end the last sample
 * repeats. */
static dsm_status read_block(dsm__likelihood *s, const dsm__block *block) {
  const size_t n = s->density.n, d = s->density.d, channels = s->trained.header.normalization.channels;
  DSM_TRY(dsm__given_read(&s->given, block->first, n, s->x));
  if (s->options->width > 0) DSM_TRY(check_steps(s, block));
  for (size_t j = 0; j < n * d; j++) s->data[j] = (double)s->x[j];
  if (s->conditions.rows > 0) {
    dsm__condition_table_encode(&s->conditions, &s->trained.header.conditions, block->first, n, s->raw, s->u);
    dsm_network_condition(s->network, s->u);
  }
  if (s->options->width > 0 && s->method == DSM_LIKELIHOOD_ODE)
    for (size_t i = 0; i < n; i++) {
      const dsm_random_key key = {s->density.seed, DSM_STREAM_DEQUANTIZE, 0, block->first + i};
      dsm_random_uniform(key, 0, d, s->x);
      for (size_t j = 0; j < d; j++) s->data[i * d + j] += s->width[j % channels] * ((double)s->x[j] - 0.5);
    }
  return DSM_OK;
}

static dsm_status density_of_block(const dsm__likelihood *s, const dsm__block *block) {
  dsm_likelihood l = s->density;
  double *nll = place_of(s, block, "nll");
  const double d = (double)l.d, steps = s->options->width > 0 ? d * log(s->options->width) : 0;
  const dsm_log_density out = {.value = nll,
                               .prior = place_of(s, block, "log_prior"),
                               .divergence = place_of(s, block, "divergence"),
                               .probe_error = place_of(s, block, "probe_error"),
                               .evaluations = block->evaluations};
  l.first = block->first;
  l.progress = block->progress;
  l.context = block->context;
  DSM_TRY(dsm_likelihood_run(&l, s->data, &out));
  int32_t most = 0;
  for (size_t i = 0; i < l.n; i++) {
    nll[i] = s->log_scale - nll[i] - steps;
    most = block->evaluations[i] > most ? block->evaluations[i] : most;
  }
  *block->evaluated += most;
  return DSM_OK;
}

static dsm_status bound_of_block(const dsm__likelihood *s, const dsm__block *block) {
  dsm_bound b = s->bound;
  double *nll = place_of(s, block, "nll");
  const int each = b.denoiser->evaluations > 1 ? b.denoiser->evaluations : 1;
  const dsm_bound_terms out = {.total = nll,
                               .prior = place_of(s, block, "prior"),
                               .decoder = place_of(s, block, "decoder"),
                               .t = place_of(s, block, "times"),
                               .vb = place_of(s, block, "vb"),
                               .x0_mse = place_of(s, block, "x0_mse"),
                               .eps_mse = place_of(s, block, "eps_mse")};
  b.first = block->first;
  b.progress = block->progress;
  b.context = block->context;
  DSM_TRY(dsm_bound_run(&b, s->data, &out));
  for (size_t i = 0; i < b.n; i++) {
    if (!b.width) nll[i] += s->log_scale; /* the probability of a step has no unit */
    block->evaluations[i] = (int32_t)s->terms * each;
  }
  *block->evaluated += (int64_t)s->terms * each;
  return DSM_OK;
}

static dsm_status compute(void *self, const dsm__block *block) {
  dsm__likelihood *s = self;
  DSM_TRY(read_block(s, block));
  if (s->method == DSM_LIKELIHOOD_ODE)
    DSM_TRY(density_of_block(s, block));
  else
    DSM_TRY(bound_of_block(s, block));
  const double *nll = place_of(s, block, "nll");
  double *each = place_of(s, block, "nats_per_dim");
  for (size_t i = 0; i < s->density.n; i++) each[i] = nll[i] / (double)s->density.d;
  return DSM_OK;
}

/* ---- the job ------------------------------------------------------------------------------------------- */

/* All that can be refused, before anything is computed. */
static dsm_status prepare(dsm__likelihood *s) {
  const dsm__session *session = &s->trained.session;
  const size_t n = (size_t)session->config.sampler.block, d = session->d;
  DSM_TRY(dsm__likelihood_plan(s));
  DSM_TRY(dsm_network_create(&session->config, session->process, session->model, &session->kernels, n,
                             s->method == DSM_LIKELIHOOD_ODE, &s->network));
  s->denoiser = dsm_network_denoiser(s->network, s->trained.w);
  s->density.denoiser = s->bound.denoiser = &s->denoiser;
  if (s->method == DSM_LIKELIHOOD_BOUND) {
    DSM_TRY(dsm_bound_check(&s->bound)); /* now also of a variance that was not learned */
    s->terms = dsm_bound_count(&s->bound);
    DSM_TRY(DSM_ALLOC(s->terms, &s->term));
    DSM_TRY(DSM_ALLOC((size_t)dsm_process_last(session->process), &s->time));
  }
  DSM_TRY(DSM_ALLOC(n * d, &s->x));
  DSM_TRY(DSM_ALLOC(n * d, &s->data));
  dsm__likelihood_fields(s);
  return DSM_OK;
}

static dsm_status prepare_conditions(dsm__likelihood *s) {
  const size_t n = (size_t)s->trained.session.config.sampler.block;
  DSM_TRY(DSM_ALLOC(n * s->conditions.layout.columns, &s->raw));
  DSM_TRY(DSM_ALLOC(n * s->conditions.layout.width, &s->u));
  return DSM_OK;
}

/* Steps that are none are told before a file is begun, if the first block has some. Rank 0. */
static dsm_status check_first_block(dsm__likelihood *s) {
  const uint64_t count = s->given.count;
  const dsm__block first = {.n = count < s->density.n ? (size_t)count : s->density.n};
  if (s->options->width > 0) DSM_TRY(read_block(s, &first));
  return DSM_OK;
}

static dsm_status rate_all(dsm__likelihood *s, dsm_comm *comm) {
  const bool root = dsm_comm_rank(comm) == 0;
  dsm_samples_table table[DSM__BOUND_TABLES];
  char input[3 * DSM_TEXT_MAX] = "", method[128], model[120];
  DSM_AGREE(comm, root ? dsm__given_text(&s->given, input, sizeof input) : DSM_OK);
  dsm__likelihood_text(s, method, sizeof method, model, sizeof model);
  dsm_info("method   %s", method);
  dsm_info("         %s; %s, blocks of %zu", model, dsm_process_name_of(s->density.process), s->density.n);
  dsm_samples_info info = dsm__trained_info(&s->trained, s->given.count);
  info.sample = (dsm_shape){.rank = 0, .n = {1, 1, 1, 1, 1}};
  info.evaluations = s->method == DSM_LIKELIHOOD_ODE ? 0 : (int64_t)s->terms * s->denoiser.evaluations;
  info.fields = s->fields;
  info.field = s->field;
  info.tables = dsm__likelihood_tables(s, table);
  info.table = table;
  info.input = input;
  snprintf(info.sampler, sizeof info.sampler, "%s, %s", method, model);
  dsm__blocks blocks = {.output = s->options->output,
                        .verb = "rated",
                        .noun = "samples",
                        .compute = compute,
                        .conclude = dsm__likelihood_summarize,
                        .self = s};
  DSM_TRY(dsm__results_run(&s->trained, &s->conditions, &info, &blocks));
  if (root) dsm__likelihood_report(s);
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)info.count);
  return DSM_OK;
}

static dsm_status run(dsm__likelihood *s, dsm_comm *comm) {
  const dsm_likelihood_options *o = s->options;
  const bool root = dsm_comm_rank(comm) == 0;
  DSM_TRY(dsm__trained_open(comm, o->source, o->overrides, o->override_count, &s->trained));
  DSM_AGREE(comm,
            dsm__given_open(&o->data, s->trained.header.sample, &s->trained.header.normalization, &s->given));
  DSM_AGREE(comm, prepare(s));
  DSM_TRY(dsm__condition_table_create(&s->trained, &s->given, s->given.count, &s->conditions));
  DSM_AGREE(comm, prepare_conditions(s));
  DSM_AGREE(comm, root ? check_first_block(s) : DSM_OK);
  dsm__trained_banner(&s->trained);
  dsm__condition_table_banner(&s->conditions);
  DSM_TRY(rate_all(s, comm));
  return DSM_OK;
}

dsm_status dsm_likelihood_of(dsm_comm *comm, const dsm_likelihood_options *options) {
  dsm__likelihood s = {.options = options};
  const dsm_status status = run(&s, comm);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__condition_table_destroy(&s.conditions);
  dsm_network_destroy(&s.network);
  dsm__given_close(&s.given);
  dsm__trained_close(&s.trained);
  free(s.width);
  free(s.x);
  free(s.data);
  free(s.raw);
  free(s.u);
  free(s.term);
  free(s.time);
  return status;
}
