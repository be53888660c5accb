/* How shapes become pixels. */
#ifndef DSMPI_IO_PICTURE_STROKE_H
#define DSMPI_IO_PICTURE_STROKE_H

#include "dsmpi/drawing.h"

/* How deep a point lies inside the shape, in pixels; negative outside. */
typedef double dsm__inside(const void *shape, double x, double y);
/* Colours what the shape covers inside its box, left, top, right, bottom. */
void dsm__cover(const dsm_canvas *canvas, const double box[4], dsm__inside *inside, const void *shape,
                const dsm_pen *pen);

#endif
