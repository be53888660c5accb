/* What the tests of io share: a folder of their own, files as bytes, and a small model with all its arrays.
 */
#ifndef DSMPI_TESTS_IO_TEST_H
#define DSMPI_TESTS_IO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/io.h"

/* The folder, made by the group set-up and removed, with all in it, by the group tear-down. */
extern char test_folder[256];
int make_test_folder(void **state);
int remove_test_folder(void **state);
/* "FOLDER/name", in one of eight buffers used in turn. */
const char *in_folder(const char *name);
/* Number of entries of the folder whose names contain `part`. */
size_t count_names(const char *part);

/* A whole file; *size its bytes. free(). */
unsigned char *read_bytes(const char *path, size_t *size);
void write_bytes(const char *path, const void *bytes, size_t size);
bool same_bytes(const char *path_a, const char *path_b);

/* assert_int_equal(status, DSM_OK) that prints the trail. */
void assert_ok(dsm_status status);
/* The status, and a part of its message. */
void assert_fails(dsm_status status, dsm_status expected, const char *part);

/* A table of a conv 2-D, a linear layer and vectors, with arrays full of distinct values, and a header. */
typedef struct small_model {
  dsm_checkpoint header;
  dsm_checkpoint_arrays arrays;
  double rates[2];
} small_model;
void small_model_create(small_model *model, size_t width);
void small_model_destroy(small_model *model);
/* Arrays of the same table without values. */
void small_model_empty_arrays(const small_model *model, dsm_checkpoint_arrays *arrays);
void small_model_free_arrays(dsm_checkpoint_arrays *arrays);
bool small_model_same_arrays(const dsm_checkpoint_arrays *a, const dsm_checkpoint_arrays *b);
bool small_model_same_header(const dsm_checkpoint *a, const dsm_checkpoint *b);

#endif
