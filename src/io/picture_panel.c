/* Panels: a rectangle of the plane in a picture, what is drawn in it, and its axes. */
#include <math.h>
#include <string.h>

#include "dsmpi/drawing.h"
#include "picture_field.h"
#include "picture_ticks.h"

static const unsigned char ink[3] = {50, 50, 50};

void dsm_panel_place(const dsm_panel *p, double x, double y, double place[2]) {
  const dsm_canvas *c = &p->canvas;
  place[0] = c->left + (x - p->x0) / (p->x1 - p->x0) * (c->right - c->left);
  place[1] = c->bottom - (y - p->y0) / (p->y1 - p->y0) * (c->bottom - c->top);
}

/* ---- inside -------------------------------------------------------------------------------------------- */

/* The cell of a grid of n places that the share u of the way lies in, and how far in it. */
static size_t cell_of(double u, size_t n, double *rest) {
  const double place = u * (double)(n - 1);
  size_t cell = place > 0 ? (size_t)place : 0;
  if (cell > n - 2) cell = n - 2;
  *rest = place - (double)cell;
  return cell;
}

double dsm__field_at(const dsm_panel *panel, const dsm_field *field, double x, double y, double slope[2]) {
  const dsm_canvas *c = &panel->canvas;
  const double width = c->right - c->left, height = c->bottom - c->top;
  double a, b;
  const size_t i = cell_of((x - c->left) / width, field->nx, &a),
               j = cell_of((c->bottom - y) / height, field->ny, &b);
  const double *lower = field->value + j * field->nx + i, *upper = lower + field->nx;
  if (slope) {
    slope[0] =
        ((1 - b) * (lower[1] - lower[0]) + b * (upper[1] - upper[0])) * (double)(field->nx - 1) / width;
    slope[1] =
        -((1 - a) * (upper[0] - lower[0]) + a * (upper[1] - lower[1])) * (double)(field->ny - 1) / height;
  }
  return (1 - b) * (lower[0] + a * (lower[1] - lower[0])) + b * (upper[0] + a * (upper[1] - upper[0]));
}

void dsm_panel_shade(const dsm_panel *panel, const dsm_field *field) {
  const dsm_canvas *c = &panel->canvas;
  for (long row = lround(c->top); row < lround(c->bottom); row++)
    for (long column = lround(c->left); column < lround(c->right); column++)
      dsm_shade(dsm__field_at(panel, field, (double)column + 0.5, (double)row + 0.5, NULL),
                c->picture->rgb + 3 * ((size_t)row * c->picture->width + (size_t)column));
}

void dsm_panel_path(const dsm_panel *panel, const float *xy, size_t count, const dsm_pen *pen) {
  for (size_t i = 0; i + 1 < count; i++) {
    double a[2], b[2];
    dsm_panel_place(panel, (double)xy[2 * i], (double)xy[2 * i + 1], a);
    dsm_panel_place(panel, (double)xy[2 * i + 2], (double)xy[2 * i + 3], b);
    dsm_draw_line(&panel->canvas, a[0], a[1], b[0], b[1], pen);
  }
}

void dsm_panel_dots(const dsm_panel *panel, const float *xy, size_t count, double radius,
                    const dsm_pen *pen) {
  for (size_t i = 0; i < count; i++) {
    double at[2];
    dsm_panel_place(panel, (double)xy[2 * i], (double)xy[2 * i + 1], at);
    dsm_draw_disc(&panel->canvas, at[0], at[1], radius, pen);
  }
}

/* ---- axes ---------------------------------------------------------------------------------------------- */

dsm_margin dsm_panel_margin(double height) {
  return (dsm_margin){
      .left = 4.2 * height, .top = 2.4 * height, .right = 1.2 * height, .bottom = 2.6 * height};
}

/* Figures are smaller than titles. */
static double figures(double height) {
  return round(0.8 * height);
}

