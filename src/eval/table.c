/* The evaluation as people read it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "dsmpi/clock.h"
#include "dsmpi/eval.h"
#include "dsmpi/log.h"
#include "dsmpi/text.h"

enum { COLUMNS = 80, VALUE_END = 34 /* column of the table */ };

/* Prints a text behind a label in lines of at most COLUMNS, later ones indented. A word wider than a line is broken. */
static void wrapped_behind(const char *label, const char *text, size_t indent) {
  char line[COLUMNS + 1] = "";
  snprintf(line, sizeof line, "%s", label);
  bool begun = false; /* the line has a word */
  while (*text) {
    const size_t length = strcspn(text, " "), used = strlen(line);
    if (begun && used + 1 + length > COLUMNS) {
      dsm_info("%s", line);
      snprintf(line, sizeof line, "%*s", (int)indent, "");
      begun = false;
      continue;
    }
    const size_t room = COLUMNS - used - begun, part = length < room ? length : room;
    dsm_append(line, sizeof line, "%s%.*s", begun ? " " : "", (int)part, text);
    begun = true;
    text += part;
    text += strspn(text, " ");
  }
  if (begun) dsm_info("%s", line);
}

static void wrapped(const char *text, size_t indent) {
  wrapped_behind("", text, indent);
}

static const char *rows_text(uint64_t n, char *text, size_t size) {
  if (n < 100000)
    snprintf(text, size, "%llu", (unsigned long long)n);
  else if (n < 10000000)
    snprintf(text, size, "%.0fk", (double)n / 1e3);
  else
    snprintf(text, size, "%.0fM", (double)n / 1e6);
  return text;
}

static const char *number_text(double x, int digits, char *text, size_t size) {
  if (isnan(x))
    snprintf(text, size, "-");
  else
    snprintf(text, size, "%.*g", digits, x);
  return text;
}

static void name_of(const dsm_eval_row *row, char *text, size_t size) {
  const bool plain = row->space[0] == '\0' || strcmp(row->space, "raw") == 0;
  snprintf(text, size, "%s%s%s", row->metric, plain ? "" : "@", plain ? "" : row->space);
}

static void line_of(const dsm_eval_row *row) {
  char name[64], cell[4][32], n[2][24];
  name_of(row, name, sizeof name);
  const dsm_figure *f = &row->figure, *floor = &row->floor;
  const int left = VALUE_END - (int)strlen(name) - 1; /* a long name takes of the blanks before the number */
  dsm_info("%s %*s +- %-7s %10s +- %-7s %5s %5s", name, left > 0 ? left : 0,
           number_text(f->value, 4, cell[0], sizeof cell[0]),
           number_text(f->error, 2, cell[1], sizeof cell[1]),
           number_text(floor->value, 4, cell[2], sizeof cell[2]),
           number_text(floor->error, 2, cell[3], sizeof cell[3]), rows_text(f->samples, n[0], sizeof n[0]),
           rows_text(f->reference, n[1], sizeof n[1]));
}

static void protocol_of(const dsm_eval_row *row) {
  char name[64], text[DSM_EVAL_PROTOCOL_MAX + 192], n[2][24];
  if (!row->protocol[0]) return;
  name_of(row, name, sizeof name);
  snprintf(text, sizeof text, "%s: %s. Floor from %s and %s rows.%s%s%s", name, row->protocol,
           rows_text(row->floor.samples, n[0], sizeof n[0]),
           rows_text(row->floor.reference, n[1], sizeof n[1]), row->unit[0] ? " Unit: " : "", row->unit,
           row->unit[0] ? ", x that of the values." : "");
  wrapped(text, 2);
}

void dsm_evaluation_print(const dsm_evaluation *e) {
  char text[DSM_EVAL_PROTOCOL_MAX + 16], time[32];
  wrapped_behind("samples    ", e->samples, 11);
  wrapped_behind("reference  ", e->reference, 11);
  dsm_info("%s", "");
  dsm_info("%-23s %21s %21s %s", "metric", "samples +- error  ", "floor +- error  ", "    n n ref");
  for (size_t r = 0; r < e->rows; r++) line_of(&e->row[r]);
  dsm_info("%s", "");
  wrapped(
      "floor: the same between two parts of the reference that share no row, one as large as the samples are "
      "where the reference allows, else half of it: what perfect samples get from so many rows. Errors are "
      "standard errors. n, n ref: rows of the samples and of the reference behind the figure; those "
      "behind the "
      "floor stand below, and where they are fewer, a distance tends to be larger.",
      2);
  dsm_info("%s", "");
  for (size_t r = 0; r < e->rows; r++) protocol_of(&e->row[r]);
  for (size_t k = 0; k < e->notes; k++) {
    snprintf(text, sizeof text, "note: %s", e->note[k]);
    wrapped(text, 2);
  }
  dsm_info("seed %llu; every metric was taken once, none was chosen among several; %s",
           (unsigned long long)e->seed, dsm_duration(e->seconds, time, sizeof time));
}
