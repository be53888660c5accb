/* What training measures on data that it does not train on: losses over the steps, by noise level, by channel;
 * accuracy of classifiers. */
#include <math.h>
#include "chart.h"
#include "internal.h"
#include "numbers.h"

enum { CHANNELS_MAX = 8 };

static dsm_status put_loss(dsm__report *r) {
  const dsm__history *h = &r->history;
  double *x, *y, *train_x, *train_y;
  size_t n, train = 0;
  const double *loss = dsm__history_values(h, "loss"), last = dsm__history_last(h, "held_out_loss");
  char sentence[200];
  DSM_TRY(dsm__over_steps(r, dsm__history_values(h, "held_out_loss"), &x, &y, &n));
  if (loss) DSM_TRY(dsm__over_steps(r, loss, &train_x, &train_y, &train));
  double low = INFINITY;
  for (size_t i = 0; i < n; i++) low = fmin(low, y[i]);
  snprintf(sentence, sizeof sentence, "%s",
           last <= low + 0.02 * fabs(low)
               ? "The held-out loss is at or near its lowest: no sign of learning by heart."
               : "The held-out loss is above its lowest: look whether it goes on rising.");
  const dsm__curve curves[] = {
      {"held out", "data", x, y, n, DSM__JOINED},
      {"training", "raw", train > 0 ? train_x : x, train > 0 ? train_y : y, train, DSM__JOINED}};
  dsm__chart_put(&r->page, &(dsm__chart){.id = "held-out-loss",
                                         .title = "Held-out loss",
                                         .x = "step",
                                         .y = "loss",
                                         .sentence = sentence,
                                         .log_y = dsm__spans_decades(y, n),
                                         .curve = curves,
                                         .curves = train > 0 ? 2 : 1});
  return DSM_OK;
}

/* The rows of the first, a middle and the last line that have the list; their number. */
static size_t three_rows(const dsm__report *r, const double *first, size_t row[3]) {
  size_t have = 0, seen = 0, k = 0;
  for (size_t i = 0; i < r->history.rows; i++) have += isfinite(first[i]) != 0;
  for (size_t i = 0; i < r->history.rows; i++) {
    if (!isfinite(first[i])) continue;
    if (seen == 0 || (have > 2 && seen == have / 2) || seen == have - 1) row[k++] = i;
    seen++;
  }
  return k;
}

static dsm_status put_levels(dsm__report *r) {
  const dsm__history *h = &r->history;
  const size_t parts = dsm__history_elements(h, "held_out_levels");
  const double *step = dsm__history_values(h, "step");
  size_t row[3];
  const size_t rows = three_rows(r, dsm__history_element(h, "held_out_levels", 0), row);
  static const char *const styles[] = {"raw", "k6", "model"};
  char name[3][64], figure[40];
  double *x, *all;
  dsm__curve curves[3];
  DSM_TRY(dsm__room(r, parts, &x));
  DSM_TRY(dsm__room(r, 3 * parts, &all));
  for (size_t i = 0; i < parts; i++) x[i] = ((double)i + 0.5) / (double)parts;
  for (size_t k = 0; k < rows; k++) {
    for (size_t i = 0; i < parts; i++)
      all[k * parts + i] = dsm__history_element(h, "held_out_levels", i)[row[k]];
    snprintf(name[k], sizeof name[k], "step %s", dsm__figure_text(step[row[k]], 17, figure, sizeof figure));
    curves[k] = (dsm__curve){name[k], styles[k + 3 - rows], x, all + k * parts, parts, DSM__JOINED};
  }
  dsm__chart_put(
      &r->page,
      &(dsm__chart){.id = "held-out-levels",
                    .title = "Held-out loss by noise level",
                    .x = "time, as part of the range: 0 least noise, 1 most",
                    .y = "loss",
                    .sentence =
                        "Where the newest curve lies no lower than an earlier one, that noise level has "
                        "stopped to improve.",
                    .log_y = dsm__spans_decades(all, rows * parts),
                    .curve = curves,
                    .curves = rows});
  return DSM_OK;
}

static dsm_status put_channels(dsm__report *r) {
  const dsm__history *h = &r->history;
  const size_t channels = dsm__history_elements(h, "held_out_channels");
  const size_t shown = channels < CHANNELS_MAX ? channels : CHANNELS_MAX;
  dsm__curve curves[CHANNELS_MAX];
  char name[CHANNELS_MAX][32], title[96];
  static const char *const styles[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
  bool decades = false;
  for (size_t c = 0; c < shown; c++) {
    double *x, *y;
    size_t n;
    DSM_TRY(dsm__over_steps(r, dsm__history_element(h, "held_out_channels", c), &x, &y, &n));
    snprintf(name[c], sizeof name[c], "channel %zu", c);
    curves[c] = (dsm__curve){name[c], styles[c], x, y, n, DSM__JOINED};
    decades = decades || dsm__spans_decades(y, n);
  }
  snprintf(title, sizeof title, "Held-out loss by channel%s", shown < channels ? " (the first 8)" : "");
  dsm__chart_put(&r->page,
                 &(dsm__chart){.id = "held-out-channels",
                               .title = title,
                               .x = "step",
                               .y = "loss",
                               .sentence = "A channel far above the others is the one that is learnt worst.",
                               .log_y = decades,
                               .curve = curves,
                               .curves = shown});
  return DSM_OK;
}

static dsm_status put_single(dsm__report *r, const char *name, dsm__chart *chart, bool logarithmic) {
  double *x, *y;
  size_t n;
  DSM_TRY(dsm__over_steps(r, dsm__history_values(&r->history, name), &x, &y, &n));
  const dsm__curve curve = {NULL, "model", x, y, n, DSM__JOINED};
  chart->x = "step";
  chart->log_y = logarithmic && dsm__spans_decades(y, n);
  chart->curve = &curve;
  chart->curves = 1;
  dsm__chart_put(&r->page, chart);
  return DSM_OK;
}

static dsm_status put_accuracy(dsm__report *r) {
  char sentence[96];
  snprintf(sentence, sizeof sentence, "Now %.1f %% of held-out samples are given their class.",
           100 * dsm__history_last(&r->history, "held_out_accuracy"));
  DSM_TRY(put_single(r, "held_out_accuracy",
                     &(dsm__chart){.id = "held-out-accuracy",
                                   .title = "Held-out accuracy",
                                   .y = "part that is right",
                                   .sentence = sentence},
                     false));
  return DSM_OK;
}

dsm_status dsm__put_held_out(dsm__report *r) {
  const dsm__history *h = &r->history;
  const bool loss = isfinite(dsm__history_last(h, "held_out_loss")),
             accuracy = isfinite(dsm__history_last(h, "held_out_accuracy"));
  const size_t parts = dsm__history_elements(h, "held_out_levels"),
               channels = dsm__history_elements(h, "held_out_channels");
  if (!loss && !accuracy && parts == 0 && channels < 2) return DSM_OK;
  dsm__section_begin(&r->page, "held-out", "On data held out");
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  if (loss) DSM_TRY(put_loss(r));
  if (accuracy) DSM_TRY(put_accuracy(r));
  if (parts > 1 && isfinite(dsm__history_last(h, "held_out_levels_0"))) DSM_TRY(put_levels(r));
  if (channels > 1) DSM_TRY(put_channels(r)); /* of one alone it is the loss itself */
  dsm__markup(&r->page, "</div>\n");
  dsm__section_end(&r->page);
  return DSM_OK;
}
