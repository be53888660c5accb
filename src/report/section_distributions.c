/* Histograms of samples and data over each other, of each channel or feature; and the curves that dsmpi eval has measured of
 * both: spectra, correlations, profiles. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "chart.h"
#include "internal.h"
#include "numbers.h"

enum { BINS = 50, FEATURES_MAX = 12, CORNERS = 2 * BINS + 2 };

/* ---- histograms ---------------------------------------------------------------------------------------- */

/* Outline of the density of channel c over the bins, as corners of a curve; `outside` is the part of the values beyond
 * them, which is not shown but counts. */
static size_t outline(const dsm__rows *rows, size_t c, const double range[2], double x[CORNERS],
                      double y[CORNERS], double *outside) {
  const size_t channels = dsm__rows_channels(rows), all = rows->n * rows->d / channels;
  const double width = (range[1] - range[0]) / BINS;
  double count[BINS] = {0}, finite = 0, inside = 0;
  size_t corner = 0;
  for (size_t i = 0; i < all; i++) {
    const double value = rows->x[i * channels + c], at = (value - range[0]) / width;
    finite += isfinite(value) != 0;
    if (at >= 0 && at < BINS)
      count[(size_t)at]++;
    else if (value == range[1])
      count[BINS - 1]++;
  }
  for (size_t b = 0; b < BINS; b++) inside += count[b];
  *outside = finite > 0 ? 1 - inside / finite : 0;
  x[corner] = range[0], y[corner++] = 0;
  for (size_t b = 0; b < BINS; b++)
    for (size_t side = 0; side < 2; side++) {
      x[corner] = range[0] + (double)(b + side) * width;
      y[corner++] = finite > 0 ? count[b] / finite / width : 0;
    }
  x[corner] = range[1], y[corner++] = 0;
  return corner;
}

/* Both in one range: that of all but the outermost 0.1 % of either, at most three times as wide as that of the data. */
static dsm_status common_range(const dsm__report *r, size_t c, double range[2]) {
  double of_samples[2] = {0}, of_data[2] = {0};
  bool samples = false, data = false;
  if (r->samples.x) DSM_TRY(dsm__rows_range(&r->samples, c, 0.001, of_samples, &samples));
  if (r->data.x) DSM_TRY(dsm__rows_range(&r->data, c, 0.001, of_data, &data));
  const double span = data ? of_data[1] - of_data[0] : 0, beyond = span > 0 ? span : INFINITY;
  range[0] = !samples ? of_data[0]
             : !data  ? of_samples[0]
                      : fmin(of_data[0], fmax(of_samples[0], of_data[0] - beyond));
  range[1] = !samples ? of_data[1]
             : !data  ? of_samples[1]
                      : fmax(of_data[1], fmin(of_samples[1], of_data[1] + beyond));
  if ((samples || data) && range[1] > range[0]) return DSM_OK;
  const double middle = samples || data ? range[0] : 0; /* one value, or none */
  range[0] = middle - 0.5;
  range[1] = middle + 0.5;
  return DSM_OK;
}

static dsm_status put_histogram(dsm__report *r, size_t c, const char *kind, bool small) {
  double range[2], *x[2], *y[2];
  size_t n[2] = {0}, curves = 0;
  char id[48], title[64], sentence[96] = "";
  double outside = 0; /* of the samples, if there are some */
  dsm__curve curve[3];
  for (size_t k = 0; k < 2; k++) {
    DSM_TRY(dsm__room(r, CORNERS, &x[k]));
    DSM_TRY(dsm__room(r, CORNERS, &y[k]));
  }
  DSM_TRY(common_range(r, c, range));
  if (r->data.x) {
    n[1] = outline(&r->data, c, range, x[1], y[1], &outside);
    curve[curves++] = (dsm__curve){NULL, "data", x[1], y[1], n[1], DSM__FILLED};
    curve[curves++] = (dsm__curve){"data", "data", x[1], y[1], n[1], DSM__JOINED};
  }
  if (r->samples.x) {
    n[0] = outline(&r->samples, c, range, x[0], y[0], &outside);
    curve[curves++] = (dsm__curve){"samples", "model", x[0], y[0], n[0], DSM__JOINED};
  }
  if (outside > 0.005)
    snprintf(sentence, sizeof sentence, "%.2g %% of the samples' values lie outside.", 100 * outside);
  snprintf(id, sizeof id, "histogram-%zu", c);
  if (kind)
    snprintf(title, sizeof title, "%s %zu", kind, c);
  else
    snprintf(title, sizeof title, "All values");
  dsm__chart_put(&r->page, &(dsm__chart){.id = id,
                                         .title = title,
                                         .x = "value",
                                         .y = "density",
                                         .sentence = sentence[0] ? sentence : NULL,
                                         .from_zero = true,
                                         .width = small ? 300 : 0,
                                         .height = small ? 190 : 0,
                                         .curve = curve,
                                         .curves = curves});
  return DSM_OK;
}

