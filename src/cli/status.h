/* What `dsmpi status` prints, in its forms. */
#ifndef DSM_CLI_STATUS_H
#define DSM_CLI_STATUS_H

#include "dsmpi/run_status.h"

/* One JSON object on one line; what is not known is null. */
void dsm__status_json(const char *run, const dsm_run_status *status);

#endif
