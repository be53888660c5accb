/* What training has left on its way: pictures of samples, and their metrics. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "chart.h"
#include "internal.h"
#include "numbers.h"

enum { PREVIEWS = 8, PREVIEW_BYTES = 600 << 10, CHARTS = 8 };

/* ---- pictures ------------------------------------------------------------------------------------------ */

typedef struct preview {
  long long step;
  char name[64];
} preview;

static int by_step(const void *a, const void *b) {
  const long long x = ((const preview *)a)->step, y = ((const preview *)b)->step;
  return (x > y) - (x < y);
}

static void list_previews(const char *folder, preview **list, size_t *count) {
  DIR *listing = opendir(folder);
  size_t room = 0;
  for (const struct dirent *e; listing && (e = readdir(listing));) {
    long long step;
    int end = 0;
    if (sscanf(e->d_name, "step-%lld.png%n", &step, &end) != 1 || end == 0 || e->d_name[end] || step < 0 ||
        strlen(e->d_name) >= sizeof(*list)->name)
      continue;
    if (*count == room) {
      room = room ? 2 * room : 64;
      preview *more = realloc(*list, room * sizeof *more);
      if (!more) break;
      *list = more;
    }
    (*list)[*count].step = step;
    strcpy((*list)[(*count)++].name, e->d_name);
  }
  if (listing) closedir(listing);
  if (*count > 0) qsort(*list, *count, sizeof **list, by_step);
}

/* Reads a PNG of a sensible size; NULL: it is none. */
static unsigned char *read_png(const char *path, size_t *size) {
  static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  struct stat facts;
  unsigned char *bytes = NULL;
  if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 57 ||
      facts.st_size > PREVIEW_BYTES)
    return NULL;
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  *size = (size_t)facts.st_size;
  if (DSM_ALLOC(*size, &bytes) == DSM_OK &&
      (fread(bytes, 1, *size, file) != *size || memcmp(bytes, signature, sizeof signature) != 0)) {
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  return bytes;
}

static void put_preview(dsm__report *r, const char *folder, const preview *p) {
  char *path = NULL, title[64], step[40];
  size_t size = 0;
  if (asprintf(&path, "%s/%s", folder, p->name) < 0) return;
  unsigned char *png = read_png(path, &size);
  snprintf(title, sizeof title, "step %s", dsm__figure_text((double)p->step, 17, step, sizeof step));
  if (!png)
    dsm__markup(&r->page, "<p>The preview of %s cannot be shown: it is no PNG, or too large.</p>\n", title);
  if (png) {
    dsm__markup(&r->page, "<figure><figcaption><span>%s</span></figcaption>", title);
    if (!dsm__image(&r->page, png, size, title)) dsm__markup(&r->page, "<p>no room left on this page</p>");
    dsm__markup(&r->page, "</figure>\n");
  }
  free(png);
  free(path);
}

/* Some of them, the first and the last among these. */
static void put_pictures(dsm__report *r, const char *folder, const preview *list, size_t count) {
  const size_t shown = count < PREVIEWS ? count : PREVIEWS;
  /* what is drawn has thin lines, which need all pixels to be averaged where it is shown smaller */
  const dsm_shape s = r->run.header.sample;
  const bool pixels = s.rank > 0 && dsm_picture_kind_of(s) == DSM_PICTURE_PLANES;
  dsm__say(&r->page, "Samples at several steps: order should come out of noise, and then stay.%s",
           pixels ? "" : " Values outside the axes, which early steps may have, are not seen.");
  dsm__markup(&r->page, "<div class=\"figures previews%s\">\n", pixels ? " pixels" : " drawn");
  for (size_t k = 0; k < shown; k++)
    put_preview(r, folder, &list[shown == 1 ? 0 : k * (count - 1) / (shown - 1)]);
  dsm__markup(&r->page, "</div>\n");
}

/* ---- figures ------------------------------------------------------------------------------------------- */

/* Columns of the log that have another one beside them for their error are metrics of previews. */
static const double *beside(const dsm__history *h, const dsm__column *c, const char *suffix) {
  char name[2 * DSM__NAME_MAX];
  snprintf(name, sizeof name, "%s%s", c->name, suffix);
  return dsm__history_values(h, name);
}

static dsm_status put_chart(dsm__report *r, const dsm__column *c, size_t number) {
  double *x, *y, *floor_x, *floor_y;
  size_t n, floors = 0;
  char id[32];
  const double *floor = beside(&r->history, c, "_floor");
  DSM_TRY(dsm__over_steps(r, c->value, &x, &y, &n));
  if (floor) DSM_TRY(dsm__over_steps(r, floor, &floor_x, &floor_y, &floors));
  const dsm__curve curves[] = {
      {"previews", "model", x, y, n, DSM__JOINED},
      {"floor", "data", floors ? floor_x : x, floors ? floor_y : y, floors, DSM__JOINED}};
  snprintf(id, sizeof id, "preview-metric-%zu", number);
  dsm__chart_put(&r->page, &(dsm__chart){.id = id,
                                         .title = c->name,
                                         .x = "step",
                                         .y = c->name,
                                         .log_y = dsm__spans_decades(y, n),
                                         .curve = curves,
                                         .curves = floors > 0 ? 2 : 1});
  return DSM_OK;
}

static size_t count_metrics(const dsm__history *h) {
  size_t metrics = 0;
  for (size_t k = 0; k < h->columns; k++) metrics += beside(h, &h->column[k], "_error") != NULL;
  return metrics;
}

static dsm_status put_charts(dsm__report *r, size_t metrics) {
  const dsm__history *h = &r->history;
  size_t number = 0;
  dsm__say(&r->page,
           "Metrics of these samples, as of dsmpi eval. The floor is what as many rows of the data reach.");
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  for (size_t k = 0; k < h->columns && number < CHARTS; k++)
    if (beside(h, &h->column[k], "_error")) DSM_TRY(put_chart(r, &h->column[k], number++));
  dsm__markup(&r->page, "</div>\n");
  if (metrics > CHARTS)
    dsm__say_command(&r->page, "Of the other metrics there are the numbers:", "dsmpi log %s --csv",
                     r->options->run);
  return DSM_OK;
}

/* ---- section ------------------------------------------------------------------------------------------- */

dsm_status dsm__put_growth(dsm__report *r) {
  char folder[DSM_TEXT_MAX + 16];
  preview *list = NULL;
  size_t count = 0;
  dsm_status status = DSM_OK;
  const size_t metrics = count_metrics(&r->history);
  snprintf(folder, sizeof folder, "%s/previews", r->options->run);
  list_previews(folder, &list, &count);
  if (count > 0 || metrics > 0) {
    dsm__section_begin(&r->page, "previews", "Growing over training");
    if (count > 0) put_pictures(r, folder, list, count);
    if (metrics > 0) status = put_charts(r, metrics);
    dsm__section_end(&r->page);
  }
  free(list);
  DSM_TRY(status);
  return DSM_OK;
}
