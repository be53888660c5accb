/* Loss, gradient, learning rate and speed over the steps. */
#include <math.h>
#include "chart.h"
#include "internal.h"
#include "numbers.h"

/* The mean over neighbours, strong over the faint single values. */
static dsm_status smoothed(dsm__report *r, const double *raw, double **smooth) {
  const size_t n = r->history.rows;
  double *sum, *count;
  DSM_TRY(dsm__room(r, n + 1, &sum));
  DSM_TRY(dsm__room(r, n + 1, &count));
  DSM_TRY(dsm__room(r, n, smooth));
  dsm__smooth(raw, n, n / 40, sum, count, *smooth);
  return DSM_OK;
}

typedef struct plot {
  const char *name, *id, *title, *unit;
  bool smooth, from_zero;
} plot;

static dsm_status put_plot(dsm__report *r, const plot *p, bool logarithmic, const char *sentence) {
  const size_t n = r->history.rows;
  const double *step = dsm__history_values(&r->history, "step"),
               *raw = dsm__history_values(&r->history, p->name);
  double *smooth = NULL;
  const bool both = p->smooth && n >= 40;
  if (both) DSM_TRY(smoothed(r, raw, &smooth));
  const dsm__curve curves[] = {{"each interval", "raw", step, raw, n, DSM__JOINED},
                               {"mean over neighbours", "model", step, smooth, n, DSM__JOINED}};
  const dsm__curve alone = {NULL, "model", step, raw, n, DSM__JOINED};
  dsm__chart_put(&r->page, &(dsm__chart){.id = p->id,
                                         .title = p->title,
                                         .x = "step",
                                         .y = p->unit,
                                         .sentence = sentence,
                                         .log_y = logarithmic,
                                         .from_zero = p->from_zero,
                                         .curve = both ? curves : &alone,
                                         .curves = both ? 2 : 1});
  return DSM_OK;
}

static bool has(const dsm__report *r, const char *name) {
  return isfinite(dsm__history_last(&r->history, name));
}

static dsm_status put_loss(dsm__report *r) {
  static const char *const sentences[] = {
      [DSM__UNKNOWN] = "Over the last quarter its scatter hides whether it still falls.",
      [DSM__FALLS] = "The loss still falls.",
      [DSM__LEVEL] = "The loss has levelled off over the last quarter.",
      [DSM__RISES] = "The loss rises, or stands above an earlier part: something goes wrong."};
  const dsm__history *h = &r->history;
  const double *loss = dsm__history_values(h, "loss");
  const dsm__trend t = dsm__trend_of(dsm__history_values(h, "step"), loss, h->rows);
  DSM_TRY(put_plot(r, &(plot){"loss", "loss", "Training loss", "loss", true, false},
                   dsm__spans_decades(loss, h->rows),
                   t.lines < DSM__TREND_LINES ? "Too few lines to judge." : sentences[t.direction]));
  return DSM_OK;
}

static dsm_status put_gradient(dsm__report *r) {
  const dsm__history *h = &r->history;
  const double *norm = dsm__history_values(h, "gradient_norm"), *clipped = dsm__history_values(h, "clipped");
  double cut = 0, all = 0;
  char sentence[160];
  for (size_t i = 0; clipped && i < h->rows; i++)
    if (isfinite(clipped[i])) all++, cut += clipped[i];
  if (all > 0)
    snprintf(sentence, sizeof sentence, "Clipped at %.0f %% of the logged steps: %s", 100 * cut / all,
             cut > 0.5 * all ? "mostly; optimizer.clip then sets the size of a step."
                             : "spikes are cut, the rest is not.");
  else
    snprintf(sentence, sizeof sentence, "A growing norm announces trouble.");
  if (all > 0 && cut == 0)
    snprintf(sentence, sizeof sentence, "Never clipped at a logged step: the gradient is calm.");
  DSM_TRY(put_plot(r,
                   &(plot){"gradient_norm", "gradient", "Gradient norm", "norm before clipping", true, false},
                   dsm__spans_decades(norm, h->rows), sentence));
  return DSM_OK;
}

