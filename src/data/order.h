/** @file order.h
 *  What the loader needs of the order beyond the public part. */
#ifndef DSMPI_ORDER_H
#define DSMPI_ORDER_H

#include "dsmpi/data.h"

/** dsm_order_create for rows that begin `phase` rows behind a block's start in the file, so that blocks are
 * whole chunks: the first block is shorter by that. phase < block. */
dsm_status dsm__order_create(uint64_t rows, uint64_t phase, uint64_t block, uint64_t window, uint64_t seed,
                             dsm_order **order);
/** First position behind the window that holds `position`. */
uint64_t dsm__order_window_end(dsm_order *order, uint64_t position);

#endif
