/* The loss log for spreadsheets, and for people. */
#include "dsmpi/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/log.h"
#include "history.h"
#include "numbers.h"

static void warn(const char *run, const dsm__history *h) {
  if (h->damaged > 0)
    dsm_warn("%s/metrics.jsonl: %zu line%s damaged and left out", run, h->damaged,
             h->damaged == 1 ? " is" : "s are");
  if (h->cut)
    dsm_warn("%s/metrics.jsonl ends within a line, which is left out: a job was killed, or is writing it",
             run);
  if (h->left_out > 0)
    dsm_warn("%s/metrics.jsonl has more names than %d; the rest is left out", run, DSM__COLUMNS_MAX);
}

/* In quotation marks where it has to be (RFC 4180). */
static void put_text(FILE *out, const char *text) {
  if (!text[strcspn(text, ",\"\r\n")]) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (const char *p = text; *p; p++) {
    if (*p == '"') fputc('"', out);
    fputc(*p, out);
  }
  fputc('"', out);
}

static void put_cell(FILE *out, const dsm__column *c, size_t row) {
  char text[40];
  if (c->text && c->text[row])
    put_text(out, c->text[row]);
  else if (isfinite(c->value[row]))
    fputs(dsm__exact_text(c->value[row], text, sizeof text), out);
}

static dsm_status end(FILE *out) {
  if (fflush(out) != 0 || ferror(out)) DSM_FAIL(DSM_IO, "the table cannot be written: %s", strerror(errno));
  return DSM_OK;
}

dsm_status dsm_log_csv(const char *run, FILE *out) {
  dsm_status status = DSM_OK;
  dsm__history h;
  DSM_TRY_DONE(dsm__history_of_run(run, &h));
  warn(run, &h);
  for (size_t k = 0; k < h.columns; k++) {
    if (k) fputc(',', out);
    put_text(out, h.column[k].name);
  }
  for (size_t i = 0; i < h.rows; i++) {
    fputc('\n', out);
    for (size_t k = 0; k < h.columns; k++) {
      if (k) fputc(',', out);
      put_cell(out, &h.column[k], i);
    }
  }
  fputc('\n', out);
  DSM_TRY_DONE(end(out));
done:
  dsm__history_destroy(&h);
  return status;
}

/* The columns for people, if the log has them. */
static const struct {
  const char *name, *title, *format;
  int width;
} shown[] = {{"step", "step", "%.0f", 9},
             {"epoch", "epoch", "%.3g", 8},
             {"loss", "loss", "%.5g", 11},
             {"held_out_loss", "held out", "%.5g", 11},
             {"gradient_norm", "gradient", "%.3g", 9},
             {"learning_rate", "rate", "%.3g", 9},
             {"skipped", "skipped", "%.0f", 8},
             {"samples_per_second", "samples/s", "%.1f", 11}};
enum { SHOWN = sizeof shown / sizeof *shown };

static void put_row(FILE *out, const double *const *column, size_t row) {
  for (size_t k = 0; k < SHOWN; k++) {
    char text[32] = "-";
    if (!column[k]) continue;
    if (isfinite(column[k][row])) snprintf(text, sizeof text, shown[k].format, column[k][row]);
    fprintf(out, "%*s", shown[k].width, text);
  }
  fputc('\n', out);
}

dsm_status dsm_log_table(const char *run, size_t lines, FILE *out) {
  dsm_status status = DSM_OK;
  dsm__history h;
  const double *column[SHOWN];
  DSM_TRY_DONE(dsm__history_of_run(run, &h));
  warn(run, &h);
  for (size_t k = 0; k < SHOWN; k++) {
    column[k] = dsm__history_values(&h, shown[k].name);
    if (column[k]) fprintf(out, "%*s", shown[k].width, shown[k].title);
  }
  fputc('\n', out);
  if (lines > h.rows) lines = h.rows;
  for (size_t i = 0; i < lines; i++) /* the last one is the newest */
    put_row(out, column, lines == 1 ? h.rows - 1 : i * (h.rows - 1) / (lines - 1));
  DSM_TRY_DONE(end(out));
done:
  dsm__history_destroy(&h);
  return status;
}
