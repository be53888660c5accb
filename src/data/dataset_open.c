/* Opening a dataset: from a path to facts, refusing step by step what cannot be read or should not be. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset_private.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"

enum { DEFAULT_CACHE = 256 << 20 };

/* ---- the file ------------------------------------------------------------------------------------------ */

static const char *kind_of_file(mode_t mode) {
  return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

/* O_NONBLOCK: opening a pipe would otherwise wait for its writer, for ever. */
static dsm_status open_descriptor(dsm_dataset *d) {
  struct stat s;
  d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (d->fd < 0) {
    int e = errno;
    bool missing = e == ENOENT || e == ENOTDIR;
    DSM_FAIL(missing ? DSM_NOT_FOUND : DSM_IO,
             missing ? "there is no file '%s' (%s)" : "'%s' cannot be opened: %s", d->path, strerror(e));
  }
  if (fstat(d->fd, &s) != 0) DSM_FAIL(DSM_IO, "'%s' cannot be examined: %s", d->path, strerror(errno));
  if (!S_ISREG(s.st_mode))
    DSM_FAIL(DSM_BAD_DATA, "'%s' is %s, not an HDF5 file", d->path, kind_of_file(s.st_mode));
  d->file_bytes = (uint64_t)s.st_size;
  return DSM_OK;
}

/* The signature stands at 0, 512, 1024, 2048 ...: in front of it may be a block of the user's. */
static dsm_status check_signature(const dsm_dataset *d) {
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char bytes[8];
  if (d->file_bytes == 0) DSM_FAIL(DSM_BAD_DATA, "'%s' is empty", d->path);
  for (uint64_t at = 0; at + sizeof bytes <= d->file_bytes; at = at ? 2 * at : 512)
    if (pread(d->fd, bytes, sizeof bytes, (off_t)at) == sizeof bytes &&
        memcmp(bytes, signature, sizeof bytes) == 0)
      return DSM_OK;
  const char *hint = "";
  ssize_t n = pread(d->fd, bytes, sizeof bytes, 0);
  if (n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
    hint = "; it is compressed: unpack it with gunzip first";
  else if (n >= 3 && memcmp(bytes, "CDF", 3) == 0)
    hint = "; it is netCDF-3: convert it with nccopy -k nc4 IN OUT";
  else if (n >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
    hint = "; it is a NumPy file: write it anew with h5py";
  DSM_FAIL(DSM_BAD_DATA, "'%s' is not an HDF5 file%s", d->path, hint);
}

static dsm_status open_file(dsm_dataset *d) {
  char why[256] = "";
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0) DSM_FAIL(DSM_INTERNAL, "HDF5 gave no file access list");
  H5Pset_fapl_sec2(access);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0,
                      1); /* readers on network file systems without locks, beside a writer elsewhere */
#endif
  d->file = H5Fopen(d->path, H5F_ACC_RDONLY, access);
  if (d->file < 0) dsm_hdf5_message(why, sizeof why);
  H5Pclose(access);
  if (d->file < 0) DSM_FAIL(DSM_BAD_DATA, "'%s' is damaged or cut off: HDF5 says '%s'", d->path, why);
  return DSM_OK;
}

dsm_status dsm__file_open(dsm_dataset *d) {
  DSM_TRY(open_descriptor(d));
  DSM_TRY(check_signature(d));
  DSM_TRY(open_file(d));
  return DSM_OK;
}

/* ---- the dataset --------------------------------------------------------------------------------------- */

static const char *shape_text(int rank, const uint64_t *n, char *text, size_t size) {
  text[0] = '\0';
  for (int a = 0; a < rank; a++) dsm_append(text, size, "%s%llu", a ? " x " : "", (unsigned long long)n[a]);
  return text;
}

static dsm_status read_extent(dsm_dataset *d) {
  hid_t space = H5Dget_space(d->dataset);
  hsize_t dims[H5S_MAX_RANK];
  H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
  int rank = class == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, dims, NULL) : 0;
  if (space >= 0) H5Sclose(space);
  if (class == H5S_SCALAR || class == H5S_NULL)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is %s, not an array of samples", d->name, d->path,
             class == H5S_SCALAR ? "a single value" : "without values");
  if (rank < 1) DSM_FAIL(DSM_BAD_DATA, "the shape of '%s' in '%s' cannot be read", d->name, d->path);
  if (rank > DSM_MAX_RANK)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %d axes; dsmpi reads up to %d (N, C and three in space)",
             d->name, d->path, rank, DSM_MAX_RANK);
  d->rank = rank;
  for (int a = 0; a < rank; a++) d->dims[a] = dims[a];
  shape_text(rank, d->dims, d->info.file_shape, sizeof d->info.file_shape);
  for (int a = 0; a < rank; a++)
    if (d->dims[a] == 0)
      DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is empty: its shape is %s", d->name, d->path, d->info.file_shape);
  return DSM_OK;
}

