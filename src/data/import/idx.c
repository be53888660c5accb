/* IDX, the format of the MNIST family: two zero bytes, a type, the number of axes, their sizes as big-endian
 * 32-bit integers, then the values, big-endian, last axis fastest. Plain or gzip-compressed (Y. LeCun, C.
 * Cortes, C. Burges, "The MNIST database"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "../writer.h"
#include "dsmpi/clock.h"
#include "dsmpi/data.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"

enum {
  BLOCK_BYTES = 1 << 20,
  DEFLATE_RATIO_MAX = 1032, /* no deflate stream unpacks to more than this times its size */
  IDX_RANK_MAX = 4
};

typedef struct idx {
  const char *path;
  gzFile stream;
  unsigned char type;
  int rank;
  uint64_t dims[IDX_RANK_MAX], row_bytes, bytes;
} idx;

static const struct idx_type {
  unsigned char code;
  size_t size;
  const char *name;
} idx_types[] = {{0x08, 1, "uint8"}, {0x09, 1, "int8"},    {0x0B, 2, "int16"},
                 {0x0C, 4, "int32"}, {0x0D, 4, "float32"}, {0x0E, 8, "float64"}};

static const struct idx_type *find_type(unsigned char code) {
  for (size_t i = 0; i < sizeof idx_types / sizeof idx_types[0]; i++)
    if (idx_types[i].code == code) return &idx_types[i];
  return NULL;
}

/* The type in the file we write, and the big-endian one of the values as read. */
static hid_t stored_type(unsigned char code) {
  switch (code) {
  case 0x08:
    return H5T_STD_U8LE;
  case 0x09:
    return H5T_STD_I8LE;
  case 0x0B:
    return H5T_STD_I16LE;
  case 0x0C:
    return H5T_STD_I32LE;
  case 0x0D:
    return H5T_IEEE_F32LE;
  default:
    return H5T_IEEE_F64LE;
  }
}

