#include <stdlib.h>
#include "internal.h"

/** Parts that fall to this rank, in place in `parts` ([DSM_STATISTICS_PARTS][channels]). */
static dsm_status my_parts(dsm_comm *comm, dsm_dataset *dataset, size_t channels,
                           dsm_channel_statistics *parts) {
  for (int part = dsm_comm_rank(comm); part < DSM_STATISTICS_PARTS; part += dsm_comm_size(comm))
    DSM_TRY(dsm_statistics_part(dataset, part, parts + (size_t)part * channels));
  return DSM_OK;
}

dsm_status dsm__normalize(dsm_comm *comm, dsm_dataset *dataset, const dsm_config *config,
                          dsm_normalization *n) {
  dsm_status status = DSM_OK;
  const dsm_shape sample = dsm_dataset_info_of(dataset)->sample;
  const size_t channels = sample.n[sample.rank - 1];
  dsm_channel_statistics *parts = NULL, *joined = NULL;
  DSM_TRY_DONE(dsm_agree(comm, DSM_ALLOC(DSM_STATISTICS_PARTS * channels, &parts)));
  DSM_TRY_DONE(dsm_agree(comm, DSM_ALLOC(channels, &joined)));
  DSM_TRY_DONE(dsm_agree(comm, my_parts(comm, dataset, channels, parts)));
  for (int part = 0; part < DSM_STATISTICS_PARTS; part++)
    DSM_TRY_DONE(dsm_comm_broadcast(comm, parts + (size_t)part * channels, channels * sizeof *parts,
                                    part % dsm_comm_size(comm)));
  dsm_statistics_join(parts, channels, joined);
  DSM_TRY_DONE(dsm_normalization_from(joined, channels, config->data.normalize, config->data.per_channel, n));
done:
  free(parts);
  free(joined);
  return status;
}
