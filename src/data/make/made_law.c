/* Reads back what `data make` wrote beside a dataset. Files are not trusted: an attribute that is not as
 * it should be is no law. */
#include <stdlib.h>
#include <string.h>

#include "../dataset_private.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"

static bool read_text(hid_t dataset, const char *name, char *text, size_t size) {
  bool found = false;
  memset(text, 0, size);
  if (H5Aexists(dataset, name) <= 0) return false;
  const hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
  const hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute),
              space = attribute < 0 ? -1 : H5Aget_space(attribute);
  if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
      H5Tget_size(type) < size && H5Sget_simple_extent_npoints(space) == 1)
    found = H5Aread(attribute, type, text) >= 0;
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return found && text[0];
}

/* Leaves the values alone where there is no such attribute of `count` numbers. */
static void read_reals(hid_t dataset, const char *name, size_t count, double *value) {
  if (H5Aexists(dataset, name) <= 0) return;
  const hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
  const hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute),
              space = attribute < 0 ? -1 : H5Aget_space(attribute);
  if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_FLOAT &&
      H5Sget_simple_extent_npoints(space) == (hssize_t)count)
    H5Aread(attribute, H5T_NATIVE_DOUBLE, value);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
}

dsm_status dsm_made_law_read(dsm_dataset *handle, dsm_made_law *law) {
  const size_t d = dsm_shape_count(handle->info.sample);
  *law = (dsm_made_law){.dimension = d};
  const bool gaussian_fits = handle->info.sample.rank == 1 && d <= DSM_MADE_LAW_DIMENSION_MAX;
  if (gaussian_fits) {
    DSM_TRY(DSM_ALLOC(d + d * d, &law->mean));
    law->covariance = law->mean + d;
    for (size_t i = 0; i < d; i++) law->covariance[i * d + i] = 1;
  }
  dsm_hdf5_lock();
  if (!read_text(handle->dataset, "kind", law->kind, sizeof law->kind)) law->kind[0] = '\0';
  if (gaussian_fits && strcmp(law->kind, "gaussian") == 0) {
    read_reals(handle->dataset, "mean", d, law->mean);
    read_reals(handle->dataset, "covariance", d * d, law->covariance);
  }
  dsm_hdf5_unlock();
  return DSM_OK;
}

void dsm_made_law_destroy(dsm_made_law *law) {
  free(law->mean);
  *law = (dsm_made_law){0};
}
