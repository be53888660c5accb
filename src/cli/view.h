/* What the parts of dsmpi view share. */
#ifndef DSMPI_CLI_VIEW_H
#define DSMPI_CLI_VIEW_H

#include "cli.h"
#include "dsmpi/io.h"

/* Black and white (channels) for x (pixels, channels): all but the outermost 0.5 % of the values lie between them.
 * `*not_finite` is raised by the values that are not. */
dsm_status dsm__view_range(const float *x, size_t pixels, size_t channels, double *low, double *high,
                           size_t *not_finite);

/* What is shown side by side, and how. */
typedef struct dsm__beside {
  const char *file, *list; /* "observation,samples,truth" */
  const char *rows;        /* "A:B" or NULL */
  uint64_t count;          /* rows of the picture, at most */
  size_t zoom;
  const double *low, *high; /* one for all channels; NULL: of the data */
} dsm__beside;
/* A row of the picture for each sample: its pictures in each of the datasets, several where a dataset has several of
 * a sample. Smaller ones are drawn with larger pixels. All have the same range from black to white, but for
 * /std; that of /observation counts only where it is alone. */
dsm_status dsm__view_beside(const dsm__beside *beside, dsm_picture *picture);

#endif
