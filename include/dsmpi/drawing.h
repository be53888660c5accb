/** @file drawing.h
 *  Drawing on pictures: smooth lines, discs, arrows, text with formulas, a colour map,
 *  contours, and panels, which are pieces of the plane with axes. Lengths are in pixels, x to the right,
 *  y down, (0, 0) the upper left corner of the first pixel; panels have coordinates of their own. Numbers
 *  that are not finite draw nothing. Every function gives the same pixels for the same numbers. Nothing
 *  here fails but what allocates; nothing is collective. */
#ifndef DSMPI_DRAWING_H
#define DSMPI_DRAWING_H

#include "dsmpi/io.h"

/* ---- strokes (src/io/picture_stroke.c, picture_arrow.c) ------------------------------------------------ */

/** A rectangle of a picture; what is drawn outside of it does not show. The picture is borrowed. */
typedef struct dsm_canvas {
  dsm_picture *picture;
  double left, top, right, bottom;
} dsm_canvas;
/** All of the picture. */
dsm_canvas dsm_canvas_of(dsm_picture *picture);

typedef struct dsm_pen {
  unsigned char rgb[3];
  double width;   /* of lines */
  double opacity; /* 0 ... 1 */
} dsm_pen;

void dsm_draw_rectangle(const dsm_canvas *canvas, double left, double top, double right, double bottom,
                        const dsm_pen *pen);
/** A line with round ends. */
void dsm_draw_line(const dsm_canvas *canvas, double x0, double y0, double x1, double y1, const dsm_pen *pen);
/** A full disc. */
void dsm_draw_disc(const dsm_canvas *canvas, double x, double y, double radius, const dsm_pen *pen);
/** An arrow from (x0, y0) whose tip is at (x1, y1), with a white rim, so that it is seen on any ground.
 *  Short ones are all head. */
void dsm_draw_arrow(const dsm_canvas *canvas, double x0, double y0, double x1, double y1, const dsm_pen *pen);

/* ---- text (picture_text.c) ----------------------------------------------------------------------------- */

typedef enum dsm_anchor { DSM_ANCHOR_LEFT, DSM_ANCHOR_CENTRE, DSM_ANCHOR_RIGHT } dsm_anchor;

typedef struct dsm_lettering {
  unsigned char rgb[3];
  double height; /* of a capital letter */
  dsm_anchor anchor;
} dsm_lettering;
/** One line of text in UTF-8 on the base line y: ASCII and α ε θ μ π σ τ Σ ∇ √ ± · × →; other signs leave
 *  a gap. `_` puts the next sign, or the next {group}, below the line and `^` above it; `\` takes the
 *  next sign as it is. */
void dsm_draw_text(const dsm_canvas *canvas, double x, double y, const char *text,
                   const dsm_lettering *lettering);
double dsm_text_width(const char *text, double height);

/* ---- colours (picture_colours.c) ----------------------------------------------------------------------- */

/** White (0) to dark blue (1): lightness falls evenly, so the order is kept in grey print and by
 *  colour-blind eyes. */
void dsm_shade(double value, unsigned char rgb[3]);
/** Colours of lines that are told apart, all of them dark enough on white. Any index: they repeat. */
void dsm_line_colour(size_t index, unsigned char rgb[3]);

/* ---- panels (picture_panel.c, picture_contours.c) ------------------------------------------------------ */

/** A rectangle x0 ... x1, y0 ... y1 of the plane, y up, that fills the canvas. */
typedef struct dsm_panel {
  dsm_canvas canvas; /* the inside of the frame */
  double x0, x1, y0, y1;
} dsm_panel;
/** Pixel of a point. */
void dsm_panel_place(const dsm_panel *panel, double x, double y, double place[2]);
/** Values at nx x ny places, value[j nx + i] at x0 + i (x1 - x0) / (nx - 1), y likewise, nx and ny at
 *  least 2. */
typedef struct dsm_field {
  size_t nx, ny;
  const double *value;
} dsm_field;
/** Each pixel in the dsm_shade of the field there, interpolated. */
void dsm_panel_shade(const dsm_panel *panel, const dsm_field *field);
/** The lines where the field has the value `level`. */
void dsm_panel_contour(const dsm_panel *panel, const dsm_field *field, double level, const dsm_pen *pen);
/** A line through `count` points xy (count, 2). */
void dsm_panel_path(const dsm_panel *panel, const float *xy, size_t count, const dsm_pen *pen);
void dsm_panel_dots(const dsm_panel *panel, const float *xy, size_t count, double radius, const dsm_pen *pen);
/** Frame, ticks with figures below and on the left, and the title above, in letters of this height;
 *  figures are as far apart as they need to be. They take dsm_panel_margin on each side. */
void dsm_panel_axes(const dsm_panel *panel, const char *title, double height);
typedef struct dsm_margin {
  double left, top, right, bottom;
} dsm_margin;
dsm_margin dsm_panel_margin(double height);

#endif
