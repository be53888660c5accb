/** @file writer.h
 *  Writes a data file: whole under its name, or not there. Contiguous datasets in HDF5 1.10's format (with
 * checksums over the metadata), beside the target under a temporary name until dsm__writer_commit has
 * flushed, checked and renamed it.
 *
 *  First everything is declared, then HDF5 closes the file, then the values are written by pwrite where HDF5
 * put the datasets: HDF5 1.10 crashes at exit when a write failed on a full disk, so it has no values to
 * write. */
#ifndef DSMPI_WRITER_H
#define DSMPI_WRITER_H

#include <hdf5.h>
#include <stdint.h>

#include "dsmpi/status.h"

typedef struct dsm__writer dsm__writer;

/** Creates the temporary file and reserves `bytes` on the disk, so that a full disk is known before the work
 * is done.
 *  @return DSM_NOT_FOUND when the folder is missing; DSM_IO, also for a full disk */
dsm_status dsm__writer_create(const char *path, uint64_t bytes, dsm__writer **writer);
/** Declares a dataset, numbered 0, 1, ...; attributes that follow are its own.
 *  @param axes one letter an axis, "NCHW", kept as labels that H5DS and h5py show */
dsm_status dsm__writer_dataset(dsm__writer *w, const char *name, hid_t type, int rank, const uint64_t *dims,
                               const char *axes);
dsm_status dsm__writer_text(dsm__writer *w, const char *name, const char *text);
dsm_status dsm__writer_integer(dsm__writer *w, const char *name, uint64_t value);
dsm_status dsm__writer_reals(dsm__writer *w, const char *name, int rank, const uint64_t *dims,
                             const double *values);
/** Ends the declarations. */
dsm_status dsm__writer_seal(dsm__writer *w);
/** After the seal: rows first ... first + n - 1 of a dataset, in its own type. */
dsm_status dsm__writer_rows(dsm__writer *w, int dataset, uint64_t first, uint64_t n, const void *values);
/** Puts the file in place, replacing an older one, and releases the writer. */
dsm_status dsm__writer_commit(dsm__writer **writer);
/** Removes what was written, and releases the writer; accepts NULL. */
void dsm__writer_discard(dsm__writer **writer);

#endif
