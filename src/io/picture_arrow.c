/* An arrow is a shaft and a triangle. Its rim is the same shape, a little larger, in white below it. */
#include <math.h>

#include "picture_stroke.h"

/* From the tail along (ux, uy): the shaft has half width `half`, the head begins at `neck` and is `wing`
 * wide on either side. */
typedef struct arrow {
  double x, y, ux, uy, length, neck, half, wing, rim;
} arrow;

static double inside_arrow(const void *shape, double px, double py) {
  const arrow *a = shape;
  const double dx = px - a->x, dy = py - a->y;
  const double along = dx * a->ux + dy * a->uy, aside = fabs(dx * a->uy - dy * a->ux);
  const double head = a->length - a->neck, slope = hypot(head, a->wing);
  /* the head's two long edges, and its base */
  const double in_head = fmin(((a->length - along) * a->wing - aside * head) / slope, along - a->neck);
  const double in_shaft = fmin(a->half - aside, fmin(along, a->neck + 0.5 - along));
  return fmax(in_head, in_shaft) + a->rim;
}

void dsm_draw_arrow(const dsm_canvas *canvas, double x0, double y0, double x1, double y1,
                    const dsm_pen *pen) {
  enum { HEAD = 5 }; /* widths of the pen */
  const double length = hypot(x1 - x0, y1 - y0), head = fmin(length, HEAD * pen->width);
  if (!(length > 0)) return;
  arrow a = {.x = x0,
             .y = y0,
             .ux = (x1 - x0) / length,
             .uy = (y1 - y0) / length,
             .length = length,
             .neck = length - head,
             .half = pen->width / 2,
             .wing = 0.42 * head};
  const dsm_pen white = {{255, 255, 255}, 0, 0.75 * pen->opacity};
  const double around = a.wing + pen->width + 2;
  const double box[4] = {fmin(x0, x1) - around, fmin(y0, y1) - around, fmax(x0, x1) + around,
                         fmax(y0, y1) + around};
  a.rim = 0.7 * pen->width;
  dsm__cover(canvas, box, inside_arrow, &a, &white);
  a.rim = 0;
  dsm__cover(canvas, box, inside_arrow, &a, pen);
}
