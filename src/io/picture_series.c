/* Series, a panel each: a line for every channel over the place in the series, all panels with the same axes. */
#include <math.h>
#include <stdlib.h>
#include "dsmpi/io.h"
#include "dsmpi/memory.h"
#include "picture_panels.h"

dsm_status dsm_picture_series(const float *x, size_t n, size_t length, size_t channels, const double *low,
                              const double *high, size_t columns, dsm_picture *picture) {
  dsm_status status = DSM_OK;
  double limits[4] = {0, 0, INFINITY, -INFINITY};
  float *xy = NULL;
  dsm__panels panels;
  for (size_t c = 0; c < channels; c++) {
    limits[2] = fmin(limits[2], low[c]);
    limits[3] = fmax(limits[3], high[c]);
  }
  dsm__panels_limits(0, (double)length - 1, limits);
  dsm__panels_limits(limits[2], limits[3], limits + 2);
  DSM_TRY(DSM_ALLOC(2 * length, &xy));
  DSM_TRY_DONE(dsm__panels_create(n, columns, picture, &panels));
  for (size_t i = 0; i < n; i++) {
    const dsm_panel panel = dsm__panels_at(&panels, i, limits);
    for (size_t c = channels; c-- > 0;) { /* the first one on top */
      dsm_pen pen = {.width = 1.3, .opacity = 1};
      dsm_line_colour(c, pen.rgb);
      for (size_t t = 0; t < length; t++) {
        xy[2 * t] = (float)t;
        xy[2 * t + 1] = x[(i * length + t) * channels + c];
      }
      dsm_panel_path(&panel, xy, length, &pen);
      if (length == 1) dsm_panel_dots(&panel, xy, 1, 2, &pen);
    }
    dsm__panels_frame(&panel, "");
  }
done:
  free(xy);
  return status;
}
