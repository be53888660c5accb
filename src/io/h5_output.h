/* A driver for HDF5 files under construction. It differs from HDF5's own in one thing: it never tells HDF5
 * that a write failed. HDF5 cannot close what it cannot write (1.10: the file is freed but keeps its
 * identifier, and the program crashes when the library ends); here everything closes in peace, and we look at
 * the error afterwards. */
#ifndef DSMPI_IO_H5_OUTPUT_H
#define DSMPI_IO_H5_OUTPUT_H

#include <hdf5.h>
#include "dsmpi/status.h"

typedef struct dsm__h5_output {
  int fd;    /* of an empty file, open for reading and writing; owned by the caller */
  int error; /* errno of the first write that failed, or 0 */
} dsm__h5_output;

/* Makes files that are created with the access list `access` go to `output`, which must stay until they are
 * closed. */
dsm_status dsm__h5_set_output(hid_t access, dsm__h5_output *output);

#endif
