/* Samples side by side. One sample is a cell of one panel (grey or colour) or of several (a grey one a
 * channel):
 *
 *      |gap| panel |line| panel |gap| panel |line| panel |gap|
 */
#include "dsmpi/io.h"

#include <math.h>
#include <string.h>

enum { GAP = 3 /* pixels between samples */, LINE = 1 /* between the panels of one */, WIDTH_WANTED = 800 };

static const unsigned char paper[3] = {186, 198, 214};      /* seen beside black and beside white */
static const unsigned char not_a_number[3] = {230, 0, 126}; /* no grey: nobody takes it for a value */

typedef struct layout {
  size_t panels, colours; /* channels = panels x colours */
  size_t columns, rows, zoom;
  size_t cell_width, cell_height; /* without gap */
} layout;

/* Sizes of a cell in pixels at a zoom. */
static void set_zoom(layout *l, size_t zoom, size_t height, size_t width) {
  l->zoom = zoom;
  l->cell_width = l->panels * width * zoom + (l->panels - 1) * LINE;
  l->cell_height = height * zoom;
}

static layout make_layout(size_t count, size_t height, size_t width, size_t channels, size_t columns,
                          size_t zoom) {
  layout l = {.panels = channels == 3 ? 1 : channels, .colours = channels == 3 ? 3 : 1};
  set_zoom(&l, 1, height, width);
  if (columns == 0) /* columns x cell width = rows x cell height */
    columns = (size_t)lround(sqrt((double)count * (double)l.cell_height / (double)l.cell_width));
  l.columns = columns < 1 ? 1 : columns > count ? count : columns;
  l.rows = (count + l.columns - 1) / l.columns;
  if (zoom == 0) {
    const double lines = (double)(GAP + l.columns * (GAP + (l.panels - 1) * LINE));
    const double fits = (WIDTH_WANTED - lines) / ((double)(l.columns * l.panels) * (double)width);
    zoom = fits < 1 ? 1 : (size_t)fits;
  }
  set_zoom(&l, zoom, height, width);
  return l;
}

static unsigned char grey(float value, double low, double high) {
  const double t = high > low ? ((double)value - low) / (high - low) : 0.5;
  return (unsigned char)lround(255 * (t < 0 ? 0 : t > 1 ? 1 : t));
}

/* One pixel of a panel: `channel` is its first channel. */
static void pixel_colour(const layout *l, const float *x, size_t channel, const double *low,
                         const double *high, unsigned char rgb[3]) {
  for (size_t i = 0; i < 3; i++) {
    const size_t c = channel + (l->colours == 3 ? i : 0);
    if (isnan(x[c])) {
      memcpy(rgb, not_a_number, 3);
      return;
    }
    rgb[i] = grey(x[c], low[c], high[c]);
  }
}

static void fill_square(dsm_picture *picture, size_t left, size_t top, size_t side,
                        const unsigned char rgb[3]) {
  for (size_t row = top; row < top + side; row++)
    for (size_t column = left; column < left + side; column++)
      memcpy(picture->rgb + 3 * (row * picture->width + column), rgb, 3);
}

dsm_status dsm_picture_grid(const float *x, size_t count, size_t height, size_t width, size_t channels,
                            const double *low, const double *high, size_t columns, size_t zoom,
                            dsm_picture *picture) {
  *picture = (dsm_picture){0};
  if (count == 0 || height == 0 || width == 0 || channels == 0)
    DSM_FAIL(DSM_USAGE, "%zu samples of %zu x %zu x %zu give no picture", count, height, width, channels);
  const layout l = make_layout(count, height, width, channels, columns, zoom);
  DSM_TRY(dsm_picture_create(GAP + l.columns * (l.cell_width + GAP), GAP + l.rows * (l.cell_height + GAP),
                             paper, picture));
  for (size_t i = 0; i < count; i++) {
    const size_t top = GAP + i / l.columns * (l.cell_height + GAP);
    const size_t left = GAP + i % l.columns * (l.cell_width + GAP);
    for (size_t panel = 0; panel < l.panels; panel++) {
      const size_t panel_left = left + panel * (width * l.zoom + LINE);
      for (size_t p = 0; p < height * width; p++) {
        unsigned char rgb[3];
        pixel_colour(&l, x + (i * height * width + p) * channels, panel, low, high, rgb);
        fill_square(picture, panel_left + p % width * l.zoom, top + p / width * l.zoom, l.zoom, rgb);
      }
    }
  }
  return DSM_OK;
}
