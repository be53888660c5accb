#include "io_test.h"

#include <math.h>
#include <png.h>

#include "dsmpi/random.h"

static const unsigned char *pixel(const dsm_picture *picture, size_t x, size_t y) {
  assert_true(x < picture->width && y < picture->height);
  return picture->rgb + 3 * (y * picture->width + x);
}

static bool is_colour(const dsm_picture *picture, size_t x, size_t y, int r, int g, int b) {
  const unsigned char *p = pixel(picture, x, y);
  return p[0] == r && p[1] == g && p[2] == b;
}

static void a_png_decodes_to_the_pixels_written(void **state) {
  (void)state;
  dsm_picture picture;
  const char *path = in_folder("picture.png");
  assert_ok(dsm_picture_create(37, 21, (const unsigned char[]){10, 20, 30}, &picture));
  assert_true(is_colour(&picture, 36, 20, 10, 20, 30));
  for (size_t i = 0; i < 37 * 21 * 3; i += 2) picture.rgb[i] = (unsigned char)(i * 7);
  assert_ok(dsm_picture_write(&picture, path));
  assert_ok(dsm_picture_write(&picture, path)); /* replaces */
  assert_int_equal(count_names("picture.png"), 1);

  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path));
  assert_int_equal(image.width, 37);
  assert_int_equal(image.height, 21);
  assert_int_equal(image.format, PNG_FORMAT_RGB);
  unsigned char *decoded = malloc(PNG_IMAGE_SIZE(image));
  assert_true(png_image_finish_read(&image, NULL, decoded, 0, NULL));
  assert_memory_equal(decoded, picture.rgb, 37 * 21 * 3);
  free(decoded);
  dsm_picture_destroy(&picture);
  dsm_picture_destroy(&picture);
  assert_fails(dsm_picture_write(&(dsm_picture){0}, in_folder("no.png")), DSM_INTERNAL, "no.png");
}

static void impossible_sizes_are_refused(void **state) {
  (void)state;
  dsm_picture picture;
  const double low = 0, high = 1;
  const float x = 0;
  assert_fails(dsm_picture_create(0, 5, (const unsigned char[3]){0}, &picture), DSM_USAGE, "0 x 5");
  assert_fails(dsm_picture_create(40000, 5, (const unsigned char[3]){0}, &picture), DSM_USAGE,
               "fewer samples");
  assert_fails(dsm_picture_grid(&x, 0, 1, 1, 1, &low, &high, 0, 0, &picture), DSM_USAGE, "no picture");
  assert_fails(dsm_picture_grid(&x, 1, 1, 1, 1, &low, &high, 0, 50000, &picture), DSM_USAGE, "50006 x 50006");
  assert_fails(dsm_picture_scatter(&x, 0, 50, NULL, &picture), DSM_USAGE, "120 pixels");
  assert_null(picture.rgb);
}

/* Three grey samples of 2 x 2, two columns, each value a square of 2 x 2, gaps of 3:  3 + 4 + 3 + 4 + 3 = 17
 */
static void a_grey_grid_has_every_value_in_its_place(void **state) {
  (void)state;
  dsm_picture picture;
  const double low = -1, high = 1;
  const float x[3][2][2] = {{{-1, 1}, {0, -2}}, {{2, 1}, {1, 1}}, {{-1, -1}, {-0.2f, -1}}};
  assert_ok(dsm_picture_grid(&x[0][0][0], 3, 2, 2, 1, &low, &high, 2, 2, &picture));
  assert_int_equal(picture.width, 17);
  assert_int_equal(picture.height, 17);
  for (size_t i = 0; i < 3; i++)
    for (size_t row = 0; row < 4; row++)
      for (size_t column = 0; column < 4; column++) {
        const double value = fmin(1, fmax(-1, x[i][row / 2][column / 2]));
        const int grey = (int)lround(255 * (value + 1) / 2);
        assert_true(is_colour(&picture, 3 + i % 2 * 7 + column, 3 + i / 2 * 7 + row, grey, grey, grey));
      }
  const unsigned char *paper = pixel(&picture, 0, 0); /* around, between, and where no sample is */
  assert_memory_equal(pixel(&picture, 8, 8), paper, 3);
  assert_memory_equal(pixel(&picture, 12, 12), paper, 3);
  dsm_picture_destroy(&picture);
}