static dsm_status put_rate(dsm__report *r) {
  const dsm__history *h = &r->history;
  const double *rate = dsm__history_values(h, "learning_rate"), last = dsm__history_last(h, "learning_rate");
  double most = 0;
  char sentence[160];
  for (size_t i = 0; i < h->rows; i++)
    if (rate[i] > most) most = rate[i];
  if (last < 0.05 * most)
    snprintf(sentence, sizeof sentence,
             "Down to %.2g %% of its peak: a loss that levels off here does so by the schedule.",
             100 * last / most);
  else
    snprintf(sentence, sizeof sentence, "Now at %.0f %% of its peak.", most > 0 ? 100 * last / most : 100);
  DSM_TRY(put_plot(r, &(plot){"learning_rate", "rate", "Learning rate", "step size", false, true}, false,
                   sentence));
  return DSM_OK;
}

static dsm_status put_speed(dsm__report *r) {
  char sentence[160], mean[40];
  const dsm__history *h = &r->history;
  const double *speed = dsm__history_values(h, "samples_per_second"),
               *seconds = dsm__history_values(h, "seconds");
  double samples = 0, time = 0;
  for (size_t i = 0; seconds && i < h->rows; i++)
    if (isfinite(speed[i]) && isfinite(seconds[i])) samples += speed[i] * seconds[i], time += seconds[i];
  const double last = dsm__history_last(h, "samples_per_second");
  dsm__figure_text(time > 0 ? samples / time : last, 3, mean, sizeof mean);
  snprintf(sentence, sizeof sentence,
           "%s samples/s over all. Dips are checkpoints, a slow rank, or other users.", mean);
  DSM_TRY(
      put_plot(r, &(plot){"samples_per_second", "speed", "Speed", "samples/s", true, true}, false, sentence));
  return DSM_OK;
}

static dsm_status put_noise_scale(dsm__report *r) {
  char sentence[240], scale[40];
  const double last = dsm__history_last(&r->history, "noise_scale"),
               batch = (double)r->run.config.train.batch;
  dsm__figure_text(last, 3, scale, sizeof scale);
  if (!r->run.has_config || batch <= 0)
    snprintf(sentence, sizeof sentence, "Now %s samples.", scale);
  else if (batch < last)
    snprintf(sentence, sizeof sentence,
             "Now %s samples, and train.batch is %.0f: a larger batch would still save steps.", scale, batch);
  else
    snprintf(sentence, sizeof sentence,
             "Now %s samples, and train.batch is %.0f: a larger batch would hardly save steps.", scale,
             batch);
  DSM_TRY(put_plot(
      r, &(plot){"noise_scale", "noise-scale", "Noise scale of the gradient", "samples", true, false}, true,
      sentence));
  return DSM_OK;
}

dsm_status dsm__put_training(dsm__report *r) {
  if (r->history.rows == 0) return DSM_OK;
  dsm__section_begin(&r->page, "training", "Training");
  dsm__markup(&r->page,
              "<p class=\"rule\">How convergence is judged: a straight line is fitted to the last quarter of "
              "the logged losses, %d at least. The loss falls or rises if the change along it is more than "
              "1 %% of the loss and beyond chance (95 %%, for a rise 98 %%), by Student's t with as many "
              "degrees of freedom as the lines that are independent of each other leave. It has risen, too, "
              "if the quarter lies more than 2 %%, and beyond chance, above the best stretch before it. It "
              "has levelled off only if a change of more than 2 %% is excluded at 95 %%; else it cannot be "
              "told yet. The held-out loss, from %d evaluations on, comes first: training has not converged "
              "while it still falls by more than 1 %% over the last two intervals between evaluations and "
              "the last quarter of the steps.</p>\n",
              DSM__TREND_LINES, DSM__HELD_OUT_LINES);
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  if (has(r, "loss")) DSM_TRY(put_loss(r));
  if (has(r, "gradient_norm")) DSM_TRY(put_gradient(r));
  if (has(r, "learning_rate")) DSM_TRY(put_rate(r));
  if (has(r, "samples_per_second")) DSM_TRY(put_speed(r));
  if (has(r, "noise_scale")) DSM_TRY(put_noise_scale(r));
  dsm__markup(&r->page, "</div>\n");
  dsm__section_end(&r->page);
  return DSM_OK;
}
