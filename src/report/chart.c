#include "chart.h"

#include <math.h>
#include <string.h>
#include "numbers.h"
#include "scale.h"

enum {
  WIDTH = 440,
  HEIGHT = 270,
  LEFT = 56,
  RIGHT = 14,
  TOP = 22,
  BOTTOM = 42,
  POINTS = 300 /* of a curve, twice */
};

typedef struct frame {
  dsm__page *page;
  dsm__scale x, y;
  double width, height;
} frame;

/* ---- limits -------------------------------------------------------------------------------------------- */

static void extremes(const double *x, size_t n, bool positive, double *low, double *high) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || (positive && x[i] <= 0)) continue;
    *low = fmin(*low, x[i]);
    *high = fmax(*high, x[i]);
  }
}

bool dsm__spans_decades(const double *x, size_t n) {
  double low = INFINITY, high = -INFINITY;
  extremes(x, n, false, &low, &high);
  return low > 0 && high > 8 * low;
}

static void widen(dsm__scale *s, double span) {
  const double by = (span - (s->high - s->low)) / 2;
  s->low -= by;
  s->high += by;
}

static frame make_frame(dsm__page *page, const dsm__chart *c) {
  frame f = {.page = page, .width = c->width ? c->width : WIDTH, .height = c->height ? c->height : HEIGHT};
  double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
  for (size_t k = 0; k < c->curves; k++) {
    extremes(c->curve[k].x, c->curve[k].n, c->log_x, &x0, &x1);
    extremes(c->curve[k].y, c->curve[k].n, c->log_y, &y0, &y1);
  }
  if (c->limits) x0 = c->limits[0], x1 = c->limits[1], y0 = c->limits[2], y1 = c->limits[3];
  f.x = dsm__scale_of(x0, x1, c->limits ? 0 : 0.01, c->log_x, LEFT, f.width - RIGHT);
  f.y = dsm__scale_of(y0, y1, c->limits ? 0 : 0.05, c->log_y, f.height - BOTTOM, TOP);
  if (c->from_zero && !f.y.logarithmic) f.y.low = 0;
  if (c->square) { /* a unit is as long on either axis */
    const double wide = f.x.to - f.x.from, high = f.y.from - f.y.to;
    const double unit = fmax((f.x.high - f.x.low) / wide, (f.y.high - f.y.low) / high);
    widen(&f.x, unit * wide);
    widen(&f.y, unit * high);
  }
  return f;
}

/* ---- axes ---------------------------------------------------------------------------------------------- */

static void put_axes(const frame *f, const dsm__chart *c) {
  double tick[DSM__TICKS_MAX], step[DSM__TICKS_MAX];
  char text[40];
  dsm__page *p = f->page;
  size_t n = dsm__ticks(&f->y, f->height < 200 ? 4 : 6, tick, step);
  for (size_t i = 0; i < n; i++) {
    const double y = dsm__scale_at(&f->y, tick[i]);
    dsm__markup(p,
                "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
                "text-anchor=\"end\">%s</text>\n",
                f->x.from, y, f->x.to, f->x.from - 7, y + 4,
                dsm__tick_label(tick[i], step[i], text, sizeof text));
  }
  n = dsm__ticks(&f->x, f->width < 300 ? 4 : 6, tick, step);
  for (size_t i = 0; i < n; i++) {
    const double x = dsm__scale_at(&f->x, tick[i]);
    dsm__markup(p,
                "<path class=\"axis\" d=\"M%.1f %.1fv5\"/><text x=\"%.1f\" y=\"%.1f\" "
                "text-anchor=\"middle\">%s</text>\n",
                x, f->y.from, x, f->y.from + 18, dsm__tick_label(tick[i], step[i], text, sizeof text));
  }
  dsm__markup(p,
              "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
              f->x.from, f->y.from, f->x.to, f->x.to, f->height - 6);
  dsm__text(p, c->x);
  dsm__markup(p, "</text><text x=\"2\" y=\"12\">");
  dsm__text(p, c->y);
  dsm__markup(p, "</text>\n");
}

/* ---- curves -------------------------------------------------------------------------------------------- */

static bool drawable(const frame *f, double x, double y) {
  return isfinite(x) && isfinite(y) && (x > 0 || !f->x.logarithmic) && (y > 0 || !f->y.logarithmic);
}

static double between(double at, double a, double b) {
  return fmin(fmax(at, fmin(a, b)), fmax(a, b));
}

