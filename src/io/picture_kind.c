#include "dsmpi/io.h"

dsm_picture_kind dsm_picture_kind_of(dsm_shape sample) {
  if (sample.rank >= 3) return DSM_PICTURE_PLANES;
  if (sample.rank == 2) return DSM_PICTURE_SERIES;
  return sample.n[0] == 2 ? DSM_PICTURE_POINTS : DSM_PICTURE_HISTOGRAMS;
}
