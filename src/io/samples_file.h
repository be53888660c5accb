/* Where things are in a samples file. HDF5 lays the file out once; after that its datasets are plain runs of
 * bytes at known offsets, which any process may write without a library, a lock or a word to the others. */
#ifndef DSMPI_IO_SAMPLES_FILE_H
#define DSMPI_IO_SAMPLES_FILE_H

#include <hdf5.h>
#include "dsmpi/io.h"

/* A dataset with a row for each sample: /samples or a field. */
typedef struct dsm_samples_rows {
  char name[DSM_FIELD_NAME_MAX];
  dsm_field_type type;
  dsm_shape row;   /* rank 0: one number */
  int sample_axes; /* see dsm_samples_field */
  uint64_t offset; /* in bytes */
} dsm_samples_rows;

typedef struct dsm_samples_layout {
  uint64_t count, block, blocks;
  dsm_shape sample; /* (spatial..., C); rank 0: there is no /samples */
  size_t sets;
  dsm_samples_rows set[DSM_FIELDS_MAX + 1]; /* /samples, if there is one, then the fields */
  uint64_t index, evaluations, complete;    /* offsets in bytes */
} dsm_samples_layout;

/* ---- samples_rows.c ------------------------------------------------------------------------------------ */

size_t dsm__rows_bytes(const dsm_samples_rows *rows); /* of one row */
hid_t dsm__rows_type(const dsm_samples_rows *rows);
/* Axes in the file: (N, ..., C, spatial...) where the row has the axes of a sample. Returns their number. */
int dsm__rows_axes(const dsm_samples_rows *rows, uint64_t count, hsize_t n[DSM_MAX_RANK + 1]);
/* n rows, from the order in memory to that of the file. */
void dsm__rows_order(const dsm_samples_rows *rows, uint64_t n, const void *from, void *to);
/* /samples of this shape. */
dsm_samples_rows dsm__rows_of_samples(dsm_shape sample);
/* The datasets of a request; returns their number. */
size_t dsm__rows_of_request(const dsm_samples_info *info, dsm_samples_rows set[DSM_FIELDS_MAX + 1]);
/* Fields as kept in the file, one a line: "name type sample_axes n ...". Returns `text`. */
enum { DSM_FIELDS_TEXT = 4096 };
const char *dsm__fields_text(const dsm_samples_info *info, char text[DSM_FIELDS_TEXT]);
/* Reads such a text. @return false if it is none. */
bool dsm__fields_parse(const char *text, dsm_samples_rows set[DSM_FIELDS_MAX], size_t *count);

/* ---- samples_layout.c ---------------------------------------------------------------------------------- */

/* Offset in bytes of a contiguous dataset of this type and these axes; DSM_BAD_DATA if there is none. Under
 * dsm_hdf5_lock. */
dsm_status dsm__samples_offset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *n,
                               uint64_t *offset);
/* "PATH.partial" */
dsm_status dsm__samples_partial(const char *path, char *partial, size_t size);
/* Says whether two requests have the same conditions: FNV-1a over names, kinds and values. */
uint64_t dsm__conditions_digest(const dsm_samples_info *info);
/* Reads the layout of a partial file and, unless `info` is NULL, tells whether the file is for the request
 * `info`. */
dsm_status dsm__samples_read_layout(const char *partial, const dsm_samples_info *info,
                                    dsm_samples_layout *layout, bool *same_request);
/* Reads the completion map (one byte a block, owned by the caller: free()) and counts the missing blocks. */
dsm_status dsm__samples_read_map(int fd, const char *partial, const dsm_samples_layout *layout,
                                 unsigned char **complete, uint64_t *missing);

#endif