/* Draws to point i, or begins there anew. */
static bool put_point(const frame *f, const dsm__curve *c, size_t i, bool begun) {
  if (!drawable(f, c->x[i], c->y[i])) return false;
  /* far beyond the frame is cut off by it; without bounds the figures could be endless */
  const double x = between(dsm__scale_at(&f->x, c->x[i]), -1e4, 1e4),
               y = between(dsm__scale_at(&f->y, c->y[i]), -1e4, 1e4);
  dsm__markup(f->page, "%c%.1f %.1f", begun ? 'L' : 'M', x, y);
  return true;
}

/* Of a long curve the lowest and the highest point of each of POINTS parts, which look the same at this size. */
static void put_parts(const frame *f, const dsm__curve *c) {
  bool begun = false;
  for (size_t part = 0; part < POINTS; part++) {
    const size_t from = part * c->n / POINTS, to = (part + 1) * c->n / POINTS;
    size_t low = to, high = to;
    for (size_t i = from; i < to; i++) {
      if (!drawable(f, c->x[i], c->y[i])) continue;
      if (low == to || c->y[i] < c->y[low]) low = i;
      if (high == to || c->y[i] > c->y[high]) high = i;
    }
    if (low == to) {
      begun = false;
      continue;
    }
    begun = put_point(f, c, low < high ? low : high, begun);
    if (low != high) begun = put_point(f, c, low < high ? high : low, begun);
  }
}

/* A point alone is a stroke without length, which round ends make a dot. */
static void put_dots(const frame *f, const dsm__curve *c) {
  for (size_t i = 0; i < c->n; i++) {
    if (!drawable(f, c->x[i], c->y[i])) continue;
    const double x = dsm__scale_at(&f->x, c->x[i]), y = dsm__scale_at(&f->y, c->y[i]);
    if (x < f->x.from || x > f->x.to || y < f->y.to || y > f->y.from) continue;
    dsm__markup(f->page, "M%.1f %.1fh0", x, y);
  }
}

static void put_curve(const frame *f, const dsm__curve *c, const char *clip) {
  dsm__markup(f->page, "<path class=\"%s %s\" clip-path=\"url(#%s)\" d=\"",
              c->stroke == DSM__FILLED ? "filled"
              : c->stroke == DSM__DOTS ? "curve dots"
                                       : "curve",
              c->style, clip);
  if (c->stroke == DSM__DOTS) {
    put_dots(f, c);
  } else if (c->n > 2 * POINTS) {
    put_parts(f, c);
  } else {
    bool begun = false, lone = false;
    for (size_t i = 0; i < c->n; i++) {
      const bool joined = begun;
      begun = put_point(f, c, i, begun);
      if (lone && !begun) dsm__markup(f->page, "h0");
      lone = begun && !joined;
    }
    if (lone) dsm__markup(f->page, "h0");
  }
  if (c->stroke == DSM__FILLED && c->n > 0)
    dsm__markup(f->page, "V%.1fH%.1fZ", f->y.from, dsm__scale_at(&f->x, c->x[0]));
  dsm__markup(f->page, "\"/>\n");
}

/* ---- figure -------------------------------------------------------------------------------------------- */

static void put_caption(dsm__page *page, const dsm__chart *c) {
  dsm__markup(page, "<figure id=\"%s\"><figcaption>", c->id);
  dsm__text(page, c->title);
  if (c->sentence) {
    dsm__markup(page, "<p>");
    dsm__text(page, c->sentence);
    dsm__markup(page, "</p>");
  }
  size_t named = 0;
  for (size_t k = 0; k < c->curves; k++) named += c->curve[k].name != NULL;
  if (named > 0) dsm__markup(page, "<div>");
  for (size_t k = 0; k < c->curves; k++) {
    if (!c->curve[k].name) continue;
    dsm__markup(page, "<span class=\"key\"><i class=\"%s\"></i>", c->curve[k].style);
    dsm__text(page, c->curve[k].name);
    dsm__markup(page, "</span>");
  }
  dsm__markup(page, "%s</figcaption>\n", named > 0 ? "</div>" : "");
}

void dsm__chart_put(dsm__page *page, const dsm__chart *c) {
  const frame f = make_frame(page, c);
  char clip[96];
  snprintf(clip, sizeof clip, "clip-%s", c->id);
  put_caption(page, c);
  dsm__markup(page, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", f.width, f.height);
  dsm__text(page, c->title);
  dsm__markup(
      page,
      "\"><clipPath id=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/></clipPath>\n",
      clip, f.x.from - 2, f.y.to - 2, f.x.to - f.x.from + 4, f.y.from - f.y.to + 4);
  put_axes(&f, c);
  for (size_t k = 0; k < c->curves; k++) put_curve(&f, &c->curve[k], clip);
  dsm__markup(page, "</svg></figure>\n");
}
