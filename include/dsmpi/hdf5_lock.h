/** @file hdf5_lock.h
 *  The one lock around HDF5. The library is usually not built thread-safe (two threads inside it hang or
 * crash), and the loader reads in a thread of its own while checkpoints are written: whoever calls HDF5 holds
 * this lock. Whoever comes first gets it first. */
#ifndef DSMPI_HDF5_LOCK_H
#define DSMPI_HDF5_LOCK_H

#include <stddef.h>

/** Takes the lock and silences HDF5's own error printing for this thread. Not recursive: hold it around HDF5
 * calls only. */
void dsm_hdf5_lock(void);
void dsm_hdf5_unlock(void);
/** Lets those that wait for the lock have it before it is taken again; for long work with many calls. What this thread has
 * open stays open. */
void dsm_hdf5_pause(void);
/** Writes what HDF5 says about the call that has just failed: its innermost message, else "no details". Call
 * it under the lock and before any other HDF5 call. Returns `text`. */
const char *dsm_hdf5_message(char *text, size_t size);

#endif
