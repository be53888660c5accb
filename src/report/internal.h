/* What the sections of a report are made of, and the sections. */
#ifndef DSMPI_REPORT_INTERNAL_H
#define DSMPI_REPORT_INTERNAL_H

#include <stdint.h>
#include "dsmpi/config.h"
#include "dsmpi/io.h"
#include "dsmpi/memory.h"
#include "dsmpi/report.h"
#include "dsmpi/run_status.h"
#include "dsmpi/tensor.h"
#include "history.h"
#include "page.h"
#include "trend.h"

enum { DSM__NOTES_MAX = 16, DSM__TEXT_SIZE = 512 };

/* ---- run.c: what the folder holds ---------------------------------------------------------------------- */

typedef struct dsm__run {
  bool has_config;
  dsm_config config;     /* of config.yaml, else of the newest checkpoint, else the defaults */
  dsm_checkpoint header; /* of the newest checkpoint that can be read; zeroed: none */
  char checkpoint[2 * DSM_TEXT_MAX];
  dsm_run_state state;
  char owner[192];      /* "node7, process 4711, since 2026-01-31T12:34:56+01:00"; "" = nobody */
  char said[512];       /* state FAILED: the error that the last job ended with */
  int64_t step, target; /* of the log or the newest checkpoint; 0 = not known */
} dsm__run;

/* ---- rows.c: some rows of a dataset ---------------------------------------------------------------------- */

typedef struct dsm__rows {
  char file[DSM_TEXT_MAX], dataset[DSM_TEXT_MAX];
  dsm_shape sample; /* (spatial..., C) */
  uint64_t rows;    /* in the range */
  size_t n, d;      /* read, and numbers of each */
  float *x;         /* (n, d); NULL: nothing was to be had */
} dsm__rows;
/* Reads up to `most` rows in a few runs that are spread evenly, or fewer where they are large. "" = found in the file.
 * @return as dsm_dataset_open; DSM_BAD_DATA: a row is too large to be looked at. */
dsm_status dsm__rows_read(const char *file, const char *dataset, const char *axes, const char *rows,
                          size_t most, dsm__rows *out);
void dsm__rows_destroy(dsm__rows *rows);
/* Elements of rows on a grid of positions: channels of (spatial..., C), one position for vectors. */
size_t dsm__rows_channels(const dsm__rows *rows);
/* Channel c's range without the outermost, see dsm_value_range. False: no value is finite. */
dsm_status dsm__rows_range(const dsm__rows *rows, size_t c, double outer, double at[2], bool *found);

/* ---- evaluation.c: what dsmpi eval has written ------------------------------------------------------------ */

typedef struct dsm__metric {
  const char *metric, *space, *unit, *protocol;
  double value, error, floor, floor_error, ideal;
  double samples, reference; /* rows */
} dsm__metric;
/* A curve of samples beside that of the reference: lists NAME_samples and NAME_reference of a metric. */
typedef struct dsm__pair_curve {
  char name[64];
  const char *metric;
  size_t n;
  double *samples, *reference;
} dsm__pair_curve;
typedef struct dsm__evaluation {
  char path[2 * DSM_TEXT_MAX]; /* "" = there is none */
  void *document;              /* owns the texts */
  const char *samples, *reference;
  double seed;
  size_t metrics, curves;
  dsm__metric *metric;    /* owned */
  dsm__pair_curve *curve; /* owned, with their numbers */
  size_t notes;
  const char *note[16];
} dsm__evaluation;
/* @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA: not JSON, or not of dsmpi eval. */
dsm_status dsm__evaluation_read(const char *path, dsm__evaluation *evaluation);
void dsm__evaluation_destroy(dsm__evaluation *evaluation);
/* (value - floor) / its standard error: how far samples are from being as good as data. 0 on the better side of the floor,
 * which for a distance (ideal 0) and for the area of a two-sample test (ideal 1/2) is below it; INFINITY where the value is
 * not finite beside a floor that is; NAN where it cannot be told. */
double dsm__metric_excess(const dsm__metric *metric);
/* Metrics of which dsm__metric_excess tells. */
size_t dsm__metrics_judged(const dsm__evaluation *evaluation);
/* The excess that tells samples from data: T(1 - 0.025 / m), m the metrics that are judged (Bonferroni), of Student's t with 9
 * degrees of freedom, as errors are themselves estimated, mostly from 10 groups of rows. Of samples as good as data one
 * evaluation in 20 or fewer has a metric beyond it; 2.26 for 1 metric, 3.36 for 6. */
double dsm__metric_threshold(const dsm__evaluation *evaluation);

/* ---- staleness.c: do samples, evaluation and model belong together? -------------------------------------- */

typedef struct dsm__staleness {
  char evaluated[2 * DSM_TEXT_MAX]; /* the samples that the evaluation names; "" = there is no evaluation */
  bool other_samples;               /* they are not those that are shown */
  bool rewritten;                   /* they are, but have been written since */
  bool older;                       /* the samples are of an earlier step than the newest checkpoint */
  int64_t step;                     /* of the samples that are shown, else evaluated; -1 = not known */
} dsm__staleness;

/* ---- report.c -------------------------------------------------------------------------------------------- */

typedef struct dsm__report {
  const dsm_report_options *options;
  dsm__page page;
  dsm_arena *arena; /* for what a section computes */
  dsm__run run;
  dsm__history history;
  dsm__evaluation evaluation;
  dsm__rows samples, data;
  dsm__staleness staleness;
  char note[DSM__NOTES_MAX][DSM__TEXT_SIZE]; /* what is missing or damaged */
  size_t notes;
} dsm__report;
/* Adds to the notes. */
void dsm__report_note(dsm__report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds what a failure has said, which is then dealt with. */
void dsm__report_note_failure(dsm__report *r, const char *what);
/* The data file to be named in commands; "DATA" where none is known. */
const char *dsm__data_name(const dsm__report *r);
/* What stands behind the last slash of a path, if anything does; else all of it. */
const char *dsm__last_part(const char *path);
/* n numbers of the arena. */
dsm_status dsm__room(dsm__report *r, size_t n, double **x);
/* What a column of the log says over the steps, x and y (n) of the arena: the rows that have a finite value, which may be few. */
dsm_status dsm__over_steps(dsm__report *r, const double *column, double **x, double **y, size_t *n);
/* Fills r->staleness from all the rest. */
void dsm__staleness_find(dsm__report *r);
/* Fills r->run; what cannot be read becomes a note. */
void dsm__run_read(dsm__report *r);
/* Path of the newest file of `folder` whose name begins and ends so; false: there is none. */
bool dsm__newest_file(const char *folder, const char *begin, const char *end, char *path, size_t size);

/* ---- the sections, each absent where its data are -------------------------------------------------------- */

typedef dsm_status dsm__section_put(dsm__report *r);
dsm__section_put dsm__put_head, dsm__put_training, dsm__put_held_out, dsm__put_growth, dsm__put_samples,
    dsm__put_distributions, dsm__put_metrics, dsm__put_timing, dsm__put_settings;

#endif
