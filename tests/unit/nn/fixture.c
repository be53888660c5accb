#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <hdf5.h>

#include "dsmpi/memory.h"

static hid_t open_file(const char *file) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", DSMPI_TEST_DATA, file);
  hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (f < 0) fail_msg("cannot open %s", path);
  return f;
}

void fixture_read(const char *file, const char *dataset, size_t count, float **values) {
  hid_t f = open_file(file), set = H5Dopen(f, dataset, H5P_DEFAULT);
  if (set < 0) fail_msg("%s has no %s", file, dataset);
  hid_t space = H5Dget_space(set);
  assert_int_equal(H5Sget_simple_extent_npoints(space), count);
  assert_int_equal(DSM_ALLOC(count, values), DSM_OK);
  assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values) >= 0);
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(f);
}

size_t fixture_entries(const char *file, const char *group) {
  hid_t f = open_file(file), g = H5Gopen(f, group, H5P_DEFAULT);
  H5G_info_t info = {0};
  assert_true(H5Gget_info(g, &info) >= 0);
  H5Gclose(g);
  H5Fclose(f);
  return info.nlinks;
}
