/* Drawing: the pixels that must be there, and none elsewhere. */
#include "io_test.h"

#include <math.h>

#include "dsmpi/drawing.h"

static const unsigned char white[3] = {255, 255, 255};
static const dsm_pen black = {{0, 0, 0}, 2, 1};

static dsm_picture paper(size_t width, size_t height) {
  dsm_picture picture;
  assert_ok(dsm_picture_create(width, height, white, &picture));
  return picture;
}

/* How dark a pixel is: 0 white ... 1 black. */
static double ink(const dsm_picture *p, size_t x, size_t y) {
  assert_true(x < p->width && y < p->height);
  const unsigned char *rgb = p->rgb + 3 * (y * p->width + x);
  return 1 - (rgb[0] + rgb[1] + rgb[2]) / 765.0;
}

/* All ink, and its box: first and last column and row with any. */
typedef struct drawn {
  double sum;
  size_t left, right, top, bottom;
} drawn;

static drawn look(const dsm_picture *p) {
  drawn d = {0, p->width, 0, p->height, 0};
  for (size_t y = 0; y < p->height; y++)
    for (size_t x = 0; x < p->width; x++) {
      if (ink(p, x, y) <= 0) continue;
      d.sum += ink(p, x, y);
      d.left = x < d.left ? x : d.left, d.right = x > d.right ? x : d.right;
      d.top = y < d.top ? y : d.top, d.bottom = y > d.bottom ? y : d.bottom;
    }
  return d;
}

/* ---- strokes ------------------------------------------------------------------------------------------- */

static void a_line_covers_its_pixels(void **state) {
  (void)state;
  dsm_picture p = paper(30, 20);
  const dsm_canvas c = dsm_canvas_of(&p);
  dsm_draw_line(&c, 5, 10, 25, 10, &black);
  for (size_t x = 6; x < 24; x++) {
    assert_true(ink(&p, x, 9) == 1 && ink(&p, x, 10) == 1);
    assert_true(ink(&p, x, 8) == 0 && ink(&p, x, 11) == 0);
  }
  assert_true(look(&p).left == 4 && look(&p).right == 25);
  dsm_picture_destroy(&p);
}

/* Area 2 r L + pi r^2, in any direction. The cover of a pixel is taken from its centre: a percent of the
 * area. */
static void lines_of_any_direction_have_their_area(void **state) {
  (void)state;
  for (int k = 0; k < 12; k++) {
    dsm_picture p = paper(100, 100);
    const dsm_canvas c = dsm_canvas_of(&p);
    const double angle = 0.3 + 0.5 * k, dx = 30 * cos(angle), dy = 30 * sin(angle);
    const dsm_pen pen = {{0, 0, 0}, 4, 1};
    dsm_draw_line(&c, 50 - dx, 50 - dy, 50 + dx, 50 + dy, &pen);
    const double area = 4 * 60 + acos(-1.0) * 4, found = look(&p).sum;
    assert_true(fabs(found - area) < 0.02 * area);
    dsm_picture_destroy(&p);
  }
}

static void nothing_is_drawn_outside_of_the_canvas(void **state) {
  (void)state;
  dsm_picture p = paper(60, 60);
  const dsm_canvas c = {&p, 20, 10, 40, 30};
  const dsm_lettering letters = {{0, 0, 0}, 30, DSM_ANCHOR_CENTRE};
  dsm_draw_line(&c, -50, -50, 200, 200, &black);
  dsm_draw_disc(&c, 40, 30, 12, &black);
  dsm_draw_arrow(&c, 0, 20, 60, 20, &black);
  dsm_draw_text(&c, 30, 25, "WWW", &letters);
  dsm_draw_rectangle(&c, -10, 15, 100, 18, &black);
  const drawn d = look(&p);
  assert_true(d.left == 20 && d.right == 39 && d.top == 10 && d.bottom == 29);
  dsm_draw_line(&c, NAN, 0, 30, 30, &black); /* draws nothing, and does not fall */
  dsm_draw_disc(&c, INFINITY, 30, 3, &black);
  assert_true(look(&p).sum == d.sum);
  dsm_picture_destroy(&p);
}

