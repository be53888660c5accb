/** @file reducer.h
 *  A knob of the gradient sum that only tests and measurements turn. */
#ifndef DSMPI_DIST_REDUCER_H
#define DSMPI_DIST_REDUCER_H

#include "dsmpi/dist.h"

/** Sets how many floats travel in one round; 0 = the default. Bits do not depend on it in tree mode.
 * Collective: the same on all ranks. */
dsm_status dsm__reducer_set_round(dsm_reducer *reducer, size_t floats);

#endif
