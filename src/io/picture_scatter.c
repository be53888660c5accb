#include "dsmpi/io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture_font.h"
#include "picture_ticks.h"

#include "dsmpi/memory.h"

static const unsigned char paper[3] = {255, 255, 255}, ink[3] = {60, 60, 60}, grid_line[3] = {236, 236, 236};
/* From a lone point to the densest place: light to dark blue. */
static const double light[3] = {158, 197, 233}, middle[3] = {43, 113, 190}, dark[3] = {7, 24, 66};

/* The frame in pixels and the plane inside it; both axes have the same scale. */
typedef struct plot {
  dsm_picture *picture;
  long left, top, side; /* inside of the frame */
  double x0, y0, span;
  long zoom; /* of figures and lines */
} plot;

static void put(dsm_picture *picture, long x, long y, const unsigned char rgb[3]) {
  if (x >= 0 && y >= 0 && x < (long)picture->width && y < (long)picture->height)
    memcpy(picture->rgb + 3 * ((size_t)y * picture->width + (size_t)x), rgb, 3);
}

static void fill(dsm_picture *picture, long x, long y, long width, long height, const unsigned char rgb[3]) {
  for (long j = y; j < y + height; j++)
    for (long i = x; i < x + width; i++) put(picture, i, j, rgb);
}

/* ---- limits -------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Quantiles 0.1 % and 99.9 % of the finite values of one coordinate. */
static dsm_status quantiles(const float *x, size_t count, size_t coordinate, double *low, double *high) {
  float *values;
  size_t n = 0;
  *low = -1, *high = 1;
  DSM_TRY(DSM_ALLOC(count, &values));
  for (size_t i = 0; i < count; i++)
    if (isfinite(x[2 * i + coordinate])) values[n++] = x[2 * i + coordinate];
  if (n > 0) {
    qsort(values, n, sizeof *values, ascending);
    *low = values[(size_t)floor(0.001 * (double)(n - 1))];
    *high = values[(size_t)ceil(0.999 * (double)(n - 1))];
  }
  free(values);
  return DSM_OK;
}

/* A square around the limits, with a margin for those found from data. */
static dsm_status set_limits(const float *x, size_t count, const double *limits, plot *p) {
  double x0, x1, y0, y1, margin = 0;
  if (limits) {
    x0 = limits[0], x1 = limits[1], y0 = limits[2], y1 = limits[3];
  } else {
    DSM_TRY(quantiles(x, count, 0, &x0, &x1));
    DSM_TRY(quantiles(x, count, 1, &y0, &y1));
    margin = 0.08;
  }
  if (!isfinite(x1 - x0) || !isfinite(y1 - y0) || x1 < x0 || y1 < y0)
    DSM_FAIL(DSM_USAGE, "the limits x %g to %g, y %g to %g make no picture", x0, x1, y0, y1);
  p->span = fmax(x1 - x0, y1 - y0) * (1 + 2 * margin);
  if (p->span <= 1e-6 * fmax(fabs(x0), fabs(y0))) p->span = fmax(1, 0.1 * fmax(fabs(x0), fabs(y0)));
  p->x0 = (x0 + x1 - p->span) / 2;
  p->y0 = (y0 + y1 - p->span) / 2;
  return DSM_OK;
}

/* ---- ticks --------------------------------------------------------------------------------------------- */

static long text_width(const char *text, long zoom) {
  return ((long)strlen(text) * FONT_ADVANCE - 1) * zoom;
}

static void draw_text(dsm_picture *picture, long x, long y, const char *text, long zoom) {
  for (; *text; x += FONT_ADVANCE * zoom) {
    const dsm__glyph *glyph = dsm__glyph_of(dsm__next_code(&text));
    if (!glyph) continue;
    for (int row = 0; row < FONT_HEIGHT; row++)
      for (int column = 0; column < FONT_WIDTH; column++)
        if (glyph->row[row] >> (FONT_WIDTH - 1 - column) & 1)
          fill(picture, x + column * zoom, y + row * zoom, zoom, zoom, ink);
  }
}

/* Grid lines first, as the points go over them. */
static void draw_grid(const plot *p, double step) {
  for (double k = ceil(p->x0 / step); k * step <= p->x0 + p->span; k++)
    fill(p->picture, p->left + lround((k * step - p->x0) / p->span * (double)p->side), p->top, p->zoom,
         p->side, grid_line);
  for (double k = ceil(p->y0 / step); k * step <= p->y0 + p->span; k++)
    fill(p->picture, p->left, p->top + p->side - lround((k * step - p->y0) / p->span * (double)p->side),
         p->side, p->zoom, grid_line);
}

