/** @file tensor.h
 *  Shapes. Tensors are contiguous float32, last axis fastest; batches are (N, spatial..., C), channels last. */
#ifndef DSMPI_TENSOR_H
#define DSMPI_TENSOR_H

#include "dsmpi/status.h"

enum { DSM_MAX_RANK = 5 };

typedef struct dsm_shape {
  int rank;               /* 1 ... DSM_MAX_RANK */
  size_t n[DSM_MAX_RANK]; /* entries beyond rank are 1 */
} dsm_shape;

/** DSM_SHAPE(2, 32, 128): a shape from its sizes (as size_t or int). */
#define DSM_SHAPE(...)                                                                                       \
  dsm__shape_make((int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (const size_t[]){__VA_ARGS__})
dsm_shape dsm__shape_make(int rank, const size_t *n);
/** Number of elements. */
size_t dsm_shape_count(dsm_shape shape);
bool dsm_shape_equal(dsm_shape a, dsm_shape b);
/** "(32, 28, 28, 1)"; returns `text`. */
const char *dsm_shape_text(dsm_shape shape, char *text, size_t size);
/** Shape of a broadcast pair: ranks are equal, each axis equal or 1 on one side. DSM_INTERNAL if they do not
 *  fit. */
dsm_status dsm_shape_broadcast(dsm_shape a, dsm_shape b, dsm_shape *out);

#endif
