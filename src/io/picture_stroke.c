/* Smooth strokes: a pixel is covered by as much as its centre lies inside the shape's edge, 0 to 1 over
 * one pixel. */
#include "dsmpi/drawing.h"

#include <math.h>

#include "picture_stroke.h"

dsm_canvas dsm_canvas_of(dsm_picture *picture) {
  return (dsm_canvas){picture, 0, 0, (double)picture->width, (double)picture->height};
}

/* A place may be farther away than a long can say. */
static double within(double value, double low, double high) {
  return fmax(low, fmin(high, value));
}

void dsm__cover(const dsm_canvas *canvas, const double box[4], dsm__inside *inside, const void *shape,
                const dsm_pen *pen) {
  const double width = (double)canvas->picture->width, height = (double)canvas->picture->height;
  if (!isfinite(box[0] + box[1] + box[2] + box[3])) return;
  const double x0 = fmax(0, canvas->left), x1 = fmin(width, canvas->right), y0 = fmax(0, canvas->top),
               y1 = fmin(height, canvas->bottom);
  if (!(x0 < x1 && y0 < y1)) return;
  const long left = (long)floor(within(box[0] - 1, x0, x1)), right = (long)ceil(within(box[2] + 1, x0, x1));
  const long top = (long)floor(within(box[1] - 1, y0, y1)), bottom = (long)ceil(within(box[3] + 1, y0, y1));
  for (long j = top; j < bottom; j++)
    for (long i = left; i < right; i++) {
      const double depth = inside(shape, (double)i + 0.5, (double)j + 0.5) + 0.5;
      if (!(depth > 0)) continue;
      const double share = pen->opacity * (depth < 1 ? depth : 1);
      unsigned char *rgb = canvas->picture->rgb + 3 * ((size_t)j * canvas->picture->width + (size_t)i);
      for (int c = 0; c < 3; c++) rgb[c] = (unsigned char)lround(rgb[c] + share * (pen->rgb[c] - rgb[c]));
    }
}

/* ---- shapes -------------------------------------------------------------------------------------------- */

typedef struct segment {
  double x, y, dx, dy, length2, radius;
} segment;

static double inside_segment(const void *shape, double x, double y) {
  const segment *s = shape;
  double along = s->length2 > 0 ? ((x - s->x) * s->dx + (y - s->y) * s->dy) / s->length2 : 0;
  along = along < 0 ? 0 : along > 1 ? 1 : along;
  return s->radius - hypot(x - s->x - along * s->dx, y - s->y - along * s->dy);
}

static void draw_segment(const dsm_canvas *canvas, const segment *s, const dsm_pen *pen) {
  const double x1 = s->x + s->dx, y1 = s->y + s->dy, r = s->radius;
  const double box[4] = {fmin(s->x, x1) - r, fmin(s->y, y1) - r, fmax(s->x, x1) + r, fmax(s->y, y1) + r};
  dsm__cover(canvas, box, inside_segment, s, pen);
}

void dsm_draw_line(const dsm_canvas *canvas, double x0, double y0, double x1, double y1, const dsm_pen *pen) {
  const double dx = x1 - x0, dy = y1 - y0;
  draw_segment(canvas, &(segment){x0, y0, dx, dy, dx * dx + dy * dy, pen->width / 2}, pen);
}

void dsm_draw_disc(const dsm_canvas *canvas, double x, double y, double radius, const dsm_pen *pen) {
  draw_segment(canvas, &(segment){x, y, 0, 0, 0, radius}, pen);
}

static double inside_rectangle(const void *shape, double x, double y) {
  const double *r = shape;
  return fmin(fmin(x - r[0], r[2] - x), fmin(y - r[1], r[3] - y));
}

void dsm_draw_rectangle(const dsm_canvas *canvas, double left, double top, double right, double bottom,
                        const dsm_pen *pen) {
  const double box[4] = {left, top, right, bottom};
  dsm__cover(canvas, box, inside_rectangle, box, pen);
}
