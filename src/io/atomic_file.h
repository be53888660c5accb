/* Files that are whole or absent: written under a temporary name beside their place, flushed to the disk,
 * then renamed. The temporary name says who writes it, PATH.tmp-HOST-PID, so that what a dead run left is
 * known. */
#ifndef DSMPI_IO_ATOMIC_FILE_H
#define DSMPI_IO_ATOMIC_FILE_H

#include <stdint.h>
#include "dsmpi/status.h"

enum { DSM_PATH_MAX = 4096 };

/* Makes the temporary name for `path` and removes what dead writers of it left. Refuses a `path` that exists and
 * is no regular file: symbolic links are not followed, devices and folders not replaced. */
dsm_status dsm__atomic_begin(const char *path, char temporary[DSM_PATH_MAX]);
/* Flushes `temporary` to the disk, renames it to `path` and flushes the folder. */
dsm_status dsm__atomic_commit(const char *temporary, const char *path);

/* Refuses more bytes than a process may give a file (ulimit -f): the kernel would end it by a signal. */
dsm_status dsm__check_size_limit(const char *path, uint64_t bytes);
/* Reserves blocks for the first `bytes` bytes, without changing the file's size; where the file system
 * cannot, only looks whether there is room. `path` is for the message, which has the bytes needed and free.
 */
dsm_status dsm__reserve(int fd, const char *path, uint64_t bytes);
/* "3.4 MB needed, 1.2 MB free", for the file system of the folder of `path`; returns `text`. */
const char *dsm__space_text(const char *path, uint64_t needed, char *text, size_t size);
/* pwrite of all bytes, however small the pieces it takes: 0, or the errno of what failed. Every write to a result
 * comes through here, and faults on request (dsmpi/fault.h) strike here. */
int dsm__write_bytes(int fd, const void *bytes, size_t size, uint64_t offset);
/* The same with the failure told. */
dsm_status dsm__write_at(int fd, const char *path, const void *bytes, size_t size, uint64_t offset);
/* pread of all bytes; the end of the file before that is DSM_BAD_DATA. */
dsm_status dsm__read_at(int fd, const char *path, void *bytes, size_t size, uint64_t offset);

#endif
