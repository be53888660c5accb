/* How good the samples of a preview are, in one line of the log. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "dsmpi/text.h"
#include "internal.h"

/* "frechet@pca"; raw values are what is meant without a word. */
static const char *name_of(const dsm_eval_row *row, char name[64]) {
  const bool plain = row->space[0] == '\0' || strcmp(row->space, "raw") == 0;
  snprintf(name, 64, "%s%s%s", row->metric, plain ? "" : "@", plain ? "" : row->space);
  return name;
}

static void add(char *text, size_t size, const char *name, const char *suffix, double value) {
  char number[32];
  if (isfinite(value))
    dsm_append(text, size, ", \"%s%s\": %s", name, suffix, dsm_json_number(value, number, sizeof number));
}

/* Adds a row to the line, all of it or, where the line is full, nothing. */
static void add_row(const dsm_eval_row *row, const char *name, char line[DSM__METRICS_LINE_MAX]) {
  char text[512] = "";
  add(text, sizeof text, name, "", row->figure.value);
  add(text, sizeof text, name, "_error", row->figure.error);
  add(text, sizeof text, name, "_floor", row->floor.value);
  if (strlen(line) + strlen(text) + 2 < DSM__METRICS_LINE_MAX)
    strcat(line, text);
  else
    dsm_warn("no room for %s in a line of metrics.jsonl", name);
}

static void tell(const dsm_eval_row *row, const char *name) {
  char error[48] = "", floor[48] = "";
  if (isfinite(row->figure.error)) snprintf(error, sizeof error, " +- %.2g", row->figure.error);
  if (isfinite(row->floor.value)) snprintf(floor, sizeof floor, ", floor %.4g", row->floor.value);
  dsm_info("         %s %.4g%s%s", name, row->figure.value, error, floor);
}

/* Copies a message with the words of the command line replaced by those of the configuration: who has written no --metrics is
 * not to be told of it. */
static void reword(const char *message, char *text, size_t size) {
  static const char *const words[][2] = {{"--metrics: ", "train.preview_metrics: "},
                                         {"--metrics ", "train.preview_metrics "},
                                         {"--classifier: ", "train.preview_classifier: "},
                                         {"--classifier ", "train.preview_classifier "}};
  text[0] = '\0';
  while (*message) {
    size_t k = 0;
    while (k < sizeof words / sizeof *words && strncmp(message, words[k][0], strlen(words[k][0])) != 0) k++;
    if (k == sizeof words / sizeof *words) {
      dsm_append(text, size, "%c", *message++);
      continue;
    }
    dsm_append(text, size, "%s", words[k][1]);
    message += strlen(words[k][0]);
  }
}

static dsm_status in_own_words(dsm_status status) {
  char text[1024];
  reword(dsm_trail_message(), text, sizeof text);
  if (strcmp(text, dsm_trail_message()) == 0) return dsm__forward(status, __FILE__, __LINE__);
  dsm_trail_clear();
  DSM_FAIL(status == DSM_USAGE ? DSM_BAD_CONFIG : status, "%s", text);
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
    add_row(&out.row[k], name_of(&out.row[k], name), line);
    tell(&out.row[k], name);
  }
  if (status == DSM_OK) dsm_append(line, DSM__METRICS_LINE_MAX, "}");
  dsm_evaluation_destroy(&out);
  if (status != DSM_OK) return in_own_words(status);
  return DSM_OK;
}
