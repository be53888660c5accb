/* Lines of equal value. A pixel is as far from the line as its value is from the level, over the slope of
 * the field there: so the line has one width everywhere, no joints, and closes by itself. */
#include <math.h>

#include "dsmpi/drawing.h"
#include "picture_field.h"
#include "picture_stroke.h"

typedef struct contour {
  const dsm_panel *panel;
  const dsm_field *field;
  double level, half;
} contour;

static double inside_contour(const void *shape, double x, double y) {
  const contour *c = shape;
  double slope[2];
  const double value = dsm__field_at(c->panel, c->field, x, y, slope), steep = hypot(slope[0], slope[1]);
  return steep > 0 ? c->half - fabs(value - c->level) / steep : -1; /* NAN covers nothing */
}

void dsm_panel_contour(const dsm_panel *panel, const dsm_field *field, double level, const dsm_pen *pen) {
  const dsm_canvas *c = &panel->canvas;
  const contour shape = {panel, field, level, pen->width / 2};
  const double box[4] = {c->left, c->top, c->right, c->bottom};
  dsm__cover(c, box, inside_contour, &shape, pen);
}
