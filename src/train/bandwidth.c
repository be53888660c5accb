/* process.sigma = 0: the noise level of process single is the bandwidth that the data want. It is fitted once, when a run
 * begins, and stands in the configuration of the run and its checkpoints from then on; so resuming and sampling have the
 * number, and a run is never gone on with at another level. */
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"

/** Rank 0: the level of the run that is gone on with, 0 if none is. */
static dsm_status find(const dsm_train_options *options, double *sigma) {
  char folder[DSM_TEXT_MAX + 16], path[2 * DSM_TEXT_MAX];
  dsm_checkpoint found = {0};
  dsm_config was;
  if (!options->run || options->fresh || options->dry_run) return DSM_OK;
  snprintf(folder, sizeof folder, "%s/checkpoints", options->run);
  DSM_TRY(dsm__newest_header(folder, path, sizeof path, &found));
  if (!path[0]) return DSM_OK;
  dsm_config_defaults(&was);
  const dsm_status status = dsm_config_parse(path, found.config, &was);
  dsm_checkpoint_destroy(&found);
  DSM_TRY(status);
  if (was.process.name == DSM_PROCESS_SINGLE) *sigma = was.process.sigma;
  return DSM_OK;
}

/** Rank 0. */
static dsm_status fit(dsm_dataset *dataset, const dsm_normalization *n, size_t centres, double *sigma,
                      size_t *count) {
  float *rows = NULL;
  DSM_TRY(dsm__spread_rows(dataset, n, centres, &rows, count));
  const dsm_status status =
      dsm_bandwidth_fit(rows, *count, dsm_shape_count(dsm_dataset_info_of(dataset)->sample), sigma);
  free(rows);
  return status;
}

dsm_status dsm__bandwidth_complete(dsm_comm *comm, dsm_dataset *dataset, const dsm_train_options *options,
                                   dsm_config *config, dsm_normalization *n, dsm__bandwidth *told) {
  const bool root = dsm_comm_rank(comm) == 0;
  double sigma = 0;
  *told =
      (dsm__bandwidth){.wanted = config->process.name == DSM_PROCESS_SINGLE && config->process.sigma == 0};
  if (!told->wanted) return DSM_OK;
  DSM_AGREE(comm, root ? find(options, &sigma) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, &sigma, sizeof sigma, 0));
  if (sigma == 0) {
    DSM_TRY(dsm__normalize(comm, dataset, config, n));
    DSM_AGREE(comm, root ? fit(dataset, n, (size_t)config->objective.centres, &sigma, &told->rows) : DSM_OK);
    DSM_TRY(dsm_comm_broadcast(comm, &sigma, sizeof sigma, 0));
  }
  config->process.sigma = sigma;
  return DSM_OK;
}

void dsm__banner_bandwidth(const dsm__bandwidth *told, const dsm_config *config) {
  if (!told->wanted) return;
  if (told->rows > 0)
    dsm_info("sigma    %g, fitted to %zu rows by their held-out likelihood", config->process.sigma,
             told->rows);
  else
    dsm_info("sigma    %g, as fitted when the run began", config->process.sigma);
}
