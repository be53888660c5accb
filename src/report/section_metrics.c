/* How far samples are from data, in numbers, each beside its floor. */
#include <math.h>
#include <string.h>
#include "internal.h"
#include "numbers.h"

static void put_cell(dsm__page *page, const char *text) {
  dsm__markup(page, "<td>");
  dsm__text(page, text);
  dsm__markup(page, "</td>");
}

static const char *judgement(const dsm__metric *m, double threshold, char *text, size_t size) {
  const double excess = dsm__metric_excess(m);
  if (isnan(excess))
    snprintf(text, size, "–");
  else if (isinf(excess))
    snprintf(text, size, "not finite");
  else if (excess <= threshold)
    snprintf(text, size, "at the floor");
  else
    snprintf(text, size, "%.1f errors off", excess);
  return text;
}

static void put_metric(dsm__page *page, const dsm__metric *m, double threshold) {
  char text[128], rows[2][40];
  dsm__markup(page, "<tr><th>");
  dsm__text(page, m->metric);
  if (m->space[0] && strcmp(m->space, "raw") != 0) {
    dsm__markup(page, "<br><span class=\"soft\">");
    dsm__text(page, m->space);
    dsm__markup(page, "</span>");
  }
  dsm__markup(page, "</th>");
  put_cell(page, dsm__uncertain_text(m->value, m->error, text, sizeof text));
  put_cell(page, dsm__uncertain_text(m->floor, m->floor_error, text, sizeof text));
  put_cell(page, judgement(m, threshold, text, sizeof text));
  snprintf(text, sizeof text, "%s / %s", dsm__figure_text(m->samples, 17, rows[0], sizeof rows[0]),
           dsm__figure_text(m->reference, 17, rows[1], sizeof rows[1]));
  put_cell(page, text);
  dsm__markup(page, "</tr>\n");
}

/* Neighbouring metrics may share one. */
static void put_protocols(dsm__page *page, const dsm__evaluation *e) {
  const char *before = "";
  dsm__markup(page, "<h3>What was computed</h3>\n<ul class=\"rule\">\n");
  for (size_t i = 0; i < e->metrics; i++) {
    const dsm__metric *m = &e->metric[i];
    if (!m->protocol[0] || strcmp(m->protocol, before) == 0) continue;
    dsm__markup(page, "<li><b>");
    dsm__text(page, m->metric);
    dsm__markup(page, "</b>: ");
    dsm__text(page, m->protocol);
    if (m->unit[0]) {
      dsm__markup(page, ". Unit: ");
      dsm__text(page, m->unit);
    }
    dsm__markup(page, "</li>\n");
    before = m->protocol;
  }
  for (size_t i = 0; i < e->notes; i++) {
    dsm__markup(page, "<li>");
    dsm__text(page, e->note[i]);
    dsm__markup(page, "</li>\n");
  }
  dsm__markup(page, "</ul>\n");
}

dsm_status dsm__put_metrics(dsm__report *r) {
  const dsm__evaluation *e = &r->evaluation;
  if (e->metrics == 0) return DSM_OK;
  const double threshold = dsm__metric_threshold(e);
  dsm__section_begin(&r->page, "metrics", "How good are the samples?");
  dsm__say(&r->page,
           "%s against %s. The floor is the same metric between two parts of the data: samples that are as "
           "good as data reach it. ± is one standard error. At the floor is what lies within %.1f of them, "
           "so that one "
           "evaluation in 20 of samples as good as data has a metric beyond.",
           e->samples, e->reference, threshold);
  dsm__markup(&r->page,
              "<table id=\"metric-table\">\n<thead><tr><th>metric</th><th>value</th><th>floor</th><th></th>"
              "<th>rows: samples / data</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < e->metrics; i++) put_metric(&r->page, &e->metric[i], threshold);
  dsm__markup(&r->page, "</tbody></table>\n");
  put_protocols(&r->page, e);
  dsm__section_end(&r->page);
  return DSM_OK;
}
