/* How a restoration goes: what is observed, and how that is turned round. */
#include <math.h>
#include <stdlib.h>
#include "restoration.h"

/* ---- what is observed ---------------------------------------------------------------------------------- */

static dsm_status check_matrix(const dsm__restoring *r, dsm_shape matrix) {
  char text[96];
  if (matrix.rank == 2 && matrix.n[1] == r->d) return DSM_OK;
  DSM_FAIL(DSM_BAD_DATA,
           "the matrix '%s' in '%s' has shape %s; it needs a row for each number that is observed and %zu "
           "columns, one for each number of a sample",
           r->options->side.dataset, r->options->side.file, dsm_shape_text(matrix, text, sizeof text), r->d);
}

static dsm_status open_operator(dsm__restoring *r) {
  static const int kinds[] = {DSM_OPERATOR_IDENTITY, DSM_OPERATOR_IDENTITY, DSM_OPERATOR_AVERAGE,
                              DSM_OPERATOR_BLUR, DSM_OPERATOR_MATRIX};
  const dsm_restore_options *o = r->options;
  dsm_status status = DSM_OK;
  double *values = NULL;
  dsm_operator_params params = {
      .kind = kinds[o->task], .sample = r->trained.header.sample, .factor = o->factor, .border = o->border};
  if (o->task == DSM_RESTORE_DEBLUR || o->task == DSM_RESTORE_LINEAR) {
    dsm_shape shape;
    DSM_TRY_DONE(dsm__array_read(&o->side, &values, &shape));
    if (o->task == DSM_RESTORE_LINEAR) {
      if (shape.rank == 1) shape = r->d == 1 ? DSM_SHAPE(shape.n[0], 1) : DSM_SHAPE(1, shape.n[0]);
      DSM_TRY_DONE(check_matrix(r, shape));
      DSM_TRY_DONE(dsm__matrix_to_memory_order(params.sample, shape.n[0], values));
    }
    params.kernel_shape = shape;
    params.kernel = params.matrix = values;
    params.rows = shape.n[0];
  }
  DSM_TRY_DONE(dsm__observing_open(&params, o->noise, &r->trained.header.normalization, &r->observing));
  r->m = dsm_operator_rows(r->observing.physical);
done:
  free(values);
  return status;
}

/* The rows of the data: observations, or clean samples that they are made of. */
static dsm_status open_data(dsm__restoring *r) {
  const dsm_restore_options *o = r->options;
  const dsm_shape wanted = dsm_operator_observation(r->observing.physical);
  char found[96], expected[96], of[96];
  DSM_TRY(dsm__given_open(&o->data, o->degrade ? r->trained.header.sample : (dsm_shape){0}, NULL, &r->data));
  if (!o->degrade && !dsm_shape_equal(r->data.sample, wanted))
    DSM_FAIL(DSM_BAD_DATA,
             "observations of '%s' in '%s' have shape %s (axes %s), but those of a model's sample %s are, in "
             "%s, of shape "
             "%s, channels last; --axes tells what the axes are, --degrade takes clean samples",
             o->data.dataset, o->data.file, dsm_shape_text(r->data.sample, found, sizeof found),
             dsm_dataset_info_of(r->data.dataset)->axes,
             dsm_shape_text(r->trained.header.sample, of, sizeof of), dsm__restoring_task(r),
             dsm_shape_text(wanted, expected, sizeof expected));
  r->data.holes = !o->degrade && o->task != DSM_RESTORE_DENOISE;
  if (o->task == DSM_RESTORE_INPAINT && o->side.file)
    DSM_TRY(dsm__mask_open(&o->side, dsm_dataset_info_of(r->data.dataset), &r->mask));
  return DSM_OK;
}

dsm_status dsm__restoring_observe(dsm__restoring *r) {
  DSM_TRY(open_operator(r));
  DSM_TRY(open_data(r));
  return DSM_OK;
}

/* ---- how it is turned round ---------------------------------------------------------------------------- */

static double noise_ratio(const dsm__restoring *r, double t) {
  const dsm_process *p = r->trained.session.process;
  return dsm_process_sigma(p, t) / dsm_process_alpha(p, t);
}

