/* How good the samples of a preview are, in one line of the log. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "internal.h"

/* "frechet@pca"; raw values are what is meant without a word. */
static const char *name_of(const dsm_eval_row *row, char name[64]) {
  const bool plain = row->space[0] == '\0' || strcmp(row->space, "raw") == 0;
  snprintf(name, 64, "%s%s%s", row->metric, plain ? "" : "@", plain ? "" : row->space);
  return name;
}

static void add(char line[DSM__METRICS_LINE_MAX], const char *name, const char *suffix, double value) {
  const size_t used = strlen(line);
  char number[32];
  if (!isfinite(value)) return;
  snprintf(line + used, DSM__METRICS_LINE_MAX - used, ", \"%s%s\": %s", name, suffix,
           dsm_json_number(value, number, sizeof number));
}

static void tell(const dsm_eval_row *row, const char *name) {
  char error[48] = "", floor[48] = "";
  if (isfinite(row->figure.error)) snprintf(error, sizeof error, " +- %.2g", row->figure.error);
  if (isfinite(row->floor.value)) snprintf(floor, sizeof floor, ", floor %.4g", row->floor.value);
  dsm_info("         %s %.4g%s%s", name, row->figure.value, error, floor);
}

/* Who has written no --metrics is not to be told of it. */
static dsm_status in_own_words(dsm_status status) {
  static const char option[] = "--metrics";
  char message[512];
  snprintf(message, sizeof message, "%s", dsm_trail_message());
  const char *told = strstr(message, option); /* perhaps behind the name of a rank */
  if (!told) return dsm__forward(status, __FILE__, __LINE__);
  dsm_trail_clear();
  DSM_FAIL(DSM_BAD_CONFIG, "train.preview_metrics%s", told + sizeof option - 1);
}

dsm_status dsm__preview_check(const char *metrics) {
  if (metrics[0] == '\0') return DSM_OK;
  const dsm_status status = dsm_eval_check_list(metrics);
  if (status != DSM_OK) return in_own_words(status);
  return DSM_OK;
}

dsm_status dsm__preview_measure(dsm_comm *comm, const dsm_eval_options *options, int64_t step,
                                char line[DSM__METRICS_LINE_MAX]) {
  dsm_evaluation out = {0};
  const dsm_status status = dsm_evaluate(comm, options, &out);
  if (status == DSM_OK) snprintf(line, DSM__METRICS_LINE_MAX, "{\"step\": %lld", (long long)step);
  for (size_t k = 0; status == DSM_OK && k < out.rows; k++) {
    char name[64];
    name_of(&out.row[k], name);
    add(line, name, "", out.row[k].figure.value);
    add(line, name, "_error", out.row[k].figure.error);
    add(line, name, "_floor", out.row[k].floor.value);
    tell(&out.row[k], name);
  }
  if (status == DSM_OK) snprintf(line + strlen(line), DSM__METRICS_LINE_MAX - strlen(line), "}");
  dsm_evaluation_destroy(&out);
  if (status != DSM_OK) return in_own_words(status);
  return DSM_OK;
}
