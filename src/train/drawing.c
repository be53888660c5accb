/* Samples of a trained model, block by block. */
#include <stdlib.h>
#include "internal.h"

static const dsm_sampler *sampler_of(const dsm__drawing *d) {
  return dsm_sampler_of(d->trained->session.config.sampler.name);
}

/* The network and room for a block. */
static dsm_status prepare(dsm__drawing *d) {
  const dsm__session *session = &d->trained->session;
  const size_t block = (size_t)session->config.sampler.block;
  DSM_TRY(dsm_network_create(&session->config, session->process, session->model, &session->kernels, block,
                             false, &d->network));
  DSM_TRY(DSM_ALLOC(block * d->conditions.layout.columns, &d->raw));
  DSM_TRY(DSM_ALLOC(block * d->conditions.layout.width, &d->u));
  d->denoiser = dsm_network_denoiser(d->network, d->trained->w);
  return DSM_OK;
}

/* What a block takes, after the sampler has agreed to the settings. */
static dsm_status count_evaluations(dsm__drawing *d) {
  const dsm_sampling one = dsm__trained_sampling(d->trained, &d->denoiser, 0);
  DSM_TRY(dsm_sampler_check(sampler_of(d), &one));
  d->estimates = dsm_sampler_evaluations(sampler_of(d), &one);
  d->evaluations = d->estimates * d->denoiser.evaluations;
  return DSM_OK;
}

dsm_status dsm__drawing_open(dsm_comm *comm, const dsm__trained *trained, uint64_t count,
                             const dsm__given *beside, const dsm_class_choice *classifier, dsm__drawing *d) {
  d->trained = trained;
  d->count = count;
  const uint64_t rows = beside && beside->count < count ? beside->count : count; /* then taken in turn */
  DSM_TRY(dsm__condition_table_create(trained, beside, rows, &d->conditions));
  DSM_AGREE(comm, prepare(d));
  if (classifier) {
    DSM_TRY(dsm__class_guided_open(comm, classifier, trained, &d->denoiser, &d->guided));
    d->denoiser = dsm_class_guidance_denoiser(d->guided.guidance);
  }
  DSM_AGREE(comm, count_evaluations(d));
  return DSM_OK;
}

void dsm__drawing_close(dsm__drawing *d) {
  dsm__class_guided_close(&d->guided);
  dsm_network_destroy(&d->network);
  dsm__condition_table_destroy(&d->conditions);
  free(d->raw);
  free(d->u);
  *d = (dsm__drawing){0};
}

static dsm_status draw_block(void *self, const dsm__block *block) {
  dsm__drawing *d = self;
  const dsm_checkpoint *header = &d->trained->header;
  dsm_sampling one = dsm__trained_sampling(d->trained, &d->denoiser, block->first);
  if (d->conditions.rows > 0) {
    dsm__condition_table_encode(&d->conditions, &header->conditions, block->first, one.n, d->raw, d->u);
    dsm_network_condition(d->network, d->u);
  }
  if (d->guided.guidance) {
    int32_t *class = block->field[0];
    dsm__class_guided_begin(&d->guided, block->first);
    for (size_t i = 0; i < one.n; i++) class[i] = (int32_t)d->guided.k[i];
  }
  one.progress = block->progress;
  one.context = block->context;
  one.evaluations = block->evaluated;
  one.needed = block->evaluations;
  one.moves = &d->moves;
  DSM_TRY(dsm_sampler_draw(sampler_of(d), &one, block->x));
  dsm_denormalize_values(&header->normalization, block->x, one.n * (one.d / one.channels));
  return DSM_OK;
}

dsm_status dsm__drawing_run(dsm__drawing *d, dsm__blocks *blocks) {
  dsm_samples_info info = dsm__trained_info(d->trained, d->count);
  const dsm_samples_field class = {.name = d->guided.labels,
                                   .type = DSM_FIELD_INT32,
                                   .sentence = "where the classifier led the sample to"};
  info.evaluations = d->evaluations;
  if (d->guided.guidance) {
    info.input = d->guided.text;
    info.fields = 1;
    info.field = &class;
  }
  blocks->compute = draw_block;
  blocks->self = d;
  DSM_TRY(dsm__results_run(d->trained, &d->conditions, &info, blocks));
  return DSM_OK;
}
