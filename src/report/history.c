#include "history.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dsmpi/memory.h"

/* ---- the table ----------------------------------------------------------------------------------------- */

static double *grown(double *value, size_t from, size_t to) {
  double *more = realloc(value, to * sizeof *more);
  for (size_t i = from; more && i < to; i++) more[i] = NAN;
  return more;
}

static dsm_status no_memory(size_t rows) {
  DSM_FAIL(DSM_NO_MEMORY, "no memory for a loss log of %zu lines", rows);
}

static dsm_status grow(dsm__history *h) {
  const size_t room = h->room ? 2 * h->room : 256;
  for (size_t k = 0; k < h->columns; k++) {
    dsm__column *c = &h->column[k];
    double *value = grown(c->value, h->room, room);
    if (!value) return no_memory(room);
    c->value = value;
    if (!c->text) continue;
    char **text = realloc(c->text, room * sizeof *text);
    if (!text) return no_memory(room);
    c->text = text;
    memset(text + h->room, 0, (room - h->room) * sizeof *text);
  }
  h->room = room;
  return DSM_OK;
}

static dsm__column *find(const dsm__history *h, const char *name) {
  for (size_t k = 0; k < h->columns; k++)
    if (strcmp(h->column[k].name, name) == 0) return &h->column[k];
  return NULL;
}

/* The column of a name, made where it is new; NULL in `*column` when there are too many. */
static dsm_status column_of(dsm__history *h, const char *name, const char *list, dsm__column **column) {
  *column = find(h, name);
  if (*column) return DSM_OK;
  if (h->columns == DSM__COLUMNS_MAX || strlen(name) >= DSM__NAME_MAX) {
    h->left_out++;
    return DSM_OK;
  }
  if (!h->column) DSM_TRY(DSM_ALLOC(DSM__COLUMNS_MAX, &h->column));
  dsm__column *c = &h->column[h->columns];
  c->value = grown(NULL, 0, h->room);
  if (!c->value) return no_memory(h->room);
  snprintf(c->name, sizeof c->name, "%s", name);
  snprintf(c->list, sizeof c->list, "%s", list);
  h->columns++;
  *column = c;
  return DSM_OK;
}

static dsm_status put_text(dsm__history *h, dsm__column *c, const char *text) {
  if (!c->text) DSM_TRY(DSM_ALLOC(h->room, &c->text));
  free(c->text[h->rows - 1]);
  c->text[h->rows - 1] = strdup(text);
  if (!c->text[h->rows - 1]) return no_memory(h->room);
  return DSM_OK;
}

