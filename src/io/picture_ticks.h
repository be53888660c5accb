/* Where axes have ticks, and what stands beside them. */
#ifndef DSMPI_IO_PICTURE_TICKS_H
#define DSMPI_IO_PICTURE_TICKS_H

#include <stddef.h>

/* 1, 2 or 5 times a power of ten, so that a span has four to ten of them. */
double dsm__tick_step(double span);
/* Figures of a tick: as many decimals as the step has. */
void dsm__tick_text(double value, double step, char *text, size_t size);

#endif
