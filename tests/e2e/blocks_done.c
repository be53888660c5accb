/* blocks_done FILE: prints how many blocks of a samples file are marked complete. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* the file may be about to be created */
  const hid_t file = argc == 2 ? H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
  const hid_t map = file < 0 ? -1 : H5Dopen2(file, "/complete", H5P_DEFAULT);
  if (map < 0) return 1;
  const hid_t space = H5Dget_space(map);
  const size_t blocks = (size_t)H5Sget_simple_extent_npoints(space);
  unsigned char *complete = calloc(blocks + 1, 1);
  size_t done = 0;
  if (!complete || H5Dread(map, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, complete) < 0) return 1;
  for (size_t i = 0; i < blocks; i++) done += complete[i];
  free(complete);
  printf("%zu\n", done);
  return 0;
}
