/* Where things are in a samples file. HDF5 lays the file out once; after that its datasets are plain runs of
 * bytes at known offsets, which any process may write without a library, a lock or a word to the others. */
#ifndef DSMPI_IO_SAMPLES_FILE_H
#define DSMPI_IO_SAMPLES_FILE_H

#include "dsmpi/io.h"

typedef struct dsm_samples_layout {
  uint64_t count, block, blocks;
  dsm_shape sample;                               /* (spatial..., C) */
  uint64_t samples, index, evaluations, complete; /* offsets in bytes */
} dsm_samples_layout;

/* "PATH.partial" */
dsm_status dsm__samples_partial(const char *path, char *partial, size_t size);
/* Reads the layout of a partial file and, unless `info` is NULL, tells whether the file is for the request
 * `info`. */
dsm_status dsm__samples_read_layout(const char *partial, const dsm_samples_info *info,
                                    dsm_samples_layout *layout, bool *same_request);
/* Reads the completion map (one byte a block, owned by the caller: free()) and counts the missing blocks. */
dsm_status dsm__samples_read_map(int fd, const char *partial, const dsm_samples_layout *layout,
                                 unsigned char **complete, uint64_t *missing);

#endif
