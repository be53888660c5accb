/** @file fixture.h
 *  HDF5 files in a temporary folder, with values that a test can know. */
#ifndef DSMPI_TEST_DATA_FIXTURE_H
#define DSMPI_TEST_DATA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <hdf5.h>

#include "data/dataset_private.h"
#include "dsmpi/data.h"

typedef struct file_spec {
  hid_t type; /* 0: float32 */
  int rank;
  uint64_t dims[5], chunk[5]; /* chunk[0] = 0: contiguous */
  int gzip;                   /* level; 0: none */
  bool shuffle, fletcher32, compact;
  const char *labels; /* "NCHW", or NULL */
  uint64_t user_block;
} file_spec;

/** Makes and removes the folder; for cmocka's group fixtures. */
int fixture_begin(void **state);
int fixture_end(void **state);
/** Path of a file in the folder; borrowed, good for the next 7 calls. */
const char *fixture_path(const char *name);
/** The value of element i: whole numbers 0 ... 120, exact in every type. */
double fixture_value(size_t i);
/** Writes dataset "x" by spec into `name`, with values[i] or, for NULL, fixture_value(i). Returns the path.
 */
const char *fixture_file(const char *name, const file_spec *spec, const double *values);
/** What dsm_dataset_read should give for all rows of the file, by the plainest loop over the file's elements.
 */
float *fixture_expected(const file_spec *spec, const char *letters, const double *values);
/** Checks a status and shows the trail when it is another. */
void fixture_status(dsm_status got, dsm_status wanted, const char *file, int line);
/** Also that the message holds `part`. */
void fixture_message(dsm_status got, dsm_status wanted, const char *part, const char *file, int line);
#define assert_ok(call)                  fixture_status((call), DSM_OK, __FILE__, __LINE__)
#define assert_fails(call, status, part) fixture_message((call), (status), (part), __FILE__, __LINE__)
/** Writes bytes to a file of the folder; returns the path. */
const char *fixture_bytes(const char *name, const void *bytes, size_t size);

#endif
