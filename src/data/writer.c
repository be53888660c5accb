#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dsmpi/clock.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"

enum {
  METADATA_BYTES = 1 << 16, /* reserved beyond the values */
  DATASETS_MAX = 4
};

struct dsm__writer {
  char *path, *partial, *folder;
  int fd;              /* of the partial file */
  hid_t file, dataset; /* while declaring; dataset: the last one */
  int datasets;
  struct place {
    uint64_t offset, rows, row_bytes;
  } place[DATASETS_MAX];
};

#define HDF5_FAIL(w_, what_)                                                                                 \
  do {                                                                                                       \
    char why_[256];                                                                                          \
    DSM_FAIL_DONE(DSM_IO, "%s '%s' failed: HDF5 says '%s'", (what_), (w_)->partial,                          \
                  dsm_hdf5_message(why_, sizeof why_));                                                      \
  } while (0)

/* ---- beginning ----------------------------------------------------------------------------------------- */

static dsm_status make_names(dsm__writer *w, const char *path) {
  size_t size = strlen(path) + 48;
  char *copy = strdup(path);
  w->path = strdup(path);
  w->partial = malloc(size);
  w->folder = copy ? strdup(dirname(copy)) : NULL;
  free(copy);
  if (!w->path || !w->partial || !w->folder) DSM_FAIL(DSM_NO_MEMORY, "no memory to write '%s'", path);
  snprintf(w->partial, size, "%s.partial-%ld", path, (long)getpid());
  return DSM_OK;
}

/* Creates the file and tries whether it may grow so far (limits of size and quota), before HDF5 depends on
 * it. */
static dsm_status create_partial(dsm__writer *w, uint64_t bytes) {
  char text[32];
  w->fd = open(w->partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (w->fd < 0) DSM_FAIL(DSM_IO, "'%s' cannot be created: %s", w->partial, strerror(errno));
  if (ftruncate(w->fd, (off_t)(bytes + METADATA_BYTES)) != 0 || ftruncate(w->fd, 0) != 0)
    DSM_FAIL(DSM_IO, "'%s' cannot grow to %s: %s", w->path, dsm_bytes((double)bytes, text, sizeof text),
             strerror(errno));
  return DSM_OK;
}

/* Not every file system can reserve; then the writing itself finds out. */
static dsm_status reserve(dsm__writer *w, uint64_t bytes) {
  char text[32];
  if (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(bytes + METADATA_BYTES)) == 0) return DSM_OK;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
    DSM_FAIL(DSM_IO, "no room for '%s' (%s): %s", w->path, dsm_bytes((double)bytes, text, sizeof text),
             strerror(errno));
  return DSM_OK;
}

static dsm_status create_file(dsm__writer *w) {
  dsm_status status = DSM_OK;
  hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_obj_track_times(creation, 0); /* the same data make the same bytes, whenever */
  H5Pset_fapl_sec2(access);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0, 1);
#endif
  w->file = H5Fcreate(w->partial, H5F_ACC_TRUNC, creation, access);
  if (w->file < 0) HDF5_FAIL(w, "creating");
done:
  H5Pclose(access);
  H5Pclose(creation);
  return status;
}

dsm_status dsm__writer_create(const char *path, uint64_t bytes, dsm__writer **writer) {
  dsm_status status = DSM_OK;
  struct stat s;
  dsm__writer *w = NULL;
  *writer = NULL;
  DSM_TRY(DSM_ALLOC(1, &w));
  w->fd = -1;
  w->file = w->dataset = -1;
  DSM_TRY_DONE(make_names(w, path));
  if (stat(w->folder, &s) != 0)
    DSM_FAIL_DONE(DSM_NOT_FOUND, "'%s' cannot be written: there is no folder '%s'", path, w->folder);
  if (stat(path, &s) == 0 && !S_ISREG(s.st_mode))
    DSM_FAIL_DONE(DSM_IO, "'%s' cannot be written: it is there, and not a file", path);
  if (access(w->folder, W_OK) != 0)
    DSM_FAIL_DONE(DSM_IO, "'%s' cannot be written: folder '%s': %s", path, w->folder, strerror(errno));
  DSM_TRY_DONE(create_partial(w, bytes));
  dsm_hdf5_lock();
  status = create_file(w);
  dsm_hdf5_unlock();
  DSM_TRY_DONE(status);
  DSM_TRY_DONE(reserve(w, bytes));
  *writer = w;
  w = NULL;
done:
  dsm__writer_discard(&w);
  return status;
}

