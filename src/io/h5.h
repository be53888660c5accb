/* The few things io asks of HDF5, with failures in the trail. Only the POSIX driver is used; files are made
 * in format V110, in which every piece of metadata carries a checksum. All of it is called under
 * dsm_hdf5_lock. */
#ifndef DSMPI_IO_H5_H
#define DSMPI_IO_H5_H

#include <hdf5.h>
#include <stdint.h>
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/tensor.h"
#include "h5_output.h"

/* Starts a failure "FILE: what: why", why being HDF5's innermost message; FILE is that of `object`. With
 * DSM_IO nothing more is written to that file: call it before anything of it is closed. */
dsm_status dsm__h5_failure(dsm_status status, const char *file, int line, hid_t object, const char *format,
                           ...) __attribute__((format(printf, 5, 6)));
#define DSM_H5_FAIL_DONE(status_, object, ...)                                                               \
  do {                                                                                                       \
    status = dsm__h5_failure((status_), __FILE__, __LINE__, (object), __VA_ARGS__);                          \
    goto done;                                                                                               \
  } while (0)

/* Closes any identifier and sets it to H5I_INVALID_HID; accepts H5I_INVALID_HID. */
void dsm__h5_close(hid_t *id);

/* Creates a file that must not exist, with `reserve` bytes reserved for it. Finish or abandon it. */
dsm_status dsm__h5_create(const char *path, uint64_t reserve, dsm__h5_output *output, hid_t *file);
/* Closes the file and tells whether all that was written reached it. */
dsm_status dsm__h5_finish(const char *path, dsm__h5_output *output, hid_t *file);
/* Closes what is open; accepts a finished file. */
void dsm__h5_abandon(dsm__h5_output *output, hid_t *file);
/* Opens for reading, without a lock on the file. DSM_NOT_FOUND; DSM_IO; DSM_BAD_DATA: no regular file, not
 * HDF5, damaged. */
dsm_status dsm__h5_open(const char *path, hid_t *file);

dsm_status dsm__h5_create_group(hid_t parent, const char *name, hid_t *group);
/* DSM_NOT_FOUND if there is no such name; DSM_BAD_DATA if it is a link elsewhere or not a group. */
dsm_status dsm__h5_open_group(hid_t parent, const char *name, hid_t *group);
/* Calls `visit` for each name in a group, in order of names, until it fails. */
typedef dsm_status (*dsm__h5_visitor)(hid_t group, const char *name, void *context);
dsm_status dsm__h5_each(hid_t group, dsm__h5_visitor visit, void *context);

/* Writes a new dataset with checksums, in chunks of some MiB. `type` is a native type. */
dsm_status dsm__h5_write(hid_t parent, const char *name, hid_t type, dsm_shape shape, const void *values);
/* Opens a dataset of which nothing is believed: it must be a plain one of floats (or integers) of the size of
 * `type`, stored in this very file, with no filter but the checksum. DSM_NOT_FOUND; DSM_BAD_DATA. */
dsm_status dsm__h5_open_dataset(hid_t parent, const char *name, hid_t type, hid_t *dataset, dsm_shape *shape);
/* Reads a dataset that must have `shape`; a broken checksum is DSM_BAD_DATA. */
dsm_status dsm__h5_read(hid_t parent, const char *name, hid_t type, dsm_shape shape, void *values);
/* Reads all chunks of a dataset, keeping none: are its checksums right? */
dsm_status dsm__h5_verify(hid_t parent, const char *name, hid_t type);

/* Attributes. Strings have fixed length, because strings of variable length live in a heap without checksum.
 */
dsm_status dsm__h5_set_text(hid_t object, const char *name, const char *text);
dsm_status dsm__h5_set_int(hid_t object, const char *name, int64_t value);
dsm_status dsm__h5_set_uint(hid_t object, const char *name, uint64_t value);
dsm_status dsm__h5_set_real(hid_t object, const char *name, double value);
dsm_status dsm__h5_set_ints(hid_t object, const char *name, size_t count, const int64_t *values);
/* *text is owned by the caller: free(). */
dsm_status dsm__h5_get_text(hid_t object, const char *name, char **text);
/* The same into a buffer; what does not fit is cut off. */
dsm_status dsm__h5_get_text_into(hid_t object, const char *name, char *text, size_t size);
dsm_status dsm__h5_get_int(hid_t object, const char *name, int64_t *value);
dsm_status dsm__h5_get_uint(hid_t object, const char *name, uint64_t *value);
dsm_status dsm__h5_get_real(hid_t object, const char *name, double *value);
/* At most `capacity` values. */
dsm_status dsm__h5_get_ints(hid_t object, const char *name, size_t capacity, int64_t *values, size_t *count);

#endif
