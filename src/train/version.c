#include <stdio.h>
#include "dsmpi/train.h"
#include "dsmpi/io.h"
#include "dsmpi/kernels.h"

const char *dsm_version_line(void) {
  return "dsmpi " DSMPI_VERSION;
}

dsm_status dsm_version_facts(char *text, size_t size) {
  dsm_kernels k;
  DSM_TRY(dsm_kernels_fast(&k, 1, NULL));
  snprintf(text, size,
           "build     %s%s%s, %s\n"
           "MPI       %s\n"
           "BLAS      %s\n"
           "HDF5      %s\n"
           "kernels   %s\n"
           "license   BSD-3-Clause",
           DSMPI_COMMIT, DSMPI_COMMIT[0] ? ", " : "", DSMPI_BUILD_TYPE,
#ifdef __clang__
           __VERSION__,
#else
           "gcc " __VERSION__,
#endif
           dsm_comm_library(), dsm_kernels_blas(), dsm_hdf5_library(), k.instructions);
  return DSM_OK;
}
