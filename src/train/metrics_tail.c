/* The newest lines of the loss log, read while the job may be writing the next one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "internal.h"

enum { TAIL = 1 << 20 };

/* The number behind "key": in `line`; NAN where there is none, or null. */
static double number(const char *line, const char *key) {
  char quoted[128], *end;
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char *at = strstr(line, quoted);
  if (!at) return NAN;
  at += strlen(quoted);
  const double x = strtod(at, &end);
  return end == at ? NAN : x;
}

/* A count, or -1. */
static int64_t count(const char *line, const char *key) {
  const double x = number(line, key);
  return x >= 0 && x < 9e15 ? (int64_t)x : -1;
}

bool dsm__metrics_parse(const char *line, size_t length, dsm__metrics_line *parsed) {
  char text[DSM__METRICS_LINE_MAX];
  *parsed = (dsm__metrics_line){-1, -1, NAN, NAN, NAN, NAN, false};
  if (length >= sizeof text || memchr(line, '\0', length)) return false;
  memcpy(text, line, length);
  text[length] = '\0';
  if (strncmp(text, "{\"step\":", 8) != 0 || text[length - 1] != '}') return false;
  parsed->step = count(text, "step");
  parsed->skipped = count(text, "skipped");
  parsed->loss = number(text, "loss");
  parsed->trained = strstr(text, "\"loss\":") != NULL;
  parsed->seconds = number(text, "seconds");
  parsed->samples_per_second = number(text, "samples_per_second");
  parsed->seconds_left = number(text, "seconds_left");
  return parsed->step >= 0;
}

/* ---- figures ------------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end) {
  const size_t n = strlen(name), e = strlen(end);
  return n >= e && strcmp(name + n - e, end) == 0;
}

static double companion(const char *line, const char *name, const char *suffix) {
  char key[96];
  snprintf(key, sizeof key, "%s%s", name, suffix);
  return number(line, key);
}

static void take_figure(const char *line, const char *name, int64_t step, double value,
                        dsm__metrics_tail *tail) {
  size_t k = 0;
  while (k < tail->figures && strcmp(tail->figure[k].name, name) != 0) k++;
  if (k == DSM_RUN_FIGURES) return;
  if (k == tail->figures) tail->figures++;
  dsm_run_figure *f = &tail->figure[k];
  *f = (dsm_run_figure){.step = step,
                        .value = value,
                        .error = companion(line, name, "_error"),
                        .floor = companion(line, name, "_floor")};
  snprintf(f->name, sizeof f->name, "%s", name);
}

/* The names of a line that stand before a number of their own; lists are for other eyes. */
static void take_figures(const char *begin, size_t length, int64_t step, dsm__metrics_tail *tail) {
  char line[DSM__METRICS_LINE_MAX], name[sizeof tail->figure->name];
  snprintf(line, sizeof line, "%.*s", (int)length, begin);
  for (const char *at = strchr(line, '"'); at; at = strchr(at, '"')) {
    const char *close = strchr(at + 1, '"');
    char *end;
    if (!close || close[1] != ':') return;
    snprintf(name, sizeof name, "%.*s", (int)(close - at - 1), at + 1);
    const double value = strtod(close + 2, &end);
    if (end != close + 2 && isfinite(value) && strcmp(name, "step") != 0 && !ends_with(name, "_error") &&
        !ends_with(name, "_floor"))
      take_figure(line, name, step, value, tail);
    at = close + 1;
  }
}

/* ---- the end of the log -------------------------------------------------------------------------------- */

dsm_status dsm__metrics_last(const char *path, dsm__metrics_tail *tail) {
  char *text;
  size_t length;
  struct stat facts;
  dsm__metrics_line line;
  *tail = (dsm__metrics_tail){.last = {-1, -1, NAN, NAN, NAN, NAN, false}, .age = NAN};
  if (stat(path, &facts) == 0) tail->age = fmax(0, difftime(time(NULL), facts.st_mtime));
  DSM_TRY(dsm__file_tail(path, TAIL, &text, &length));
  for (const char *at = text, *end = text + length; at < end;) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (!newline) {
      tail->cut = true;
      break;
    }
    if (!dsm__metrics_parse(at, (size_t)(newline - at), &line))
      tail->damaged++;
    else if (line.trained)
      tail->last = line;
    else
      take_figures(at, (size_t)(newline - at), line.step, tail);
    at = newline + 1;
  }
  free(text);
  return DSM_OK;
}
