/** @file report.h
 *  What a run folder tells of a training: the loss log as a table. Read from files alone, while
 *  the job may still be writing them; what is missing or damaged is told, and the rest is not the worse for it. Nothing
 *  here is collective. */
#ifndef DSMPI_REPORT_H
#define DSMPI_REPORT_H

#include <stdio.h>
#include "dsmpi/status.h"

/** The loss log of a run as CSV: a line of names, then one line a logged step; names in the order in which the log has
 *  them first, lists as name_0, name_1 ..., empty where a line has no such value.
 *  @return DSM_OK; DSM_NOT_FOUND: no folder, no log, no line in it; DSM_IO. Damaged lines are warned of. */
dsm_status dsm_log_csv(const char *run, FILE *out);
/** The same for people: at most `lines` steps, spread over the run, 80 columns. */
dsm_status dsm_log_table(const char *run, size_t lines, FILE *out);

#endif