static void colour_and_channels_have_their_panels(void **state) {
  (void)state;
  dsm_picture picture;
  const double low[3] = {0, 0, 10}, high[3] = {1, 2, 10};
  const float colour[3] = {1, 1, 5}, channels[2] = {0.5f, NAN};
  assert_ok(dsm_picture_grid(colour, 1, 1, 1, 3, low, high, 0, 1, &picture));
  assert_int_equal(picture.width, 7);
  assert_true(is_colour(&picture, 3, 3, 255, 128, 128)); /* equal bounds are mid-grey */
  dsm_picture_destroy(&picture);
  assert_ok(dsm_picture_grid(channels, 1, 1, 1, 2, low, high, 0, 4, &picture));
  assert_int_equal(picture.width, 3 + 4 + 1 + 4 + 3);
  assert_true(is_colour(&picture, 3, 3, 128, 128, 128));
  const unsigned char *nan = pixel(&picture, 8, 3);
  assert_true(nan[0] != nan[1]); /* no grey */
  dsm_picture_destroy(&picture);
}

static void of_a_body_the_middle_plane_is_shown(void **state) {
  (void)state;
  dsm_picture picture;
  const double low = 0, high = 1;
  float x[2][3][5][2][2]; /* 2 samples of 3 x 5 planes of 2 x 2 */
  for (size_t i = 0; i < 2 * 3 * 5 * 4; i++) (&x[0][0][0][0][0])[i] = 0.25F;
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k < 4; k++) (&x[i][1][2][0][0])[k] = (float)i; /* the middle one */
  assert_ok(dsm_picture_planes(&x[0][0][0][0][0], 2, DSM_SHAPE(3, 5, 2, 2, 1), &low, &high, 2, 1, &picture));
  assert_int_equal(picture.width, 3 + 2 * (2 + 3));
  assert_true(is_colour(&picture, 3, 3, 0, 0, 0) && is_colour(&picture, 4, 4, 0, 0, 0));
  assert_true(is_colour(&picture, 8, 3, 255, 255, 255) && is_colour(&picture, 9, 4, 255, 255, 255));
  dsm_picture_destroy(&picture);
}

static void the_range_leaves_out_the_outermost_and_what_is_no_number(void **state) {
  (void)state;
  float x[1000][2];
  double at[2];
  size_t finite;
  for (size_t i = 0; i < 1000; i++) {
    x[i][0] = (float)(i * 7 % 1000); /* each of 0 to 999 once */
    x[i][1] = NAN;
  }
  x[0][0] = INFINITY;
  assert_ok(dsm_value_range(&x[0][0], 1000, 2, 0, 0.01, at, &finite));
  assert_int_equal(finite, 999);
  assert_true(at[0] == 10 && at[1] == 990); /* of 1 to 999 */
  assert_ok(dsm_value_range(&x[0][0], 1000, 2, 1, 0.01, at, &finite));
  assert_true(finite == 0 && at[0] == 0 && at[1] == 0);
}

static void a_grid_is_about_square_and_800_wide(void **state) {
  (void)state;
  dsm_picture picture;
  const double low = 0, high = 1;
  static const size_t rows[][3] = {{64, 28, 28}, {10, 28, 28}, {16, 64, 64}, {7, 10, 40}, {1, 5, 5}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    float *x = calloc(rows[r][0] * rows[r][1] * rows[r][2], sizeof *x);
    assert_ok(dsm_picture_grid(x, rows[r][0], rows[r][1], rows[r][2], 1, &low, &high, 0, 0, &picture));
    assert_true(picture.width <= 800 && picture.width >= 500);
    assert_true(picture.height <= 2 * picture.width && picture.width <= 2 * picture.height);
    dsm_picture_destroy(&picture);
    free(x);
  }
}

/* With limits 0 to 1 the middle of the data is the middle of the frame; the frame is found by its colour. */
static void a_point_is_drawn_at_its_place(void **state) {
  (void)state;
  dsm_picture picture;
  const double limits[4] = {0, 1, 0, 1};
  const float points[] = {0.25f, 0.75f, NAN, 0.5f, 3, 0.5f, INFINITY, 0};
  size_t left = 0, right = 0, top = 0, bottom = 0, x_sum = 0, y_sum = 0, n = 0;
  assert_ok(dsm_picture_scatter(points, 4, 300, limits, &picture));
  for (size_t x = 0; x < 300; x++)
    if (is_colour(&picture, x, 147, 60, 60, 60)) { /* a row without tick or figure */
      if (!left) left = x;
      right = x;
    }
  for (size_t y = 0; y < 300; y++)
    if (is_colour(&picture, (left + right) / 2 - 7, y, 60, 60, 60)) {
      if (!top) top = y;
      bottom = y;
    }
  assert_true(right - left > 200);
  assert_true(bottom - top == right - left);
  for (size_t y = 0; y < 300; y++)
    for (size_t x = 0; x < 300; x++) {
      const unsigned char *p = pixel(&picture, x, y);
      if (p[2] > p[0] + 20) x_sum += x, y_sum += y, n++; /* blue */
    }
  assert_int_equal(n, 5); /* one small disc: the others are outside */
  const double side = (double)(right - left);
  assert_true(fabs((double)x_sum / (double)n - ((double)left + 0.25 * side)) <= 1);
  assert_true(fabs((double)y_sum / (double)n - ((double)top + 0.25 * side)) <= 1);
  dsm_picture_destroy(&picture);
}

