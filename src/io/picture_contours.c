/* Lines of equal value by marching squares (Lorensen & Cline 1987, in the plane): every cell of the grid that has
 * corners on both sides of the level is crossed by one or two straight pieces. */
#include <math.h>

#include "dsmpi/drawing.h"

/* Corners of a cell: 0 lower left, 1 lower right, 2 upper right, 3 upper left; edge e joins corners e and e + 1. */
static const double corner_x[4] = {0, 1, 1, 0}, corner_y[4] = {0, 0, 1, 1};

/* Where the level crosses edge e, in cells from the lower left corner. */
static void crossing(const double corner[4], int e, double level, double at[2]) {
  const int f = (e + 1) % 4;
  const double share = (level - corner[e]) / (corner[f] - corner[e]);
  at[0] = corner_x[e] + share * (corner_x[f] - corner_x[e]);
  at[1] = corner_y[e] + share * (corner_y[f] - corner_y[e]);
}

static void draw_piece(const dsm_panel *panel, const dsm_field *field, size_t i, size_t j,
                       const double from[2], const double to[2], const dsm_pen *pen) {
  const double step_x = (panel->x1 - panel->x0) / (double)(field->nx - 1),
               step_y = (panel->y1 - panel->y0) / (double)(field->ny - 1);
  double a[2], b[2];
  dsm_panel_place(panel, panel->x0 + ((double)i + from[0]) * step_x,
                  panel->y0 + ((double)j + from[1]) * step_y, a);
  dsm_panel_place(panel, panel->x0 + ((double)i + to[0]) * step_x, panel->y0 + ((double)j + to[1]) * step_y,
                  b);
  dsm_draw_line(&panel->canvas, a[0], a[1], b[0], b[1], pen);
}

void dsm_panel_contour(const dsm_panel *panel, const dsm_field *field, double level, const dsm_pen *pen) {
  for (size_t j = 0; j + 1 < field->ny; j++)
    for (size_t i = 0; i + 1 < field->nx; i++) {
      const double *v = field->value + j * field->nx + i;
      const double corner[4] = {v[0], v[1], v[field->nx + 1], v[field->nx]};
      double at[4][2];
      int found = 0;
      if (!isfinite(corner[0] + corner[1] + corner[2] + corner[3])) continue;
      for (int e = 0; e < 4; e++)
        if ((corner[e] < level) != (corner[(e + 1) % 4] < level)) crossing(corner, e, level, at[found++]);
      if (found == 0) continue;
      /* of a saddle, the pieces that cut off the corners unlike its middle: 0 and 2 if corner 0 is like it */
      const bool middle = (corner[0] + corner[1] + corner[2] + corner[3]) / 4 < level;
      const int turn = found == 4 && middle != (corner[0] < level);
      draw_piece(panel, field, i, j, at[turn ? 3 : 0], at[turn ? 0 : 1], pen);
      if (found == 4) draw_piece(panel, field, i, j, at[turn ? 1 : 2], at[turn ? 2 : 3], pen);
    }
}
