/* The density below a picture: shades by its square root, so that thin tails show, and lines around the
 * least areas that hold given shares of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "explain.h"

enum { GRID = 181 };
static const double shares[] = {0.5, 0.9, 0.99};

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* The root of the density, largest 1, at GRID x GRID places of the panel. */
static void fill(const dsm__scene *scene, const dsm_panel *p, double t, double *root) {
  const double alpha = dsm_process_alpha(scene->process, t), sigma = dsm_process_sigma(scene->process, t);
  double largest = -INFINITY;
  for (size_t k = 0; k < GRID * GRID; k++) {
    const double x[2] = {p->x0 + (p->x1 - p->x0) * (double)(k % GRID) / (GRID - 1),
                         p->y0 + (p->y1 - p->y0) * (double)(k / GRID) / (GRID - 1)};
    root[k] = dsm_mixture_log_density(scene->law.mixture, alpha, sigma, x);
    largest = fmax(largest, root[k]);
  }
  for (size_t k = 0; k < GRID * GRID; k++) root[k] = exp((root[k] - largest) / 2);
}

/* The value of the root above which `share` of the density in the panel lies. */
static double level_of(const double *sorted, double share) {
  double all = 0, sum = 0;
  size_t k = 0;
  for (size_t i = 0; i < GRID * GRID; i++) all += sorted[i] * sorted[i];
  while (k + 1 < GRID * GRID && (sum += sorted[k] * sorted[k]) < share * all) k++;
  return sorted[k];
}

static dsm_status draw_density(const dsm__scene *scene, const dsm_panel *panel, double t) {
  dsm_status status = DSM_OK;
  double *root = NULL, *sorted = NULL;
  const double width = fmax(0.8, (panel->canvas.right - panel->canvas.left) / 400);
  const dsm_pen pen = {{25, 45, 110}, width, 0.7};
  DSM_TRY_DONE(DSM_ALLOC(GRID * GRID, &root));
  DSM_TRY_DONE(DSM_ALLOC(GRID * GRID, &sorted));
  fill(scene, panel, t, root);
  memcpy(sorted, root, GRID * GRID * sizeof *root);
  qsort(sorted, GRID * GRID, sizeof *sorted, descending);
  for (size_t k = 0; k < GRID * GRID; k++)
    root[k] *= 0.75; /* the darkest shades hide what is drawn on them */
  const dsm_field field = {GRID, GRID, root};
  dsm_panel_shade(panel, &field);
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
    dsm_panel_contour(panel, &field, 0.75 * level_of(sorted, shares[i]), &pen);
done:
  free(root);
  free(sorted);
  return status;
}

static dsm_status draw_points(const dsm__scene *scene, const dsm_panel *panel, double t) {
  const dsm_pen pen = {{114, 163, 214}, 0, 0.5};
  float *x;
  DSM_TRY(DSM_ALLOC(2 * scene->points, &x));
  dsm__scene_noised(scene, t, x);
  dsm_panel_dots(panel, x, scene->points, fmax(1, (panel->canvas.right - panel->canvas.left) / 160), &pen);
  free(x);
  return DSM_OK;
}

dsm_status dsm__ground_draw(const dsm__scene *scene, const dsm_panel *panel, double t) {
  if (scene->law.mixture)
    DSM_TRY(draw_density(scene, panel, t));
  else
    DSM_TRY(draw_points(scene, panel, t));
  return DSM_OK;
}

const char *dsm__ground_text(const dsm__scene *scene) {
  static const char *const texts[2][2] = {
      {"Light points: the data, noised.",
       "Light points: the data, noised. Axes: normalised data, as the model sees them."},
      {"Shade: the exact density p_t, darker where denser; the lines enclose 50, 90 and 99~% of it.",
       "Shade: the exact density p_t, darker where denser; the lines enclose 50, 90 and 99~% of it. Axes: "
       "normalised data, "
       "as the model sees them."}};
  const bool normalised = scene->has_model && scene->trained.header.normalization.kind != DSM_NORMALIZE_NONE;
  return texts[scene->law.mixture != NULL][normalised];
}