static double darkness(const dsm_picture *picture, size_t x, size_t y) {
  double sum = 0;
  for (size_t j = y - 4; j <= y + 4; j++)
    for (size_t i = x - 4; i <= x + 4; i++) sum += 255.0 - pixel(picture, i, j)[1];
  return sum;
}

static void denser_places_are_darker(void **state) {
  (void)state;
  enum { N = 40000 };
  dsm_picture picture;
  const double limits[4] = {-4, 4, -4, 4};
  float *x = malloc(2 * N * sizeof *x);
  dsm_random_normal((dsm_random_key){.seed = 1, .stream = DSM_STREAM_DATA}, 0, 2 * N, x);
  assert_ok(dsm_picture_scatter(x, N, 400, limits, &picture));
  const size_t centre_x = 52 + 332 / 2, centre_y = 32 + 332 / 2, unit = 332 / 8;
  const double at[] = {darkness(&picture, centre_x, centre_y), darkness(&picture, centre_x + unit, centre_y),
                       darkness(&picture, centre_x + 2 * unit, centre_y),
                       darkness(&picture, centre_x + 3 * unit, centre_y)};
  assert_true(at[0] > at[1] && at[1] > at[2] && at[2] > at[3]);
  free(x);
  dsm_picture_destroy(&picture);
}

static void any_points_make_a_picture(void **state) {
  (void)state;
  dsm_picture picture;
  const float same[] = {5, 5, 5, 5}, huge[] = {1e30f, -1e30f, 2e30f, 1e30f},
              tiny[] = {1e-30f, 0, 2e-30f, 1e-30f};
  const float nan[] = {NAN, NAN}, far[] = {1e8f, 1, 1.0001e8f, 2};
  assert_ok(dsm_picture_scatter(NULL, 0, 200, NULL, &picture));
  dsm_picture_destroy(&picture);
  const float *const points[] = {same, huge, tiny, far};
  for (size_t i = 0; i < 4; i++) {
    assert_ok(dsm_picture_scatter(points[i], 2, 200, NULL, &picture));
    dsm_picture_destroy(&picture);
  }
  assert_ok(dsm_picture_scatter(nan, 1, 200, NULL, &picture));
  dsm_picture_destroy(&picture);
  assert_fails(dsm_picture_scatter(same, 2, 200, (const double[]){1, 0, 0, 1}, &picture), DSM_USAGE,
               "limits");
  assert_fails(dsm_picture_scatter(same, 2, 200, (const double[]){0, NAN, 0, 1}, &picture), DSM_USAGE,
               "limits");
}

/* ---- panels -------------------------------------------------------------------------------------------- */

/* Ink of panels is grey; what they show has colours. Pixels with one in columns from `first` to before `end`, and the middle of
 * their rows. */
static size_t coloured(const dsm_picture *picture, size_t first, size_t end, double *row) {
  size_t n = 0;
  double sum = 0;
  for (size_t y = 0; y < picture->height; y++)
    for (size_t x = first; x < end; x++) {
      const unsigned char *p = pixel(picture, x, y);
      if (p[0] == p[1] && p[1] == p[2]) continue;
      n++;
      sum += (double)y;
    }
  if (row) *row = sum / (double)n;
  return n;
}

static void samples_are_drawn_by_their_shape(void **state) {
  (void)state;
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(1)), DSM_PICTURE_HISTOGRAMS);
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(2)), DSM_PICTURE_POINTS);
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(3)), DSM_PICTURE_HISTOGRAMS);
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(2, 1)), DSM_PICTURE_SERIES);
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(2, 2, 1)), DSM_PICTURE_PLANES);
  assert_int_equal(dsm_picture_kind_of(DSM_SHAPE(3, 2, 2, 1)), DSM_PICTURE_PLANES);
}