static hid_t read_type(unsigned char code) {
  switch (code) {
  case 0x08:
    return H5T_STD_U8BE;
  case 0x09:
    return H5T_STD_I8BE;
  case 0x0B:
    return H5T_STD_I16BE;
  case 0x0C:
    return H5T_STD_I32BE;
  case 0x0D:
    return H5T_IEEE_F32BE;
  default:
    return H5T_IEEE_F64BE;
  }
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static dsm_status read_bytes(idx *f, void *to, size_t bytes, const char *what) {
  int n = gzread(f->stream, to, (unsigned)bytes), error = Z_OK;
  if (n >= 0 && (size_t)n == bytes) return DSM_OK;
  const char *why = gzerror(f->stream, &error);
  if (error == Z_ERRNO) DSM_FAIL(DSM_IO, "reading '%s' failed: %s", f->path, strerror(errno));
  if (error == Z_DATA_ERROR) DSM_FAIL(DSM_BAD_DATA, "'%s' is damaged: %s", f->path, why);
  DSM_FAIL(DSM_BAD_DATA, "'%s' was cut off: it ends inside its %s", f->path, what);
}

static uint32_t big_endian(const unsigned char b[4]) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Sizes are checked against the file before anything is allocated or reserved for them. */
static dsm_status check_size(const idx *f, uint64_t file_bytes) {
  char declared[32], there[32];
  bool packed = !gzdirect(f->stream);
  uint64_t header = 4 + 4 * (uint64_t)f->rank, most = packed ? file_bytes * DEFLATE_RATIO_MAX : file_bytes;
  if (f->bytes > most || (!packed && header + f->bytes > file_bytes))
    DSM_FAIL(DSM_BAD_DATA, "'%s' was cut off: its header declares %s, but the file has only %s", f->path,
             dsm_bytes((double)f->bytes, declared, sizeof declared),
             dsm_bytes((double)file_bytes, there, sizeof there));
  return DSM_OK;
}

static dsm_status read_header(idx *f, uint64_t file_bytes) {
  unsigned char b[4];
  DSM_TRY(read_bytes(f, b, 4, "header"));
  const struct idx_type *type = find_type(b[2]);
  if (b[0] != 0 || b[1] != 0 || !type)
    DSM_FAIL(DSM_BAD_DATA, "'%s' is not an IDX file: it begins with bytes %02x %02x %02x %02x", f->path, b[0],
             b[1], b[2], b[3]);
  f->type = b[2];
  f->rank = b[3];
  if (f->rank < 1 || f->rank > IDX_RANK_MAX)
    DSM_FAIL(DSM_BAD_DATA, "'%s' has %d axes; 1 to %d are read", f->path, f->rank, (int)IDX_RANK_MAX);
  f->row_bytes = type->size;
  for (int a = 0; a < f->rank; a++) {
    DSM_TRY(read_bytes(f, b, 4, "header"));
    f->dims[a] = big_endian(b);
    if (f->dims[a] == 0) DSM_FAIL(DSM_BAD_DATA, "'%s' is empty: axis %d has size 0", f->path, a + 1);
    if (a > 0 && __builtin_mul_overflow(f->row_bytes, f->dims[a], &f->row_bytes))
      DSM_FAIL(DSM_BAD_DATA, "'%s' declares an impossible size", f->path);
  }
  if (__builtin_mul_overflow(f->row_bytes, f->dims[0], &f->bytes) || f->bytes > INT64_MAX ||
      f->row_bytes > 1u << 30)
    DSM_FAIL(DSM_BAD_DATA, "'%s' declares an impossible size", f->path);
  DSM_TRY(check_size(f, file_bytes));
  return DSM_OK;
}

static dsm_status open_idx(const char *path, idx *f) {
  struct stat s;
  f->path = path;
  if (stat(path, &s) != 0) DSM_FAIL(DSM_NOT_FOUND, "there is no file '%s' (%s)", path, strerror(errno));
  if (!S_ISREG(s.st_mode)) DSM_FAIL(DSM_BAD_DATA, "'%s' is not a regular file", path);
  f->stream = gzopen(path, "rb");
  if (!f->stream) DSM_FAIL(DSM_IO, "'%s' cannot be opened: %s", path, strerror(errno));
  gzbuffer(f->stream, 1 << 17);
  DSM_TRY(read_header(f, (uint64_t)s.st_size));
  return DSM_OK;
}

/* Reading on at the end also lets zlib compare the checksum. */
static dsm_status expect_end(idx *f) {
  unsigned char b;
  int error = Z_OK, n = gzread(f->stream, &b, 1);
  if (n > 0)
    DSM_FAIL(DSM_BAD_DATA, "'%s' goes on behind the %llu values of its header", f->path,
             (unsigned long long)(f->bytes / find_type(f->type)->size));
  const char *why = gzerror(f->stream, &error);
  if (n < 0 || (error != Z_OK && error != Z_STREAM_END))
    DSM_FAIL(DSM_BAD_DATA, "'%s' is damaged or was cut off: %s", f->path, why);
  return DSM_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Values to the type of the dataset, in place. */
static dsm_status convert(hid_t from, hid_t to, size_t n, void *values) {
  char why[256] = "";
  dsm_hdf5_lock();
  herr_t failed = H5Tconvert(from, to, n, values, NULL, H5P_DEFAULT);
  if (failed < 0) dsm_hdf5_message(why, sizeof why);
  dsm_hdf5_unlock();
  if (failed < 0) DSM_FAIL(DSM_INTERNAL, "HDF5 does not convert: %s", why);
  return DSM_OK;
}

static dsm_status copy_values(idx *f, dsm__writer *w, int dataset, hid_t stored, size_t stored_size) {
  dsm_status status = DSM_OK;
  size_t size = find_type(f->type)->size, row = f->row_bytes / size;
  uint64_t block = BLOCK_BYTES / f->row_bytes ? BLOCK_BYTES / f->row_bytes : 1;
  unsigned char *values = NULL;
  if (block > f->dims[0]) block = f->dims[0];
  DSM_TRY(DSM_ALLOC(block * row * (stored_size > size ? stored_size : size), &values));
  for (uint64_t at = 0; at < f->dims[0]; at += block) {
    uint64_t n = f->dims[0] - at < block ? f->dims[0] - at : block;
    DSM_TRY_DONE(read_bytes(f, values, n * f->row_bytes, "values"));
    DSM_TRY_DONE(convert(read_type(f->type), stored, n * row, values));
    DSM_TRY_DONE(dsm__writer_rows(w, dataset, at, n, values));
  }
  DSM_TRY_DONE(expect_end(f));
done:
  free(values);
  return status;
}

static dsm_status declare_samples(const idx *f, dsm__writer *w) {
  uint64_t d[4] = {f->dims[0], 1, 1, 1};
  if (f->rank == 3) { /* images: one channel */
    d[2] = f->dims[1];
    d[3] = f->dims[2];
  } else {
    for (int a = 1; a < f->rank; a++) d[a] = f->dims[a];
  }
  int rank = f->rank == 2 ? 2 : f->rank == 1 ? 1 : 4;
  const char *axes = rank == 1 ? "N" : rank == 2 ? "NC" : "NCHW";
  return dsm__writer_dataset(w, "samples", stored_type(f->type), rank, d, axes);
}

static void write_report(const idx *f, bool with_labels, const char *output, char *report, size_t size) {
  char shape[64] = "", bytes[32];
  for (int a = 1; a < f->rank; a++)
    dsm_append(shape, sizeof shape, "%s%llu", a > 1 ? " x " : " of ", (unsigned long long)f->dims[a]);
  snprintf(report, size, "%llu samples%s, %s, %s%s -> %s", (unsigned long long)f->dims[0], shape,
           find_type(f->type)->name, dsm_bytes((double)f->bytes, bytes, sizeof bytes),
           with_labels ? ", labels" : "", output);
}

dsm_status dsm_import_idx(const char *images, const char *labels, const char *output, char *report,
                          size_t size) {
  dsm_status status = DSM_OK;
  idx x = {0}, y = {0};
  dsm__writer *w = NULL;
  DSM_TRY_DONE(open_idx(images, &x));
  if (labels) {
    DSM_TRY_DONE(open_idx(labels, &y));
    if (y.rank != 1 || y.type == 0x0D || y.type == 0x0E)
      DSM_FAIL_DONE(DSM_BAD_DATA, "'%s' does not hold labels: it has %d axes of %s, not 1 of integers",
                    labels, y.rank, find_type(y.type)->name);
    if (y.dims[0] != x.dims[0])
      DSM_FAIL_DONE(DSM_BAD_DATA, "'%s' has %llu samples, but '%s' has %llu labels", images,
                    (unsigned long long)x.dims[0], labels, (unsigned long long)y.dims[0]);
  }
  DSM_TRY_DONE(dsm__writer_create(output, x.bytes + 4 * (labels ? y.dims[0] : 0), &w));
  DSM_TRY_DONE(declare_samples(&x, w));
  if (labels) DSM_TRY_DONE(dsm__writer_dataset(w, "labels", H5T_STD_I32LE, 1, y.dims, "N"));
  DSM_TRY_DONE(dsm__writer_seal(w));
  DSM_TRY_DONE(copy_values(&x, w, 0, stored_type(x.type), find_type(x.type)->size));
  if (labels) DSM_TRY_DONE(copy_values(&y, w, 1, H5T_STD_I32LE, 4));
  DSM_TRY_DONE(dsm__writer_commit(&w));
  if (report && size) write_report(&x, labels != NULL, output, report, size);
done:
  dsm__writer_discard(&w);
  if (x.stream) gzclose(x.stream);
  if (y.stream) gzclose(y.stream);
  return status;
}