static dsm_status put_histograms(dsm__report *r) {
  const dsm__rows *rows = r->samples.x ? &r->samples : &r->data;
  const size_t channels = dsm__rows_channels(rows), shown = channels < FEATURES_MAX ? channels : FEATURES_MAX;
  const bool vector = rows->sample.rank == 1, small = shown > 2;
  dsm__markup(&r->page, "<h3>Histograms</h3>\n");
  if (r->samples.x && r->data.x)
    dsm__say(&r->page, "The blue line of the samples should lie on the orange ground of the data%s.",
             shown < channels ? vector ? ". The first 12 features" : ". The first 12 channels" : "");
  dsm__markup(&r->page, "<div class=\"figures%s\">\n", small ? " small" : "");
  for (size_t c = 0; c < shown; c++)
    DSM_TRY(put_histogram(r, c, vector ? "Feature" : channels > 1 ? "Channel" : NULL, small));
  dsm__markup(&r->page, "</div>\n");
  return DSM_OK;
}

static void say_not_finite(dsm__report *r) {
  size_t odd = 0;
  for (size_t i = 0; r->samples.x && i < r->samples.n * r->samples.d; i++) odd += !isfinite(r->samples.x[i]);
  if (odd > 0)
    dsm__say(
        &r->page,
        "%zu of the %zu values of the samples that were looked at are not finite: the sampler or the model "
        "fails there.",
        odd, r->samples.n * r->samples.d);
}

/* ---- what the evaluation has measured of both ------------------------------------------------------------ */

static bool is_spectrum(const dsm__pair_curve *c) {
  return strncmp(c->metric, "spectrum", 8) == 0;
}

static dsm_status put_curve(dsm__report *r, size_t number) {
  const dsm__pair_curve *c = &r->evaluation.curve[number];
  char id[48], title[192];
  double *x;
  DSM_TRY(dsm__room(r, c->n, &x));
  for (size_t i = 0; i < c->n; i++) x[i] = (double)i;
  const bool spectrum = is_spectrum(c);
  const dsm__curve curves[] = {{"data", "data", x, c->reference, c->n, DSM__JOINED},
                               {"samples", "model", x, c->samples, c->n, DSM__JOINED}};
  snprintf(id, sizeof id, "measured-%zu", number);
  snprintf(title, sizeof title, "%s: %s", c->metric, c->name);
  for (char *p = title; *p; p++)
    if (*p == '_') *p = ' ';
  dsm__chart_put(&r->page, &(dsm__chart){.id = id,
                                         .title = title,
                                         .x = spectrum                              ? "wave number"
                                              : strcmp(c->metric, "two_point") == 0 ? "distance"
                                                                                    : "number",
                                         .y = spectrum ? "power" : c->metric,
                                         .log_x = spectrum && c->n > 8,
                                         .log_y = spectrum,
                                         .curve = curves,
                                         .curves = 2});
  return DSM_OK;
}

static dsm_status put_measured(dsm__report *r) {
  dsm__markup(&r->page, "<h3 id=\"measured\">Spectra and other curves</h3>\n");
  dsm__say(&r->page,
           "From %s. Where blue falls below orange at large wave numbers, fine structure is missing; where "
           "it lies "
           "above, there is noise in the samples.",
           r->evaluation.path);
  dsm__markup(&r->page, "<div class=\"figures\">\n");
  for (size_t k = 0; k < r->evaluation.curves; k++) DSM_TRY(put_curve(r, k));
  dsm__markup(&r->page, "</div>\n");
  return DSM_OK;
}

dsm_status dsm__put_distributions(dsm__report *r) {
  if (!r->samples.x && r->evaluation.curves == 0) return DSM_OK;
  dsm__section_begin(&r->page, "distributions", "Distributions");
  if (r->samples.x) DSM_TRY(put_histograms(r));
  say_not_finite(r);
  if (r->evaluation.curves > 0)
    DSM_TRY(put_measured(r));
  else if (r->samples.sample.rank > 1)
    dsm__say_command(&r->page, "Power spectra come with an evaluation:",
                     "dsmpi eval %s --reference %s --metrics spectrum --json "
                     "%s/eval.json",
                     r->samples.file, dsm__data_name(r), r->options->run);
  dsm__section_end(&r->page);
  return DSM_OK;
}