/* Puts a scalar into the last row; objects and lists within lists have no place in a table. */
static dsm_status put(dsm__history *h, const char *name, const char *list, const json_t *value) {
  dsm__column *c;
  if (json_is_object(value) || json_is_array(value)) return DSM_OK;
  DSM_TRY(column_of(h, name, list, &c));
  if (!c) return DSM_OK;
  if (json_is_string(value)) return put_text(h, c, json_string_value(value));
  if (json_is_number(value)) c->value[h->rows - 1] = json_number_value(value);
  if (json_is_boolean(value)) c->value[h->rows - 1] = json_is_true(value);
  return DSM_OK;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static void drop_last_row(dsm__history *h) {
  h->rows--;
  for (size_t k = 0; k < h->columns; k++) {
    dsm__column *c = &h->column[k];
    c->value[h->rows] = NAN;
    if (!c->text) continue;
    free(c->text[h->rows]);
    c->text[h->rows] = NULL;
  }
}

/* Makes the last row that of `step`. */
static dsm_status begin_row(dsm__history *h, double step) {
  const double *steps = dsm__history_values(h, "step");
  while (h->rows > 0 && steps[h->rows - 1] > step) drop_last_row(h);
  if (h->rows > 0 && steps[h->rows - 1] == step) return DSM_OK;
  if (h->rows == h->room) DSM_TRY(grow(h));
  h->rows++;
  return DSM_OK;
}

static dsm_status take(dsm__history *h, json_t *line) {
  const char *name;
  json_t *value;
  DSM_TRY(begin_row(h, json_number_value(json_object_get(line, "step"))));
  /* the step is the first column whatever stands before it in the line: begin_row looks there */
  DSM_TRY(put(h, "step", "", json_object_get(line, "step")));
  json_object_foreach(line, name, value) {
    DSM_TRY(put(h, name, "", value));
    for (size_t i = 0; i < json_array_size(value); i++) {
      char element[2 * DSM__NAME_MAX];
      snprintf(element, sizeof element, "%.*s_%zu", DSM__NAME_MAX, name, i);
      DSM_TRY(put(h, element, name, json_array_get(value, i)));
    }
  }
  return DSM_OK;
}

static dsm_status take_line(dsm__history *h, const char *text, size_t length) {
  json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
  const json_t *step = json_object_get(line, "step");
  dsm_status status = DSM_OK;
  if (json_is_integer(step) && json_integer_value(step) >= 0)
    status = take(h, line);
  else
    h->damaged++;
  json_decref(line);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__history_read(const char *path, dsm__history *h) {
  dsm_status status = DSM_OK;
  char *text = NULL;
  size_t room = 0;
  ssize_t length;
  struct stat facts;
  *h = (dsm__history){0};
  FILE *file = fopen(path, "r");
  if (!file)
    DSM_FAIL(errno == ENOENT || errno == ENOTDIR ? DSM_NOT_FOUND : DSM_IO, "%s cannot be opened: %s", path,
             strerror(errno));
  if (fstat(fileno(file), &facts) != 0 || !S_ISREG(facts.st_mode))
    DSM_FAIL_DONE(DSM_IO, "%s is not a regular file", path);
  while ((length = getline(&text, &room, file)) > 0) {
    h->cut = text[length - 1] != '\n';
    if (!h->cut) DSM_TRY_DONE(take_line(h, text, (size_t)length - 1));
  }
  if (ferror(file)) DSM_FAIL_DONE(DSM_IO, "%s cannot be read: %s", path, strerror(errno));
done:
  free(text);
  fclose(file);
  return status;
}

void dsm__history_destroy(dsm__history *h) {
  for (size_t k = 0; k < h->columns; k++) {
    dsm__column *c = &h->column[k];
    for (size_t i = 0; c->text && i < h->rows; i++) free(c->text[i]);
    free(c->text);
    free(c->value);
  }
  free(h->column);
  *h = (dsm__history){0};
}

dsm_status dsm__history_if_any(const char *run, dsm__history *h) {
  struct stat facts;
  char *path = NULL;
  *h = (dsm__history){0};
  if (stat(run, &facts) != 0) DSM_FAIL(DSM_NOT_FOUND, "there is no run folder %s: %s", run, strerror(errno));
  if (!S_ISDIR(facts.st_mode))
    DSM_FAIL(DSM_NOT_FOUND, "%s is a file; the folder of a run is wanted, as given to dsmpi train -o", run);
  if (asprintf(&path, "%s/metrics.jsonl", run) < 0)
    DSM_FAIL(DSM_NO_MEMORY, "no memory for the name of a file");
  dsm_status status = stat(path, &facts) == 0 ? dsm__history_read(path, h) : DSM_OK;
  free(path);
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__history_of_run(const char *run, dsm__history *h) {
  DSM_TRY(dsm__history_if_any(run, h));
  if (h->rows == 0)
    DSM_FAIL(DSM_NOT_FOUND,
             "%s has no logged step: there is no line in its metrics.jsonl%s. A training writes one every "
             "train.log_every steps; is this a run folder?",
             run, h->damaged > 0 ? " that can be read" : "");
  return DSM_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

const double *dsm__history_values(const dsm__history *h, const char *name) {
  const dsm__column *c = find(h, name);
  return c ? c->value : NULL;
}

double dsm__history_last(const dsm__history *h, const char *name) {
  const double *value = dsm__history_values(h, name);
  for (size_t i = h->rows; value && i > 0; i--)
    if (isfinite(value[i - 1])) return value[i - 1];
  return NAN;
}

const double *dsm__history_element(const dsm__history *h, const char *list, size_t i) {
  char name[2 * DSM__NAME_MAX];
  snprintf(name, sizeof name, "%s_%zu", list, i);
  const dsm__column *c = find(h, name);
  return c && strcmp(c->list, list) == 0 ? c->value : NULL;
}

size_t dsm__history_elements(const dsm__history *h, const char *list) {
  size_t n = 0;
  while (dsm__history_element(h, list, n)) n++;
  return n;
}
