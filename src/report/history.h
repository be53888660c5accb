/* The loss log of a run, metrics.jsonl, as a table: a row a logged step, a column a name. */
#ifndef DSMPI_REPORT_HISTORY_H
#define DSMPI_REPORT_HISTORY_H

#include <stddef.h>
#include "dsmpi/status.h"

enum { DSM__NAME_MAX = 96, DSM__COLUMNS_MAX = 512 };

typedef struct dsm__column {
  char name[DSM__NAME_MAX]; /* "loss"; element i of a list: "held_out_levels_0" */
  char list[DSM__NAME_MAX]; /* "held_out_levels"; "" = no list */
  double *value;            /* (rows), NAN where a line has none; true is 1 */
  char **text; /* (rows) of values that are texts, NULL where a line has none; NULL: there are none */
} dsm__column;

typedef struct dsm__history {
  size_t rows, room, columns;
  dsm__column *column; /* in the order in which the log has them first */
  size_t damaged;      /* lines that are no object with a step */
  size_t left_out;     /* columns beyond DSM__COLUMNS_MAX */
  bool cut;            /* the last line has no end: a job was killed, or is writing it */
} dsm__history;

/* Reads a log. Lines of one step are joined; a line of an earlier step than the one before is of a later job, which began
 * there anew: what was logged beyond is dropped.
 * @return DSM_OK, with no rows where there are none; DSM_NOT_FOUND; DSM_IO; destroy it in any case. */
dsm_status dsm__history_read(const char *path, dsm__history *history);
void dsm__history_destroy(dsm__history *history);
/* RUN/metrics.jsonl, which has to have a step. @return DSM_NOT_FOUND naming what is missing. */
dsm_status dsm__history_of_run(const char *run, dsm__history *history);
/* The same, but a folder without a logged step is good: it gives no rows. @return DSM_NOT_FOUND: there is no folder. */
dsm_status dsm__history_if_any(const char *run, dsm__history *history);

/* Values of a column, NULL if the log has none of that name. */
const double *dsm__history_values(const dsm__history *history, const char *name);
/* The last value of a column that is a number; NAN if there is none. */
double dsm__history_last(const dsm__history *history, const char *name);
/* Elements of a list, 0 if there is none of that name, and one of them. */
size_t dsm__history_elements(const dsm__history *history, const char *list);
const double *dsm__history_element(const dsm__history *history, const char *list, size_t i);

#endif
