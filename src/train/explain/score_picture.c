/* The score field s(x, t) = grad log p_t(x) as arrows over the density, at several noise levels, exact
 * and learned. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "explain.h"

/* One noise level. */
typedef struct level {
  double t, limits[4];
  dsm__arrows arrows[DSM__SCORE_SOURCES];
  double error; /* of what is learned against what is exact; NAN if it cannot be told */
} level;

/* sigma^2 E |s_theta - s|^2 / d = E |eps_theta - eps|^2 / d over noised points of the law. */
static dsm_status weighted_error(const dsm__scene *s, double t, double *error) {
  const size_t values = 2 * s->points;
  float *x;
  double sum = 0;
  DSM_TRY(DSM_ALLOC(3 * values, &x));
  float *exact = x + values, *learned = exact + values;
  dsm__scene_noised(s, t, x);
  dsm__score_source_eps(&s->source[0], x, s->points, t, exact);
  dsm__score_source_eps(&s->source[1], x, s->points, t, learned);
  for (size_t i = 0; i < values; i++) sum += pow((double)learned[i] - (double)exact[i], 2);
  *error = sum / (double)values;
  free(x);
  return DSM_OK;
}

static dsm_status measure(const dsm__scene *s, double t, const double limits[4], level *l) {
  l->t = t;
  l->error = NAN;
  memcpy(l->limits, limits, sizeof l->limits);
  for (size_t k = 0; k < s->sources; k++) dsm__arrows_find(s, &s->source[k], t, l->limits, &l->arrows[k]);
  if (s->sources > 1) DSM_TRY(weighted_error(s, t, &l->error));
  return DSM_OK;
}

static void report(const dsm__scene *s, const level *l) {
  char error[64] = "";
  if (s->sources > 1) snprintf(error, sizeof error, "  sigma^2 E|s_learned - s|^2 / d %.4g", l->error);
  dsm_info("t %-8.4g alpha %-8.4g sigma %-8.4g median |s| %-8.4g%s", l->t,
           dsm_process_alpha(s->process, l->t), dsm_process_sigma(s->process, l->t), l->arrows[0].median,
           error);
}

static dsm_status draw_panel(const dsm__scene *s, const dsm__sheet *sheet, size_t row, size_t column,
                             const level *l, size_t source) {
  char text[96];
  const dsm_panel panel = dsm__sheet_panel(sheet, row, column, l->limits);
  DSM_TRY(dsm__ground_draw(s, &panel, l->t));
  dsm__arrows_draw(&panel, &l->arrows[source], l->arrows[0].median,
                   1); /* of one scale: the sources compare */
  if (s->has_model) dsm__sheet_tag(sheet, &panel, false, s->source[source].name);
  if (source > 0) {
    snprintf(text, sizeof text, "σ^2 E|s_θ - s|^2 / d = %.2g", l->error);
    dsm__sheet_tag(sheet, &panel, true, text);
  }
  dsm__scene_title(s, l->t, text, sizeof text);
  dsm_panel_axes(&panel, text, sheet->letter);
  return DSM_OK;
}

static dsm_status draw(const dsm__scene *s, const level *levels, size_t count) {
  dsm_status status = DSM_OK;
  const bool one = count == 1; /* then the sources stand side by side */
  char heading[160];
  const char *const paragraphs[] = {dsm__arrows_text, dsm__ground_text(s)};
  dsm__sheet sheet;
  snprintf(heading, sizeof heading, "The score of %s%s, noised by the %s process",
           s->law.mixture ? s->law.text : "points in the plane",
           s->sources > 1 ? ", exact and learned"
           : s->has_model ? ", learned"
                          : "",
           dsm_process_name_of(s->process));
  DSM_TRY(dsm__sheet_create(s->options, one ? 1 : s->sources, one ? s->sources : count, heading, paragraphs,
                            2, &sheet));
  for (size_t k = 0; k < s->sources; k++)
    for (size_t i = 0; i < count; i++)
      DSM_TRY_DONE(draw_panel(s, &sheet, one ? 0 : k, one ? k : i, &levels[i], k));
  DSM_TRY_DONE(dsm__sheet_write(&sheet, s->options->output));
done:
  dsm__sheet_destroy(&sheet);
  return status;
}

dsm_status dsm__explain_score(const dsm__scene *s) {
  static const double ratios[] = {0.1, 0.4, 1.2};
  dsm_status status = DSM_OK;
  double times[DSM_LIST_MAX], limits[DSM_LIST_MAX][4];
  size_t count;
  level *levels = NULL;
  DSM_TRY(dsm__scene_times(s, ratios, sizeof ratios / sizeof *ratios, times, &count));
  if (!(times[0] > 0))
    DSM_FAIL(DSM_USAGE, "explain: --times: the score is that of noised data, and at t = 0 there is no noise; "
                        "give times above 0");
  dsm__scene_tell(s);
  dsm__scene_limits(s, times, count, limits);
  DSM_TRY(DSM_ALLOC(count, &levels));
  for (size_t i = 0; i < count; i++) {
    DSM_TRY_DONE(measure(s, times[i], limits[i], &levels[i]));
    report(s, &levels[i]);
  }
  DSM_TRY_DONE(draw(s, levels, count));
done:
  free(levels);
  return status;
}
