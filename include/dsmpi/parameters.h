/** @file parameters.h
 *  The parameter table: every model is one flat float array plus this list of names and places. Gradients,
 *  moments and averages have the same layout, so that optimizer, reduction and checkpoint see flat arrays. */
#ifndef DSMPI_PARAMETERS_H
#define DSMPI_PARAMETERS_H

#include <stdint.h>
#include "dsmpi/tensor.h"

/** How a parameter is initialised. */
typedef enum dsm_init {
  DSM_INIT_ZERO,
  DSM_INIT_ONE,
  DSM_INIT_FAN_AVG /* uniform in +-gain sqrt(6 / (fan_in + fan_out)); fans count the kernel's positions */
} dsm_init;

/** One parameter. Shapes are (out, in) for linear layers and (out, kernel..., in) for convolutions, channels
 *  last; files keep PyTorch's order (out, in, kernel...): the last axis moves to place 1. */
typedef struct dsm_parameter {
  const char *name; /* PyTorch style, "down.0.blocks.1.conv1.weight"; owned by the table */
  dsm_shape shape;
  size_t offset; /* in elements of the flat array */
  bool decay;    /* weight decay applies (weights yes; biases, norms no) */
  dsm_init init;
  float gain; /* of DSM_INIT_FAN_AVG */
} dsm_parameter;

typedef struct dsm_parameters dsm_parameters;

dsm_status dsm_parameters_create(dsm_parameters **table);
void dsm_parameters_destroy(dsm_parameters **table);
/** Appends a parameter behind the last one, at the next offset; `name` is copied and must be new.
 *  @param[out] parameter  owned by the table, stable until destroy; may be NULL */
dsm_status dsm_parameters_add(dsm_parameters *table, const char *name, dsm_shape shape, bool decay,
                              dsm_init init, float gain, const dsm_parameter **parameter);
/** Number of entries. */
size_t dsm_parameters_entries(const dsm_parameters *table);
/** Entry i, in order of offset. */
const dsm_parameter *dsm_parameters_entry(const dsm_parameters *table, size_t i);
/** Entry by name, or NULL. */
const dsm_parameter *dsm_parameters_find(const dsm_parameters *table, const char *name);
/** Number of elements of the flat array. */
size_t dsm_parameters_count(const dsm_parameters *table);
/** Fills the flat array: a function of (seed, entry, element) alone. */
void dsm_parameters_init(const dsm_parameters *table, uint64_t seed, float *w);
/** Shape of an entry in a file (PyTorch order). */
dsm_shape dsm_parameter_file_shape(const dsm_parameter *p);
/** Copies between the flat array's order and the file's: `file` has dsm_shape_count(p->shape) elements of
 *  `size` bytes (4 or 8). */
void dsm_parameter_to_file(const dsm_parameter *p, size_t size, const void *flat, void *file);
void dsm_parameter_from_file(const dsm_parameter *p, size_t size, const void *file, void *flat);

#endif
