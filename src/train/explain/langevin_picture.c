/* Langevin dynamics x_{k+1} = x_k + tau s(x_k) + sqrt(2 tau) z_k from one start: a few chains as lines
 * over density and score, and beside them where many chains are in the end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "explain.h"

enum { STEPS = 1000, CHAINS = 4, CHAINS_MAX = 16 };
_Static_assert((int)CHAINS_MAX <= (int)DSM__SCENE_BLOCK, "the chains drawn as lines are of the first block");

typedef struct walk {
  const dsm__scene *scene;
  double t, limits[4];
  dsm__chains chains;
} walk;

/* ---- settings ------------------------------------------------------------------------------------------ */

static dsm_status set_level(const dsm__scene *s, walk *w) {
  const double wanted = s->config.sampler.langevin_time;
  double times[DSM_LIST_MAX];
  size_t count = 0;
  w->t = wanted > 0 ? wanted : dsm_process_first(s->process, true);
  if (s->options->times_count > 0) {
    DSM_TRY(dsm__scene_times(s, NULL, 0, times, &count));
    if (count > 1 || !(times[0] > 0))
      DSM_FAIL(DSM_USAGE, "explain: langevin stays at one noise level: give --times one time, above 0");
    w->t = times[0];
  }
  w->chains.settings.langevin_time = w->t;
  return DSM_OK;
}

/* Long enough to see the chains go, and a fortieth of the square of the narrowest part's width. */
static void set_step(const dsm__scene *s, walk *w) {
  if (w->chains.settings.langevin_step > 0) return;
  const double alpha = dsm_process_alpha(s->process, w->t), sigma = dsm_process_sigma(s->process, w->t);
  const double width = s->law.mixture ? s->law.width : 0.2 * s->deviation;
  w->chains.settings.langevin_step = (alpha * alpha * width * width + sigma * sigma) / 40;
  w->chains.settings.step_convention = DSM_STEP_TAU;
}

/* The start, and limits that show it. */
static void set_start(const dsm__scene *s, walk *w) {
  double *l = w->limits;
  dsm__scene_limits(s, &w->t, 1, &w->limits);
  const double inset = 0.1 * (l[1] - l[0]);
  w->chains.start[0] = s->options->start ? s->options->start[0] : (l[0] + l[1]) / 2;
  w->chains.start[1] = s->options->start ? s->options->start[1] : l[2] + inset;
  for (size_t j = 0; j < 2; j++) {
    l[2 * j] = fmin(l[2 * j], w->chains.start[j] - inset);
    l[2 * j + 1] = fmax(l[2 * j + 1], w->chains.start[j] + inset);
  }
  const double half = fmax(l[1] - l[0], l[3] - l[2]) / 2;
  for (size_t j = 0; j < 2; j++) {
    const double middle = (l[2 * j] + l[2 * j + 1]) / 2;
    l[2 * j] = middle - half;
    l[2 * j + 1] = middle + half;
  }
}

/* sampler.steps of a training whose sampler is another one are not for these chains. */
static bool steps_are_meant(const dsm__scene *s) {
  return !s->has_model || s->config.sampler.name == DSM_SAMPLER_LANGEVIN ||
         dsm__trained_overridden(&s->trained, "sampler.steps");
}

