/* A picture of small panels in rows. */
#ifndef DSMPI_IO_PICTURE_PANELS_H
#define DSMPI_IO_PICTURE_PANELS_H

#include "dsmpi/drawing.h"

typedef struct dsm__panels {
  dsm_picture *picture; /* borrowed */
  size_t columns;
  double width, height; /* of a panel's inside */
} dsm__panels;
/* White paper for `count` panels, `columns` in a row (0 = about square), about 800 wide. The picture is the caller's. */
dsm_status dsm__panels_create(size_t count, size_t columns, dsm_picture *picture, dsm__panels *panels);
/* Panel i, limits x0 x1 y0 y1; nothing is drawn yet. */
dsm_panel dsm__panels_at(const dsm__panels *panels, size_t i, const double limits[4]);
/* Frame, ticks and title, when all else is drawn. */
void dsm__panels_frame(const dsm_panel *panel, const char *title);
/* Limits that make a panel: as given; a unit around both where they are equal or not numbers. */
void dsm__panels_limits(double low, double high, double limits[2]);

#endif
