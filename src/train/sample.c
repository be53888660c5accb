/* Sampling: blocks of samples from a checkpoint into one file, by all ranks. */
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"

typedef struct sampling {
  dsm__trained trained;
  const dsm_sample_options *options;
  dsm_network *network;
  dsm_denoiser denoiser;
  int64_t estimates, evaluations; /* of a block, and of the network for them; 0: not known beforehand */
  dsm__condition_table conditions;
  float *raw, *u; /* conditions of a block */
  dsm_sampling_moves moves;
  dsm__class_guided guided; /* closed: no classifier */
} sampling;

static const dsm_sampler *sampler_of(const sampling *s) {
  return dsm_sampler_of(s->trained.session.config.sampler.name);
}

/* The network and room for a block. */
static dsm_status prepare(sampling *s) {
  const dsm__session *session = &s->trained.session;
  const size_t block = (size_t)session->config.sampler.block;
  DSM_TRY(dsm_network_create(&session->config, session->process, session->model, &session->kernels, block,
                             false, &s->network));
  DSM_TRY(DSM_ALLOC(block * s->conditions.layout.columns, &s->raw));
  DSM_TRY(DSM_ALLOC(block * s->conditions.layout.width, &s->u));
  s->denoiser = dsm_network_denoiser(s->network, s->trained.w);
  return DSM_OK;
}

/* What a block takes, after the sampler has agreed to the settings. */
static dsm_status count_evaluations(sampling *s) {
  const dsm_sampling one = dsm__trained_sampling(&s->trained, &s->denoiser, 0);
  DSM_TRY(dsm_sampler_check(sampler_of(s), &one));
  s->estimates = dsm_sampler_evaluations(sampler_of(s), &one);
  s->evaluations = s->estimates * s->denoiser.evaluations;
  return DSM_OK;
}

static dsm_status draw_block(void *self, const dsm__block *block) {
  sampling *s = self;
  const dsm_checkpoint *header = &s->trained.header;
  dsm_sampling one = dsm__trained_sampling(&s->trained, &s->denoiser, block->first);
  if (s->conditions.rows > 0) {
    dsm__condition_table_encode(&s->conditions, &header->conditions, block->first, one.n, s->raw, s->u);
    dsm_network_condition(s->network, s->u);
  }
  if (s->guided.guidance) {
    int32_t *class = block->field[0];
    dsm__class_guided_begin(&s->guided, block->first);
    for (size_t i = 0; i < one.n; i++) class[i] = (int32_t)s->guided.k[i];
  }
  one.progress = block->progress;
  one.context = block->context;
  one.evaluations = block->evaluated;
  one.needed = block->evaluations;
  one.moves = &s->moves;
  DSM_TRY(dsm_sampler_draw(sampler_of(s), &one, block->x));
  dsm_denormalize_values(&header->normalization, block->x, one.n * (one.d / one.channels));
  return DSM_OK;
}

static dsm_status draw_all(sampling *s) {
  dsm_comm *comm = s->trained.session.comm;
  dsm_samples_info info = dsm__trained_info(&s->trained, s->options->count);
  const dsm_samples_field class = {.name = s->guided.labels,
                                   .type = DSM_FIELD_INT32,
                                   .sentence = "where the classifier led the sample to"};
  info.evaluations = s->evaluations;
  if (s->guided.guidance) {
    info.input = s->guided.text;
    info.fields = 1;
    info.field = &class;
  }
  dsm__blocks blocks = {
      .output = s->options->output, .verb = "drawn", .noun = "samples", .compute = draw_block, .self = s};
  double mean[2];
  DSM_TRY(dsm__results_run(&s->trained, &s->conditions, &info, &blocks));
  DSM_TRY(dsm_comm_statistics(comm, (double[]){(double)s->moves.proposed, (double)s->moves.accepted}, 2, NULL,
                              mean, NULL, NULL));
  if (mean[0] > 0)
    dsm_info("accepted %.1f %% of the Langevin steps (aim at about 57 %%)", 100 * mean[1] / mean[0]);
  return DSM_OK;
}

static dsm_status run(sampling *s, dsm_comm *comm) {
  const dsm__trained *t = &s->trained;
  const uint64_t count = s->options->count;
  char sampler[256];
  DSM_TRY(dsm__trained_open(comm, s->options->source, s->options->overrides, s->options->override_count,
                            &s->trained));
  DSM_TRY(dsm__condition_table_create(t, NULL, count, &s->conditions));
  DSM_AGREE(comm, prepare(s));
  if (s->options->classifier.source) {
    DSM_TRY(dsm__class_guided_open(comm, &s->options->classifier, t, &s->denoiser, &s->guided));
    s->denoiser = dsm_class_guidance_denoiser(s->guided.guidance);
  }
  DSM_AGREE(comm, count_evaluations(s));
  dsm__trained_banner(t);
  dsm__condition_table_banner(&s->conditions);
  if (s->guided.guidance) dsm_info("guided   by the %s", s->guided.text);
  dsm_info("sampler  %s; %s, blocks of %lld", dsm__trained_sampler_text(t, sampler, sizeof sampler),
           dsm_process_name_of(t->session.process), (long long)t->session.config.sampler.block);

  DSM_TRY(draw_all(s));
  dsm_info("next     dsmpi view %s -o samples.png", s->options->output);
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)count);
  return DSM_OK;
}

dsm_status dsm_sample(dsm_comm *comm, const dsm_sample_options *options) {
  sampling s = {.options = options};
  const dsm_status status = run(&s, comm);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__class_guided_close(&s.guided);
  dsm_network_destroy(&s.network);
  dsm__condition_table_destroy(&s.conditions);
  free(s.raw);
  free(s.u);
  dsm__trained_close(&s.trained);
  return status;
}
