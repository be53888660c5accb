/* The way between data and latents, by a trained model. */
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"

/* Settings of the training are about how it draws samples. What leads to a latent and back is a way
 * without noise, chosen by the process, unless the user says otherwise. */
static dsm_status settle(dsm__trained *t) {
  dsm_sampler_settings *s = &t->session.config.sampler;
  const bool discrete = dsm_process_discrete(t->session.process);
  if (!dsm__trained_overridden(t, "sampler.name")) s->name = discrete ? DSM_SAMPLER_DDIM : DSM_SAMPLER_ODE;
  if (!dsm__trained_overridden(t, "sampler.steps")) s->steps = 0;
  if (!dsm__trained_overridden(t, "sampler.eta")) s->eta = 0;
  if (!dsm__trained_overridden(t, "sampler.denoise")) s->denoise = false;
  if (!dsm__trained_overridden(t, "sampler.metropolis")) s->metropolis = false;
  if (!dsm_sampler_of(s->name)->encode)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.name is %s, which leads from noise to data only; ode (continuous time) and ddim lead "
             "both ways",
             dsm_sampler_of(s->name)->name);
  if (s->eta > 0)
    DSM_FAIL(DSM_BAD_CONFIG, "sampler.eta is %g: only with 0 does ddim lead to one latent and back", s->eta);
  return DSM_OK;
}

static dsm_status prepare(dsm__latents *l) {
  const dsm__session *session = &l->trained.session;
  const dsm_sampler *sampler = dsm_sampler_of(session->config.sampler.name);
  const size_t block = (size_t)session->config.sampler.block;
  DSM_TRY(dsm_network_create(&session->config, session->process, session->model, &session->kernels, block,
                             false, &l->network));
  DSM_TRY(DSM_ALLOC(block * l->conditions.layout.columns, &l->raw));
  DSM_TRY(DSM_ALLOC(block * l->conditions.layout.width, &l->u));
  l->denoiser = dsm_network_denoiser(l->network, l->trained.w);
  dsm_sampling one = dsm__trained_sampling(&l->trained, &l->denoiser, 0);
  DSM_TRY(dsm_sampler_check(sampler, &one));
  l->estimates = dsm_sampler_evaluations(sampler, &one);
  l->evaluations = l->estimates * l->denoiser.evaluations;
  dsm_sampler_settings upwards = *one.settings;
  upwards.denoise = false;
  one.settings = &upwards;
  l->evaluations_up = dsm_sampler_evaluations(sampler, &one) * l->denoiser.evaluations;
  return DSM_OK;
}

dsm_status dsm__latents_open(dsm_comm *comm, const dsm_on_data_options *options, bool of_data,
                             dsm__latents *l) {
  char sampler[256];
  const dsm__trained *t = &l->trained;
  *l = (dsm__latents){0};
  DSM_TRY(dsm__trained_open(comm, options->source, options->overrides, options->override_count, &l->trained));
  DSM_AGREE(comm, settle(&l->trained));
  DSM_AGREE(comm, dsm__given_open(&options->data, t->header.sample, of_data ? &t->header.normalization : NULL,
                                  &l->given));
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? dsm__given_text(&l->given, l->input, sizeof l->input) : DSM_OK);
  DSM_TRY(dsm__condition_table_create(t, &l->given, l->given.count, &l->conditions));
  DSM_AGREE(comm, prepare(l));
  dsm__trained_banner(t);
  dsm_info("data     %s", l->input);
  dsm__condition_table_banner(&l->conditions);
  dsm_info("sampler  %s; %s, blocks of %lld", dsm__trained_sampler_text(t, sampler, sizeof sampler),
           dsm_process_name_of(t->session.process), (long long)t->session.config.sampler.block);
  return DSM_OK;
}

void dsm__latents_close(dsm__latents *l) {
  dsm_network_destroy(&l->network);
  dsm__condition_table_destroy(&l->conditions);
  dsm__given_close(&l->given);
  dsm__trained_close(&l->trained);
  free(l->raw);
  free(l->u);
}

/* ---- the way ------------------------------------------------------------------------------------------- */

typedef dsm_status walk(const dsm_sampler *sampler, const dsm_sampling *s, float *x);

static dsm_status walk_block(dsm__latents *l, walk *way, const dsm__condition_table *table, uint64_t first,
                             float *x, const dsm__block *block, int32_t *needed) {
  const dsm__trained *t = &l->trained;
  dsm_sampling one = dsm__trained_sampling(t, &l->denoiser, first);
  if (table->rows > 0) {
    dsm__condition_table_encode(table, &t->header.conditions, first, one.n, l->raw, l->u);
    dsm_network_condition(l->network, l->u);
  }
  one.progress = block->progress;
  one.context = block->context;
  one.evaluations = block->evaluated;
  one.needed = needed;
  DSM_TRY(way(dsm_sampler_of(t->session.config.sampler.name), &one, x));
  return DSM_OK;
}

static void scale(const dsm__latents *l, double factor, float *x) {
  const size_t count = (size_t)l->trained.session.config.sampler.block * l->trained.session.d;
  for (size_t i = 0; i < count; i++) x[i] = (float)(factor * (double)x[i]);
}

dsm_status dsm__latents_encode(dsm__latents *l, const dsm__condition_table *table, uint64_t first, float *x,
                               const dsm__block *block, int32_t *needed) {
  DSM_TRY(walk_block(l, dsm_sampler_encode, table, first, x, block, needed));
  scale(l, 1 / dsm_process_prior_std(l->trained.session.process), x);
  return DSM_OK;
}

dsm_status dsm__latents_decode(dsm__latents *l, const dsm__condition_table *table, uint64_t first, float *x,
                               const dsm__block *block, int32_t *needed) {
  scale(l, dsm_process_prior_std(l->trained.session.process), x);
  DSM_TRY(walk_block(l, dsm_sampler_decode, table, first, x, block, needed));
  return DSM_OK;
}
