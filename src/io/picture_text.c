/* Letters as strokes: the pixels of a glyph are points, and neighbours are joined by round lines, on the
 * diagonal where no other way joins them. So one small table of pixels gives smooth letters of any size. */
#include "dsmpi/drawing.h"

#include "picture_font.h"

/* In units of the distance between two rows. */
static const double gap = 1.75, blank = 2.6, stroke = 1.0, dot = 0.6;
/* Of what stands below or above the line: its size, and where its base line is, in heights. */
static const double small = 0.72, below = 0.28, above = -0.42;

static bool lit(const dsm__glyph *glyph, int row, int column) {
  return row >= 0 && row < FONT_ROWS && column >= 0 && column < FONT_WIDTH &&
         (glyph->row[row] >> (FONT_WIDTH - 1 - column) & 1);
}

/* First and last column with a pixel: letters are as wide as they are. */
static void columns_of(const dsm__glyph *glyph, int *first, int *last) {
  unsigned all = 0;
  for (int row = 0; row < FONT_ROWS; row++) all |= glyph->row[row];
  *first = 0, *last = FONT_WIDTH - 1;
  while (*first < *last && !(all >> (FONT_WIDTH - 1 - *first) & 1)) ++*first;
  while (*last > *first && !(all >> (FONT_WIDTH - 1 - *last) & 1)) --*last;
}

/* (x, y): the lower left pixel of the glyph's box on the base line. */
static void draw_glyph(const dsm_canvas *canvas, double x, double y, double unit, const dsm__glyph *glyph,
                       int first, const dsm_pen *pen) {
  for (int row = 0; row < FONT_ROWS; row++)
    for (int column = 0; column < FONT_WIDTH; column++) {
      if (!lit(glyph, row, column)) continue;
      const double px = x + (column - first) * unit, py = y + (row - FONT_HEIGHT + 1) * unit;
      const bool right = lit(glyph, row, column + 1), down = lit(glyph, row + 1, column);
      const bool left = lit(glyph, row, column - 1);
      const bool down_right = !right && !down && lit(glyph, row + 1, column + 1);
      const bool down_left = !left && !down && lit(glyph, row + 1, column - 1);
      if (right) dsm_draw_line(canvas, px, py, px + unit, py, pen);
      if (down) dsm_draw_line(canvas, px, py, px, py + unit, pen);
      if (down_right) dsm_draw_line(canvas, px, py, px + unit, py + unit, pen);
      if (down_left) dsm_draw_line(canvas, px, py, px - unit, py + unit, pen);
      if (!right && !down && !down_right && !down_left) dsm_draw_disc(canvas, px, py, dot * unit, pen);
    }
}

/* One sign at x, drawn if there is a canvas; its width with the gap behind it is returned. */
static double put_sign(const dsm_canvas *canvas, double x, double y, unsigned code, double height,
                       const unsigned char rgb[3]) {
  const double unit = height / (FONT_HEIGHT - 1);
  const dsm__glyph *glyph = dsm__glyph_of(code);
  int first, last;
  if (!glyph || code == ' ') return blank * unit;
  columns_of(glyph, &first, &last);
  if (canvas) {
    const dsm_pen pen = {{rgb[0], rgb[1], rgb[2]}, stroke * unit, 1};
    draw_glyph(canvas, x, y, unit, glyph, first, &pen);
  }
  return (last - first + gap) * unit;
}

/* Draws if there is a canvas; the width with the last gap is returned. */
static double put_text(const dsm_canvas *canvas, double x, double y, const char *text, double height,
                       const unsigned char rgb[3]) {
  const double start = x;
  double size = 1, shift = 0;
  bool group = false, once = false;
  while (*text) {
    if ((*text == '_' || *text == '^') && text[1] && !group && !once) {
      size = small, shift = *text == '_' ? below : above;
      group = text[1] == '{', once = !group;
      text += group ? 2 : 1;
      continue;
    }
    if (group && *text == '}') {
      size = 1, shift = 0, group = false;
      text++;
      continue;
    }
    if (*text == '\\' && text[1]) text++;
    x += put_sign(canvas, x, y + shift * height, dsm__next_code(&text), size * height, rgb);
    if (once) size = 1, shift = 0, once = false;
  }
  return x - start;
}

double dsm_text_width(const char *text, double height) {
  const unsigned char rgb[3] = {0};
  const double unit = height / (FONT_HEIGHT - 1), width = put_text(NULL, 0, 0, text, height, rgb);
  return width > 0 ? width - (gap - stroke) * unit : 0;
}

void dsm_draw_text(const dsm_canvas *canvas, double x, double y, const char *text, const dsm_lettering *l) {
  const double width = dsm_text_width(text, l->height), half = stroke / 2 * l->height / (FONT_HEIGHT - 1);
  const double left = l->anchor == DSM_ANCHOR_LEFT    ? x
                      : l->anchor == DSM_ANCHOR_RIGHT ? x - width
                                                      : x - width / 2;
  put_text(canvas, left + half, y - half, text, l->height, l->rgb);
}
