/* Fields between their places. */
#ifndef DSMPI_IO_PICTURE_FIELD_H
#define DSMPI_IO_PICTURE_FIELD_H

#include "dsmpi/drawing.h"

/* The value at a pixel, bilinear between the four places around, those at the rim going on outside; and
 * its slope in values a pixel, to the right and down, which may be NULL. */
double dsm__field_at(const dsm_panel *panel, const dsm_field *field, double x, double y, double slope[2]);

#endif
