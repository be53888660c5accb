#ifndef DSMPI_CONDITION_DATA_H
#define DSMPI_CONDITION_DATA_H

#include "dsmpi/data.h"

/** dsm__dataset_reserve for each of the datasets. */
void dsm__condition_data_reserve(dsm_condition_data *c, uint64_t rows, uint64_t block);

#endif
