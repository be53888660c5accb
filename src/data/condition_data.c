/* The conditions beside the samples: several datasets of few columns, read by the same rows. */
#include "condition_data.h"

#include <stdlib.h>
#include <string.h>

#include "dataset_private.h"
#include "dsmpi/memory.h"

enum {
  BLOCK_ROWS = 1 << 14, /* read at a time where all labels are visited */
  CLASSES_MAX = 65536   /* as in the schema */
};

struct dsm_condition_data {
  dsm_conditions layout;
  dsm_dataset *dataset[DSM_LIST_MAX]; /* one for each of layout.each */
  float *column;                      /* values of one dataset, room for `room` rows of the widest */
  size_t room;
};

/* ---- values -------------------------------------------------------------------------------------------- */

static dsm_status check_labels(const dsm_dataset *d, size_t classes, const uint64_t *row, size_t n,
                               const float *x) {
  for (size_t i = 0; i < n; i++)
    if (!dsm_label_valid((double)x[i], classes))
      DSM_FAIL(DSM_BAD_DATA,
               "'%s' in '%s': row %llu is %g; labels of %zu classes are whole numbers from 0 to %zu "
               "(data.classes: -1 "
               "counts the classes, 0 makes it a continuous quantity)",
               d->name, d->path, (unsigned long long)(d->info.first + row[i]), (double)x[i], classes,
               classes - 1);
  return DSM_OK;
}

static dsm_status make_room(dsm_condition_data *c, size_t n) {
  size_t widest = 1;
  if (n <= c->room) return DSM_OK;
  for (size_t k = 0; k < c->layout.count; k++)
    if (c->layout.each[k].columns > widest) widest = c->layout.each[k].columns;
  free(c->column);
  c->column = NULL;
  c->room = 0;
  DSM_TRY(DSM_ALLOC(n * widest, &c->column));
  c->room = n;
  return DSM_OK;
}

dsm_status dsm_condition_data_read(dsm_condition_data *c, const uint64_t *row, size_t n, float *raw) {
  const dsm_conditions *layout = &c->layout;
  DSM_TRY(make_room(c, n));
  for (size_t k = 0; k < layout->count; k++) {
    const dsm_condition *one = &layout->each[k];
    DSM_TRY(dsm_dataset_read(c->dataset[k], row, n, c->column));
    DSM_TRY(dsm__dataset_check_finite(c->dataset[k], row, n, c->column));
    if (one->classes) DSM_TRY(check_labels(c->dataset[k], one->classes, row, n, c->column));
    for (size_t i = 0; i < n; i++)
      memcpy(raw + i * layout->columns + one->column, c->column + i * one->columns,
             one->columns * sizeof *raw);
  }
  return DSM_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* Checks all labels; `found` becomes the largest plus one. */
static dsm_status count_classes(dsm_dataset *d, size_t classes, int64_t *found) {
  dsm_status status = DSM_OK;
  uint64_t *row = NULL;
  float *x = NULL;
  *found = 1;
  DSM_TRY_DONE(DSM_ALLOC(BLOCK_ROWS, &row));
  DSM_TRY_DONE(DSM_ALLOC(BLOCK_ROWS, &x));
  for (uint64_t first = 0; first < d->info.rows; first += BLOCK_ROWS) {
    const size_t n = d->info.rows - first < BLOCK_ROWS ? d->info.rows - first : BLOCK_ROWS;
    for (size_t i = 0; i < n; i++) row[i] = first + i;
    DSM_TRY_DONE(dsm_dataset_read(d, row, n, x));
    DSM_TRY_DONE(dsm__dataset_check_finite(d, row, n, x));
    DSM_TRY_DONE(check_labels(d, classes, row, n, x));
    for (size_t i = 0; i < n; i++)
      if ((int64_t)x[i] >= *found) *found = (int64_t)x[i] + 1;
  }
done:
  free(row);
  free(x);
  return status;
}

static dsm_status check_shape(const dsm_dataset *d, const dsm_condition *one, uint64_t rows_in_file,
                              const char *beside) {
  const dsm_dataset_info *info = &d->info;
  if (d->rank > 2 || d->n_axis != 0)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has shape %s; a condition is (N) or (N, k), one row a sample",
             d->name, d->path, info->file_shape);
  if (info->rows_in_file != rows_in_file)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %llu rows, but '%s' has %llu: a condition has one row a sample",
             d->name, d->path, (unsigned long long)info->rows_in_file, beside,
             (unsigned long long)rows_in_file);
  if (one->columns > 0 && one->columns != d->row_elements)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %zu columns, but %s %zu", d->name, d->path, d->row_elements,
             one->classes ? "labels are" : "data.condition_columns says", one->columns);
  return DSM_OK;
}

