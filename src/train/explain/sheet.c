/* A sheet of panels in rows: a heading above, paragraphs below, broken into lines where the sheet ends.
 * In paragraphs a `~` is a blank that is not broken, as formulas have them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "explain.h"

enum { LINE_MAX = 512, WIDTH_WANTED = 1500, SIDE_LARGEST = 560, SIDE_SMALLEST = 240 };
static const double line_height = 1.9, heading_size = 1.25, paragraph_size = 0.9; /* in letters */

/* The first `length` bytes of the text as a line, with blanks for `~`. */
static void copy_line(const char *text, size_t length, char line[LINE_MAX]) {
  snprintf(line, LINE_MAX, "%.*s", (int)length, text);
  for (char *p = line; *p; p++)
    if (*p == '~') *p = ' ';
}

/* How many bytes of the text fit into the width, broken behind a word; a word that is too long stays
 * whole. */
static size_t line_of(const char *text, double height, double width) {
  char line[LINE_MAX];
  size_t fits = 0;
  for (size_t end = 0; text[end];) {
    end += strspn(text + end, " ");
    end += strcspn(text + end, " ");
    copy_line(text, end, line);
    if (fits > 0 && dsm_text_width(line, height) > width) break;
    fits = end;
  }
  return fits;
}

/* Draws the paragraphs from y on, if there is a canvas; the number of their lines is returned. */
static size_t set_paragraphs(const dsm_canvas *canvas, double left, double y, double width, double letter,
                             const char *const *paragraphs, size_t count) {
  const dsm_lettering style = {{50, 50, 50}, paragraph_size * letter, DSM_ANCHOR_LEFT};
  size_t lines = 0;
  for (size_t i = 0; i < count; i++)
    for (const char *text = paragraphs[i]; *text; lines++) {
      char line[LINE_MAX];
      const size_t length = line_of(text, style.height, width);
      copy_line(text, length, line);
      if (canvas) dsm_draw_text(canvas, left, y + line_height * letter * (double)lines, line, &style);
      text += length;
      text += strspn(text, " ");
    }
  return lines;
}

static double panel_side(const dsm_explain_options *options, size_t columns) {
  if (options->size > 0) return (double)options->size;
  return round(fmax(SIDE_SMALLEST, fmin(SIDE_LARGEST, WIDTH_WANTED / (1.2 * (double)columns))));
}

dsm_status dsm__sheet_create(const dsm_explain_options *options, size_t rows, size_t columns,
                             const char *heading, const char *const *paragraphs, size_t count,
                             dsm__sheet *s) {
  static const unsigned char paper[3] = {255, 255, 255};
  *s = (dsm__sheet){.rows = rows, .columns = columns, .side = panel_side(options, columns)};
  s->letter = fmin(16, fmax(6, round(s->side / 24)));
  const dsm_margin m = dsm_panel_margin(s->letter);
  s->top = 3.2 * s->letter;
  const double left = m.left, width = ceil((double)columns * (s->side + m.left + m.right) + s->letter);
  const double text_width = width - left - 2 * s->letter;
  const double below = s->top + (double)rows * (s->side + m.top + m.bottom) + 1.8 * s->letter;
  const size_t lines = set_paragraphs(NULL, 0, 0, text_width, s->letter, paragraphs, count);
  const double height = ceil(below + (double)lines * line_height * s->letter);
  DSM_TRY(dsm_picture_create((size_t)width, (size_t)height, paper, &s->picture));
  const dsm_canvas all = dsm_canvas_of(&s->picture);
  double size = heading_size * s->letter; /* a long heading of a narrow sheet is smaller */
  size *= fmin(1, (width - 2 * s->letter) / dsm_text_width(heading, size));
  const dsm_lettering title = {{0, 0, 0}, size, DSM_ANCHOR_CENTRE};
  dsm_draw_text(&all, width / 2, 2.6 * s->letter, heading, &title);
  set_paragraphs(&all, left, below, text_width, s->letter, paragraphs, count);
  return DSM_OK;
}

dsm_panel dsm__sheet_panel(const dsm__sheet *s, size_t row, size_t column, const double limits[4]) {
  const dsm_margin m = dsm_panel_margin(s->letter);
  const double left = round((double)column * (s->side + m.left + m.right) + m.left),
               top = round(s->top + (double)row * (s->side + m.top + m.bottom) + m.top);
  /* the picture is the sheet's, and whoever draws on its panels may change it */
  return (dsm_panel){{(dsm_picture *)&s->picture, left, top, left + s->side, top + s->side},
                     limits[0],
                     limits[1],
                     limits[2],
                     limits[3]};
}

void dsm__sheet_tag(const dsm__sheet *s, const dsm_panel *panel, bool low, const char *text) {
  const double size = 0.9 * s->letter, pad = 0.5 * s->letter, width = dsm_text_width(text, size);
  const dsm_canvas *c = &panel->canvas;
  const double left = c->left + pad, base = low ? c->bottom - 2.2 * pad : c->top + 2.2 * pad + size;
  const dsm_pen paper = {{255, 255, 255}, 0, 0.85};
  const dsm_lettering style = {{0, 0, 0}, size, DSM_ANCHOR_LEFT};
  dsm_draw_rectangle(c, left, base - size - pad, left + width + 2 * pad, base + 1.2 * pad, &paper);
  dsm_draw_text(c, left + pad, base, text, &style);
}

dsm_status dsm__sheet_write(dsm__sheet *s, const char *path) {
  DSM_TRY(dsm_picture_write(&s->picture, path));
  dsm_info("picture  %s: %zu x %zu pixels", path, s->picture.width, s->picture.height);
  return DSM_OK;
}

void dsm__sheet_destroy(dsm__sheet *s) {
  dsm_picture_destroy(&s->picture);
}
