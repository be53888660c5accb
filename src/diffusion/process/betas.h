/* The schedules of ddpm: the variance beta_t that step t of T adds. */
#ifndef DSMPI_DIFFUSION_BETAS_H
#define DSMPI_DIFFUSION_BETAS_H

#include "dsmpi/config.h"

/** @return DSM_OK; DSM_BAD_CONFIG if process.steps, process.schedule and process.betas do not make a process. */
dsm_status dsm__betas_check(const dsm_config *config);
/** beta_t, 1 <= t <= process.steps, of a checked configuration. */
double dsm__beta(const dsm_config *config, int64_t t);

#endif