static void opacity_lets_the_ground_through(void **state) {
  (void)state;
  dsm_picture p = paper(20, 20);
  const dsm_canvas c = dsm_canvas_of(&p);
  const dsm_pen half = {{0, 0, 0}, 0, 0.5};
  dsm_draw_rectangle(&c, 5, 5, 15, 15, &half);
  assert_int_equal(p.rgb[3 * (10 * 20 + 10)], 128);
  assert_true(ink(&p, 4, 10) == 0 && ink(&p, 5, 10) > 0 && ink(&p, 14, 10) > 0 && ink(&p, 15, 10) == 0);
  dsm_draw_rectangle(&c, 5, 5, 15, 15, &half);
  assert_int_equal(p.rgb[3 * (10 * 20 + 10)], 64);
  dsm_picture_destroy(&p);
}

/* On black paper the white rim is seen too; on white, the shape alone. */
static void an_arrow_points_to_its_tip(void **state) {
  (void)state;
  for (int k = 0; k < 8; k++) {
    const double angle = 0.2 + 0.785 * k, ux = cos(angle), uy = sin(angle);
    dsm_picture p = paper(100, 100);
    const dsm_canvas c = dsm_canvas_of(&p);
    const dsm_pen pen = {{0, 0, 0}, 4, 1};
    double farthest = -1e9, nearest = 1e9, near_tip = 0, near_tail = 0;
    dsm_draw_arrow(&c, 50 - 30 * ux, 50 - 30 * uy, 50 + 30 * ux, 50 + 30 * uy, &pen);
    for (size_t y = 0; y < 100; y++)
      for (size_t x = 0; x < 100; x++) {
        const double along = ((double)x + 0.5 - 50) * ux + ((double)y + 0.5 - 50) * uy;
        if (ink(&p, x, y) < 0.5) continue;
        farthest = fmax(farthest, along), nearest = fmin(nearest, along);
        if (along > 10 && along < 20) near_tip++;    /* where the head is widest */
        if (along < -10 && along > -20) near_tail++; /* shaft: 4 wide */
      }
    assert_true(fabs(farthest - 30) < 2.5 && fabs(nearest + 30) < 1.5);
    assert_true(fabs(near_tail - 40) < 6 && near_tip > 2 * near_tail);
    dsm_picture_destroy(&p);
  }
  dsm_picture night = paper(40, 40);
  memset(night.rgb, 0, 40 * 40 * 3);
  const dsm_canvas c = dsm_canvas_of(&night);
  dsm_draw_arrow(&c, 5, 20, 35, 20, &black);
  assert_true(ink(&night, 12, 18) < 0.6 && ink(&night, 12, 20) == 1 && ink(&night, 12, 14) == 1);
  dsm_picture_destroy(&night);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static dsm_picture written(const char *text, double height, dsm_anchor anchor) {
  dsm_picture p = paper(200, 80);
  const dsm_canvas c = dsm_canvas_of(&p);
  const dsm_lettering letters = {{0, 0, 0}, height, anchor};
  dsm_draw_text(&c, 100, 50, text, &letters);
  return p;
}

/* Every sign has a picture of its own, which the eye can tell from the others. */
static void every_sign_looks_different(void **state) {
  (void)state;
  static const char *const more[] = {"α", "ε", "θ", "μ", "π", "σ", "τ", "Σ", "∇", "√", "±", "·", "×", "→"};
  enum { ASCII = 126 - 33 + 1, SIGNS = ASCII + sizeof more / sizeof *more };
  dsm_picture sign[SIGNS];
  for (size_t i = 0; i < SIGNS; i++) {
    char text[8];
    if (i < ASCII)
      snprintf(text, sizeof text, "\\%c", (char)(33 + i));
    else
      snprintf(text, sizeof text, "%s", more[i - ASCII]);
    sign[i] = written(text, 24, DSM_ANCHOR_CENTRE);
    assert_true(look(&sign[i]).sum > 10);
    for (size_t j = 0; j < i; j++) {
      double difference = 0;
      for (size_t k = 0; k < 200 * 80; k++)
        difference += abs(sign[i].rgb[3 * k] - sign[j].rgb[3 * k]) / 255.0;
      if (difference < 10) fail_msg("signs %zu and %zu look alike", i, j);
    }
  }
  for (size_t i = 0; i < SIGNS; i++) dsm_picture_destroy(&sign[i]);
}

/* A capital letter stands on the base line and has the height; the width is that of the ink. */
static void text_is_as_large_as_it_says_and_where_it_should_be(void **state) {
  (void)state;
  static const double heights[] = {8, 13, 24};
  for (size_t i = 0; i < 3; i++) {
    const double h = heights[i], width = dsm_text_width("HEH", h);
    for (int anchor = 0; anchor < 3; anchor++) {
      dsm_picture p = written("HEH", h, (dsm_anchor)anchor);
      const drawn d = look(&p);
      const double left = anchor == DSM_ANCHOR_LEFT    ? 100
                          : anchor == DSM_ANCHOR_RIGHT ? 100 - width
                                                       : 100 - width / 2;
      assert_true(fabs((double)d.left - left) <= 1.5 && fabs((double)(d.right + 1) - left - width) <= 1.5);
      assert_true(fabs((double)(d.bottom + 1) - 50) <= 1.5);
      assert_true(fabs((double)(d.bottom + 1 - d.top) - h * 7 / 6) <= 2); /* strokes have a width */
      dsm_picture_destroy(&p);
    }
  }
  assert_true(dsm_text_width("", 10) == 0);
  assert_true(dsm_text_width("HH", 10) > 2 * dsm_text_width("H", 10));
  assert_true(dsm_text_width("日", 10) > 0); /* unknown: a gap */
}

static void indices_are_lower_and_exponents_higher(void **state) {
  (void)state;
  dsm_picture plain = written("xx", 24, DSM_ANCHOR_LEFT), low = written("x_x", 24, DSM_ANCHOR_LEFT),
              high = written("x^x", 24, DSM_ANCHOR_LEFT), group = written("x_{xx}x", 24, DSM_ANCHOR_LEFT);
  assert_true(look(&low).bottom > look(&plain).bottom + 4);
  assert_true(look(&high).top + 4 < look(&plain).top);
  assert_true(look(&low).right < look(&plain).right);
  assert_true(dsm_text_width("x_{xx}x", 24) < dsm_text_width("xxxx", 24));
  assert_true(dsm_text_width("x_{xx}x", 24) > dsm_text_width("x_xx_x", 24) - 1e-9);
  assert_true(dsm_text_width("x\\_x", 24) > dsm_text_width("x_x", 24)); /* the sign itself */
  dsm_picture_destroy(&plain);
  dsm_picture_destroy(&low);
  dsm_picture_destroy(&high);
  dsm_picture_destroy(&group);
}

/* ---- colours ------------------------------------------------------------------------------------------- */

/* CIE L* of a colour of sRGB. */
static double lightness(const unsigned char rgb[3]) {
  static const double share[3] = {0.2126, 0.7152, 0.0722};
  double y = 0;
  for (int c = 0; c < 3; c++) {
    const double v = rgb[c] / 255.0;
    y += share[c] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
  }
  return 116 * cbrt(y) - 16;
}

/* OKLab's lightness is not L* but close to it: steps of equal size within a fifth of the range. */
static void shades_darken_evenly(void **state) {
  (void)state;
  unsigned char rgb[3], end[3];
  dsm_shade(0, rgb), dsm_shade(1, end);
  assert_memory_equal(rgb, white, 3);
  const double first = lightness(rgb), last = lightness(end), step = (first - last) / 20;
  assert_true(first - last > 60);
  for (int i = 0; i < 20; i++) {
    dsm_shade(i / 20.0, rgb), dsm_shade((i + 1) / 20.0, end);
    const double fall = lightness(rgb) - lightness(end);
    assert_true(fall > 0.5 * step && fall < 1.5 * step);
  }
  dsm_shade(-3, rgb);
  assert_memory_equal(rgb, white, 3);
  dsm_shade(NAN, rgb);
  assert_memory_equal(rgb, white, 3);
  dsm_shade(1, rgb), dsm_shade(7, end);
  assert_memory_equal(rgb, end, 3);
}

static void line_colours_are_seen_on_white(void **state) {
  (void)state;
  for (size_t i = 0; i < 8; i++) {
    unsigned char rgb[3], other[3];
    dsm_line_colour(i, rgb);
    assert_true(lightness(rgb) < 70);
    for (size_t j = 0; j < i; j++) {
      dsm_line_colour(j, other);
      assert_true(abs(rgb[0] - other[0]) + abs(rgb[1] - other[1]) + abs(rgb[2] - other[2]) > 60);
    }
  }
}

/* ---- panels -------------------------------------------------------------------------------------------- */

enum { GRID = 41 };

/* x^2 + y^2 on -1 ... 1. */
static const double *squares(void) {
  static double value[GRID * GRID];
  for (int k = 0; k < GRID * GRID; k++) {
    const double x = -1 + 2.0 * (k % GRID) / (GRID - 1), y = -1 + 2.0 * (k / GRID) / (GRID - 1);
    value[k] = x * x + y * y;
  }
  return value;
}

static dsm_panel unit_panel(dsm_picture *p) {
  return (dsm_panel){{p, 50, 50, 250, 250}, -1, 1, -1, 1};
}

/* The line x^2 + y^2 = 0.49 is a circle of 70 pixels, closed, and nothing else is drawn. Chords of its
 * cells are off by less than half a pixel. */
static void a_contour_is_where_the_field_has_its_level(void **state) {
  (void)state;
  dsm_picture p = paper(300, 300);
  const dsm_panel panel = unit_panel(&p);
  const dsm_field field = {GRID, GRID, squares()};
  bool seen[90] = {false};
  dsm_panel_contour(&panel, &field, 0.49, &black);
  for (size_t y = 0; y < 300; y++)
    for (size_t x = 0; x < 300; x++) {
      if (ink(&p, x, y) <= 0.3) continue;
      const double dx = (double)x + 0.5 - 150, dy = (double)y + 0.5 - 150;
      assert_true(fabs(hypot(dx, dy) - 70) < 2);
      seen[(int)((atan2(dy, dx) / acos(-1.0) + 1) * 45) % 90] = true;
    }
  for (int i = 0; i < 90; i++) assert_true(seen[i]);
  dsm_picture_destroy(&p);
}

/* x y = 0.0004 near the origin: two branches that do not meet across the saddle's cell. */
static void a_saddle_is_cut_on_the_right_side(void **state) {
  (void)state;
  const double value[4] = {1, -1, -1, 1.2}; /* corners 0 and 2 are high, and so is the middle */
  const double other[4] = {1, -1, -1, 0.5}; /* the middle is low */
  for (int k = 0; k < 2; k++) {
    dsm_picture p = paper(300, 300);
    const dsm_panel panel = unit_panel(&p);
    const dsm_field field = {2, 2, k ? other : value};
    dsm_panel_contour(&panel, &field, 0, &black);
    double high = 0, low = 0; /* along the diagonals: that of the high corners and that of the low ones */
    for (size_t i = 50; i < 250; i++) high += ink(&p, i, 299 - i), low += ink(&p, i, i);
    assert_true(k ? high > 1 && low == 0 : low > 1 && high == 0);
    dsm_picture_destroy(&p);
  }
}

static void shades_follow_the_field_and_y_goes_up(void **state) {
  (void)state;
  dsm_picture p = paper(300, 300);
  const dsm_panel panel = unit_panel(&p);
  const double value[6] = {0, 0, 0, 0, 0.5, 1}; /* lower row 0; upper row 0 ... 1 */
  const dsm_field field = {3, 2, value};
  const float point[4] = {0.5f, 0.5f, 5, 5};
  unsigned char rgb[3];
  dsm_panel_shade(&panel, &field);
  for (size_t x = 51; x < 249; x++) assert_true(ink(&p, x, 55) <= ink(&p, x + 1, 55));
  assert_true(ink(&p, 150, 249) < 0.01 && ink(&p, 249, 50) > 0.6 && ink(&p, 49, 100) == 0 &&
              ink(&p, 250, 60) == 0);
  dsm_shade(0.5 * (1 - 0.5 / 200), rgb); /* the first row of pixels, in the middle */
  assert_true(abs(rgb[0] - p.rgb[3 * (50 * 300 + 150)]) <= 2);
  const dsm_pen red = {{255, 0, 0}, 2, 1};
  dsm_panel_dots(&panel, point, 2, 3, &red);
  assert_memory_equal(p.rgb + 3 * (100 * 300 + 200), red.rgb, 3);
  assert_true(look(&p).bottom < 250 && look(&p).right < 250);
  dsm_picture_destroy(&p);
}

static void a_path_joins_its_points(void **state) {
  (void)state;
  dsm_picture p = paper(300, 300);
  const dsm_panel panel = unit_panel(&p);
  const float corner[6] = {-0.5f, -0.5f, 0.5f, -0.5f, 0.5f, 0.5f};
  dsm_panel_path(&panel, corner, 3, &black);
  for (size_t i = 101; i < 199; i++) assert_true(ink(&p, i, 200) > 0.9 && ink(&p, 200, i) > 0.9);
  assert_true(ink(&p, 150, 150) == 0);
  dsm_picture_destroy(&p);
}

/* Frame and ticks outside of the inside, all within the margin; figures do not touch each other. */
static void axes_keep_to_their_margin(void **state) {
  (void)state;
  static const double limits[][4] = {
      {-1, 1, -1, 1}, {-173, 171, -1e4, 1e4}, {0.001, 0.0025, 1e5, 1.2e5}, {-0.5, 8, 3, 3.5}};
  for (size_t r = 0; r < 4; r++) {
    dsm_picture p = paper(340, 320);
    const double letter = 11;
    const dsm_margin m = dsm_panel_margin(letter);
    dsm_panel panel = unit_panel(&p);
    panel.x0 = limits[r][0], panel.x1 = limits[r][1], panel.y0 = limits[r][2], panel.y1 = limits[r][3];
    dsm_panel_axes(&panel, "t = 0.5", letter);
    const drawn d = look(&p);
    assert_true((double)d.left >= 50 - m.left && (double)d.right < 250 + m.right + letter);
    assert_true((double)d.top >= 50 - m.top && (double)d.bottom < 250 + m.bottom);
    assert_true(ink(&p, 150, 50) > 0.3 && ink(&p, 50, 150) > 0.3 && ink(&p, 150, 249) > 0.3 &&
                ink(&p, 249, 150) > 0.3);
    for (size_t y = 55; y < 245; y++)
      for (size_t x = 55; x < 245; x++) assert_true(ink(&p, x, y) == 0);
    /* gaps of a letter or more between the figures below: 2 of them at least, so 3 figures or more */
    int gaps = 0, empty = 0;
    bool begun = false;
    for (size_t x = d.left; x <= d.right; x++) {
      double column = 0;
      for (size_t y = 258; y < 320; y++) column += ink(&p, x, y);
      if (column > 0 && begun && empty >= 8) gaps++;
      if (column > 0) begun = true;
      empty = column > 0 ? 0 : empty + 1;
    }
    assert_true(gaps >= 2);
    dsm_picture_destroy(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_covers_its_pixels),
      cmocka_unit_test(lines_of_any_direction_have_their_area),
      cmocka_unit_test(nothing_is_drawn_outside_of_the_canvas),
      cmocka_unit_test(opacity_lets_the_ground_through),
      cmocka_unit_test(an_arrow_points_to_its_tip),
      cmocka_unit_test(every_sign_looks_different),
      cmocka_unit_test(text_is_as_large_as_it_says_and_where_it_should_be),
      cmocka_unit_test(indices_are_lower_and_exponents_higher),
      cmocka_unit_test(shades_darken_evenly),
      cmocka_unit_test(line_colours_are_seen_on_white),
      cmocka_unit_test(a_contour_is_where_the_field_has_its_level),
      cmocka_unit_test(a_saddle_is_cut_on_the_right_side),
      cmocka_unit_test(shades_follow_the_field_and_y_goes_up),
      cmocka_unit_test(a_path_joins_its_points),
      cmocka_unit_test(axes_keep_to_their_margin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
