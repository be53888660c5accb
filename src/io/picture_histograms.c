/* Histograms, a panel for each feature: bars of the samples, the outline of a reference over them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "dsmpi/io.h"
#include "dsmpi/memory.h"
#include "picture_panels.h"

enum { BINS = 40 };

/* Shares of the values of feature k in each bin; NaN and what lies outside count as samples all the same. */
static void count(const float *x, size_t width, size_t n, size_t k, const double limits[2],
                  double share[BINS]) {
  memset(share, 0, BINS * sizeof *share);
  for (size_t i = 0; i < n; i++) {
    const double u = ((double)x[i * width + k] - limits[0]) / (limits[1] - limits[0]);
    if (!(u >= 0 && u <= 1)) continue;
    share[u < 1 ? (size_t)(u * BINS) : BINS - 1] += 1.0 / (double)n;
  }
}

static double tallest(const double share[BINS], double so_far) {
  for (size_t b = 0; b < BINS; b++) so_far = fmax(so_far, share[b]);
  return so_far;
}

static double edge(const dsm_panel *p, size_t bin) {
  return p->x0 + (p->x1 - p->x0) * (double)bin / BINS;
}

static void draw_bars(const dsm_panel *p, const double share[BINS]) {
  const dsm_pen pen = {{43, 113, 190}, 0, 0.6};
  for (size_t b = 0; b < BINS; b++) {
    double from[2], to[2];
    dsm_panel_place(p, edge(p, b), 0, from);
    dsm_panel_place(p, edge(p, b + 1), share[b], to);
    dsm_draw_rectangle(&p->canvas, from[0], to[1], to[0], from[1], &pen);
  }
}

static void draw_outline(const dsm_panel *p, const double share[BINS]) {
  const dsm_pen pen = {{20, 20, 20}, 1.4, 1};
  float xy[2 * BINS][2];
  for (size_t b = 0; b < BINS; b++) {
    xy[2 * b][0] = (float)edge(p, b);
    xy[2 * b + 1][0] = (float)edge(p, b + 1);
    xy[2 * b][1] = xy[2 * b + 1][1] = (float)share[b];
  }
  dsm_panel_path(p, &xy[0][0], 2 * BINS, &pen);
}

dsm_status dsm_picture_histograms(const float *x, size_t width, size_t n, const float *reference,
                                  size_t references, size_t features, const double *low, const double *high,
                                  size_t columns, dsm_picture *picture) {
  dsm__panels panels;
  DSM_TRY(dsm__panels_create(features, columns, picture, &panels));
  for (size_t k = 0; k < features; k++) {
    double bars[BINS], outline[BINS], limits[4] = {0, 0, 0, 1};
    char title[32];
    dsm__panels_limits(low[k], high[k], limits);
    count(x, width, n, k, limits, bars);
    count(reference, width, references, k, limits, outline);
    limits[3] = 1.1 * tallest(bars, tallest(outline, 1e-3));
    const dsm_panel panel = dsm__panels_at(&panels, k, limits);
    draw_bars(&panel, bars);
    if (references > 0) draw_outline(&panel, outline);
    snprintf(title, sizeof title, "%zu", k);
    dsm__panels_frame(&panel, title);
  }
  return DSM_OK;
}