static void bars_of_a_histogram_have_their_shares(void **state) {
  (void)state;
  dsm_picture picture;
  const double low[2] = {0, 0}, high[2] = {1, 1};
  const float x[5][2] = {
      {0.11F, 7}, {0.12F, NAN}, {0.91F, -1}, {0.92F, 0}, {0.12F, 1}}; /* 3 : 2, and two at the ends */
  assert_ok(dsm_picture_histograms(&x[0][0], 2, 5, NULL, 0, 1, low, high, 0, &picture));
  const size_t left = coloured(&picture, 0, picture.width / 2, NULL),
               right = coloured(&picture, picture.width / 2, picture.width, NULL);
  assert_true(fabs((double)left / (double)right - 1.5) < 0.02); /* rims of pixels */
  dsm_picture_destroy(&picture);
  assert_ok(
      dsm_picture_histograms(&x[0][0], 2, 5, NULL, 0, 2, low, high, 1, &picture)); /* below: what is inside */
  assert_true(coloured(&picture, 0, picture.width, NULL) > left + right);
  dsm_picture_destroy(&picture);
  /* an outline, and no bars, where there are no samples; as high as the bars were */
  dsm_picture outline;
  assert_ok(dsm_picture_histograms(NULL, 2, 0, &x[0][0], 5, 1, low, high, 0, &outline));
  assert_int_equal(coloured(&outline, 0, outline.width, NULL), 0);
  assert_ok(dsm_picture_histograms(NULL, 2, 0, NULL, 0, 1, low, high, 0, &picture));
  size_t ink = 0;
  for (size_t i = 0; i < 3 * picture.width * picture.height; i++)
    ink += outline.rgb[i] < 100 && picture.rgb[i] >= 100;
  assert_true(ink > 3 * 200); /* the bar of 3 alone is 200 pixels high, up and down */
  dsm_picture_destroy(&picture);
  dsm_picture_destroy(&outline);
}

static void a_series_goes_from_left_to_right(void **state) {
  (void)state;
  enum { N = 101 };
  dsm_picture picture;
  const double low[2] = {0, -5}, high[2] = {100, 50}; /* all together -5 ... 100 */
  float x[N][2];
  double begin = 0, end = 0;
  for (size_t t = 0; t < N; t++) {
    x[t][0] = t < 45 || t > 55 ? (float)t : NAN;
    x[t][1] = NAN; /* draws nothing */
  }
  assert_ok(dsm_picture_series(&x[0][0], 1, N, 2, low, high, 0, &picture));
  const size_t w = picture.width;
  assert_true(coloured(&picture, 0, w / 2, &begin) > 100 && coloured(&picture, w / 2, w, &end) > 100);
  assert_true(begin > end + (double)picture.height / 4); /* it rises */
  const size_t middle = (34 + w - 10) / 2;               /* of the frame: 34 on its left, 10 on its right */
  assert_int_equal(coloured(&picture, middle - 10, middle + 10, NULL), 0); /* the gap */
  dsm_picture_destroy(&picture);
}

static void any_numbers_make_panels(void **state) {
  (void)state;
  dsm_picture picture;
  const float x[4] = {-3e38F, 3e38F, NAN, 1e-30F};
  const double low[][2] = {{-3e38, 1}, {NAN, NAN}, {-INFINITY, 0}, {1e-30, 2}},
               high[][2] = {{3e38, 1}, {NAN, 1}, {INFINITY, 0}, {2e-30, 1}};
  for (size_t k = 0; k < 4; k++) {
    assert_ok(dsm_picture_histograms(x, 2, 2, x, 2, 2, low[k], high[k], 0, &picture));
    dsm_picture_destroy(&picture);
    assert_ok(dsm_picture_series(x, 1, 2, 2, low[k], high[k], 0, &picture));
    dsm_picture_destroy(&picture);
    assert_ok(dsm_picture_series(x, 2, 1, 2, low[k], high[k], 0, &picture));
    dsm_picture_destroy(&picture);
  }
  float *wide = calloc(70, sizeof *wide);
  double *zero = calloc(70, sizeof *zero);
  assert_ok(dsm_picture_histograms(wide, 70, 1, NULL, 0, 70, zero, zero, 70, &picture));
  dsm_picture_destroy(&picture);
  free(wide);
  free(zero);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_png_decodes_to_the_pixels_written),
      cmocka_unit_test(impossible_sizes_are_refused),
      cmocka_unit_test(a_grey_grid_has_every_value_in_its_place),
      cmocka_unit_test(colour_and_channels_have_their_panels),
      cmocka_unit_test(of_a_body_the_middle_plane_is_shown),
      cmocka_unit_test(the_range_leaves_out_the_outermost_and_what_is_no_number),
      cmocka_unit_test(a_grid_is_about_square_and_800_wide),
      cmocka_unit_test(a_point_is_drawn_at_its_place),
      cmocka_unit_test(denser_places_are_darker),
      cmocka_unit_test(any_points_make_a_picture),
      cmocka_unit_test(samples_are_drawn_by_their_shape),
      cmocka_unit_test(bars_of_a_histogram_have_their_shares),
      cmocka_unit_test(a_series_goes_from_left_to_right),
      cmocka_unit_test(any_numbers_make_panels),
  };
  return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
