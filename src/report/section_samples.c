/* What the model makes, beside what it was trained on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "chart.h"
#include "internal.h"
#include "numbers.h"

enum { POINTS = 4000, CURVES = 6, SHOWN_WIDTH = 480, CHANNELS_MAX = 64 };

/* ---- pictures ------------------------------------------------------------------------------------------ */

typedef struct grid {
  size_t wide, channels; /* pixels of a sample, its grey panels side by side */
  size_t columns, count;
  double low[CHANNELS_MAX], high[CHANNELS_MAX];
} grid;

/* How many fit side by side. */
static bool make_grid(const dsm__rows *rows, grid *g) {
  const dsm_shape s = rows->sample;
  const size_t *n = s.n + (s.rank - 3), channels = n[2], wide = n[1] * (channels == 3 ? 1 : channels);
  *g = (grid){.wide = wide, .channels = channels};
  g->columns = wide <= 40 ? 8 : wide <= 100 ? 4 : wide <= 300 ? 2 : 1;
  g->count = g->columns * (wide <= 100 ? g->columns : 2);
  return channels <= CHANNELS_MAX && n[0] <= 2048 && wide <= 4096;
}

/* Rows of one picture, from all over the file. */
static dsm_status draw(const dsm__rows *rows, const grid *g, dsm_picture *picture) {
  const size_t count = g->count < rows->n ? g->count : rows->n, wide = g->columns * g->wide;
  const size_t zoom = wide < SHOWN_WIDTH ? (SHOWN_WIDTH + wide / 2) / wide : 1;
  float *x;
  DSM_TRY(DSM_ALLOC(count * rows->d, &x));
  for (size_t i = 0; i < count; i++)
    memcpy(x + i * rows->d, rows->x + i * rows->n / count * rows->d, rows->d * sizeof *x);
  const dsm_status status =
      dsm_picture_planes(x, count, rows->sample, g->low, g->high, g->columns, zoom, picture);
  free(x);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status put_grid(dsm__report *r, const dsm__rows *rows, const grid *g, const char *id,
                           const char *title) {
  dsm_status status = DSM_OK;
  dsm_picture picture = {0};
  unsigned char *png = NULL;
  size_t size;
  DSM_TRY_DONE(draw(rows, g, &picture));
  DSM_TRY_DONE(dsm_picture_png(&picture, &png, &size));
  dsm__markup(&r->page, "<figure id=\"%s\" class=\"pixels\"><figcaption>%s</figcaption>", id, title);
  if (!dsm__image(&r->page, png, size, title)) dsm__markup(&r->page, "<p>no room left on this page</p>");
  dsm__markup(&r->page, "</figure>\n");
done:
  free(png);
  dsm_picture_destroy(&picture);
  return status;
}

static dsm_status put_grids(dsm__report *r) {
  const dsm__rows *ruler = r->data.x ? &r->data : &r->samples;
  grid g;
  char sentence[256] = "";
  if (!make_grid(ruler, &g)) {
    dsm__say(&r->page, "The samples are too large for pictures here; dsmpi view shows them.");
    return DSM_OK;
  }
  for (size_t c = 0; c < g.channels; c++) {
    bool found;
    double at[2];
    DSM_TRY(dsm__rows_range(ruler, c, 0.005, at, &found));
    g.low[c] = at[0];
    g.high[c] = at[1];
  }
  char low[40], high[40];
  snprintf(sentence, sizeof sentence, "Black is %s, white %s%s%s%s.",
           dsm__figure_text(g.low[0], 3, low, sizeof low), dsm__figure_text(g.high[0], 3, high, sizeof high),
           r->samples.x && r->data.x ? ", in both" : "", g.channels > 1 ? ", for the first channel" : "",
           ruler->sample.rank > 3 ? "; of each body the middle plane" : "");
  dsm__say(&r->page, "%s", sentence);
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  if (r->samples.x) DSM_TRY(put_grid(r, &r->samples, &g, "samples-grid", "Samples"));
  if (r->data.x) DSM_TRY(put_grid(r, &r->data, &g, "data-grid", "Data"));
  dsm__markup(&r->page, "</div>\n");
  return DSM_OK;
}

/* ---- points in the plane ------------------------------------------------------------------------------- */

static dsm_status put_scatter(dsm__report *r, const dsm__rows *rows, const double limits[4], const char *id,
                              const char *title, const char *style) {
  const size_t n = rows->n < POINTS ? rows->n : POINTS;
  double *x, *y;
  char caption[96], sentence[96] = "", count[40];
  size_t outside = 0;
  DSM_TRY(dsm__room(r, n, &x));
  DSM_TRY(dsm__room(r, n, &y));
  for (size_t i = 0; i < n; i++) {
    x[i] = rows->x[2 * (i * rows->n / n)];
    y[i] = rows->x[2 * (i * rows->n / n) + 1];
    outside += !(x[i] >= limits[0] && x[i] <= limits[1] && y[i] >= limits[2] && y[i] <= limits[3]);
  }
  if (outside > 0) snprintf(sentence, sizeof sentence, "%zu of them lie outside.", outside);
  snprintf(caption, sizeof caption, "%s, %s points", title,
           dsm__figure_text((double)n, 17, count, sizeof count));
  const dsm__curve curve = {NULL, style, x, y, n, DSM__DOTS};
  dsm__chart_put(&r->page, &(dsm__chart){.id = id,
                                         .title = caption,
                                         .x = "feature 0",
                                         .y = "feature 1",
                                         .sentence = outside > 0 ? sentence : NULL,
                                         .square = true,
                                         .limits = limits,
                                         .height = 430,
                                         .curve = &curve,
                                         .curves = 1});
  return DSM_OK;
}

static dsm_status put_scatters(dsm__report *r) {
  const dsm__rows *ruler = r->data.x ? &r->data : &r->samples;
  double limits[4];
  for (size_t c = 0; c < 2; c++) {
    bool found;
    DSM_TRY(dsm__rows_range(ruler, c, 0.001, limits + 2 * c, &found));
    const double margin = fmax(0.08 * (limits[2 * c + 1] - limits[2 * c]), 1e-6 * fabs(limits[2 * c]));
    limits[2 * c] -= margin;
    limits[2 * c + 1] += margin;
  }
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  if (r->samples.x) DSM_TRY(put_scatter(r, &r->samples, limits, "samples-scatter", "Samples", "model"));
  if (r->data.x) DSM_TRY(put_scatter(r, &r->data, limits, "data-scatter", "Data", "data"));
  dsm__markup(&r->page, "</div>\n");
  return DSM_OK;
}

/* ---- series -------------------------------------------------------------------------------------------- */

static dsm_status put_series(dsm__report *r, const dsm__rows *rows, const char *id, const char *title) {
  static const char *const styles[CURVES] = {"k0", "k1", "k2", "k3", "k4", "k5"};
  const size_t length = rows->sample.n[0], channels = rows->sample.n[1],
               n = rows->n < CURVES ? rows->n : CURVES;
  dsm__curve curves[CURVES];
  double *x, *y;
  DSM_TRY(dsm__room(r, length, &x));
  for (size_t i = 0; i < length; i++) x[i] = (double)i;
  for (size_t k = 0; k < n; k++) {
    DSM_TRY(dsm__room(r, length, &y));
    for (size_t i = 0; i < length; i++) y[i] = rows->x[k * rows->n / n * rows->d + i * channels];
    curves[k] = (dsm__curve){NULL, styles[k], x, y, length, DSM__JOINED};
  }
  dsm__chart_put(&r->page, &(dsm__chart){.id = id,
                                         .title = title,
                                         .x = "position",
                                         .y = channels > 1 ? "value, channel 0" : "value",
                                         .curve = curves,
                                         .curves = n});
  return DSM_OK;
}

static dsm_status put_all_series(dsm__report *r) {
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  if (r->samples.x) DSM_TRY(put_series(r, &r->samples, "samples-series", "Samples"));
  if (r->data.x) DSM_TRY(put_series(r, &r->data, "data-series", "Data"));
  dsm__markup(&r->page, "</div>\n");
  return DSM_OK;
}

/* ---- section ------------------------------------------------------------------------------------------- */

static dsm_status put_beside(dsm__report *r) {
  const dsm_shape s = r->samples.x ? r->samples.sample : r->data.sample;
  char count[40];
  if (r->samples.x) {
    dsm__markup(&r->page, "<h3>%s</h3>\n", r->data.x ? "Samples beside data" : "Samples");
    dsm__say(&r->page, "From %s, which holds %s. %s", r->samples.file,
             dsm__figure_text((double)r->samples.rows, 17, count, sizeof count),
             r->data.x ? "The two should look alike, in what there is and in how varied it is."
                       : "The data are not at hand to stand beside them.");
  } else {
    dsm__markup(&r->page, "<h3>Data</h3>\n");
    dsm__say(&r->page,
             "There are no samples yet: %s/samples has none. What the model learns from looks like this.",
             r->options->run);
  }
  switch (dsm_picture_kind_of(s)) {
  case DSM_PICTURE_PLANES:
    return put_grids(r);
  case DSM_PICTURE_POINTS:
    return put_scatters(r);
  case DSM_PICTURE_SERIES:
    return put_all_series(r);
  case DSM_PICTURE_HISTOGRAMS:
    dsm__say(&r->page, "The histograms of their features are below.");
  }
  return DSM_OK;
}

dsm_status dsm__put_samples(dsm__report *r) {
  dsm__section_begin(&r->page, "samples", "Samples");
  if (r->samples.x || r->data.x)
    DSM_TRY(put_beside(r));
  else
    dsm__say_command(&r->page, "There are no samples yet, and the data are not at hand:",
                     "dsmpi sample %s -n 64 -o "
                     "%s/samples/samples.h5",
                     r->options->run, r->options->run);
  dsm__section_end(&r->page);
  return DSM_OK;
}
