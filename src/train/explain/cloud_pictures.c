/* A cloud of points at several times: on the way to noise, x_t = alpha x0 + sigma eps, and on the way
 * back, drawn by a sampler with exact and learned scores. A few points are marked, so that they can be
 * followed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "explain.h"

enum { MARKED = 6 };

static const double ratios[] = {0, 0.12, 0.4, 1.2, INFINITY}; /* sigma / alpha of the panels, in deviations */
enum { RATIOS = sizeof ratios / sizeof *ratios };

static dsm_status draw_panel(const dsm__scene *s, const dsm__sheet *sheet, size_t row, size_t column,
                             double t, const double limits[4], const float *x, const char *tag) {
  const double radius = fmax(1.2, sheet->side / 180);
  const dsm_pen dot = {{30, 30, 40}, 0, 0.5}, white = {{255, 255, 255}, 0, 1};
  char title[96];
  const dsm_panel panel = dsm__sheet_panel(sheet, row, column, limits);
  DSM_TRY(dsm__ground_draw(s, &panel, t));
  dsm_panel_dots(&panel, x, s->points, radius, &dot);
  for (size_t i = 0; i < MARKED && i < s->points; i++) {
    dsm_pen mark = {.opacity = 1};
    dsm_line_colour(i, mark.rgb);
    dsm_panel_dots(&panel, x + 2 * i, 1, 3.2 * radius, &white);
    dsm_panel_dots(&panel, x + 2 * i, 1, 2.4 * radius, &mark);
  }
  if (tag) dsm__sheet_tag(sheet, &panel, false, tag);
  dsm__scene_title(s, t, title, sizeof title);
  dsm_panel_axes(&panel, title, sheet->letter);
  return DSM_OK;
}

/* ---- to noise ------------------------------------------------------------------------------------------ */

dsm_status dsm__explain_noising(const dsm__scene *s) {
  dsm_status status = DSM_OK;
  double times[DSM_LIST_MAX], limits[DSM_LIST_MAX][4];
  size_t count;
  float *x = NULL;
  char heading[160];
  const char *const paragraphs[] = {
      "Each point: x_t~=~α(t)~x_0~+~σ(t)~ε, ε~normal, the same in all panels; large points can be followed.",
      dsm__ground_text(s)};
  dsm__sheet sheet = {.rows = 0};
  DSM_TRY(dsm__scene_times(s, ratios, RATIOS, times, &count));
  snprintf(heading, sizeof heading, "From %s to noise, forward process %s",
           s->law.mixture ? s->law.text : "the data", dsm_process_name_of(s->process));
  DSM_TRY_DONE(DSM_ALLOC(2 * s->points, &x));
  dsm__scene_tell(s);
  dsm__scene_limits(s, times, count, limits);
  DSM_TRY_DONE(dsm__sheet_create(s->options, 1, count, heading, paragraphs, 2, &sheet));
  for (size_t i = 0; i < count; i++) {
    dsm__scene_noised(s, times[i], x);
    dsm_info("t %-8.4g alpha %-8.4g sigma %-8.4g", times[i], dsm_process_alpha(s->process, times[i]),
             dsm_process_sigma(s->process, times[i]));
    DSM_TRY_DONE(draw_panel(s, &sheet, 0, i, times[i], limits[i], x, NULL));
  }
  DSM_TRY_DONE(dsm__sheet_write(&sheet, s->options->output));
done:
  free(x);
  dsm__sheet_destroy(&sheet);
  return status;
}

/* ---- and back ------------------------------------------------------------------------------------------ */

static dsm_status check_sampler(const dsm_sampler *sampler) {
  if (!sampler->walks)
    DSM_FAIL(DSM_BAD_CONFIG,
             "explain: the %s sampler does not take all points from time to time together, so there are no "
             "panels to draw; take ancestral, ddim, euler, heun, dpmpp_2m or euler_maruyama",
             sampler->name);
  return DSM_OK;
}

static dsm_status draw_back(const dsm__scene *s, dsm_sampling *settings, const dsm_sampler *sampler,
                            dsm__film *film) {
  dsm_status status = DSM_OK;
  double limits[DSM_LIST_MAX][4];
  char heading[160], described[160], first[256];
  const char *const paragraphs[] = {first, dsm__ground_text(s)};
  dsm__sheet sheet;
  dsm_sampler_describe(sampler, settings, described, sizeof described);
  dsm__scene_tell(s);
  dsm_info("sampler  %s; %s", described, dsm_process_name_of(s->process));
  snprintf(heading, sizeof heading, "From noise to %s by %s, process %s",
           s->law.mixture ? s->law.text : "the data", sampler->name, dsm_process_name_of(s->process));
  for (char *p = heading; *p; p++)
    if (*p == '_') *p = ' ';
  snprintf(first, sizeof first,
           "%zu points start from pure noise and follow the %s score; large points can be followed.",
           s->points, s->sources > 1 ? "exact or the learned" : s->source[0].name);
  dsm__scene_limits(s, film->wanted, film->frames, limits);
  DSM_TRY(dsm__sheet_create(s->options, s->sources, film->frames, heading, paragraphs, 2, &sheet));
  for (size_t k = 0; k < s->sources; k++) {
    settings->denoiser = &s->source[k].denoiser;
    DSM_TRY_DONE(dsm__film_shoot(sampler, settings, film));
    for (size_t f = 0; f < film->frames; f++)
      DSM_TRY_DONE(draw_panel(s, &sheet, k, film->frames - 1 - f, film->taken[f], limits[f],
                              film->frame + 2 * f * film->points, s->has_model ? s->source[k].name : NULL));
  }
  DSM_TRY_DONE(dsm__sheet_write(&sheet, s->options->output));
done:
  dsm__sheet_destroy(&sheet);
  return status;
}

dsm_status dsm__explain_denoising(const dsm__scene *s) {
  enum { STEPS = 200 };
  dsm_status status = DSM_OK;
  double wanted[DSM_LIST_MAX], taken[DSM_LIST_MAX];
  const dsm_sampler *sampler = dsm_sampler_of(s->config.sampler.name);
  dsm__film film = {.points = s->points, .wanted = wanted, .taken = taken};
  dsm_sampling settings = {.process = s->process,
                           .settings = &s->config.sampler,
                           .n = DSM__SCENE_BLOCK,
                           .d = 2,
                           .seed = s->options->seed,
                           .clip_low = s->trained.clip_low,
                           .clip_high = s->trained.clip_high,
                           .channels = s->has_model ? s->trained.header.normalization.channels : 2};
  DSM_TRY(check_sampler(sampler));
  settings.steps = dsm_sampler_steps(sampler, s->process, &s->config.sampler);
  if (s->config.sampler.steps == 0 && settings.steps > STEPS)
    settings.steps = STEPS; /* as many as one can see */
  settings.denoiser = &s->source[0].denoiser;
  DSM_TRY(dsm_sampler_check(sampler, &settings));
  DSM_TRY(dsm__scene_times(s, ratios, RATIOS, wanted, &film.frames));
  DSM_TRY(DSM_ALLOC(2 * film.frames * film.points, &film.frame));
  DSM_TRY_DONE(draw_back(s, &settings, sampler, &film));
done:
  free(film.frame);
  return status;
}
