/* The job: what there is, what is wanted of it, one metric after the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "catalogue.h"
#include "dsmpi/clock.h"
#include "dsmpi/log.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"
#include "internal.h"

enum {
  ROWS_MIN = 20, /* of either side: below them nothing has an uncertainty */
  NEIGHBOURS_MAX = 64,
  LINES_MAX = 2 /* of a metric */
};
#define UNEQUAL_CHANNELS 10 /* ratio of deviations from which on distances are taken of scaled channels */

dsm_eval_options dsm_eval_defaults(void) {
  return (dsm_eval_options){.subsample = 5000,
                            .subset = 1000,
                            .splits = 10,
                            .directions = 128,
                            .bins = 50,
                            .neighbours = 3,
                            .components = 64,
                            .steps = 400};
}

void dsm__alive(const dsm__eval *e) {
  if (e->options->alive) e->options->alive(e->options->context);
}

/* ---- lines of the table ---------------------------------------------------------------------------------- */

dsm_eval_row *dsm__row(dsm__eval *e, const char *metric, const dsm__pair *pair, dsm_figure figure,
                       dsm_figure floor) {
  DSM_ASSERT(e->out->rows < e->lines);
  dsm_eval_row *row = &e->out->row[e->out->rows++];
  *row = (dsm_eval_row){.metric = metric,
                        .space = pair ? pair->space.name : "",
                        .figure = figure,
                        .floor = floor,
                        .ideal = (double)NAN,
                        .unit = ""};
  return row;
}

void dsm__row_number(dsm_eval_row *row, const char *name, double value) {
  DSM_ASSERT(row->numbers < DSM_EVAL_NUMBERS_MAX);
  row->number[row->numbers++] = (dsm_eval_number){name, value};
}

dsm_status dsm__row_column(dsm_eval_row *row, const char *name, const double *value, size_t stride,
                           size_t count) {
  dsm_eval_column *more = realloc(row->column, (row->columns + 1) * sizeof *row->column);
  if (!more) DSM_FAIL(DSM_NO_MEMORY, "no memory for a column of %zu numbers", count);
  row->column = more;
  dsm_eval_column *column = &row->column[row->columns];
  *column = (dsm_eval_column){.count = count};
  snprintf(column->name, sizeof column->name, "%s", name);
  DSM_TRY(DSM_ALLOC(count, &column->value));
  row->columns++;
  for (size_t i = 0; i < count; i++) column->value[i] = value[i * stride];
  return DSM_OK;
}

void dsm_evaluation_destroy(dsm_evaluation *out) {
  for (size_t r = 0; r < out->rows; r++) {
    for (size_t k = 0; k < out->row[r].columns; k++) free(out->row[r].column[k].value);
    free(out->row[r].column);
  }
  free(out->row);
  free(out->note);
  *out = (dsm_evaluation){0};
}

/* ---- inputs ---------------------------------------------------------------------------------------------- */

static dsm_status open_input(const dsm_eval_input *input, dsm_dataset **data) {
  if (!input->file) return DSM_OK;
  DSM_TRY(dsm_dataset_open(input->file, input->dataset, input->axes ? input->axes : "",
                           input->rows ? input->rows : "", data));
  return DSM_OK;
}

static dsm_status open_all(dsm__eval *e) {
  const dsm_eval_options *o = e->options;
  const dsm_eval_input *const samples[] = {&o->samples, &o->reference},
                              *const features[] = {&o->features, &o->reference_features},
                              *const probabilities[] = {&o->probabilities, &o->reference_probabilities};
  if (!o->features.file != !o->reference_features.file)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "features are given of the %s only: they are compared, so give --features and --reference-features",
        o->features.file ? "samples" : "reference");
  if (!o->probabilities.file && o->reference_probabilities.file)
    DSM_FAIL(DSM_BAD_CONFIG, "--reference-probabilities stand beside --probabilities, which are missing");
  for (int side = 0; side < DSM__SIDES; side++) {
    DSM_TRY(open_input(samples[side], &e->data[side]));
    DSM_TRY(open_input(features[side], &e->features[side]));
    DSM_TRY(open_input(probabilities[side], &e->probabilities[side]));
  }
  return DSM_OK;
}

