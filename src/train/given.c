/* Data of a user as input of a trained model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"

enum { PROBES = 16 /* rows that the fingerprint is of */ };

static dsm_status check_shape(const dsm__given *g, const dsm_given *source, dsm_shape wanted) {
  const dsm_dataset_info *info = dsm_dataset_info_of(g->dataset);
  char found[96], expected[96];
  if (wanted.rank == 0 || dsm_shape_equal(info->sample, wanted)) return DSM_OK;
  DSM_FAIL(
      DSM_BAD_DATA,
      "samples of '%s' in '%s' have shape %s (axes %s, from %s), but the model was trained on %s, channels "
      "last: give data of that shape, or --axes if these are it",
      source->dataset, source->file, dsm_shape_text(info->sample, found, sizeof found), info->axes,
      info->axes_from, dsm_shape_text(wanted, expected, sizeof expected));
}

dsm_status dsm__given_open(const dsm_given *source, dsm_shape sample, const dsm_normalization *n,
                           dsm__given *g) {
  *g = (dsm__given){.source = source, .normalization = n};
  DSM_TRY(dsm_dataset_open(source->file, source->dataset, source->axes ? source->axes : "",
                           source->rows ? source->rows : "", &g->dataset));
  const dsm_dataset_info *info = dsm_dataset_info_of(g->dataset);
  g->sample = info->sample;
  g->count = info->rows;
  g->d = dsm_shape_count(info->sample);
  const dsm_status status = check_shape(g, source, sample);
  if (status != DSM_OK) dsm__given_close(g);
  DSM_TRY(status);
  return DSM_OK;
}

void dsm__given_close(dsm__given *g) {
  dsm_dataset_close(&g->dataset);
  free(g->row);
  g->row = NULL;
}

static dsm_status make_room(dsm__given *g, size_t n) {
  if (n <= g->room) return DSM_OK;
  free(g->row);
  g->row = NULL;
  g->room = 0;
  DSM_TRY(DSM_ALLOC(n, &g->row));
  g->room = n;
  return DSM_OK;
}

static dsm_status check_finite(const dsm__given *g, size_t n, const float *x) {
  const uint64_t start = dsm_dataset_info_of(g->dataset)->first;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < g->d; j++)
      if (!isfinite(x[i * g->d + j]))
        DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s': row %llu has the value %g; the model takes finite numbers",
                 g->source->dataset, g->source->file, (unsigned long long)(start + g->row[i]),
                 (double)x[i * g->d + j]);
  return DSM_OK;
}

dsm_status dsm__given_read_rows(dsm__given *g, const uint64_t *row, size_t n, float *x) {
  DSM_TRY(make_room(g, n));
  for (size_t i = 0; i < n; i++) g->row[i] = row[i];
  DSM_TRY(dsm_dataset_read(g->dataset, g->row, n, x));
  if (!g->holes) DSM_TRY(check_finite(g, n, x));
  if (g->normalization) dsm_normalize_values(g->normalization, x, n * (g->d / g->normalization->channels));
  return DSM_OK;
}

dsm_status dsm__given_read(dsm__given *g, uint64_t first, size_t n, float *x) {
  DSM_TRY(make_room(g, n));
  for (size_t i = 0; i < n; i++) g->row[i] = first + i < g->count ? first + i : g->count - 1;
  DSM_TRY(dsm__given_read_rows(g, g->row, n, x));
  return DSM_OK;
}

/* FNV-1a of a few rows, evenly spread: other data under an old name are another request. */
static dsm_status fingerprint(dsm__given *g, uint64_t *hash) {
  float *x = NULL;
  dsm_status status = DSM_OK;
  const uint64_t probes = g->count < PROBES ? g->count : PROBES;
  *hash = UINT64_C(0xcbf29ce484222325);
  DSM_TRY(DSM_ALLOC(g->d, &x));
  for (uint64_t k = 0; k < probes; k++) {
    const uint64_t row = probes > 1 ? k * ((g->count - 1) / (probes - 1)) : 0;
    DSM_TRY_DONE(dsm_dataset_read(g->dataset, &row, 1, x));
    for (size_t i = 0; i < g->d * sizeof *x; i++)
      *hash = (*hash ^ ((const unsigned char *)x)[i]) * UINT64_C(0x100000001b3);
  }
done:
  free(x);
  return status;
}

dsm_status dsm__given_text(dsm__given *g, char *text, size_t size) {
  const dsm_dataset_info *info = dsm_dataset_info_of(g->dataset);
  uint64_t hash;
  DSM_TRY(fingerprint(g, &hash));
  snprintf(text, size, "%s:/%s, rows %llu to %llu, axes %s, fingerprint %016llx", g->source->file,
           g->source->dataset + (g->source->dataset[0] == '/'), (unsigned long long)info->first,
           (unsigned long long)(info->first + info->rows - 1), info->axes, (unsigned long long)hash);
  return DSM_OK;
}