/* ---- attributes; under the lock ------------------------------------------------------------------------ */

static dsm_status put_attribute(dsm__writer *w, const char *name, hid_t type, hid_t space,
                                const void *values) {
  dsm_status status = DSM_OK;
  hid_t attribute = H5Acreate2(w->dataset, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0 || H5Awrite(attribute, type, values) < 0) HDF5_FAIL(w, "writing an attribute of");
done:
  if (attribute >= 0) H5Aclose(attribute);
  return status;
}

/* As H5DSset_label leaves them: variable-length strings, one an axis. */
static dsm_status put_labels(dsm__writer *w, int rank, const char *axes) {
  char text[8][2];
  const char *label[8];
  hsize_t n = (hsize_t)rank;
  for (int a = 0; a < rank; a++) {
    text[a][0] = axes[a];
    text[a][1] = '\0';
    label[a] = text[a];
  }
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
  H5Tset_size(type, H5T_VARIABLE);
  dsm_status status = put_attribute(w, "DIMENSION_LABELS", type, space, label);
  H5Sclose(space);
  H5Tclose(type);
  return status;
}

dsm_status dsm__writer_text(dsm__writer *w, const char *name, const char *text) {
  dsm_hdf5_lock();
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  dsm_status status = put_attribute(w, name, type, space, text);
  H5Sclose(space);
  H5Tclose(type);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__writer_integer(dsm__writer *w, const char *name, uint64_t value) {
  dsm_hdf5_lock();
  hid_t space = H5Screate(H5S_SCALAR);
  dsm_status status = put_attribute(w, name, H5T_NATIVE_UINT64, space, &value);
  H5Sclose(space);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__writer_reals(dsm__writer *w, const char *name, int rank, const uint64_t *dims,
                             const double *values) {
  hsize_t n[8];
  for (int a = 0; a < rank; a++) n[a] = dims[a];
  dsm_hdf5_lock();
  hid_t space = rank ? H5Screate_simple(rank, n, NULL) : H5Screate(H5S_SCALAR);
  dsm_status status = put_attribute(w, name, H5T_NATIVE_DOUBLE, space, values);
  H5Sclose(space);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  return DSM_OK;
}

/* ---- datasets ------------------------------------------------------------------------------------------ */

static dsm_status create_dataset(dsm__writer *w, const char *name, hid_t type, int rank, const hsize_t *dims,
                                 const char *axes) {
  dsm_status status = DSM_OK;
  struct place *place = &w->place[w->datasets];
  hid_t space = H5Screate_simple(rank, dims, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_layout(properties, H5D_CONTIGUOUS);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY); /* so that it has a place now */
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  H5Pset_attr_phase_change(properties, 0, 0); /* attributes of any size */
  if (w->dataset >= 0) H5Dclose(w->dataset);
  w->dataset = H5Dcreate2(w->file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  if (w->dataset < 0) HDF5_FAIL(w, "adding a dataset to");
  place->offset = H5Dget_offset(w->dataset);
  if (place->offset == HADDR_UNDEF) HDF5_FAIL(w, "placing a dataset in");
  place->rows = dims[0];
  place->row_bytes = H5Tget_size(type);
  for (int a = 1; a < rank; a++) place->row_bytes *= dims[a];
  w->datasets++;
  DSM_TRY_DONE(put_labels(w, rank, axes));
done:
  H5Pclose(properties);
  H5Sclose(space);
  return status;
}

dsm_status dsm__writer_dataset(dsm__writer *w, const char *name, hid_t type, int rank, const uint64_t *dims,
                               const char *axes) {
  hsize_t n[8];
  DSM_ASSERT(w->file >= 0 && w->datasets < DATASETS_MAX);
  DSM_ASSERT(rank >= 1 && rank <= 8 && strlen(axes) == (size_t)rank);
  for (int a = 0; a < rank; a++) n[a] = dims[a];
  dsm_hdf5_lock();
  dsm_status status = create_dataset(w, name, type, rank, n, axes);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status close_file(dsm__writer *w) {
  dsm_status status = DSM_OK;
  if ((w->dataset >= 0 && H5Dclose(w->dataset) < 0) || H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0)
    HDF5_FAIL(w, "flushing");
done:
  w->dataset = -1;
  if (H5Fclose(w->file) < 0 && status == DSM_OK)
    status = dsm__fail(DSM_IO, __FILE__, __LINE__, "closing '%s' failed", w->partial);
  w->file = -1;
  return status;
}

dsm_status dsm__writer_seal(dsm__writer *w) {
  dsm_hdf5_lock();
  dsm_status status = close_file(w);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  return DSM_OK;
}

dsm_status dsm__writer_rows(dsm__writer *w, int dataset, uint64_t first, uint64_t n, const void *values) {
  const struct place *place = &w->place[dataset];
  const unsigned char *from = values;
  DSM_ASSERT(w->file < 0 && dataset < w->datasets && first <= place->rows && n <= place->rows - first);
  uint64_t bytes = n * place->row_bytes, at = place->offset + first * place->row_bytes;
  while (bytes > 0) {
    ssize_t done = pwrite(w->fd, from, bytes, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      DSM_FAIL(DSM_IO, "writing '%s' failed: %s", w->path, done < 0 ? strerror(errno) : "no progress");
    from += done;
    at += (uint64_t)done;
    bytes -= (uint64_t)done;
  }
  return DSM_OK;
}

/* ---- ending -------------------------------------------------------------------------------------------- */

/* Opens the finished file as a reader would. */
static dsm_status check_file(dsm__writer *w) {
  dsm_status status = DSM_OK;
  hid_t file = H5Fopen(w->partial, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) HDF5_FAIL(w, "reading back");
  H5Fclose(file);
done:
  return status;
}

static dsm_status sync_folder(const dsm__writer *w) {
  int fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return DSM_OK; /* a folder that can be written but not read: the rename has happened all the same */
  fsync(fd);
  close(fd);
  return DSM_OK;
}

dsm_status dsm__writer_commit(dsm__writer **writer) {
  dsm_status status = DSM_OK;
  dsm__writer *w = *writer;
  struct stat s;
  DSM_ASSERT(w->file < 0);
  /* Gives back what was reserved beyond the end. */
  if (fstat(w->fd, &s) != 0 || ftruncate(w->fd, s.st_size) != 0 || fsync(w->fd) != 0)
    DSM_FAIL_DONE(DSM_IO, "writing '%s' to the disk failed: %s", w->partial, strerror(errno));
  dsm_hdf5_lock();
  status = check_file(w);
  dsm_hdf5_unlock();
  DSM_TRY_DONE(status);
  if (rename(w->partial, w->path) != 0)
    DSM_FAIL_DONE(DSM_IO, "'%s' cannot be renamed to '%s': %s", w->partial, w->path, strerror(errno));
  free(w->partial);
  w->partial = NULL;
  DSM_TRY_DONE(sync_folder(w));
done:
  dsm__writer_discard(writer);
  return status;
}

void dsm__writer_discard(dsm__writer **writer) {
  dsm__writer *w = *writer;
  if (!w) return;
  dsm_hdf5_lock();
  if (w->dataset >= 0) H5Dclose(w->dataset);
  if (w->file >= 0) H5Fclose(w->file);
  dsm_hdf5_unlock();
  if (w->partial && w->fd >= 0) unlink(w->partial);
  if (w->fd >= 0) close(w->fd);
  free(w->path);
  free(w->partial);
  free(w->folder);
  free(w);
  *writer = NULL;
}
