/* Data to latents, latents to data. */
#include <math.h>
#include <stdlib.h>
#include "internal.h"

typedef struct coding {
  dsm__latents latents;
  double count, sum, squares; /* of the latents of this rank */
} coding;

/* ---- data to latents ----------------------------------------------------------------------------------- */

static dsm_status encode_block(void *self, const dsm__block *block) {
  coding *c = self;
  dsm__latents *l = &c->latents;
  float *z = block->field[0];
  DSM_TRY(dsm__given_read(&l->given, block->first, (size_t)l->trained.session.config.sampler.block, z));
  DSM_TRY(dsm__latents_encode(l, &l->conditions, block->first, z, block, block->evaluations));
  for (size_t i = 0; i < block->n * l->given.d; i++) {
    c->count++;
    c->sum += (double)z[i];
    c->squares += (double)z[i] * (double)z[i];
  }
  return DSM_OK;
}

/* How the latents lie, over those that this job has made. */
static dsm_status report_latents(const coding *c) {
  double s[3];
  DSM_TRY(dsm_comm_statistics(c->latents.trained.session.comm, (double[]){c->count, c->sum, c->squares}, 3,
                              NULL, s, NULL, NULL));
  if (!(s[0] > 0)) return DSM_OK;
  const double mean = s[1] / s[0];
  dsm_info("latents  mean %.3f, deviation %.3f; where the model fits the data, 0 and 1", mean,
           sqrt(fmax(0, s[2] / s[0] - mean * mean)));
  return DSM_OK;
}

static dsm_status check(const dsm__trained *t) {
  if (!t->session.config.sampler.denoise) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG, "sampler.denoise is true, but encoding begins with the data as they are: leave it "
                           "out; it is for decode");
}

static dsm_status encode(coding *c, dsm_comm *comm, const dsm_on_data_options *options) {
  dsm__latents *l = &c->latents;
  DSM_TRY(dsm__latents_open(comm, options, true, l));
  DSM_AGREE(comm, check(&l->trained));
  const dsm_samples_field field = {
      .name = "latents",
      .type = DSM_FIELD_FLOAT32,
      .row = l->trained.header.sample,
      .sample_axes = l->trained.header.sample.rank,
      .sentence = "x at the last time of the process, in units of its standard deviation there"};
  dsm_samples_info info = dsm__trained_info(&l->trained, l->given.count);
  info.input = l->input;
  info.sample = (dsm_shape){0};
  info.evaluations = l->evaluations_up;
  info.fields = 1;
  info.field = &field;
  dsm__blocks blocks = {
      .output = options->output, .verb = "encoded", .noun = "samples", .compute = encode_block, .self = c};
  DSM_TRY(dsm__results_run(&l->trained, &l->conditions, &info, &blocks));
  DSM_TRY(report_latents(c));
  dsm_info("next     dsmpi decode %s --data %s -o FILE", options->source, options->output);
  dsm_info("dsmpi: finished %llu latents", (unsigned long long)info.count);
  return DSM_OK;
}

dsm_status dsm_encode(dsm_comm *comm, const dsm_on_data_options *options) {
  coding c = {0};
  const dsm_status status = encode(&c, comm, options);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__latents_close(&c.latents);
  return status;
}

/* ---- latents to data ----------------------------------------------------------------------------------- */

static dsm_status decode_block(void *self, const dsm__block *block) {
  dsm__latents *l = self;
  const size_t n = (size_t)l->trained.session.config.sampler.block;
  const dsm_normalization *normalization = &l->trained.header.normalization;
  DSM_TRY(dsm__given_read(&l->given, block->first, n, block->x));
  DSM_TRY(dsm__latents_decode(l, &l->conditions, block->first, block->x, block, block->evaluations));
  dsm_denormalize_values(normalization, block->x, n * (l->given.d / normalization->channels));
  return DSM_OK;
}

static dsm_status decode(dsm__latents *l, dsm_comm *comm, const dsm_on_data_options *options) {
  DSM_TRY(dsm__latents_open(comm, options, false, l));
  dsm_samples_info info = dsm__trained_info(&l->trained, l->given.count);
  info.input = l->input;
  info.evaluations = l->evaluations;
  dsm__blocks blocks = {
      .output = options->output, .verb = "decoded", .noun = "samples", .compute = decode_block, .self = l};
  DSM_TRY(dsm__results_run(&l->trained, &l->conditions, &info, &blocks));
  dsm_info("next     dsmpi view %s -o samples.png", options->output);
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)info.count);
  return DSM_OK;
}

dsm_status dsm_decode(dsm_comm *comm, const dsm_on_data_options *options) {
  dsm__latents l = {0};
  const dsm_status status = decode(&l, comm, options);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__latents_close(&l);
  return status;
}
