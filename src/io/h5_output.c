#include "h5_output.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#  include <H5FDdevelop.h>
#endif

#include "atomic_file.h"

typedef struct output_file {
  H5FD_t public; /* HDF5's part, first */
  haddr_t end_of_addresses, end_of_file;
  dsm__h5_output *output;
} output_file;

static void remember(dsm__h5_output *output, int code) {
  if (output->error == 0) output->error = code;
}

/* HDF5 keeps a copy of the pointer in the access list. */
static H5FD_t *open_output(const char *name, unsigned flags, hid_t access, haddr_t limit) {
  (void)name, (void)flags, (void)limit;
  dsm__h5_output *const *output = H5Pget_driver_info(access);
  output_file *file = output ? calloc(1, sizeof *file) : NULL;
  if (!file) return NULL;
  file->output = *output;
  return &file->public;
}

static herr_t close_output(H5FD_t *file) {
  free(file);
  return 0;
}

/* The layout of files depends on these: they are those of HDF5's own driver. */
static herr_t query_output(const H5FD_t *file, unsigned long *flags) {
  (void)file;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t get_end_of_addresses(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const output_file *)file)->end_of_addresses;
}

static herr_t set_end_of_addresses(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
  (void)type;
  ((output_file *)file)->end_of_addresses = address;
  return 0;
}

static haddr_t get_end_of_file(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const output_file *)file)->end_of_file;
}

static herr_t read_output(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                          void *bytes) {
  (void)type, (void)transfer;
  const output_file *f = (const output_file *)file;
  char *to = bytes;
  while (size > 0) {
    const ssize_t n = pread(f->output->fd, to, size, (off_t)address);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) { /* never written */
      memset(to, 0, size);
      break;
    }
    to += n, size -= (size_t)n, address += (haddr_t)n;
  }
  return 0;
}

static herr_t write_output(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                           const void *bytes) {
  (void)type, (void)transfer;
  output_file *f = (output_file *)file;
  if (address + size > f->end_of_file) f->end_of_file = address + size;
  const int failure = dsm__write_bytes(f->output->fd, bytes, size, address);
  if (failure) remember(f->output, failure);
  return 0;
}

static herr_t truncate_output(H5FD_t *file, hid_t transfer, hbool_t closing) {
  (void)transfer, (void)closing;
  output_file *f = (output_file *)file;
  if (f->end_of_addresses == f->end_of_file) return 0;
  if (ftruncate(f->output->fd, (off_t)f->end_of_addresses) != 0) remember(f->output, errno);
  f->end_of_file = f->end_of_addresses;
  return 0;
}

static const H5FD_class_t output_driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 512,
#endif
    .name = "dsmpi_output",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(dsm__h5_output *),
    .open = open_output,
    .close = close_output,
    .query = query_output,
    .get_eoa = get_end_of_addresses,
    .set_eoa = set_end_of_addresses,
    .get_eof = get_end_of_file,
    .read = read_output,
    .write = write_output,
    .truncate = truncate_output,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

dsm_status dsm__h5_set_output(hid_t access, dsm__h5_output *output) {
  /* Registered once and kept: HDF5 1.10 reads the class after it has let go of the last file that uses it. Guarded by
   * the lock that all calls of HDF5 are made under. */
  static hid_t driver = -1;
  if (driver < 0 || H5Iis_valid(driver) <= 0) driver = H5FDregister(&output_driver);
  if (driver < 0 || H5Pset_driver(access, driver, &output) < 0)
    DSM_FAIL(DSM_INTERNAL, "HDF5 refuses the driver for writing files");
  return DSM_OK;
}