static dsm_status prepare(const dsm__scene *s, walk *w) {
  const dsm_explain_options *o = s->options;
  *w = (walk){.scene = s, .chains = {.settings = s->config.sampler, .points = s->points}};
  w->chains.settings.denoise = false; /* the law of the chains is shown, not its mean */
  w->chains.steps = w->chains.settings.steps > 0 && steps_are_meant(s) ? w->chains.settings.steps : STEPS;
  w->chains.lines = o->chains > 0 ? o->chains : CHAINS;
  if (w->chains.lines > CHAINS_MAX)
    DSM_FAIL(DSM_USAGE, "explain: --chains: %zu lines are more than one can follow; at most %d",
             w->chains.lines, (int)CHAINS_MAX);
  DSM_TRY(set_level(s, w));
  set_step(s, w);
  set_start(s, w);
  DSM_TRY(DSM_ALLOC(2 * w->chains.lines * (size_t)(w->chains.steps + 1), &w->chains.path));
  DSM_TRY(DSM_ALLOC(2 * s->points, &w->chains.end));
  return DSM_OK;
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

/* The name of the start is on the side of the nearer rim: chains leave to the other one. */
static void draw_start(const walk *w, const dsm__sheet *sheet, const dsm_panel *panel) {
  const double letter = sheet->letter, radius = fmax(1, sheet->side / 360);
  const dsm_pen paper = {{255, 255, 255}, 0, 0.8}, white = {{255, 255, 255}, 0, 1}, black = {{0, 0, 0}, 0, 1};
  const dsm_lettering name = {{0, 0, 0}, letter, DSM_ANCHOR_CENTRE};
  const double half = dsm_text_width("start", letter) / 2 + 0.4 * letter;
  double at[2];
  dsm_panel_place(panel, w->chains.start[0], w->chains.start[1], at);
  const bool low = at[1] > (panel->canvas.top + panel->canvas.bottom) / 2;
  const double base = at[1] + (low ? 2.2 : -1.2) * letter;
  dsm_draw_rectangle(&panel->canvas, at[0] - half, base - 1.4 * letter, at[0] + half, base + 0.4 * letter,
                     &paper);
  dsm_draw_text(&panel->canvas, at[0], base, "start", &name);
  dsm_draw_disc(&panel->canvas, at[0], at[1], 4.6 * radius, &white);
  dsm_draw_disc(&panel->canvas, at[0], at[1], 3.6 * radius, &black);
}

static void draw_chains(const walk *w, const dsm__sheet *sheet, const dsm_panel *panel) {
  const double width = fmax(1, sheet->side / 360);
  const size_t places = (size_t)(w->chains.steps + 1);
  const dsm_pen white = {{255, 255, 255}, 0, 1}, black = {{0, 0, 0}, 0, 1};
  for (size_t c = 0; c < w->chains.lines; c++) {
    dsm_pen pen = {.width = 0.7 * width, .opacity = 0.9};
    dsm_line_colour(c, pen.rgb);
    dsm_panel_path(panel, w->chains.path + 2 * c * places, places, &pen);
  }
  for (size_t c = 0; c < w->chains.lines; c++) {
    dsm_pen pen = {.opacity = 1};
    const float *end = w->chains.path + 2 * (c * places + places - 1);
    dsm_line_colour(c, pen.rgb);
    dsm_panel_dots(panel, end, 1, 4.2 * width, &black);
    dsm_panel_dots(panel, end, 1, 3.4 * width, &white);
    dsm_panel_dots(panel, end, 1, 2.6 * width, &pen);
  }
  draw_start(w, sheet, panel);
}

static dsm_status draw_row(const walk *w, const dsm__sheet *sheet, size_t row, double median) {
  const dsm__scene *s = w->scene;
  const dsm__score_source *source = &s->source[row];
  char title[96];
  dsm__arrows arrows;
  dsm_panel panel = dsm__sheet_panel(sheet, row, 0, w->limits);
  DSM_TRY(dsm__ground_draw(s, &panel, w->t));
  dsm__arrows_find(s, source, w->t, w->limits, &arrows);
  dsm__arrows_draw(&panel, &arrows, median, 0.5);
  draw_chains(w, sheet, &panel);
  if (s->has_model) dsm__sheet_tag(sheet, &panel, false, source->name);
  snprintf(title, sizeof title, "%zu chain%s of %lld steps", w->chains.lines, w->chains.lines == 1 ? "" : "s",
           (long long)w->chains.steps);
  dsm_panel_axes(&panel, title, sheet->letter);

  const dsm_pen dots = {{165, 30, 20}, 0, 0.6};
  panel = dsm__sheet_panel(sheet, row, 1, w->limits);
  DSM_TRY(dsm__ground_draw(s, &panel, w->t));
  dsm_panel_dots(&panel, w->chains.end, s->points, fmax(1, sheet->side / 240), &dots);
  if (s->has_model) dsm__sheet_tag(sheet, &panel, false, source->name);
  snprintf(title, sizeof title, "the last places of %zu chains", s->points);
  dsm_panel_axes(&panel, title, sheet->letter);
  return DSM_OK;
}

static dsm_status draw(walk *w) {
  dsm_status status = DSM_OK;
  const dsm__scene *s = w->scene;
  char heading[160], formula[256], sampler[160];
  dsm__sheet sheet;
  dsm__arrows first;
  const dsm_sampling described = {
      .process = s->process, .settings = &w->chains.settings, .steps = w->chains.steps};
  const double tau = w->chains.settings.step_convention == DSM_STEP_HALF
                         ? w->chains.settings.langevin_step / 2
                         : w->chains.settings.langevin_step;
  snprintf(heading, sizeof heading, "Langevin dynamics in %s",
           s->law.mixture ? s->law.text : "a learned law");
  snprintf(formula, sizeof formula,
           "Each step: x_{k+1}~=~x_k~+~τ~s(x_k)~+~√(2τ)~z_k, τ~=~%.3g, z_k~normal%s; noise level t~=~%.3g, "
           "α~=~%.3g, "
           "σ~=~%.3g.",
           tau, w->chains.settings.metropolis ? ", accepted by Metropolis's rule" : "", w->t,
           dsm_process_alpha(s->process, w->t), dsm_process_sigma(s->process, w->t));
  const char *const paragraphs[] = {formula, dsm__arrows_text, dsm__ground_text(s)};
  dsm_sampler_describe(dsm_sampler_of(DSM_SAMPLER_LANGEVIN), &described, sampler, sizeof sampler);
  dsm__scene_tell(s);
  dsm_info("chains   %s, from (%g, %g) at t = %g", sampler, w->chains.start[0], w->chains.start[1], w->t);
  DSM_TRY(dsm__sheet_create(s->options, s->sources, 2, heading, paragraphs, 3, &sheet));
  dsm__arrows_find(s, &s->source[0], w->t, w->limits, &first);
  for (size_t k = 0; k < s->sources; k++) {
    DSM_TRY_DONE(dsm__chains_run(&w->chains, s->process, &s->source[k].denoiser, s->options->seed));
    DSM_TRY_DONE(draw_row(w, &sheet, k, first.median));
  }
  DSM_TRY_DONE(dsm__sheet_write(&sheet, s->options->output));
done:
  dsm__sheet_destroy(&sheet);
  return status;
}

dsm_status dsm__explain_langevin(const dsm__scene *s) {
  walk w;
  dsm_status status = prepare(s, &w);
  if (status == DSM_OK) status = draw(&w);
  free(w.chains.path);
  free(w.chains.end);
  DSM_TRY(status);
  return DSM_OK;
}
