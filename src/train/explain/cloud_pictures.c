/* A cloud of points at several times: on the way to noise, x_t = alpha x0 + sigma eps, and on the way back, drawn by a
 * sampler with exact and learned scores. A few points are marked, so that they can be followed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
      "Each point: x_t = α(t) x_0 + σ(t) ε, ε normal, the same in all panels; large points can be followed.",
      dsm__ground_text(s)};
  dsm__sheet sheet = {.rows = 0};
  DSM_TRY(dsm__scene_times(s, ratios, RATIOS, times, &count));
  snprintf(heading, sizeof heading, "From %s to noise: the %s process forward",
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

/* A denoiser that sees every x on a sampler's way and keeps those at wanted times: the last x that is asked about at the
 * first time not above the wanted one. Correctors and second stages, which ask again, so count. */
typedef struct camera {
  dsm_denoiser inner;
  size_t frames, points; /* of the picture */
  const double *wanted;  /* (frames) */
  double *taken;         /* (frames) the times of what is kept; -1: none yet */
  float *frame;          /* (frames, points, 2) */
  size_t first, here;    /* samples of the block */
} camera;

static void camera_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  camera *c = self;
  for (size_t f = 0; f < c->frames; f++)
    if (t[0] <= c->wanted[f] && (c->taken[f] < 0 || t[0] == c->taken[f])) {
      memcpy(c->frame + 2 * (f * c->points + c->first), x, 2 * c->here * sizeof *x);
      c->taken[f] = t[0];
    }
  c->inner.estimate(c->inner.self, x, t, estimate);
}

static void camera_energy(void *self, const float *x, const double *t, double *energy) {
  const camera *c = self;
  c->inner.energy(c->inner.self, x, t, energy);
}

static dsm_denoiser seen_by(camera *c) {
  dsm_denoiser denoiser = c->inner;
  denoiser.self = c;
  denoiser.estimate = camera_estimate;
  denoiser.energy = c->inner.energy ? camera_energy : NULL;
  denoiser.pullback = NULL;
  return denoiser;
}

/* Draws all points by the sampler; frames at wanted[f] = 0 hold its samples. */
static dsm_status film(const dsm__scene *s, const dsm_sampling *settings, const dsm_sampler *sampler,
                       camera *c) {
  const dsm_denoiser denoiser = seen_by(c);
  float x[2 * DSM__SCENE_BLOCK];
  for (c->first = 0; c->first < s->points; c->first += DSM__SCENE_BLOCK) {
    dsm_sampling sampling = *settings;
    c->here = s->points - c->first < DSM__SCENE_BLOCK ? s->points - c->first : DSM__SCENE_BLOCK;
    for (size_t f = 0; f < c->frames; f++) c->taken[f] = -1;
    sampling.denoiser = &denoiser;
    sampling.first = c->first;
    DSM_TRY(dsm_sampler_draw(sampler, &sampling, x));
    for (size_t f = 0; f < c->frames; f++)
      if (c->taken[f] < 0) {
        memcpy(c->frame + 2 * (f * c->points + c->first), x, 2 * c->here * sizeof *x);
        if (settings->settings->denoise) continue;
        c->taken[f] = dsm_process_first(s->process, true);
      }
  }
  for (size_t f = 0; f < c->frames; f++) c->taken[f] = fmax(0, c->taken[f]);
  return DSM_OK;
}

static dsm_status check_sampler(const dsm_sampler *sampler) {
  if (!sampler->walks)
    DSM_FAIL(DSM_BAD_CONFIG,
             "explain: the %s sampler does not take all points from time to time together, so there are no "
             "panels to "
             "draw; take ancestral, ddim, euler, heun, dpmpp_2m or euler_maruyama",
             sampler->name);
  return DSM_OK;
}

static dsm_status draw_back(const dsm__scene *s, const dsm_sampling *settings, const dsm_sampler *sampler,
                            camera *c) {
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
  dsm__scene_limits(s, c->wanted, c->frames, limits);
  DSM_TRY(dsm__sheet_create(s->options, s->sources, c->frames, heading, paragraphs, 2, &sheet));
  for (size_t k = 0; k < s->sources; k++) {
    c->inner = s->source[k].denoiser;
    DSM_TRY_DONE(film(s, settings, sampler, c));
    for (size_t f = 0; f < c->frames; f++)
      DSM_TRY_DONE(draw_panel(s, &sheet, k, c->frames - 1 - f, c->taken[f], limits[f],
                              c->frame + 2 * f * c->points, s->has_model ? s->source[k].name : NULL));
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
  camera c = {.points = s->points, .wanted = wanted, .taken = taken};
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
  DSM_TRY(dsm__scene_times(s, ratios, RATIOS, wanted, &c.frames));
  DSM_TRY(DSM_ALLOC(2 * c.frames * c.points, &c.frame));
  DSM_TRY_DONE(draw_back(s, &settings, sampler, &c));
done:
  free(c.frame);
  return status;
}
