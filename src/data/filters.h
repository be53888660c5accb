/** @file filters.h
 *  Filters of HDF5 that data may be stored through. */
#ifndef DSMPI_DATA_FILTERS_H
#define DSMPI_DATA_FILTERS_H

typedef struct dsm__filter {
  int id;
  const char *name, *package; /* Debian's; "": comes with HDF5, or there is none */
} dsm__filter;
/** NULL: not one that is known. An unknown number is never offered to HDF5, which would look for a plugin to load. */
const dsm__filter *dsm__filter_known(int id);

#endif
