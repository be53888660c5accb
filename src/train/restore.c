/* Restoration: observations of a user, block after block, into one file, by all ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/text.h"
#include "restoration.h"

dsm_restore_options dsm_restore_defaults(void) {
  const dsm_guidance_settings guidance = dsm_guidance_defaults();
  return (dsm_restore_options){
      .draws = 1, .border = DSM_BORDER_REFLECT, .form = guidance.form, .iterations = guidance.iterations};
}

const char *dsm__restoring_task(const dsm__restoring *r) {
  static const char *const names[] = {"denoise", "inpaint", "superres", "deblur", "linear"};
  return names[r->options->task];
}

/* ---- what is written ----------------------------------------------------------------------------------- */

static int add_field(dsm__restoring *r, const char *name, dsm_shape row, int sample_axes,
                     const char *sentence) {
  r->field[r->fields] = (dsm_samples_field){
      .name = name, .type = DSM_FIELD_FLOAT32, .row = row, .sample_axes = sample_axes, .sentence = sentence};
  return (int)r->fields++;
}

static dsm_shape several(uint64_t count, dsm_shape one) {
  dsm_shape all = DSM_SHAPE(count);
  for (int a = 0; a < one.rank; a++) all.n[all.rank++] = one.n[a];
  return all;
}

static void choose_fields(dsm__restoring *r) {
  const dsm_restore_options *o = r->options;
  const dsm_shape sample = r->trained.header.sample;
  const dsm_shape seen = dsm_operator_observation(r->observing.physical);
  r->several = r->mean = r->std = r->denoised = r->observation = r->clean = -1;
  if (o->draws > 1) {
    r->several = add_field(r, "draws", several(o->draws, sample), sample.rank,
                           "samples of what may have been observed");
    r->mean = add_field(r, "mean", sample, sample.rank, "mean of the draws");
    r->std = add_field(r, "std", sample, sample.rank, "standard deviation of the draws");
  }
  if (o->task == DSM_RESTORE_DENOISE)
    r->denoised = add_field(r, "denoised", sample, sample.rank, "expected sample given the observation");
  r->observation = add_field(r, "observation", seen, seen.rank, "what was observed; NaN where it is missing");
  r->field[r->observation].holes = true;
  if (o->degrade) r->clean = add_field(r, "truth", sample, sample.rank, "what the observation was made of");
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* "inpaint, noise 0.1, 4 draws, guidance moments, 3 iterations, data_std 0.5" */
static void describe(const dsm__restoring *r, char *text, size_t size) {
  static const char *const forms[] = {"moments", "pigdm", "dps"};
  static const char *const borders[] = {"zero", "reflect", "periodic"};
  const dsm_restore_options *o = r->options;
  snprintf(text, size, "%s, noise %g, %llu draw%s", dsm__restoring_task(r), o->noise,
           (unsigned long long)o->draws, o->draws == 1 ? "" : "s");
  if (o->task == DSM_RESTORE_SUPERRES) dsm_append(text, size, ", factor %zu", o->factor);
  if (o->task == DSM_RESTORE_DEBLUR) dsm_append(text, size, ", border %s", borders[o->border]);
  if (r->guidance) dsm_append(text, size, ", guidance %s", forms[o->form]);
  if (r->guidance && o->form == DSM_GUIDANCE_MOMENTS)
    dsm_append(text, size, ", %d iterations", o->iterations);
  if (o->data_std > 0) dsm_append(text, size, ", data_std %g", o->data_std);
  if (r->start > 0) dsm_append(text, size, ", from time %g", r->start);
  if (o->degrade) dsm_append(text, size, ", of clean samples");
}

/* Rank 0: what the results are made of. */
static dsm_status input_text(dsm__restoring *r, char *text, size_t size) {
  dsm__given side = {0};
  DSM_TRY(dsm__given_text(&r->data, text, size));
  dsm_append(text, size, "; ");
  size_t n = strlen(text);
  describe(r, text + n, size - n);
  if (!r->options->side.file) return DSM_OK;
  DSM_TRY(dsm__given_open(&r->options->side, (dsm_shape){0}, NULL, &side));
  dsm_append(text, size, "; ");
  n = strlen(text);
  const dsm_status status = dsm__given_text(&side, text + n, size - n);
  dsm__given_close(&side);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status tell_scores(const dsm__restoring *r) {
  const dsm_normalization *n = &r->trained.header.normalization;
  double low = n->min[0], high = n->max[0];
  for (size_t c = 1; c < n->channels; c++) {
    low = fmin(low, n->min[c]);
    high = fmax(high, n->max[c]);
  }
  const char *file = r->options->output;
  if (r->denoised >= 0) DSM_TRY(dsm__score(file, "denoised", "the expected sample", low, high));
  if (r->mean >= 0) DSM_TRY(dsm__score(file, "mean", "the mean of the draws", low, high));
  if (r->options->draws == 1) DSM_TRY(dsm__score(file, "samples", "one draw", low, high));
  DSM_TRY(dsm__score(file, "observation", "what was given", low, high));
  return DSM_OK;
}

/* Evaluations for one observation; 0: not known beforehand. */
static int64_t evaluations_of(const dsm__restoring *r) {
  const int64_t expected = r->denoised < 0 ? 0 : r->prior.evaluations > 1 ? r->prior.evaluations : 1;
  if (r->chunks == 0) return expected;
  const dsm_sampling one = dsm__restoring_sampling(r, 0);
  const int64_t estimates = dsm_sampler_evaluations(dsm__restoring_sampler(r), &one);
  const int64_t each = one.denoiser->evaluations > 1 ? one.denoiser->evaluations : 1;
  return estimates == 0 ? 0 : expected + (int64_t)r->options->draws * estimates * each;
}

static dsm_status write_all(dsm__restoring *r, dsm_comm *comm) {
  char input[4 * DSM_TEXT_MAX] = "", about[512], sampler[256];
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? input_text(r, input, sizeof input) : DSM_OK);
  describe(r, about, sizeof about);
  dsm_info("restore  %s", about);
  if (r->options->draws > 0)
    dsm_info("sampler  %s", dsm__trained_sampler_text(&r->trained, sampler, sizeof sampler));
  dsm_samples_info info = dsm__trained_info(&r->trained, r->data.count);
  info.block = r->group;
  if (r->options->draws != 1) info.sample = (dsm_shape){0};
  info.evaluations = evaluations_of(r);
  info.fields = r->fields;
  info.field = r->field;
  info.input = input;
  dsm__blocks blocks = {.output = r->options->output,
                        .verb = "restored",
                        .noun = "samples",
                        .compute = dsm__restoring_compute,
                        .self = r};
  DSM_TRY(dsm__results_run(&r->trained, &r->conditions, &info, &blocks));
  return DSM_OK;
}

/* Guidance takes the network beyond what it was trained on, so x0_hat is kept within the range of the data unless the
 * user wants otherwise: overrides that come later win. */
static dsm_status collect_overrides(dsm__restoring *r) {
  const dsm_restore_options *o = r->options;
  DSM_TRY(DSM_ALLOC(o->override_count + 1, &r->overrides));
  if (o->task != DSM_RESTORE_DENOISE) r->overrides[r->override_count++] = "sampler.clip=data";
  for (size_t i = 0; i < o->override_count; i++) r->overrides[r->override_count++] = o->overrides[i];
  return DSM_OK;
}

static dsm_status run(dsm__restoring *r, dsm_comm *comm) {
  const dsm_restore_options *o = r->options;
  DSM_AGREE(comm, collect_overrides(r));
  DSM_TRY(dsm__trained_open(comm, o->source, r->overrides, r->override_count, &r->trained));
  r->d = r->trained.session.d;
  DSM_AGREE(comm, dsm__restoring_observe(r));
  DSM_TRY(dsm__condition_table_create(&r->trained, &r->data, r->data.count, &r->conditions));
  DSM_AGREE(comm, dsm__restoring_guide(r));
  choose_fields(r);
  DSM_AGREE(comm, dsm__restoring_room(r));
  dsm__trained_banner(&r->trained);
  dsm__condition_table_banner(&r->conditions);
  DSM_TRY(write_all(r, comm));
  if (o->degrade) DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? tell_scores(r) : DSM_OK);
  dsm_info("dsmpi: restored %llu samples into %s", (unsigned long long)r->data.count, o->output);
  return DSM_OK;
}

static void destroy(dsm__restoring *r) {
  dsm_guidance_destroy(&r->guidance);
  dsm_network_destroy(&r->network);
  dsm__condition_table_destroy(&r->conditions);
  dsm__observing_close(&r->observing);
  dsm__mask_close(&r->mask);
  dsm__given_close(&r->data);
  dsm__trained_close(&r->trained);
  dsm__restoring_free_room(r);
  free(r->overrides);
}

dsm_status dsm_restore(dsm_comm *comm, const dsm_restore_options *options) {
  dsm__restoring r = {.options = options};
  const dsm_status status = run(&r, comm);
  destroy(&r);
  DSM_TRY(status);
  return DSM_OK;
}