/* What the file knows goes into the configuration. */
static dsm_status fill_in(dsm_condition_data *c, dsm_config *config) {
  dsm_int_list *classes = &config->data.classes, *columns = &config->data.condition_columns;
  if (classes->count == 0) classes->count = c->layout.count; /* zeros: all continuous */
  columns->count = c->layout.count;
  for (size_t k = 0; k < c->layout.count; k++) {
    columns->value[k] = (int64_t)c->dataset[k]->row_elements;
    if (classes->value[k] == -1) DSM_TRY(count_classes(c->dataset[k], CLASSES_MAX, &classes->value[k]));
  }
  return dsm_conditions_of(config, &c->layout);
}

/* (N, k) is read as k channels, whatever the file calls the second axis. */
static dsm_status open_columns(const char *path, const char *name, const char *rows, dsm_dataset **dataset) {
  DSM_TRY(dsm_dataset_open(path, name, "", rows, dataset));
  const dsm_dataset *d = *dataset;
  if (d->rank != 2 || d->n_axis != 0 || d->channels == d->row_elements) return DSM_OK;
  dsm_dataset_close(dataset);
  return dsm_dataset_open(path, name, "N C", rows, dataset);
}

static dsm_status open_all(dsm_condition_data *c, const char *path, const char *rows,
                           const dsm_dataset_info *samples, dsm_config *config) {
  DSM_TRY(dsm_conditions_named(config, &c->layout));
  for (size_t k = 0; k < c->layout.count; k++) {
    const dsm_condition *one = &c->layout.each[k];
    DSM_TRY(open_columns(path, one->name, rows, &c->dataset[k]));
    DSM_TRY(check_shape(c->dataset[k], one,
                        samples ? samples->rows_in_file : c->dataset[0]->info.rows_in_file,
                        samples ? config->data.dataset : c->layout.each[0].name));
  }
  return fill_in(c, config);
}

dsm_status dsm_condition_data_open(const char *path, const char *rows, const dsm_dataset_info *samples,
                                   dsm_config *config, dsm_condition_data **handle) {
  dsm_condition_data *c = NULL;
  *handle = NULL;
  DSM_TRY(DSM_ALLOC(1, &c));
  const dsm_status status = open_all(c, path, rows, samples, config);
  if (status != DSM_OK) dsm_condition_data_close(&c);
  DSM_TRY(status);
  *handle = c;
  return DSM_OK;
}

void dsm_condition_data_close(dsm_condition_data **handle) {
  dsm_condition_data *c = *handle;
  if (!c) return;
  for (size_t k = 0; k < DSM_LIST_MAX; k++) dsm_dataset_close(&c->dataset[k]);
  free(c->column);
  free(c);
  *handle = NULL;
}

const dsm_conditions *dsm_condition_data_layout(const dsm_condition_data *c) {
  return &c->layout;
}

uint64_t dsm_condition_data_rows(const dsm_condition_data *c) {
  return c->dataset[0]->info.rows;
}

void dsm__condition_data_reserve(dsm_condition_data *c, uint64_t rows, uint64_t block) {
  for (size_t k = 0; k < c->layout.count; k++) dsm__dataset_reserve(c->dataset[k], rows, block);
}

/* ---- normalisation ------------------------------------------------------------------------------------- */

static dsm_status of_columns(dsm_dataset *d, const dsm_condition *one, dsm_normalization *n) {
  dsm_status status = DSM_OK;
  dsm_channel_statistics *parts = NULL, *joined = NULL;
  dsm_normalization own = {0};
  DSM_TRY_DONE(DSM_ALLOC(DSM_STATISTICS_PARTS * one->columns, &parts));
  DSM_TRY_DONE(DSM_ALLOC(one->columns, &joined));
  for (int part = 0; part < DSM_STATISTICS_PARTS; part++)
    DSM_TRY_DONE(dsm_statistics_part(d, part, parts + (size_t)part * one->columns));
  dsm_statistics_join(parts, one->columns, joined);
  DSM_TRY_DONE(dsm_normalization_from(joined, one->columns, DSM_NORMALIZE_STANDARDIZE, true, &own));
  for (size_t j = 0; j < one->columns; j++) {
    n->shift[one->entry + j] = own.shift[j];
    n->scale[one->entry + j] = own.scale[j];
    n->min[one->entry + j] = own.min[j];
    n->max[one->entry + j] = own.max[j];
  }
done:
  dsm_normalization_destroy(&own);
  free(parts);
  free(joined);
  return status;
}

static dsm_status of_labels(dsm_dataset *d, const dsm_condition *one, dsm_normalization *n) {
  int64_t found;
  DSM_TRY(count_classes(d, one->classes, &found));
  for (size_t e = one->entry; e < one->entry + one->classes; e++) n->min[e] = 0, n->max[e] = 1;
  return DSM_OK;
}

dsm_status dsm_condition_data_normalization(dsm_condition_data *c, dsm_normalization *n) {
  DSM_TRY(dsm_normalization_create(c->layout.width, n));
  n->kind = DSM_NORMALIZE_STANDARDIZE;
  for (size_t k = 0; k < c->layout.count; k++) {
    const dsm_condition *one = &c->layout.each[k];
    DSM_TRY(one->classes ? of_labels(c->dataset[k], one, n) : of_columns(c->dataset[k], one, n));
  }
  return DSM_OK;
}
