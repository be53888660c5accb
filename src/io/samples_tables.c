/* What is computed from all rows of a samples file, when the last block is there and before the file gets
 * its name: rows read back, and the tables beside them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atomic_file.h"
#include "h5.h"
#include "samples_file.h"

#include "dsmpi/memory.h"

static void as_doubles(dsm_field_type type, const void *from, size_t n, double *to) {
  const float *single = from;
  const int32_t *whole = from;
  const double *real = from;
  for (size_t i = 0; i < n; i++)
    to[i] = type == DSM_FIELD_FLOAT64   ? real[i]
            : type == DSM_FIELD_FLOAT32 ? (double)single[i]
                                        : (double)whole[i];
}

static const dsm_samples_rows *rows_named(const dsm_samples_layout *layout, const char *name) {
  for (size_t k = 0; k < layout->sets; k++)
    if (strcmp(layout->set[k].name, name) == 0) return &layout->set[k];
  return NULL;
}

dsm_status dsm_samples_read(const char *path, const char *name, uint64_t first, size_t n, double *x) {
  dsm_status status = DSM_OK;
  char partial[DSM_PATH_MAX];
  dsm_samples_layout layout;
  void *bytes = NULL;
  DSM_TRY(dsm__samples_partial(path, partial, sizeof partial));
  DSM_TRY(dsm__samples_read_layout(partial, NULL, &layout, NULL));
  const dsm_samples_rows *rows = rows_named(&layout, name);
  if (!rows) DSM_FAIL(DSM_INTERNAL, "%s has no field '%s'", partial, name);
  DSM_ASSERT(first <= layout.count && n <= layout.count - first);
  const size_t size = dsm__rows_bytes(rows);
  const int fd = open(partial, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot open %s: %s", partial, strerror(errno));
  DSM_TRY_DONE(dsm_alloc(n, size, &bytes));
  DSM_TRY_DONE(dsm__read_at(fd, partial, bytes, n * size, rows->offset + first * size));
  as_doubles(rows->type, bytes, n * dsm_shape_count(rows->row), x);
done:
  close(fd);
  free(bytes);
  return status;
}

dsm_status dsm_samples_write_table(const char *path, const char *name, const double *x, size_t count) {
  dsm_status status = DSM_OK;
  char partial[DSM_PATH_MAX];
  hid_t file = H5I_INVALID_HID;
  uint64_t offset = 0;
  const hsize_t n = count;
  DSM_TRY(dsm__samples_partial(path, partial, sizeof partial));
  dsm_hdf5_lock();
  DSM_TRY_DONE(dsm__h5_open(partial, &file));
  DSM_TRY_DONE(dsm__samples_offset(file, name, H5T_NATIVE_DOUBLE, 1, &n, &offset));
done:
  dsm__h5_close(&file);
  dsm_hdf5_unlock();
  DSM_TRY(status);
  const int fd = open(partial, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) DSM_FAIL(DSM_IO, "cannot write %s: %s", partial, strerror(errno));
  status = dsm__write_at(fd, partial, x, count * sizeof *x, offset);
  close(fd);
  DSM_TRY(status);
  return DSM_OK;
}
