#include <math.h>
#include <stdio.h>
#include "internal.h"

/* A log file gets a line at least this often, and not much more often; a bar is redrawn a few times a second.
 */
static const double LINE_SECONDS = 10.0, FIRST_LINE_SECONDS = 2.0, BAR_SECONDS = 0.25;
enum { BAR_CELLS = 20 };

void dsm__progress_start(dsm__progress *p, const char *what, const char *header, int64_t first,
                         int64_t total) {
  const double now = dsm_seconds();
  *p = (dsm__progress){what, header, first, total, now, now + FIRST_LINE_SECONDS, now, false};
}

double dsm__progress_left(const dsm__progress *p, int64_t done, double now) {
  if (done <= p->first) return NAN;
  return (now - p->started) / (double)(done - p->first) * (double)(p->total - done);
}

static const char *time_left(const dsm__progress *p, int64_t done, double now, char *text, size_t size) {
  const double left = dsm__progress_left(p, done, now);
  return isfinite(left) ? dsm_duration(left, text, size) : "-";
}

static void show_bar(const dsm__progress *p, int64_t done, double now) {
  char cells[BAR_CELLS + 1], left[32], text[256];
  const double share = p->total > 0 ? (double)done / (double)p->total : 1.0;
  for (int i = 0; i < BAR_CELLS; i++) cells[i] = i < (int)(share * BAR_CELLS) ? '#' : '.';
  cells[BAR_CELLS] = '\0';
  snprintf(text, sizeof text, "[%s] %5.1f %%  %s %lld of %lld  %s left", cells, 100.0 * share, p->what,
           (long long)done, (long long)p->total, time_left(p, done, now, left, sizeof left));
  dsm_log_transient(text);
}

void dsm__progress_show(dsm__progress *p, int64_t done, const char *detail, bool force) {
  const double now = dsm_seconds();
  if (force || now >= p->line_at) {
    char left[32];
    if (p->header && !p->titled) dsm_info("%9s  %s  %9s", p->what, p->header, "time left");
    p->titled = true;
    p->line_at = now + LINE_SECONDS;
    dsm_info("%9lld  %s  %9s", (long long)done, detail, time_left(p, done, now, left, sizeof left));
  }
  if (dsm_log_is_terminal() && now - p->bar_at >= BAR_SECONDS) {
    p->bar_at = now;
    show_bar(p, done, now);
  }
}
