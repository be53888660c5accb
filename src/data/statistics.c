/* Mean, spread and extremes per channel, in parts that any rank may compute. Inside a block of rows two
 * passes; blocks, parts and channels are joined by the update of Chan, Golub and LeVeque 1979 (Stanford
 * report STAN-CS-79-773), always in the same order. */
#include <math.h>
#include <stdlib.h>

#include "dataset_private.h"
#include "dsmpi/memory.h"

enum {
  BLOCK_BYTES = 1 << 20 /* of float32 values read at a time; fixed, as it decides the order of the sums */
};

static const dsm_channel_statistics nothing = {0, 0, 0, INFINITY, -INFINITY};

static void join(dsm_channel_statistics *a, const dsm_channel_statistics *b) {
  if (b->count == 0) return;
  double n = (double)a->count, m = (double)b->count, delta = b->mean - a->mean;
  a->mean += delta * (m / (n + m));
  a->m2 += b->m2 + delta * delta * (n * m / (n + m));
  a->count += b->count;
  if (b->min < a->min) a->min = b->min;
  if (b->max > a->max) a->max = b->max;
}

/* Statistics of `pixels` runs of `channels` values. */
static void of_block(const float *x, size_t pixels, size_t channels, dsm_channel_statistics *s) {
  for (size_t c = 0; c < channels; c++) s[c] = nothing;
  for (size_t p = 0; p < pixels; p++)
    for (size_t c = 0; c < channels; c++) {
      double v = x[p * channels + c];
      s[c].mean += v;
      if (v < s[c].min) s[c].min = v;
      if (v > s[c].max) s[c].max = v;
    }
  for (size_t c = 0; c < channels; c++) {
    s[c].count = pixels;
    s[c].mean /= (double)pixels;
  }
  for (size_t p = 0; p < pixels; p++)
    for (size_t c = 0; c < channels; c++) {
      double v = x[p * channels + c] - s[c].mean;
      s[c].m2 += v * v;
    }
}

dsm_status dsm_statistics_part(dsm_dataset *d, int part, dsm_channel_statistics *statistics) {
  dsm_status status = DSM_OK;
  uint64_t rows = d->info.rows,
           at = (uint64_t)((unsigned __int128)rows * (unsigned)part / DSM_STATISTICS_PARTS),
           end = (uint64_t)((unsigned __int128)rows * ((unsigned)part + 1) / DSM_STATISTICS_PARTS);
  size_t block = BLOCK_BYTES / (d->row_elements * sizeof(float));
  float *x = NULL;
  uint64_t *row = NULL;
  dsm_channel_statistics *of = NULL;
  DSM_ASSERT(part >= 0 && part < DSM_STATISTICS_PARTS);
  for (size_t c = 0; c < d->channels; c++) statistics[c] = nothing;
  if (block < 1) block = 1;
  if (block > end - at) block = end - at;
  DSM_TRY_DONE(DSM_ALLOC(block * d->row_elements, &x));
  DSM_TRY_DONE(DSM_ALLOC(block, &row));
  DSM_TRY_DONE(DSM_ALLOC(d->channels, &of));
  while (at < end) {
    size_t n = end - at < block ? end - at : block;
    for (size_t i = 0; i < n; i++) row[i] = at + i;
    DSM_TRY_DONE(dsm_dataset_read(d, row, n, x));
    DSM_TRY_DONE(dsm__dataset_check_finite(d, row, n, x));
    of_block(x, n * (d->row_elements / d->channels), d->channels, of);
    for (size_t c = 0; c < d->channels; c++) join(&statistics[c], &of[c]);
    at += n;
  }
done:
  free(x);
  free(row);
  free(of);
  return status;
}

void dsm_statistics_join(const dsm_channel_statistics *parts, size_t channels,
                         dsm_channel_statistics *joined) {
  for (size_t c = 0; c < channels; c++) {
    dsm_channel_statistics all = nothing;
    for (size_t p = 0; p < DSM_STATISTICS_PARTS; p++) join(&all, &parts[p * channels + c]);
    joined[c] = all;
  }
}

dsm_status dsm_normalization_from(const dsm_channel_statistics *statistics, size_t channels, int kind,
                                  bool per_channel, dsm_normalization *n) {
  dsm_channel_statistics all = nothing;
  DSM_TRY(dsm_normalization_create(channels, n));
  n->kind = kind;
  for (size_t c = 0; c < channels; c++) join(&all, &statistics[c]);
  for (size_t c = 0; c < channels; c++) {
    const dsm_channel_statistics *s = per_channel ? &statistics[c] : &all;
    n->min[c] = statistics[c].min;
    n->max[c] = statistics[c].max;
    /* Extremes, not the spread, tell a constant channel: its sum of squares may be rounding noise instead of
     * 0. */
    bool constant = !(s->max > s->min);
    if (kind == DSM_NORMALIZE_STANDARDIZE) {
      n->shift[c] = constant ? s->min : s->mean;
      n->scale[c] = constant ? 1 : sqrt(s->m2 / (double)s->count);
    } else if (kind == DSM_NORMALIZE_RANGE) {
      n->shift[c] = constant ? s->min : s->min + (s->max - s->min) / 2;
      n->scale[c] = constant ? 1 : (s->max - s->min) / 2;
    }
  }
  return DSM_OK;
}