static dsm_status check_like(dsm_dataset *const data[DSM__SIDES], const dsm_eval_input *a,
                             const dsm_eval_input *b, const char *what) {
  const dsm_dataset_info *of_a = dsm_dataset_info_of(data[DSM__SAMPLES]),
                         *of_b = dsm_dataset_info_of(data[DSM__REFERENCE]);
  char of_samples[96], of_reference[96];
  if (!dsm_shape_equal(of_a->sample, of_b->sample))
    DSM_FAIL(DSM_BAD_DATA,
             "%s of '%s' in '%s' have shape %s (axes %s, from %s), those of the reference, '%s' in '%s', %s "
             "(axes %s, from "
             "%s), channels last: they cannot be compared; see --axes and --reference-axes if they are alike",
             what, a->dataset, a->file, dsm_shape_text(of_a->sample, of_samples, sizeof of_samples),
             of_a->axes, of_a->axes_from, b->dataset, b->file,
             dsm_shape_text(of_b->sample, of_reference, sizeof of_reference), of_b->axes, of_b->axes_from);
  const dsm_dataset_info *few = of_a->rows < of_b->rows ? of_a : of_b;
  if (few->rows < ROWS_MIN)
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s' has %llu rows; %d or more of either side can be compared with an uncertainty",
             few == of_a ? a->dataset : b->dataset, few == of_a ? a->file : b->file,
             (unsigned long long)few->rows, (int)ROWS_MIN);
  return DSM_OK;
}

static dsm_status check_classifier(const dsm__eval *e) {
  const dsm_eval_classifier *c = e->options->classifier;
  const dsm_eval_input *input = &e->options->samples;
  const dsm_dataset_info *info = dsm_dataset_info_of(e->data[DSM__SAMPLES]);
  char found[96], expected[96];
  if (!c || dsm_shape_equal(info->sample, c->sample)) return DSM_OK;
  DSM_FAIL(DSM_BAD_DATA,
           "--classifier: samples of '%s' in '%s' have shape %s (axes %s, from %s), but %s takes %s, "
           "channels last: give one trained on such data, or --axes if these are it",
           input->dataset, input->file, dsm_shape_text(info->sample, found, sizeof found), info->axes,
           info->axes_from, c->text, dsm_shape_text(c->sample, expected, sizeof expected));
}

static dsm_status check_all(const dsm__eval *e) {
  const dsm_eval_options *o = e->options;
  DSM_ASSERT(o->subsample >= ROWS_MIN && o->subset > 0 && o->splits > 0 && o->directions > 0 && o->bins > 0 &&
             o->neighbours > 0 && o->neighbours <= NEIGHBOURS_MAX && o->components > 0 && o->steps > 0);
  DSM_TRY(check_like(e->data, &o->samples, &o->reference, "samples"));
  DSM_TRY(check_classifier(e));
  if (e->features[DSM__SAMPLES])
    DSM_TRY(check_like(e->features, &o->features, &o->reference_features, "features"));
  if (e->features[DSM__SAMPLES] && dsm_dataset_info_of(e->features[DSM__SAMPLES])->sample.rank != 1)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is %s; features are (N, k)", o->features.dataset, o->features.file,
             dsm_dataset_info_of(e->features[DSM__SAMPLES])->file_shape);
  return DSM_OK;
}

static void describe(const dsm_eval_input *input, const dsm_dataset *data, char *text, size_t size) {
  const dsm_dataset_info *info = dsm_dataset_info_of(data);
  char shape[96];
  snprintf(text, size, "%s:/%s, %llu x %s", input->file, input->dataset + (input->dataset[0] == '/'),
           (unsigned long long)info->rows, dsm_shape_text(info->sample, shape, sizeof shape));
}

/* ---- spaces ---------------------------------------------------------------------------------------------- */

static void point_views(dsm__eval *e, dsm__pair *pair, bool features) {
  const dsm_eval_options *o = e->options;
  const dsm_eval_input *const input[2][DSM__SIDES] = {{&o->samples, &o->reference},
                                                      {&o->features, &o->reference_features}};
  for (int side = 0; side < DSM__SIDES; side++) {
    dsm_dataset *data = features ? e->features[side] : e->data[side];
    pair->view[side] = (dsm__view){.input = input[features][side],
                                   .data = data,
                                   .space = &pair->space,
                                   .side = side,
                                   .rows = dsm_dataset_info_of(data)->rows,
                                   .part = 1};
  }
  const double share = (double)pair->view[DSM__SAMPLES].rows / (double)pair->view[DSM__REFERENCE].rows;
  pair->view[DSM__REFERENCE].part = share < 0.5 ? share : 0.5;
}

