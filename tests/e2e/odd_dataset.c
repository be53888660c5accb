/* odd_dataset FILE KIND: a data file that is not fit for training, made through HDF5 alone: /samples, float32.
 *   empty      (0, 2)
 *   nan        (100, 2), one NaN in row 57
 *   infinite   (100, 2), one infinity in row 57
 *   elsewhere  (100, 2), but called /points/positions
 *   words      (100), strings
 * And such as an enemy would make:
 *   external   (100, 2), whose values are bytes of /etc/passwd
 *   outer      a link to /samples of FILE.target, another file
 *   soft       a link to /points/positions
 *   conditions (100, 2), with /labels, a link to those of FILE.target
 *   virtual    (100, 2), put together from /samples of FILE.target
 *   declared   (2^18, 2^16), that is 69 GB, nothing of it written
 *   sparse     the same in packed chunks, one of them written
 *   chunk      (100, 2), in a packed chunk of 839 MB
 *   filter     (100, 2), through a filter that nobody knows */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 100, ODD_ROW = 57 };

static int write_numbers(hid_t file, const char *name, hsize_t rows, float odd) {
  const hsize_t n[2] = {rows, 2};
  float x[ROWS][2];
  for (int i = 0; i < ROWS; i++) x[i][0] = (float)(i % 7), x[i][1] = (float)(i % 5);
  x[ODD_ROW][1] = odd;
  const hid_t space = H5Screate_simple(2, n, NULL), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t set = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, links, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t written = rows ? H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) : 0;
  H5Sclose(space);
  H5Pclose(links);
  return set < 0 || H5Dclose(set) < 0 || written < 0;
}

static int write_words(hid_t file) {
  const hsize_t n[1] = {ROWS};
  char x[ROWS][8];
  memset(x, 'a', sizeof x);
  const hid_t space = H5Screate_simple(1, n, NULL), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, sizeof *x);
  const hid_t set = H5Dcreate2(file, "/samples", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t written = H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
  H5Sclose(space);
  H5Tclose(type);
  return set < 0 || H5Dclose(set) < 0 || written < 0;
}

/* A new dataset /samples, in which nothing is written; -1 if HDF5 refuses. */
static hid_t create(hid_t file, const hsize_t n[2], const hsize_t most[2], hid_t properties) {
  const hid_t space = H5Screate_simple(2, n, most);
  const hid_t set =
      H5Dcreate2(file, "/samples", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  H5Sclose(space);
  return set;
}

static const hsize_t usual[2] = {ROWS, 2}, huge[2] = {1 << 18, 1 << 16};

static int write_unwritten(hid_t file, const hsize_t n[2], hid_t properties) {
  const hid_t set = create(file, n, NULL, properties);
  return set < 0 || H5Dclose(set) < 0;
}

static int write_external(hid_t file) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(properties, "/etc/passwd", 0, sizeof(float) * ROWS * 2);
  const int failed = write_unwritten(file, usual, properties);
  H5Pclose(properties);
  return failed;
}

static int write_virtual(hid_t file, const char *target) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, usual, NULL);
  H5Pset_virtual(properties, space, target, "/samples", space);
  const int failed = write_unwritten(file, usual, properties);
  H5Sclose(space);
  H5Pclose(properties);
  return failed;
}

/* One chunk is written, of `n` declared. */
static int write_chunk(hid_t file, const hsize_t n[2], const hsize_t most[2], const hsize_t chunk[2]) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t first[2] = {0, 0};
  const float bytes[2] = {0};
  H5Pset_chunk(properties, 2, chunk);
  H5Pset_deflate(properties, 1);
  const hid_t set = create(file, n, most, properties);
  const herr_t written = H5Dwrite_chunk(set, H5P_DEFAULT, 0, first, sizeof bytes, bytes);
  H5Pclose(properties);
  return set < 0 || H5Dclose(set) < 0 || written < 0;
}

static size_t copy_through(unsigned flags, size_t count, const unsigned values[], size_t bytes, size_t *size,
                           void **data) {
  (void)flags, (void)count, (void)values, (void)size, (void)data;
  return bytes;
}

/* The filter goes when this program does. */
static int write_filtered(hid_t file) {
  const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, 31999, 1, 1, "unheard of", NULL, NULL, copy_through};
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  float x[ROWS][2] = {{0}};
  H5Zregister(&filter);
  H5Pset_chunk(properties, 2, usual);
  H5Pset_filter(properties, filter.id, 0, 0, NULL);
  const hid_t set = create(file, usual, NULL, properties);
  const herr_t written = H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
  H5Pclose(properties);
  return set < 0 || H5Dclose(set) < 0 || written < 0;
}

static int write_hostile(hid_t file, const char *path, const char *kind) {
  const hsize_t unlimited[2] = {H5S_UNLIMITED, 2}, small[2] = {1 << 10, 1 << 10}, wide[2] = {100 << 20, 2};
  char target[4096];
  snprintf(target, sizeof target, "%s.target", path);
  if (strcmp(kind, "external") == 0) return write_external(file);
  if (strcmp(kind, "outer") == 0)
    return H5Lcreate_external(target, "/samples", file, "/samples", H5P_DEFAULT, H5P_DEFAULT) < 0;
  if (strcmp(kind, "soft") == 0)
    return write_numbers(file, "/points/positions", ROWS, 0) ||
           H5Lcreate_soft("/points/positions", file, "/samples", H5P_DEFAULT, H5P_DEFAULT) < 0;
  if (strcmp(kind, "conditions") == 0)
    return write_numbers(file, "/samples", ROWS, 0) ||
           H5Lcreate_external(target, "/labels", file, "/labels", H5P_DEFAULT, H5P_DEFAULT) < 0;
  if (strcmp(kind, "virtual") == 0) return write_virtual(file, target);
  if (strcmp(kind, "declared") == 0) return write_unwritten(file, huge, H5P_DEFAULT);
  if (strcmp(kind, "sparse") == 0) return write_chunk(file, huge, NULL, small);
  if (strcmp(kind, "chunk") == 0) return write_chunk(file, usual, unlimited, wide);
  if (strcmp(kind, "filter") == 0) return write_filtered(file);
  return 64;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: odd_dataset FILE KIND\n");
    return 64;
  }
  const hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  int failed = 64;
  if (strcmp(argv[2], "empty") == 0) failed = write_numbers(file, "/samples", 0, 0);
  if (strcmp(argv[2], "nan") == 0) failed = write_numbers(file, "/samples", ROWS, NAN);
  if (strcmp(argv[2], "infinite") == 0) failed = write_numbers(file, "/samples", ROWS, INFINITY);
  if (strcmp(argv[2], "elsewhere") == 0) failed = write_numbers(file, "/points/positions", ROWS, 0);
  if (strcmp(argv[2], "words") == 0) failed = write_words(file);
  if (failed == 64) failed = write_hostile(file, argv[1], argv[2]);
  return file < 0 || H5Fclose(file) < 0 ? 1 : failed;
}
