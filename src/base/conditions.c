#include "dsmpi/conditions.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include "dsmpi/text.h"

/* ---- names --------------------------------------------------------------------------------------------- */

/* A dataset may be written with a slash in front or without; it is the same. */
static const char *bare(const char *name) {
  return name + strspn(name, "/");
}

static dsm_status check_name(const dsm_conditions *c, const char *name) {
  static const char *const taken[] = {"samples", "index", "evaluations", "complete", NULL};
  for (size_t i = 0; taken[i]; i++)
    if (strcmp(bare(name), taken[i]) == 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "data.conditions has '%s', a name that files of samples use themselves: rename the dataset",
               name);
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(bare(c->each[i].name), bare(name)) == 0)
      DSM_FAIL(DSM_BAD_CONFIG, "data.conditions has '%s' twice", name);
  return DSM_OK;
}

static dsm_status parse_names(const char *text, dsm_conditions *c) {
  const char *at = text + strspn(text, " ");
  while (*at) {
    const char *end = at + strcspn(at, ",");
    size_t length = (size_t)(end - at);
    while (length > 0 && isspace((unsigned char)at[length - 1])) length--;
    if (length == 0 || (*end == ',' && end[1 + strspn(end + 1, " ")] == '\0'))
      DSM_FAIL(DSM_BAD_CONFIG, "data.conditions is '%s': a name is missing at a comma", text);
    if (c->count == DSM_LIST_MAX)
      DSM_FAIL(DSM_BAD_CONFIG, "data.conditions names more than %d datasets", DSM_LIST_MAX);
    if (length >= DSM_CONDITION_NAME_MAX)
      DSM_FAIL(DSM_BAD_CONFIG, "data.conditions has a name of %zu bytes; at most %d fit", length,
               DSM_CONDITION_NAME_MAX - 1);
    char name[DSM_CONDITION_NAME_MAX] = "";
    memcpy(name, at, length);
    DSM_TRY(check_name(c, name));
    memcpy(c->each[c->count++].name, name, sizeof name);
    at = *end ? end + 1 + strspn(end + 1, " ") : end;
  }
  return DSM_OK;
}

/* ---- layout -------------------------------------------------------------------------------------------- */

static dsm_status check_length(const char *key, size_t count, const dsm_conditions *c) {
  if (count == 0 || count == c->count) return DSM_OK;
  DSM_FAIL(DSM_BAD_CONFIG,
           "%s has %zu numbers, but data.conditions names %zu dataset%s: it needs one for each", key, count,
           c->count, c->count == 1 ? "" : "s");
}

dsm_status dsm_conditions_named(const dsm_config *config, dsm_conditions *c) {
  *c = (dsm_conditions){0};
  DSM_TRY(parse_names(config->data.conditions, c));
  DSM_TRY(check_length("data.classes", config->data.classes.count, c));
  DSM_TRY(check_length("data.condition_columns", config->data.condition_columns.count, c));
  bool known = true;
  size_t columns = 0, width = 0;
  for (size_t i = 0; i < c->count; i++) {
    const int64_t classes = config->data.classes.count ? config->data.classes.value[i] : 0;
    const int64_t wide = config->data.condition_columns.count ? config->data.condition_columns.value[i] : 0;
    if (classes != 0 && wide > 1)
      DSM_FAIL(DSM_BAD_CONFIG,
               "data.classes says that '%s' holds labels, which are one column, but data.condition_columns "
               "has %" PRId64,
               c->each[i].name, wide);
    c->each[i].classes = classes > 0 ? (size_t)classes : 0;
    c->each[i].columns = classes != 0 ? 1 : (size_t)wide;
    c->each[i].column = columns;
    c->each[i].entry = width;
    columns += c->each[i].columns;
    width += classes != 0 ? c->each[i].classes : c->each[i].columns;
    known = known && classes >= 0 && c->each[i].columns > 0;
  }
  if (known) c->columns = columns, c->width = width;
  return DSM_OK;
}

dsm_status dsm_conditions_of(const dsm_config *config, dsm_conditions *c) {
  DSM_TRY(dsm_conditions_named(config, c));
  if (c->count > 0 && c->width == 0)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "data.conditions is '%s', but without the data file its columns are not known: set data.classes and "
        "data.condition_columns",
        config->data.conditions);
  return DSM_OK;
}

const char *dsm_conditions_text(const dsm_conditions *c, char *text, size_t size) {
  text[0] = '\0';
  for (size_t i = 0; i < c->count; i++) {
    const dsm_condition *one = &c->each[i];
    const size_t number = one->classes ? one->classes : one->columns;
    dsm_append(text, size, "%s%s (%zu %s)", i ? ", " : "", one->name, number,
               one->classes  ? "classes"
               : number == 1 ? "column"
                             : "columns");
  }
  return text;
}

/* ---- values -------------------------------------------------------------------------------------------- */

bool dsm_label_valid(double value, size_t classes) {
  return value >= 0 && value < (double)classes && value == (double)(size_t)value;
}

void dsm_conditions_encode(const dsm_conditions *c, const double *shift, const double *scale,
                           const float *raw, size_t n, float *u) {
  memset(u, 0, n * c->width * sizeof *u);
  for (size_t i = 0; i < n; i++, raw += c->columns, u += c->width)
    for (size_t k = 0; k < c->count; k++) {
      const dsm_condition *one = &c->each[k];
      const float *x = raw + one->column;
      if (one->classes) {
        DSM_ASSERT(dsm_label_valid((double)x[0], one->classes));
        u[one->entry + (size_t)x[0]] = 1;
        continue;
      }
      for (size_t j = 0; j < one->columns; j++) {
        const size_t e = one->entry + j;
        u[e] = (float)(((double)x[j] - shift[e]) / scale[e]);
      }
    }
}