static void as_it_is(dsm__space *s, const char *name, dsm_shape sample) {
  const size_t d = dsm_shape_count(sample);
  *s = (dsm__space){.name = name, .elements = d, .d = d, .channels = sample.n[sample.rank - 1]};
}

static dsm_status open_space(dsm__eval *e, dsm__space_name name) {
  dsm__pair *pair = e->pair[name];
  if (pair || name == DSM__NONE) return DSM_OK;
  DSM_AGREE(e->comm, DSM_ALLOC(1, &pair));
  e->pair[name] = pair;
  const dsm_shape sample = dsm_dataset_info_of(e->data[DSM__SAMPLES])->sample;
  const dsm_eval_classifier *classifier = e->options->classifier;
  pair->shape = sample;
  switch (name) {
  case DSM__SCALED:
    DSM_TRY(dsm__space_scaled(e, e->pair[DSM__RAW], &pair->space));
    break;
  case DSM__PCA:
    DSM_TRY(dsm__space_pca(e, e->pair[DSM__RAW], &pair->space));
    break;
  case DSM__LAYERS:
    DSM_TRY(dsm__space_layers(e, dsm_shape_count(sample), &pair->space));
    break;
  case DSM__FEATURES:
    as_it_is(&pair->space, "features", dsm_dataset_info_of(e->features[DSM__SAMPLES])->sample);
    snprintf(pair->space.text, sizeof pair->space.text, "as given, %.120s", e->options->features.dataset);
    break;
  case DSM__CLASSIFIER:
    DSM_TRY(dsm__judge_all(e));
    as_it_is(&pair->space, "classifier", DSM_SHAPE(classifier->features));
    snprintf(pair->space.text, sizeof pair->space.text, "what the last layer of the classifier %s sees",
             classifier->text);
    break;
  default:
    as_it_is(&pair->space, "raw", sample);
  }
  if (name != DSM__RAW && name != DSM__SCALED) pair->shape = DSM_SHAPE(pair->space.d);
  point_views(e, pair, name == DSM__FEATURES);
  for (int side = 0; name == DSM__CLASSIFIER && side < DSM__SIDES; side++)
    pair->view[side].kept = e->judged.features[side];
  return DSM_OK;
}

/* Distances in which one channel drowns the others say little of these: channels of unequal size are scaled. */
static dsm_status choose_base(dsm__eval *e, dsm__space_name *base) {
  dsm__pair *raw = e->pair[DSM__RAW];
  double least = INFINITY, most = 0;
  *base = DSM__RAW;
  if (raw->space.channels < 2) return DSM_OK;
  DSM_TRY(dsm__statistics(e, raw));
  for (size_t c = 0; c < raw->space.channels; c++) {
    const double *of = raw->statistics + c * DSM__STATISTICS;
    if (!(of[DSM__MAX] > of[DSM__MIN])) continue;
    least = fmin(least, of[DSM__STD]);
    most = fmax(most, of[DSM__STD]);
  }
  if (!(most > UNEQUAL_CHANNELS * least)) return DSM_OK;
  *base = DSM__SCALED;
  DSM_TRY(dsm__note(
      e->out,
      "channels differ in size (deviations %.3g to %.3g in the reference): distances are taken @scaled",
      least, most));
  return DSM_OK;
}

static dsm__offer offer_of(const dsm__eval *e) {
  dsm__offer o = {.sample = dsm_dataset_info_of(e->data[DSM__SAMPLES])->sample,
                  .judged = e->options->classifier ? e->options->classifier->features : 0,
                  .probabilities = e->probabilities[DSM__SAMPLES] || e->options->classifier,
                  .layers = e->options->layers != NULL,
                  .components = e->options->components};
  o.d = dsm_shape_count(o.sample);
  o.fields = o.d > o.sample.n[o.sample.rank - 1];
  for (int side = 0; side < DSM__SIDES; side++) {
    o.rows[side] = dsm_dataset_info_of(e->data[side])->rows;
    if (!e->features[side]) continue;
    o.feature_rows[side] = dsm_dataset_info_of(e->features[side])->rows;
    o.features = dsm_shape_count(dsm_dataset_info_of(e->features[side])->sample);
  }
  return o;
}

