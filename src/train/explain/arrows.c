/* Scores as arrows. Far from the data they are many times longer than near to it: the length of what is
 * drawn grows with the score and ends at the size of a cell, so that neighbours never meet. */
#include <math.h>
#include <stdlib.h>
#include "explain.h"

enum { COUNT = DSM__ARROWS * DSM__ARROWS };

const char *const dsm__arrows_text = "Arrows: the score s(x)~=~∇~log~p_t(x) of x_t~=~α~x_0~+~σ~ε; their "
                                     "length is |s|~/~(|s|~+~m) cells, m~the median of "
                                     "|s|.";

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void dsm__arrows_find(const dsm__scene *scene, const dsm__score_source *source, double t,
                      const double limits[4], dsm__arrows *a) {
  const double sigma = dsm_process_sigma(scene->process, t), cell = (limits[1] - limits[0]) / DSM__ARROWS;
  double size[COUNT];
  float eps[2 * COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    a->x[2 * i] = (float)(limits[0] + ((double)(i % DSM__ARROWS) + 0.5) * cell);
    a->x[2 * i + 1] = (float)(limits[2] + ((double)(i / DSM__ARROWS) + 0.5) * cell);
  }
  dsm__score_source_eps(source, a->x, COUNT, t, eps);
  for (size_t i = 0; i < 2 * COUNT; i++) a->score[i] = -(double)eps[i] / sigma;
  for (size_t i = 0; i < COUNT; i++) size[i] = hypot(a->score[2 * i], a->score[2 * i + 1]);
  qsort(size, COUNT, sizeof *size, ascending);
  a->median = size[COUNT / 2];
}

/* Each is centred at its place. */
void dsm__arrows_draw(const dsm_panel *panel, const dsm__arrows *a, double median, double opacity) {
  const double side = panel->canvas.right - panel->canvas.left, cell = side / DSM__ARROWS;
  const dsm_pen pen = {{165, 30, 20}, fmax(1, side / 280), opacity};
  for (size_t i = 0; i < COUNT; i++) {
    const double sx = a->score[2 * i], sy = a->score[2 * i + 1], size = hypot(sx, sy);
    const double half = 0.49 * cell * size / (size + median);
    double at[2];
    if (!(size > 0) || !isfinite(size)) continue;
    dsm_panel_place(panel, (double)a->x[2 * i], (double)a->x[2 * i + 1], at);
    const double dx = half * sx / size, dy = -half * sy / size;
    dsm_draw_arrow(&panel->canvas, at[0] - dx, at[1] - dy, at[0] + dx, at[1] + dy, &pen);
  }
}
