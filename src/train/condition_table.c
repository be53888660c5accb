/* Conditions of samples to be drawn or worked on: from the settings, or from a file, to one raw row for
 * each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

static size_t count_labels(const dsm_conditions *c) {
  size_t labels = 0;
  for (size_t k = 0; k < c->count; k++) labels += c->each[k].classes > 0;
  return labels;
}

/* ---- from the settings --------------------------------------------------------------------------------- */

/* Reads "3" or "3, 1" into the rows' columns of labels. */
static dsm_status place_labels(const dsm_conditions *c, const char *text, float *raw) {
  const char *at = text;
  for (size_t k = 0; k < c->count; k++) {
    const dsm_condition *one = &c->each[k];
    if (one->classes == 0) continue;
    char *end;
    errno = 0;
    const long long label = strtoll(at, &end, 10);
    if (end == at)
      DSM_FAIL(DSM_BAD_CONFIG,
               "sampler.label is '%s': the model needs %zu label%s, whole numbers with commas between them, "
               "or all",
               text, count_labels(c), count_labels(c) == 1 ? "" : "s");
    if (errno || !dsm_label_valid((double)label, one->classes))
      DSM_FAIL(DSM_BAD_CONFIG, "sampler.label is '%s', but '%s' has %zu classes: 0 to %zu, or all", text,
               one->name, one->classes, one->classes - 1);
    raw[one->column] = (float)label;
    at = end + strspn(end, " ");
    if (*at == ',') at++;
  }
  if (at[strspn(at, " ")])
    DSM_FAIL(DSM_BAD_CONFIG, "sampler.label is '%s', which does not end after %zu label%s", text,
             count_labels(c), count_labels(c) == 1 ? "" : "s");
  return DSM_OK;
}

static dsm_status place_values(const dsm_conditions *c, const dsm_real_list *given, float *raw) {
  size_t wanted = 0, used = 0;
  for (size_t k = 0; k < c->count; k++) wanted += c->each[k].classes ? 0 : c->each[k].columns;
  if (given->count != wanted)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.condition has %zu number%s, but the model has %zu continuous column%s; "
             "sampler.condition_file "
             "takes a row for each sample",
             given->count, given->count == 1 ? "" : "s", wanted, wanted == 1 ? "" : "s");
  for (size_t k = 0; k < c->count; k++)
    for (size_t j = 0; !c->each[k].classes && j < c->each[k].columns; j++)
      raw[c->each[k].column + j] = (float)given->value[used++];
  return DSM_OK;
}

static dsm_status from_settings(const dsm_sampler_settings *s, dsm__condition_table *t) {
  const dsm_conditions *c = &t->layout;
  const size_t labels = count_labels(c);
  const bool all = strcmp(s->label, "all") == 0;
  char text[512];
  if ((labels > 0) != (s->label[0] != '\0') || (c->count > labels) != (s->condition.count > 0))
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "the model is conditioned on %s: say on what the samples are, by%s%s%s --conditions FILE (one row a "
        "sample), or --guidance 0 for samples of all kinds",
        dsm_conditions_text(c, text, sizeof text), labels ? " --label K or all" : "",
        labels && c->count > labels ? " with" : "", c->count > labels ? " --condition V,..., or" : ", or");
  if (all && labels > 1)
    DSM_FAIL(DSM_BAD_CONFIG,
             "sampler.label is all, but the model has %zu sets of labels: use --conditions FILE", labels);
  t->rows = 1;
  for (size_t k = 0; k < c->count && all; k++)
    if (c->each[k].classes) t->rows = c->each[k].classes;
  snprintf(t->origin, sizeof t->origin, "the classes in turn");
  DSM_TRY(DSM_ALLOC(t->rows * c->columns, &t->raw));
  for (uint64_t i = 0; i < t->rows; i++) {
    float *raw = t->raw + i * c->columns;
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)i);
    if (labels > 0) DSM_TRY(place_labels(c, all ? number : s->label, raw));
    if (c->count > labels) DSM_TRY(place_values(c, &s->condition, raw));
  }
  return DSM_OK;
}

