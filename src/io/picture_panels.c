#include "picture_panels.h"

#include <math.h>
#include "dsmpi/memory.h"

enum { WIDTH = 800, NARROWEST = 110, WIDEST = 360 };
static const double letter = 8, proportion = 0.62; /* height of letters; of a panel, to its width */

dsm_status dsm__panels_create(size_t count, size_t columns, dsm_picture *picture, dsm__panels *panels) {
  static const unsigned char paper[3] = {255, 255, 255};
  const dsm_margin m = dsm_panel_margin(letter);
  DSM_ASSERT(count > 0);
  if (columns == 0) columns = (size_t)ceil(sqrt((double)count));
  if (columns > count) columns = count;
  const size_t rows = (count + columns - 1) / columns;
  const double width = round(WIDTH / (double)columns - m.left - m.right);
  *panels = (dsm__panels){picture, columns, fmin(WIDEST, fmax(NARROWEST, width)), 0};
  panels->height = round(proportion * panels->width);
  DSM_TRY(dsm_picture_create((size_t)ceil((double)columns * (panels->width + m.left + m.right)),
                             (size_t)ceil((double)rows * (panels->height + m.top + m.bottom)), paper,
                             picture));
  return DSM_OK;
}

dsm_panel dsm__panels_at(const dsm__panels *p, size_t i, const double limits[4]) {
  const dsm_margin m = dsm_panel_margin(letter);
  const double left = round((double)(i % p->columns) * (p->width + m.left + m.right) + m.left),
               top = round((double)(i / p->columns) * (p->height + m.top + m.bottom) + m.top);
  return (dsm_panel){
      {p->picture, left, top, left + p->width, top + p->height}, limits[0], limits[1], limits[2], limits[3]};
}

void dsm__panels_frame(const dsm_panel *panel, const char *title) {
  dsm_panel_axes(panel, title, letter);
}

void dsm__panels_limits(double low, double high, double limits[2]) {
  limits[0] = low;
  limits[1] = high;
  if (isfinite(high - low) && high - low > 1e-6 * fmax(fabs(low), fabs(high))) return;
  const double centre = isfinite(low + high) ? (low + high) / 2 : 0, half = fmax(1, 0.1 * fabs(centre));
  limits[0] = centre - half;
  limits[1] = centre + half;
}
