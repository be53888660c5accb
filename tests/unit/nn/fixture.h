/* Values computed elsewhere, kept in HDF5 files in the folder of test data (make_unet_fixture.py writes
 * them). */
#ifndef DSMPI_TESTS_NN_FIXTURE_H
#define DSMPI_TESTS_NN_FIXTURE_H

#include <stddef.h>

/* Reads a dataset of exactly `count` numbers; fails the test if there is none. `*values` is owned by the
 * caller. */
void fixture_read(const char *file, const char *dataset, size_t count, float **values);
/* Number of datasets in a group. */
size_t fixture_entries(const char *file, const char *group);

#endif