/* ---- from a file --------------------------------------------------------------------------------------- */

static dsm_status read_rows(dsm_condition_data *data, const char *path, uint64_t count,
                            dsm__condition_table *t) {
  dsm_status status = DSM_OK;
  uint64_t *row = NULL;
  if (dsm_condition_data_rows(data) < count)
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' has conditions for %llu samples, but %llu are to be drawn: it takes one row a sample",
             path, (unsigned long long)dsm_condition_data_rows(data), (unsigned long long)count);
  DSM_TRY_DONE(DSM_ALLOC(count, &row));
  DSM_TRY_DONE(DSM_ALLOC(count * t->layout.columns, &t->raw));
  for (uint64_t i = 0; i < count; i++) row[i] = i;
  DSM_TRY_DONE(dsm_condition_data_read(data, row, count, t->raw));
  t->rows = count;
done:
  free(row);
  return status;
}

static dsm_status from_file(const dsm_config *config, const char *path, const char *rows,
                            const dsm_dataset_info *samples, uint64_t count, dsm__condition_table *t) {
  dsm_condition_data *data = NULL;
  dsm_config expected = *config; /* whose columns and classes the file must have */
  DSM_TRY(dsm_condition_data_open(path, rows, samples, &expected, &data));
  const dsm_status status = read_rows(data, path, count, t);
  dsm_condition_data_close(&data);
  DSM_TRY(status);
  snprintf(t->origin, sizeof t->origin, "%s", path);
  return DSM_OK;
}

/* Beside the samples that are worked on. */
static dsm_status from_beside(const dsm_config *config, const dsm__given *beside, uint64_t count,
                              dsm__condition_table *t) {
  const dsm_given *source = beside->source;
  const dsm_status status = from_file(config, source->file, source->rows ? source->rows : "",
                                      dsm_dataset_info_of(beside->dataset), count, t);
  if (status == DSM_NOT_FOUND) {
    char text[512];
    dsm_trail_clear();
    DSM_FAIL(
        DSM_NOT_FOUND,
        "the model is conditioned on %s, which '%s' does not have beside its samples: say what the samples "
        "are, "
        "by --label K, --condition V,... or --conditions FILE, or take the model without, by --guidance 0",
        dsm_conditions_text(&t->layout, text, sizeof text), source->file);
  }
  DSM_TRY(status);
  return DSM_OK;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

/* Far from what it has seen a network answers anything. */
static void warn_of_range(const dsm__condition_table *t, const dsm_normalization *n) {
  for (size_t k = 0; k < t->layout.count; k++) {
    const dsm_condition *one = &t->layout.each[k];
    for (size_t j = 0; !one->classes && j < one->columns; j++) {
      const size_t e = one->entry + j;
      uint64_t outside = 0;
      for (uint64_t i = 0; i < t->rows; i++) {
        const double x = (double)t->raw[i * t->layout.columns + one->column + j];
        outside += x < n->min[e] || x > n->max[e];
      }
      if (outside)
        dsm_warn("%llu of %llu values of '%s', column %zu, lie outside %g to %g, where the model was trained",
                 (unsigned long long)outside, (unsigned long long)t->rows, one->name, j, n->min[e],
                 n->max[e]);
    }
  }
}

static dsm_status make(const dsm__trained *trained, const dsm__given *beside, uint64_t count,
                       dsm__condition_table *t) {
  const dsm_config *config = &trained->session.config;
  const bool told = dsm__trained_overridden(trained, "sampler.label") ||
                    dsm__trained_overridden(trained, "sampler.condition") ||
                    dsm__trained_overridden(trained, "sampler.condition_file");
  if (config->sampler.guidance == 0) {
    if (told)
      dsm_warn("sampler.guidance = 0 draws samples of all kinds: what they were to be given is not used");
    return DSM_OK;
  }
  if (beside && !told)
    DSM_TRY(from_beside(config, beside, count, t));
  else if (config->sampler.condition_file[0])
    DSM_TRY(from_file(config, config->sampler.condition_file, "", NULL, count, t));
  else
    DSM_TRY(from_settings(&config->sampler, t));
  warn_of_range(t, &trained->header.conditions);
  return DSM_OK;
}

static dsm_status lay_out(const dsm_config *config, const dsm_normalization *n, dsm__condition_table *t) {
  DSM_TRY(dsm_conditions_of(config, &t->layout));
  if (n->channels != t->layout.width)
    DSM_FAIL(DSM_BAD_DATA, "the checkpoint scales %zu entries of conditions, but its configuration has %zu",
             n->channels, t->layout.width);
  return DSM_OK;
}

dsm_status dsm__condition_table_create(const dsm__trained *trained, const dsm__given *beside, uint64_t count,
                                       dsm__condition_table *t) {
  dsm_comm *comm = trained->session.comm;
  const bool root = dsm_comm_rank(comm) == 0;
  *t = (dsm__condition_table){0};
  DSM_AGREE(comm, lay_out(&trained->session.config, &trained->header.conditions, t));
  if (t->layout.count == 0) return DSM_OK;
  DSM_AGREE(comm, root ? make(trained, beside, count, t) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, &t->rows, sizeof t->rows, 0));
  if (t->rows == 0) return DSM_OK;
  const size_t values = t->rows * t->layout.columns;
  DSM_AGREE(comm, root ? DSM_OK : DSM_ALLOC(values, &t->raw));
  DSM_TRY(dsm_comm_broadcast(comm, t->raw, values * sizeof *t->raw, 0));
  return DSM_OK;
}

