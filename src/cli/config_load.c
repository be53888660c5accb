/* The configuration of a command: files, each over those before it, then overrides, the same on every rank. */
#include "cli.h"

dsm_status dsm__config_read(const dsm_arguments *arguments, dsm_config *config) {
  dsm_config_defaults(config);
  for (size_t i = 0; i < arguments->operand_count; i++)
    DSM_TRY(dsm_config_read(arguments->operand[i], config));
  for (size_t i = 0; i < arguments->override_count; i++)
    DSM_TRY(dsm_config_override(arguments->override[i], (int)i + 1, config));
  DSM_TRY(dsm_config_check(config));
  return DSM_OK;
}

dsm_status dsm__config_load(const dsm_arguments *arguments, dsm_comm *comm, dsm_config *config) {
  /* One rank reads: a thousand opens of one small file are slow on a parallel file system, and an edit in
   * between would give ranks different settings. dsm_config holds no pointers. */
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? dsm__config_read(arguments, config) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, config, sizeof *config, 0));
  return DSM_OK;
}