static void draw_frame(const plot *p, double step) {
  const long z = p->zoom, length = 4 * z, right = p->left + p->side, bottom = p->top + p->side;
  char text[32];
  fill(p->picture, p->left - z, p->top - z, p->side + 2 * z, z, ink);
  fill(p->picture, p->left - z, bottom, p->side + 2 * z, z, ink);
  fill(p->picture, p->left - z, p->top - z, z, p->side + 2 * z, ink);
  fill(p->picture, right, p->top - z, z, p->side + 2 * z, ink);
  for (double k = ceil(p->x0 / step); k * step <= p->x0 + p->span; k++) {
    const long x = p->left + lround((k * step - p->x0) / p->span * (double)p->side);
    dsm__tick_text(k * step, step, text, sizeof text);
    fill(p->picture, x, bottom, z, length, ink);
    draw_text(p->picture, x - text_width(text, z) / 2, bottom + length + 3 * z, text, z);
  }
  for (double k = ceil(p->y0 / step); k * step <= p->y0 + p->span; k++) {
    const long y = bottom - lround((k * step - p->y0) / p->span * (double)p->side);
    dsm__tick_text(k * step, step, text, sizeof text);
    fill(p->picture, p->left - length, y, length, z, ink);
    draw_text(p->picture, p->left - length - 3 * z - text_width(text, z), y - FONT_HEIGHT * z / 2, text, z);
  }
}

/* ---- points -------------------------------------------------------------------------------------------- */

/* Points on each pixel, every one a small disc. */
static void count_points(const plot *p, const float *x, size_t count, float *density) {
  const long radius = p->side / 400 > 1 ? p->side / 400 : 1;
  for (size_t i = 0; i < count; i++) {
    const double u = (x[2 * i] - p->x0) / p->span, v = (x[2 * i + 1] - p->y0) / p->span;
    if (!(u >= 0 && u < 1 && v > 0 && v <= 1)) continue; /* NAN is outside too */
    const long column = (long)(u * (double)p->side), row = (long)((1 - v) * (double)p->side);
    for (long dy = -radius; dy <= radius; dy++)
      for (long dx = -radius; dx <= radius; dx++)
        if (dx * dx + dy * dy <= radius * radius && column + dx >= 0 && column + dx < p->side &&
            row + dy >= 0 && row + dy < p->side)
          density[(row + dy) * p->side + column + dx] += 1;
  }
}

/* The density that is drawn darkest: 99.5 % of the pixels with points have less. */
static dsm_status full_density(const float *density, size_t pixels, double *full) {
  float *values;
  size_t n = 0;
  DSM_TRY(DSM_ALLOC(pixels, &values));
  for (size_t i = 0; i < pixels; i++)
    if (density[i] > 0) values[n++] = density[i];
  if (n > 0) qsort(values, n, sizeof *values, ascending);
  *full = n > 0 ? values[(size_t)(0.995 * (double)(n - 1))] : 1;
  free(values);
  return DSM_OK;
}

/* Shades go with the logarithm of the density: thin tails and dense centres both show. */
static void draw_points(const plot *p, const float *density, double full) {
  for (long i = 0; i < p->side * p->side; i++) {
    unsigned char rgb[3];
    if (density[i] <= 0) continue;
    const double t = full > 1 ? fmin(1, log(density[i]) / log(full)) : 0.5;
    for (int c = 0; c < 3; c++) {
      const double s = t < 0.5 ? light[c] + 2 * t * (middle[c] - light[c])
                               : middle[c] + (2 * t - 1) * (dark[c] - middle[c]);
      rgb[c] = (unsigned char)lround(s);
    }
    put(p->picture, p->left + i % p->side, p->top + i / p->side, rgb);
  }
}

dsm_status dsm_picture_scatter(const float *x, size_t count, size_t side, const double *limits,
                               dsm_picture *picture) {
  dsm_status status = DSM_OK;
  float *density = NULL;
  double full = 1;
  plot p = {.picture = picture, .zoom = side >= 1200 ? 2 : 1};
  DSM_TRY(dsm_picture_create(side, side, paper, picture));
  if (side < 120) DSM_FAIL_DONE(DSM_USAGE, "a scatter picture needs 120 pixels or more, not %zu", side);
  p.left = 52 * p.zoom;
  p.top = 16 * p.zoom;
  p.side = (long)side - p.left - p.top;
  /* room for the figures below is less than on the left; the rest goes above */
  p.top = (long)side - p.side - 36 * p.zoom;
  DSM_TRY_DONE(set_limits(x, count, limits, &p));
  DSM_TRY_DONE(DSM_ALLOC((size_t)(p.side * p.side), &density));
  count_points(&p, x, count, density);
  DSM_TRY_DONE(full_density(density, (size_t)(p.side * p.side), &full));
  draw_grid(&p, dsm__tick_step(p.span));
  draw_points(&p, density, full);
  draw_frame(&p, dsm__tick_step(p.span));
done:
  free(density);
  if (status != DSM_OK) dsm_picture_destroy(picture);
  return status;
}