void dsm__condition_table_banner(const dsm__condition_table *t) {
  char text[512];
  if (t->layout.count == 0) return;
  dsm_info("given    %s: %s", dsm_conditions_text(&t->layout, text, sizeof text),
           t->rows == 0   ? "nothing, samples of all kinds (guidance 0)"
           : t->rows == 1 ? "the same for all samples"
                          : t->origin);
}

dsm_status dsm__condition_table_columns(const dsm__condition_table *t,
                                        dsm_samples_condition given[DSM_LIST_MAX], dsm_samples_info *info) {
  for (size_t k = 0; k < DSM_LIST_MAX; k++) given[k] = (dsm_samples_condition){0};
  if (t->rows == 0) return DSM_OK;
  for (size_t k = 0; k < t->layout.count; k++) {
    const dsm_condition *one = &t->layout.each[k];
    float *value = NULL;
    DSM_TRY(DSM_ALLOC(info->count * one->columns, &value));
    for (uint64_t i = 0; i < info->count; i++)
      memcpy(value + i * one->columns, t->raw + i % t->rows * t->layout.columns + one->column,
             one->columns * sizeof *value);
    given[k] = (dsm_samples_condition){one->name, one->classes > 0, one->columns, value};
  }
  info->conditions = t->layout.count;
  info->condition = given;
  return DSM_OK;
}

void dsm__condition_table_free_columns(dsm_samples_condition given[DSM_LIST_MAX]) {
  for (size_t k = 0; k < DSM_LIST_MAX; k++) free((void *)given[k].value);
}

void dsm__condition_table_destroy(dsm__condition_table *t) {
  free(t->raw);
  t->raw = NULL;
}

void dsm__condition_table_encode(const dsm__condition_table *t, const dsm_normalization *scaling,
                                 uint64_t first, size_t n, float *raw, float *u) {
  const size_t columns = t->layout.columns;
  for (size_t i = 0; i < n; i++)
    memcpy(raw + i * columns, t->raw + (first + i) % t->rows * columns, columns * sizeof *raw);
  dsm_conditions_encode(&t->layout, scaling->shift, scaling->scale, raw, n, u);
}
