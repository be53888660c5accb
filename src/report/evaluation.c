#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "internal.h"
#include "student.h"

enum { METRICS_MAX = 200, CURVES_MAX = 12 };
static const off_t bytes_most = 64 << 20;

static double number(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text(const json_t *object, const char *name) {
  const char *value = json_string_value(json_object_get(object, name));
  return value ? value : "";
}

static double *numbers_of(const json_t *list) {
  double *x;
  if (DSM_ALLOC(json_array_size(list), &x) != DSM_OK) return NULL;
  for (size_t i = 0; i < json_array_size(list); i++)
    x[i] = json_is_number(json_array_get(list, i)) ? json_number_value(json_array_get(list, i)) : NAN;
  return x;
}

/* Every list NAME_samples of a metric that has a NAME_reference of the same length. */
static dsm_status take_curves(const json_t *row, dsm__evaluation *e) {
  const char *key;
  json_t *list;
  json_object_foreach((json_t *)row, key, list) {
    const char *tail = strstr(key, "_samples");
    char other[96];
    if (!tail || strcmp(tail, "_samples") != 0 || json_array_size(list) < 2 || e->curves == CURVES_MAX)
      continue;
    const int length = (int)(tail - key);
    if (length >= (int)sizeof e->curve->name) continue;
    snprintf(other, sizeof other, "%.*s_reference", length, key);
    const json_t *beside = json_object_get(row, other);
    if (json_array_size(beside) != json_array_size(list)) continue;
    dsm__pair_curve *c = &e->curve[e->curves++];
    snprintf(c->name, sizeof c->name, "%.*s", length, key);
    c->metric = text(row, "metric");
    c->n = json_array_size(list);
    c->samples = numbers_of(list);
    c->reference = numbers_of(beside);
    if (!c->samples || !c->reference) DSM_FAIL(DSM_NO_MEMORY, "no memory for a curve of %zu numbers", c->n);
  }
  return DSM_OK;
}

/* Whether a note says why a figure is missing: it begins with the name of the metric. */
static bool is_explained(const dsm__evaluation *e, const char *metric) {
  const size_t length = strlen(metric);
  for (size_t k = 0; k < e->notes; k++)
    if (strncmp(e->note[k], metric, length) == 0 && strchr(":@,", e->note[k][length])) return true;
  return false;
}

static dsm_status take(const json_t *document, dsm__evaluation *e) {
  const json_t *rows = json_object_get(document, "metrics"), *notes = json_object_get(document, "notes");
  if (!json_is_array(rows))
    DSM_FAIL(DSM_BAD_DATA, "%s is no evaluation: it has no list of metrics; dsmpi eval --json writes one",
             e->path);
  DSM_TRY(DSM_ALLOC(METRICS_MAX, &e->metric));
  DSM_TRY(DSM_ALLOC(CURVES_MAX, &e->curve));
  e->samples = text(document, "samples");
  e->reference = text(document, "reference");
  e->seed = number(document, "seed");
  for (size_t i = 0; i < json_array_size(rows) && e->metrics < METRICS_MAX; i++) {
    const json_t *row = json_array_get(rows, i), *figure = json_object_get(row, "figure"),
                 *floor = json_object_get(row, "floor");
    if (!json_is_object(figure)) continue;
    e->metric[e->metrics++] = (dsm__metric){.metric = text(row, "metric"),
                                            .space = text(row, "space"),
                                            .unit = text(row, "unit"),
                                            .protocol = text(row, "protocol"),
                                            .value = number(figure, "value"),
                                            .error = number(figure, "error"),
                                            .samples = number(figure, "samples"),
                                            .reference = number(figure, "reference"),
                                            .floor = number(floor, "value"),
                                            .floor_error = number(floor, "error"),
                                            .ideal = number(row, "ideal")};
    DSM_TRY(take_curves(row, e));
  }
  for (size_t i = 0; i < json_array_size(notes) && e->notes < sizeof e->note / sizeof *e->note; i++)
    if (json_is_string(json_array_get(notes, i)))
      e->note[e->notes++] = json_string_value(json_array_get(notes, i));
  for (size_t i = 0; i < e->metrics; i++) /* not measured, so there is nothing to be judged */
    if (!isfinite(e->metric[i].value) && is_explained(e, e->metric[i].metric)) e->metric[i].floor = NAN;
  return DSM_OK;
}

dsm_status dsm__evaluation_read(const char *path, dsm__evaluation *e) {
  struct stat facts;
  json_error_t error;
  *e = (dsm__evaluation){0};
  if (stat(path, &facts) != 0)
    DSM_FAIL(errno == ENOENT || errno == ENOTDIR ? DSM_NOT_FOUND : DSM_IO, "%s cannot be opened: %s", path,
             strerror(errno));
  if (!S_ISREG(facts.st_mode) || facts.st_size > bytes_most)
    DSM_FAIL(DSM_BAD_DATA, "%s is no evaluation: a regular file of at most 64 MiB is expected", path);
  json_t *document = json_load_file(path, 0, &error);
  if (!document)
    DSM_FAIL(DSM_BAD_DATA, "%s:%d:%d is not JSON as dsmpi eval writes it: %s", path, error.line, error.column,
             error.text);
  e->document = document;
  snprintf(e->path, sizeof e->path, "%s", path);
  DSM_TRY(take(document, e));
  return DSM_OK;
}

void dsm__evaluation_destroy(dsm__evaluation *e) {
  for (size_t k = 0; k < e->curves; k++) {
    free(e->curve[k].samples);
    free(e->curve[k].reference);
  }
  free(e->curve);
  free(e->metric);
  json_decref(e->document);
  *e = (dsm__evaluation){0};
}

double dsm__metric_excess(const dsm__metric *m) {
  const double error = sqrt(m->error * m->error + m->floor_error * m->floor_error);
  const bool distance = m->ideal == 0 || m->ideal == 0.5;
  if (!isfinite(m->floor)) return NAN;
  if (!isfinite(m->value)) return INFINITY;
  if (!(error > 0)) return NAN;
  const bool better = distance ? m->value <= m->floor
                               : isfinite(m->ideal) && fabs(m->value - m->ideal) < fabs(m->floor - m->ideal);
  return better ? 0 : fabs(m->value - m->floor) / error;
}

size_t dsm__metrics_judged(const dsm__evaluation *e) {
  size_t judged = 0;
  for (size_t i = 0; i < e->metrics; i++) judged += !isnan(dsm__metric_excess(&e->metric[i]));
  return judged;
}

double dsm__metric_threshold(const dsm__evaluation *e) {
  const size_t judged = dsm__metrics_judged(e);
  return dsm__student(1 - 0.025 / (double)(judged > 0 ? judged : 1), 9);
}
