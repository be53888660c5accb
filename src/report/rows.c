#include <stdlib.h>
#include <string.h>
#include "dsmpi/data.h"
#include "dsmpi/io.h"
#include "internal.h"

enum { RUNS = 64 };
static const size_t numbers_most = 1 << 23; /* 32 MiB */

/* Runs of neighbouring rows: as few chunks of the file as may be are read, and data that are sorted are met everywhere. */
static void choose(uint64_t rows, size_t n, uint64_t *row) {
  const size_t runs = n < RUNS ? n : RUNS;
  for (size_t run = 0; run < runs; run++) {
    const size_t from = run * n / runs, to = (run + 1) * n / runs;
    for (size_t i = from; i < to; i++) row[i] = run * rows / runs + (i - from);
  }
}

static dsm_status read_rows(dsm_dataset *set, size_t most, dsm__rows *out) {
  dsm_status status = DSM_OK;
  const dsm_dataset_info *info = dsm_dataset_info_of(set);
  uint64_t *row = NULL;
  char shape[96];
  out->sample = info->sample;
  out->rows = info->rows;
  out->d = dsm_shape_count(info->sample);
  out->n = info->rows < most ? (size_t)info->rows : most;
  if (out->n > numbers_most / out->d) out->n = numbers_most / out->d;
  if (out->n == 0)
    DSM_FAIL(DSM_BAD_DATA, "a sample of %s is too large to be shown",
             dsm_shape_text(info->sample, shape, sizeof shape));
  DSM_TRY_DONE(DSM_ALLOC(out->n, &row));
  DSM_TRY_DONE(DSM_ALLOC(out->n * out->d, &out->x));
  choose(out->rows, out->n, row);
  DSM_TRY_DONE(dsm_dataset_read(set, row, out->n, out->x));
done:
  free(row);
  return status;
}

dsm_status dsm__rows_read(const char *file, const char *dataset, const char *axes, const char *rows,
                          size_t most, dsm__rows *out) {
  dsm_status status = DSM_OK;
  dsm_dataset *set = NULL;
  *out = (dsm__rows){0};
  snprintf(out->file, sizeof out->file, "%s", file);
  snprintf(out->dataset, sizeof out->dataset, "%s", dataset);
  DSM_TRY_DONE(dsm_dataset_open(file, dataset, axes, rows, &set));
  DSM_TRY_DONE(read_rows(set, most, out));
done:
  dsm_dataset_close(&set);
  if (status != DSM_OK) {
    free(out->x);
    out->x = NULL;
  }
  return status;
}

void dsm__rows_destroy(dsm__rows *rows) {
  free(rows->x);
  *rows = (dsm__rows){0};
}

size_t dsm__rows_channels(const dsm__rows *rows) {
  return rows->sample.n[rows->sample.rank - 1];
}

dsm_status dsm__rows_range(const dsm__rows *rows, size_t c, double outer, double at[2], bool *found) {
  const size_t channels = dsm__rows_channels(rows);
  size_t finite;
  DSM_TRY(dsm_value_range(rows->x, rows->n * rows->d / channels, channels, c, outer, at, &finite));
  *found = finite > 0;
  return DSM_OK;
}