/* The step of the ticks between low and high, such that figures side by side do not touch. */
static double step_of(double low, double high, double pixels, double height) {
  for (double wide = high - low;; wide *= 2) {
    const double step = dsm__tick_step(wide), distance = step / (high - low) * pixels;
    double widest = 0;
    for (double k = ceil(low / step); k * step <= high; k++) {
      char text[32];
      dsm__tick_text(k * step, step, text, sizeof text);
      widest = fmax(widest, dsm_text_width(text, figures(height)));
    }
    if (distance > widest + 1.5 * height || step > high - low) return step;
  }
}

static void draw_x_ticks(const dsm_panel *p, const dsm_canvas *all, double height, const dsm_pen *pen) {
  const double step = step_of(p->x0, p->x1, p->canvas.right - p->canvas.left, height), length = 0.45 * height;
  const dsm_lettering figure = {{ink[0], ink[1], ink[2]}, figures(height), DSM_ANCHOR_CENTRE};
  for (double k = ceil(p->x0 / step); k * step <= p->x1; k++) {
    char text[32];
    double at[2];
    dsm_panel_place(p, k * step, p->y0, at);
    dsm__tick_text(k * step, step, text, sizeof text);
    dsm_draw_line(all, at[0], at[1], at[0], at[1] + length, pen);
    dsm_draw_text(all, at[0], at[1] + length + 0.6 * height + figure.height, text, &figure);
  }
}

/* Figures of many places are smaller, so that they fit into the margin. */
static double y_figures(const dsm_panel *p, double step, double height, double room) {
  double widest = 0;
  for (double k = ceil(p->y0 / step); k * step <= p->y1; k++) {
    char text[32];
    dsm__tick_text(k * step, step, text, sizeof text);
    widest = fmax(widest, dsm_text_width(text, figures(height)));
  }
  return widest > room ? figures(height) * room / widest : figures(height);
}

static void draw_y_ticks(const dsm_panel *p, const dsm_canvas *all, double height, const dsm_pen *pen) {
  const double step = step_of(p->y0, p->y1, p->canvas.bottom - p->canvas.top, height), length = 0.45 * height,
               away = length + 0.5 * height, room = dsm_panel_margin(height).left - away - 0.2 * height;
  const dsm_lettering figure = {{ink[0], ink[1], ink[2]}, y_figures(p, step, height, room), DSM_ANCHOR_RIGHT};
  for (double k = ceil(p->y0 / step); k * step <= p->y1; k++) {
    char text[32];
    double at[2];
    dsm_panel_place(p, p->x0, k * step, at);
    dsm__tick_text(k * step, step, text, sizeof text);
    dsm_draw_line(all, at[0] - length, at[1], at[0], at[1], pen);
    dsm_draw_text(all, at[0] - away, at[1] + figure.height / 2, text, &figure);
  }
}

void dsm_panel_axes(const dsm_panel *panel, const char *title, double height) {
  const dsm_canvas *c = &panel->canvas, all = dsm_canvas_of(c->picture);
  const double width = fmax(1, height / 9), half = width / 2;
  const dsm_pen pen = {{ink[0], ink[1], ink[2]}, width, 1};
  const dsm_lettering heading = {{0, 0, 0}, height, DSM_ANCHOR_CENTRE};
  draw_x_ticks(panel, &all, height, &pen);
  draw_y_ticks(panel, &all, height, &pen);
  dsm_draw_rectangle(&all, c->left - half, c->top - half, c->right + half, c->top + half, &pen);
  dsm_draw_rectangle(&all, c->left - half, c->bottom - half, c->right + half, c->bottom + half, &pen);
  dsm_draw_rectangle(&all, c->left - half, c->top - half, c->left + half, c->bottom + half, &pen);
  dsm_draw_rectangle(&all, c->right - half, c->top - half, c->right + half, c->bottom + half, &pen);
  dsm_draw_text(&all, (c->left + c->right) / 2, c->top - 0.8 * height, title, &heading);
}