/* Fills the source and info's layout, chunk_rows, chunks_per_sample. */
static void describe_layout(dsm_dataset *d, H5D_layout_t layout, const char *filters) {
  dsm_dataset_info *info = &d->info;
  info->chunk_rows = info->chunks_per_sample = 1;
  if (layout == H5D_CHUNKED) {
    char chunk[64];
    d->source = DSM__SOURCE_HDF5;
    info->chunk_rows = d->chunk[d->n_axis] < d->dims[d->n_axis] ? d->chunk[d->n_axis] : d->dims[d->n_axis];
    for (int a = 0; a < d->rank; a++)
      if (a != d->n_axis) info->chunks_per_sample *= (d->dims[a] - 1) / d->chunk[a] + 1;
    snprintf(info->layout, sizeof info->layout, "chunks of %s%s%s",
             shape_text(d->rank, d->chunk, chunk, sizeof chunk), filters[0] ? ", " : "", filters);
    double chunk_bytes = (double)d->element.size;
    for (int a = 0; a < d->rank; a++) chunk_bytes *= (double)d->chunk[a];
    info->read_amplification = (double)info->chunks_per_sample * chunk_bytes / (double)d->row_bytes;
  } else if (layout == H5D_COMPACT) {
    d->source = DSM__SOURCE_HDF5;
    info->chunk_rows = d->dims[d->n_axis];
    info->read_amplification = (double)info->chunk_rows;
    snprintf(info->layout, sizeof info->layout, "compact");
  } else {
    d->source = d->before == 1 ? DSM__SOURCE_ROWS : DSM__SOURCE_STRIDED;
    snprintf(info->layout, sizeof info->layout, "contiguous");
  }
}

static dsm_status open_dataset(dsm_dataset *d) {
  char why[256];
  hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  if (access < 0) DSM_FAIL(DSM_INTERNAL, "HDF5 gave no dataset access list");
  /* Whole chunks are read once, into our own cache: HDF5's would only hold them twice. */
  H5Pset_chunk_cache(access, 1, 0, 1.0);
  d->dataset = H5Dopen2(d->file, d->name, access);
  if (d->dataset < 0) dsm_hdf5_message(why, sizeof why);
  H5Pclose(access);
  if (d->dataset < 0) DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' cannot be opened: %s", d->name, d->path, why);
  return DSM_OK;
}

static dsm_status open_under_lock(dsm_dataset *d, const char *axes, const char *rows) {
  dsm_status status = DSM_OK;
  char filters[64] = "";
  hid_t properties = -1;
  DSM_TRY_DONE(dsm__file_open(d));
  DSM_TRY_DONE(dsm__trust_links(d));
  DSM_TRY_DONE(dsm__trust_complete(d));
  DSM_TRY_DONE(open_dataset(d));
  DSM_TRY_DONE(dsm__element_open(d));
  DSM_TRY_DONE(read_extent(d));
  properties = H5Dget_create_plist(d->dataset);
  if (properties < 0)
    DSM_FAIL_DONE(DSM_BAD_DATA, "the layout of '%s' in '%s' cannot be read", d->name, d->path);
  DSM_TRY_DONE(dsm__trust_storage(d, properties, filters, sizeof filters));
  DSM_TRY_DONE(dsm__axes_open(d, axes));
  dsm__axes_geometry(d);
  d->info.rows_in_file = d->dims[d->n_axis];
  d->info.bytes_per_sample = d->row_bytes;
  DSM_TRY_DONE(
      dsm_rows_parse("data.rows", DSM_BAD_CONFIG, rows, d->info.rows_in_file, &d->info.first, &d->info.rows));
  describe_layout(d, H5Pget_layout(properties), filters);
  dsm__dataset_plan_slabs(d);
  if (d->source == DSM__SOURCE_ROWS)
    d->info.read_amplification = 1;
  else if (d->source == DSM__SOURCE_STRIDED)
    d->info.read_amplification = (double)d->slab_rows;
done:
  if (properties >= 0) H5Pclose(properties);
  return status;
}

dsm_status dsm_dataset_open(const char *path, const char *dataset, const char *axes, const char *rows,
                            dsm_dataset **handle) {
  dsm_status status = DSM_OK;
  dsm_dataset *d = NULL;
  *handle = NULL;
  DSM_TRY(DSM_ALLOC(1, &d));
  d->fd = -1;
  d->file = d->dataset = d->element.type = -1;
  d->cache_bytes = DEFAULT_CACHE;
  d->path = strdup(path);
  d->name = strdup(dataset && dataset[0] ? dataset : "/");
  if (!d->path || !d->name) DSM_FAIL_DONE(DSM_NO_MEMORY, "no memory to open '%s'", path);
  dsm_hdf5_lock();
  status = open_under_lock(d, axes, rows);
  dsm_hdf5_unlock();
  DSM_TRY_DONE(status);
  *handle = d;
  d = NULL;
done:
  dsm_dataset_close(&d);
  return status;
}

void dsm_dataset_close(dsm_dataset **handle) {
  dsm_dataset *d = *handle;
  if (!d) return;
  dsm_hdf5_lock();
  if (d->element.type >= 0) H5Tclose(d->element.type);
  if (d->dataset >= 0) H5Dclose(d->dataset);
  if (d->file >= 0) H5Fclose(d->file);
  dsm_hdf5_unlock();
  if (d->fd >= 0) close(d->fd);
  dsm__slab_cache_destroy(&d->cache);
  free(d->raw);
  free(d->values);
  free(d->pick);
  free(d->path);
  free(d->name);
  free(d);
  *handle = NULL;
}

const dsm_dataset_info *dsm_dataset_info_of(const dsm_dataset *handle) {
  return &handle->info;
}
