/* odd_dataset FILE KIND: a data file that is not fit for training, made through HDF5 alone: /samples,
 * float32. empty     (0, 2) nan       (100, 2), one NaN in row 57 infinite  (100, 2), one infinity in row 57
 *   elsewhere (100, 2), but called /points/positions
 *   words     (100), strings */
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
  return file < 0 || H5Fclose(file) < 0 ? 1 : failed;
}
