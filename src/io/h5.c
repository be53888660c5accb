#include "h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/io.h"
#include "dsmpi/memory.h"

#define CHUNK_BYTES ((size_t)8 << 20)

/* ---- messages ------------------------------------------------------------------------------------------ */

/* The innermost message of HDF5's stack. Those of the POSIX driver carry a whole call's arguments: of these,
 * the words of errno. */
static void hdf5_reason(char text[512]) {
  dsm_hdf5_message(text, 512);
  static const char mark[] = "error message = '";
  char *start = strstr(text, mark);
  if (!start) return;
  start += strlen(mark);
  start[strcspn(start, "'")] = '\0';
  memmove(text, start, strlen(start) + 1);
}

dsm_status dsm__h5_failure(dsm_status status, const char *file, int line, hid_t object, const char *format,
                           ...) {
  char reason[512], what[1024], name[DSM_PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  const bool has_reason = H5Eget_num(H5E_DEFAULT) > 0;
  hdf5_reason(reason);
  if (H5Fget_name(object, name, sizeof name) <= 0) snprintf(name, sizeof name, "HDF5 file");
  return dsm__fail(status, file, line, "%s: %s%s%s", name, what, has_reason ? ": " : "",
                   has_reason ? reason : "");
}

const char *dsm_hdf5_library(void) {
  static char text[64]; /* the same bytes whoever writes them */
  unsigned major = 0, minor = 0, release = 0;
  dsm_hdf5_lock();
  H5get_libversion(&major, &minor, &release);
#ifdef H5_HAVE_PARALLEL
  snprintf(text, sizeof text, "HDF5 %u.%u.%u, parallel", major, minor, release);
#else
  snprintf(text, sizeof text, "HDF5 %u.%u.%u, serial", major, minor, release);
#endif
  dsm_hdf5_unlock();
  return text;
}

void dsm__h5_close(hid_t *id) {
  if (*id >= 0) H5Idec_ref(*id);
  *id = H5I_INVALID_HID;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static dsm_status access_list(hid_t *list) {
  *list = H5Pcreate(H5P_FILE_ACCESS);
  bool good = *list >= 0 && H5Pset_fapl_sec2(*list) >= 0 &&
              H5Pset_libver_bounds(*list, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
              H5Pset_fclose_degree(*list, H5F_CLOSE_STRONG) >= 0;
  /* Files under construction have a name of their own and finished ones do not change: a lock would only
   * fail, on file systems without flock or while somebody looks at the file. */
#if H5_VERSION_GE(1, 10, 7)
  good = good && H5Pset_file_locking(*list, 0, 1) >= 0;
#endif
  if (!good) DSM_FAIL(DSM_INTERNAL, "HDF5 refuses the settings for opening files");
  return DSM_OK;
}

dsm_status dsm__h5_create(const char *path, uint64_t reserve, dsm__h5_output *output, hid_t *file) {
  dsm_status status = DSM_OK;
  hid_t access = H5I_INVALID_HID, creation = H5I_INVALID_HID;
  *file = H5I_INVALID_HID;
  *output = (dsm__h5_output){.fd = -1};
  DSM_TRY(dsm__check_size_limit(path, reserve));
  output->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (output->fd < 0) DSM_FAIL(DSM_IO, "cannot create %s: %s", path, strerror(errno));
  DSM_TRY_DONE(dsm__reserve(output->fd, path, reserve));
  DSM_TRY_DONE(access_list(&access));
  DSM_TRY_DONE(dsm__h5_set_output(access, output));
  creation = H5Pcreate(H5P_FILE_CREATE);
  /* All attributes stay in the object header: more than eight would go to a heap, long ones without checksum.
   */
  if (creation < 0 || H5Pset_obj_track_times(creation, 0) < 0 ||
      H5Pset_attr_phase_change(creation, 64, 0) < 0)
    DSM_FAIL_DONE(DSM_INTERNAL, "HDF5 refuses the settings for creating files");
  *file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  if (*file < 0) DSM_H5_FAIL_DONE(DSM_IO, *file, "cannot create %s", path);
done:
  dsm__h5_close(&access);
  dsm__h5_close(&creation);
  if (status != DSM_OK) dsm__h5_abandon(output, file);
  return status;
}

void dsm__h5_abandon(dsm__h5_output *output, hid_t *file) {
  dsm__h5_close(file);
  if (output->fd >= 0) close(output->fd);
  output->fd = -1;
}

dsm_status dsm__h5_finish(const char *path, dsm__h5_output *output, hid_t *file) {
  const herr_t closed = H5Fclose(*file);
  *file = H5I_INVALID_HID;
  struct stat info;
  if (fstat(output->fd, &info) == 0 &&
      ftruncate(output->fd, info.st_size) != 0) /* gives back what was reserved too much */
    output->error = output->error ? output->error : errno;
  if (close(output->fd) != 0 && output->error == 0) output->error = errno;
  output->fd = -1;
  if (output->error != 0) DSM_FAIL(DSM_IO, "cannot write %s: %s", path, strerror(output->error));
  if (closed < 0) return dsm__h5_failure(DSM_IO, __FILE__, __LINE__, *file, "cannot close %s", path);
  return DSM_OK;
}

dsm_status dsm__h5_open(const char *path, hid_t *file) {
  dsm_status status = DSM_OK;
  hid_t access = H5I_INVALID_HID;
  struct stat info;
  *file = H5I_INVALID_HID;
  if (stat(path, &info) != 0) {
    int code = errno;
    DSM_FAIL(code == ENOENT || code == ENOTDIR ? DSM_NOT_FOUND : DSM_IO, "cannot open %s: %s", path,
             strerror(code));
  }
  /* opening a pipe would wait for ever */
  if (!S_ISREG(info.st_mode)) DSM_FAIL(DSM_BAD_DATA, "%s is not a regular file", path);
  if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
    DSM_FAIL(DSM_IO, "cannot read %s: %s", path, strerror(errno));
  DSM_TRY_DONE(access_list(&access));
  *file = H5Fopen(path, H5F_ACC_RDONLY, access);
  if (*file < 0) {
    char reason[512];
    hdf5_reason(reason);
    DSM_FAIL_DONE(DSM_BAD_DATA, "%s (%lld bytes) is not an HDF5 file, or it is damaged: %s", path,
                  (long long)info.st_size, reason);
  }
done:
  dsm__h5_close(&access);
  return status;
}

/* ---- groups -------------------------------------------------------------------------------------------- */

dsm_status dsm__h5_create_group(hid_t parent, const char *name, hid_t *group) {
  *group = H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (*group < 0) return dsm__h5_failure(DSM_IO, __FILE__, __LINE__, parent, "cannot create group %s", name);
  return DSM_OK;
}

/* Only hard links are followed: the others lead to other places or other files. */
static dsm_status check_link(hid_t parent, const char *name) {
  H5L_info_t link;
  htri_t exists = H5Lexists(parent, name, H5P_DEFAULT);
  if (exists == 0)
    return dsm__h5_failure(DSM_NOT_FOUND, __FILE__, __LINE__, parent, "there is no \"%s\"", name);
  if (exists < 0 || H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, parent, "damaged near \"%s\"", name);
  if (link.type != H5L_TYPE_HARD)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, parent,
                           "\"%s\" is a link to another place, which is not followed", name);
  return DSM_OK;
}

/* Opens what `name` is, if it is of the type wanted. */
static dsm_status open_object(hid_t parent, const char *name, H5I_type_t type, hid_t *object) {
  *object = H5I_INVALID_HID;
  DSM_TRY(check_link(parent, name));
  *object = H5Oopen(parent, name, H5P_DEFAULT);
  if (*object < 0)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, parent, "\"%s\" is damaged", name);
  if (H5Iget_type(*object) == type) return DSM_OK;
  dsm__h5_close(object);
  return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, parent, "\"%s\" is not a %s", name,
                         type == H5I_GROUP ? "group" : "dataset");
}