/* Denoising: y is alpha x0 + sigma eps at some time. */
static dsm_status find_start(dsm__restoring *r) {
  const dsm_normalization *n = &r->trained.header.normalization;
  const dsm_process *p = r->trained.session.process;
  const double last = dsm_process_last(p);
  for (size_t c = 1; c < n->channels; c++)
    if (n->scale[c] != n->scale[0])
      DSM_FAIL(DSM_BAD_CONFIG,
               "denoise: the model's channels are scaled differently (%g and %g), so that noise of one size "
               "in the data "
               "is of several sizes to the model; use --task inpaint --noise %g, which needs no mask, or "
               "train with "
               "data.per_channel=false",
               n->scale[0], n->scale[c], r->options->noise);
  const double ratio = r->options->noise / n->scale[0];
  if (!(ratio > 0))
    DSM_FAIL(DSM_BAD_CONFIG, "denoise: the noise is %g; it must be above 0", r->options->noise);
  if (ratio > noise_ratio(r, last))
    DSM_FAIL(DSM_BAD_CONFIG, "denoise: noise of %g is more than the model was trained on, %g",
             r->options->noise, noise_ratio(r, last) * n->scale[0]);
  r->start = dsm_process_time_of(p, ratio);
  const double found = noise_ratio(r, r->start);
  if (fabs(log(found / ratio)) > 0.05)
    dsm_warn("denoise: the nearest noise that the model knows is %.4g, not %.4g", found * n->scale[0],
             r->options->noise);
  if (r->options->draws > 0 && r->start <= dsm_process_first(p, true) && r->start < last)
    DSM_FAIL(DSM_BAD_CONFIG,
             "denoise: noise of %g is not above the lowest of sampling, %.4g: only the expected sample "
             "can be given; use --draws 0",
             r->options->noise, noise_ratio(r, dsm_process_first(p, true)) * n->scale[0]);
  return DSM_OK;
}

const dsm_sampler *dsm__restoring_sampler(const dsm__restoring *r) {
  return dsm_sampler_of(r->trained.session.config.sampler.name);
}

dsm_sampling dsm__restoring_sampling(const dsm__restoring *r, uint64_t first) {
  dsm_sampling s = dsm__trained_sampling(&r->trained, r->guidance ? &r->guided : &r->prior, first);
  s.start = r->start;
  if (dsm_process_discrete(s.process) && s.start > 0 && (double)s.steps > s.start) s.steps = (int64_t)s.start;
  return s;
}

/* Draws of p(x | y) from a given y need a sampler with noise of its own. */
static dsm_status choose_sampler(dsm__restoring *r) {
  dsm_sampler_settings *settings = &r->trained.session.config.sampler;
  dsm_sampling s = dsm__restoring_sampling(r, 0);
  const dsm_sampler *sampler = dsm__restoring_sampler(r);
  if (r->guidance || r->options->draws == 0 || (sampler->reverses && sampler->reverses(&s))) return DSM_OK;
  if (dsm__trained_overridden(&r->trained, "sampler.name") ||
      dsm__trained_overridden(&r->trained, "sampler.eta"))
    DSM_FAIL(DSM_BAD_CONFIG,
             "denoise: the %s sampler makes one sample of y, with no noise of its own; use ancestral, or "
             "ddim with eta 1, or --draws 0 for the expected sample",
             sampler->name);
  settings->name = DSM_SAMPLER_DDIM;
  settings->eta = 1;
  return DSM_OK;
}

static dsm_status open_guidance(dsm__restoring *r) {
  const dsm_restore_options *o = r->options;
  const dsm_config *config = &r->trained.session.config;
  dsm_guidance_settings settings = dsm_guidance_defaults();
  settings.form = o->form;
  settings.iterations = o->iterations;
  settings.data_std = o->data_std > 0                                       ? o->data_std
                      : config->data.normalize == DSM_NORMALIZE_STANDARDIZE ? 1
                                                                            : config->objective.sigma_data;
  if (o->form == DSM_GUIDANCE_DPS && o->noise == 0)
    DSM_FAIL(DSM_BAD_CONFIG,
             "guidance of the form dps divides by the noise, which is 0; use moments or pigdm");
  DSM_TRY(dsm_guidance_create(&settings, r->trained.session.process, r->observing.model, &r->prior, r->batch,
                              &r->guidance));
  r->guided = dsm_guidance_denoiser(r->guidance);
  return DSM_OK;
}

dsm_status dsm__restoring_guide(dsm__restoring *r) {
  const dsm__session *s = &r->trained.session;
  const bool denoise = r->options->task == DSM_RESTORE_DENOISE;
  r->batch = (size_t)s->config.sampler.block;
  DSM_TRY(dsm_network_create(&s->config, s->process, s->model, &s->kernels, r->batch, !denoise, &r->network));
  r->prior = dsm_network_denoiser(r->network, r->trained.w);
  if (denoise)
    DSM_TRY(find_start(r));
  else
    DSM_TRY(open_guidance(r));
  DSM_TRY(choose_sampler(r));
  if (r->options->draws == 0) return DSM_OK;
  const dsm_sampling one = dsm__restoring_sampling(r, 0);
  DSM_TRY(dsm_sampler_check(dsm__restoring_sampler(r), &one));
  return DSM_OK;
}