/* ---- the job --------------------------------------------------------------------------------------------- */

/* Says of the rows from `first` on what they were made into. */
static void name_space(dsm_evaluation *out, size_t first, const dsm__pair *pair) {
  for (size_t r = first; pair && pair->space.text[0] && r < out->rows; r++) {
    char *text = out->row[r].protocol;
    if (pair->space.scale) out->row[r].unit = ""; /* deviations have none */
    if (text[0]) dsm_append(text, sizeof out->row[r].protocol, ". Space: %s", pair->space.text);
  }
}

static dsm_status measure(dsm__eval *e, const dsm__choice *choice) {
  char text[96];
  const size_t first = e->out->rows;
  DSM_TRY(open_space(e, choice->space));
  dsm__pair *pair = choice->space == DSM__NONE ? NULL : e->pair[choice->space];
  snprintf(text, sizeof text, "%s%s%s ...", choice->metric->name, pair ? "@" : "",
           pair ? pair->space.name : "");
  dsm_log_transient(text);
  DSM_TRY(choice->metric->run(e, pair));
  dsm__alive(e);
  name_space(e->out, first, pair);
  return DSM_OK;
}

static dsm_status evaluate(dsm__eval *e) {
  dsm__choice choice[DSM__CHOICES_MAX];
  size_t count;
  DSM_AGREE(e->comm, open_all(e));
  DSM_AGREE(e->comm, check_all(e));
  describe(&e->options->samples, e->data[DSM__SAMPLES], e->out->samples, sizeof e->out->samples);
  describe(&e->options->reference, e->data[DSM__REFERENCE], e->out->reference, sizeof e->out->reference);
  DSM_TRY(open_space(e, DSM__RAW));
  dsm__offer offer = offer_of(e);
  if (dsm__leaves_choice(e->options->metrics)) DSM_TRY(choose_base(e, &offer.base));
  DSM_AGREE(e->comm, dsm__choose(&offer, e->options->metrics, choice, &count, e->out));
  if (e->options->layers)
    DSM_TRY(open_space(e, DSM__LAYERS)); /* a layout that does not fit is told at once */
  e->lines = LINES_MAX * count;
  DSM_AGREE(e->comm, DSM_ALLOC(e->lines, &e->out->row));
  for (size_t k = 0; k < count; k++) DSM_TRY(measure(e, &choice[k]));
  if (e->options->classifier && !e->judged.features[DSM__SAMPLES])
    DSM_AGREE(e->comm, dsm__note(e->out, "the classifier was not run: no metric is @classifier or needs its "
                                         "probabilities"));
  return DSM_OK;
}

static void close_all(dsm__eval *e) {
  for (int k = 0; k < DSM__SPACES; k++) {
    dsm__pair *pair = e->pair[k];
    if (!pair) continue;
    for (int side = 0; side < DSM__SIDES; side++) dsm__view_close(&pair->view[side]);
    dsm__space_destroy(&pair->space);
    free(pair->statistics);
    free(pair);
  }
  for (int side = 0; side < DSM__SIDES; side++) {
    dsm_dataset_close(&e->data[side]);
    dsm_dataset_close(&e->features[side]);
    dsm_dataset_close(&e->probabilities[side]);
  }
  dsm__judged_destroy(&e->judged);
}

dsm_status dsm_evaluate(dsm_comm *comm, const dsm_eval_options *options, dsm_evaluation *evaluation) {
  const double started = dsm_seconds();
  *evaluation = (dsm_evaluation){.seed = options->seed};
  dsm__eval e = {.comm = comm, .options = options, .out = evaluation};
  const dsm_status status = evaluate(&e);
  dsm_log_transient(NULL);
  close_all(&e);
  evaluation->seconds = dsm_seconds() - started;
  DSM_TRY(status);
  return DSM_OK;
}