dsm_status dsm__h5_open_group(hid_t parent, const char *name, hid_t *group) {
  DSM_TRY(open_object(parent, name, H5I_GROUP, group));
  return DSM_OK;
}

struct visit {
  dsm__h5_visitor visit;
  void *context;
  dsm_status status;
};

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  struct visit *v = context;
  (void)info;
  v->status = v->visit(group, name, v->context);
  return v->status == DSM_OK ? 0 : -1;
}

dsm_status dsm__h5_each(hid_t group, dsm__h5_visitor visit, void *context) {
  struct visit v = {visit, context, DSM_OK};
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, &v) < 0 && v.status == DSM_OK)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, group, "a group is damaged");
  DSM_TRY(v.status);
  return DSM_OK;
}

/* ---- datasets ------------------------------------------------------------------------------------------ */

static void to_hsize(dsm_shape shape, hsize_t n[DSM_MAX_RANK]) {
  for (int i = 0; i < shape.rank; i++) n[i] = shape.n[i];
}

/* Rows of a chunk: all chunks about equal, for the last one is stored whole. */
static size_t rows_a_chunk(dsm_shape shape, size_t size) {
  const size_t fit = CHUNK_BYTES / (dsm_shape_count(shape) / shape.n[0] * size), most = fit ? fit : 1;
  const size_t chunks = (shape.n[0] - 1) / most + 1;
  return (shape.n[0] - 1) / chunks + 1;
}

