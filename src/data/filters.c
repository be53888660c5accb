#include "filters.h"

#include <hdf5.h>
#include <string.h>
#include "dsmpi/data.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/text.h"

static const dsm__filter known_filters[] = {
    {H5Z_FILTER_DEFLATE, "gzip", ""},
    {H5Z_FILTER_SHUFFLE, "shuffle", ""},
    {H5Z_FILTER_FLETCHER32, "fletcher32", ""},
    {H5Z_FILTER_SZIP, "szip", ""},
    {H5Z_FILTER_NBIT, "nbit", ""},
    {H5Z_FILTER_SCALEOFFSET, "scaleoffset", ""},
    {32000, "lzf", "hdf5-plugin-lzf"},
    {307, "bzip2", "hdf5-filter-plugin"},
    {32001, "blosc", "hdf5-filter-plugin-blosc-serial"},
    {32004, "lz4", "hdf5-filter-plugin"},
    {32008, "bitshuffle", "hdf5-filter-plugin"},
    {32013, "zfp", "hdf5-filter-plugin-zfp-serial"},
    {32015, "zstd", ""},
};
enum { FILTERS = sizeof known_filters / sizeof *known_filters };

const dsm__filter *dsm__filter_known(int id) {
  for (size_t k = 0; k < FILTERS; k++)
    if (known_filters[k].id == id) return &known_filters[k];
  return NULL;
}

static void add_name(char *list, size_t size, const char *name) {
  dsm_append(list, size, "%s%s", list[0] ? ", " : "", name);
}

void dsm_data_filters(char *there, char *missing, size_t size) {
  there[0] = missing[0] = '\0';
  dsm_hdf5_lock();
  for (size_t k = 0; k < FILTERS; k++)
    add_name(H5Zfilter_avail(known_filters[k].id) > 0 ? there : missing, size, known_filters[k].name);
  dsm_hdf5_unlock();
}
