/** @file report.h
 *  What a run folder tells of a training: one page for a browser, and the loss log as a table. Read from files alone, while
 *  the job may still be writing them; what is missing or damaged is told, and the rest is not the worse for it. Nothing
 *  here is collective. */
#ifndef DSMPI_REPORT_H
#define DSMPI_REPORT_H

#include <stdio.h>
#include "dsmpi/status.h"

typedef struct dsm_report_options {
  const char *run;     /* run folder */
  const char *output;  /* the page */
  const char *eval;    /* JSON of `dsmpi eval`; NULL: the newest RUN/eval*.json, if there is one */
  const char *samples; /* samples file; NULL: the newest .h5 file in RUN/samples, if there is one */
  const char *data;    /* data file; NULL: that of the configuration */
} dsm_report_options;
/** Writes the page: one HTML file without scripts or links to other files, below 5 MB.
 *  @return DSM_OK; DSM_NOT_FOUND: no folder, one without any logged step, settings, checkpoint or samples, or a file that an option names;
 *  DSM_BAD_DATA: a file that an option names is not what it should be; DSM_IO. */
dsm_status dsm_report(const dsm_report_options *options);

/** The loss log of a run as CSV: a line of names, then one line a logged step; names in the order in which the log has
 *  them first, lists as name_0, name_1 ..., empty where a line has no such value.
 *  @return DSM_OK; DSM_NOT_FOUND: no folder, no log, no line in it; DSM_IO. Damaged lines are warned of. */
dsm_status dsm_log_csv(const char *run, FILE *out);
/** The same for people: at most `lines` steps, spread over the run, 80 columns. */
dsm_status dsm_log_table(const char *run, size_t lines, FILE *out);

#endif