dsm_status dsm__h5_write(hid_t parent, const char *name, hid_t type, dsm_shape shape, const void *values) {
  dsm_status status = DSM_OK;
  hid_t space = H5I_INVALID_HID, creation = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
  hsize_t n[DSM_MAX_RANK], chunk[DSM_MAX_RANK];
  to_hsize(shape, n);
  to_hsize(shape, chunk);
  chunk[0] = rows_a_chunk(shape, H5Tget_size(type));
  space = H5Screate_simple(shape.rank, n, NULL);
  creation = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || creation < 0 || H5Pset_chunk(creation, shape.rank, chunk) < 0 ||
      H5Pset_fletcher32(creation) < 0 || H5Pset_obj_track_times(creation, 0) < 0)
    DSM_H5_FAIL_DONE(DSM_IO, parent, "cannot describe dataset \"%s\"", name);
  dataset = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (dataset < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    DSM_H5_FAIL_DONE(DSM_IO, parent, "cannot write dataset \"%s\"", name);
done:
  dsm__h5_close(&dataset);
  dsm__h5_close(&creation);
  dsm__h5_close(&space);
  return status;
}

/* Where and how the values lie: in this file, in chunks no larger than the dataset, with no filter but the
 * checksum. */
static dsm_status check_storage(hid_t dataset, const char *name, dsm_shape shape) {
  dsm_status status = DSM_OK;
  hid_t creation = H5Dget_create_plist(dataset);
  if (creation < 0) DSM_H5_FAIL_DONE(DSM_BAD_DATA, dataset, "dataset \"%s\" is damaged", name);
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (H5Pget_external_count(creation) != 0 || (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS))
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, dataset,
                     "dataset \"%s\" keeps its values elsewhere, which is not followed", name);
  if (layout == H5D_CHUNKED) {
    hsize_t chunk[DSM_MAX_RANK];
    bool fits = H5Pget_chunk(creation, DSM_MAX_RANK, chunk) == shape.rank;
    for (int i = 0; fits && i < shape.rank; i++) fits = chunk[i] <= shape.n[i];
    if (!fits) DSM_H5_FAIL_DONE(DSM_BAD_DATA, dataset, "dataset \"%s\" has unreasonable chunks", name);
  }
  const int filters = H5Pget_nfilters(creation);
  for (int i = 0; i < filters; i++) {
    unsigned flags;
    size_t values = 0;
    H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
    if (filter != H5Z_FILTER_FLETCHER32)
      DSM_H5_FAIL_DONE(DSM_BAD_DATA, dataset,
                       "dataset \"%s\" has a filter, number %d, that is not expected here", name,
                       (int)filter);
  }
  if (H5Dget_storage_size(dataset) == 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, dataset, "dataset \"%s\" has no values", name);
done:
  dsm__h5_close(&creation);
  return status;
}

