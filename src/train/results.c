/* What a trained model makes, block after block, into a file that says how it was made: with the configuration, and the
 * conditions of each sample. */
#include <stdlib.h>
#include "internal.h"

static dsm_status complete(const dsm__trained *t, const dsm__condition_table *table,
                           dsm_samples_condition given[DSM_LIST_MAX], char **config, dsm_samples_info *info) {
  DSM_TRY(dsm__trained_config_text(t, config));
  info->config = *config;
  DSM_TRY(dsm__condition_table_columns(table, given, info));
  return DSM_OK;
}

dsm_status dsm__results_run(const dsm__trained *t, const dsm__condition_table *table, dsm_samples_info *info,
                            dsm__blocks *blocks) {
  dsm_comm *comm = t->session.comm;
  char *config = NULL;
  dsm_samples_condition given[DSM_LIST_MAX] = {{0}};
  blocks->comm = comm;
  blocks->info = info;
  blocks->batch = t->session.config.sampler.block;
  blocks->watchdog = t->session.config.train.watchdog;
  dsm_status status =
      dsm_agree(comm, dsm_comm_rank(comm) == 0 ? complete(t, table, given, &config, info) : DSM_OK);
  if (status == DSM_OK) status = dsm__blocks_run(blocks);
  dsm__condition_table_free_columns(given);
  free(config);
  DSM_TRY(status);
  return DSM_OK;
}