static dsm_status dataset_shape(hid_t dataset, const char *name, dsm_shape *shape) {
  hsize_t n[H5S_MAX_RANK];
  hid_t space = H5Dget_space(dataset);
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, n, NULL);
  dsm__h5_close(&space);
  if (rank < 1 || rank > DSM_MAX_RANK)
    return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, dataset, "dataset \"%s\" has %d axes", name,
                           rank);
  size_t bytes = sizeof(double), sizes[DSM_MAX_RANK];
  for (int i = 0; i < rank; i++) {
    sizes[i] = n[i];
    if (n[i] == 0 || __builtin_mul_overflow(bytes, n[i], &bytes))
      return dsm__h5_failure(DSM_BAD_DATA, __FILE__, __LINE__, dataset,
                             "dataset \"%s\" has an impossible size", name);
  }
  *shape = dsm__shape_make(rank, sizes);
  return DSM_OK;
}

dsm_status dsm__h5_open_dataset(hid_t parent, const char *name, hid_t type, hid_t *dataset,
                                dsm_shape *shape) {
  dsm_status status = DSM_OK;
  hid_t stored = H5I_INVALID_HID;
  DSM_TRY(open_object(parent, name, H5I_DATASET, dataset));
  stored = H5Dget_type(*dataset);
  if (stored < 0 || H5Tget_class(stored) != H5Tget_class(type) || H5Tget_size(stored) != H5Tget_size(type))
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, parent, "dataset \"%s\" has values of another type than %s of %zu bytes",
                     name, H5Tget_class(type) == H5T_FLOAT ? "floating point" : "integers",
                     H5Tget_size(type));
  DSM_TRY_DONE(dataset_shape(*dataset, name, shape));
  DSM_TRY_DONE(check_storage(*dataset, name, *shape));
done:
  dsm__h5_close(&stored);
  if (status != DSM_OK) dsm__h5_close(dataset);
  return status;
}

dsm_status dsm__h5_read(hid_t parent, const char *name, hid_t type, dsm_shape shape, void *values) {
  dsm_status status = DSM_OK;
  hid_t dataset;
  dsm_shape found;
  DSM_TRY(dsm__h5_open_dataset(parent, name, type, &dataset, &found));
  if (!dsm_shape_equal(shape, found)) {
    char expected_text[96], found_text[96];
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, parent, "dataset \"%s\" has shape %s, expected %s", name,
                     dsm_shape_text(found, found_text, sizeof found_text),
                     dsm_shape_text(shape, expected_text, sizeof expected_text));
  }
  if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    DSM_H5_FAIL_DONE(DSM_BAD_DATA, parent, "dataset \"%s\" is damaged", name);
done:
  dsm__h5_close(&dataset);
  return status;
}

dsm_status dsm__h5_verify(hid_t parent, const char *name, hid_t type) {
  dsm_status status = DSM_OK;
  hid_t dataset, space = H5I_INVALID_HID, memory = H5I_INVALID_HID;
  dsm_shape shape;
  char *buffer = NULL;
  DSM_TRY(dsm__h5_open_dataset(parent, name, type, &dataset, &shape));
  /* the slabs are the chunks that dsm__h5_write makes */
  const size_t row_bytes = dsm_shape_count(shape) / shape.n[0] * H5Tget_size(type);
  const size_t rows = rows_a_chunk(shape, H5Tget_size(type));
  DSM_TRY_DONE(DSM_ALLOC(rows * row_bytes, &buffer));
  space = H5Dget_space(dataset);
  for (hsize_t first = 0; first < shape.n[0]; first += rows) {
    hsize_t start[DSM_MAX_RANK] = {first}, count[DSM_MAX_RANK];
    to_hsize(shape, count);
    count[0] = shape.n[0] - first < rows ? shape.n[0] - first : rows;
    dsm__h5_close(&memory);
    memory = H5Screate_simple(shape.rank, count, NULL);
    if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, buffer) < 0)
      DSM_H5_FAIL_DONE(DSM_BAD_DATA, parent, "dataset \"%s\" is damaged", name);
  }
done:
  free(buffer);
  dsm__h5_close(&memory);
  dsm__h5_close(&space);
  dsm__h5_close(&dataset);
  return status;
}
