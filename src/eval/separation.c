/* Histogram separation power of each channel. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

enum { DEVIATIONS = 4 /* from the mean to either end of the bins, at most */ };

double dsm_separation(const double *a, const double *b, size_t bins) {
  double na = 0, nb = 0, sum = 0;
  for (size_t k = 0; k < bins; k++) {
    na += a[k];
    nb += b[k];
  }
  for (size_t k = 0; k < bins; k++) {
    const double p = a[k] / na, q = b[k] / nb;
    if (p + q > 0) sum += (p - q) * (p - q) / (p + q);
  }
  return sum / 2;
}

typedef struct separation {
  const dsm__space *space;
  size_t bins;        /* with one below and one above the range */
  double *low, *step; /* (channels) */
} separation;

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  const separation *s = self;
  const size_t channels = s->space->channels, inside = s->bins - 2;
  (void)row;
  for (size_t p = 0; p < n * (s->space->d / channels); p++)
    for (size_t c = 0; c < channels; c++) {
      const double at = ((double)x[p * channels + c] - s->low[c]) / s->step[c];
      const size_t bin = at < 0                 ? 0
                         : at > (double)inside  ? inside + 1
                         : at == (double)inside ? inside
                                                : 1 + (size_t)at;
      state[c * s->bins + bin]++;
    }
}

static void figures(const void *self, const double *a, double na, const double *b, double nb, double *out) {
  const separation *s = self;
  const size_t channels = s->space->channels;
  (void)na, (void)nb;
  out[0] = 0;
  for (size_t c = 0; c < channels; c++) {
    out[1 + c] = dsm_separation(a + c * s->bins, b + c * s->bins, s->bins);
    out[0] += out[1 + c] / (double)channels;
  }
}

static dsm_status choose_bins(dsm__eval *e, dsm__pair *pair, separation *s) {
  DSM_TRY(dsm__statistics(e, pair));
  DSM_AGREE(e->comm, DSM_ALLOC(pair->space.channels, &s->low));
  DSM_AGREE(e->comm, DSM_ALLOC(pair->space.channels, &s->step));
  for (size_t c = 0; c < pair->space.channels; c++) {
    const double *of = pair->statistics + c * DSM__STATISTICS;
    const double low = fmax(of[DSM__MIN], of[DSM__MEAN] - DEVIATIONS * of[DSM__STD]),
                 high = fmin(of[DSM__MAX], of[DSM__MEAN] + DEVIATIONS * of[DSM__STD]);
    s->low[c] = high > low ? low : low - 0.5;
    s->step[c] = (high > low ? high - low : 1) / (double)(s->bins - 2);
  }
  return DSM_OK;
}

static dsm_status report(dsm__eval *e, const dsm__pair *pair, const separation *s, const dsm_figure *value,
                         const dsm_figure *floor) {
  const size_t n = pair->space.channels, stride = sizeof *value / sizeof(double);
  dsm_eval_row *row = dsm__row(e, "separation", pair, value[0], floor[0]);
  row->ideal = 0;
  dsm__row_number(row, "bins", (double)s->bins - 2);
  snprintf(row->protocol, sizeof row->protocol,
           "Separation power 1/2 sum (p-q)^2/(p+q) of histograms of each %s of all rows, mean over %zu; %zu "
           "bins over the "
           "range of the reference, at most %d deviations from its mean, and one at either end. 0: equal, 1: "
           "disjoint. "
           "Error: jackknife over %d groups of rows",
           pair->space.d > n ? "channel, all positions together," : "feature", n, s->bins - 2, DEVIATIONS,
           DSM_EVAL_GROUPS);
  DSM_TRY(dsm__row_column(row, "each_value", &value[1].value, stride, n));
  DSM_TRY(dsm__row_column(row, "each_error", &value[1].error, stride, n));
  DSM_TRY(dsm__row_column(row, "each_floor", &floor[1].value, stride, n));
  return DSM_OK;
}

dsm_status dsm__separation(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  const size_t channels = pair->space.channels;
  separation s = {.space = &pair->space, .bins = e->options->bins + 2};
  const dsm__summed summed = {s.bins * channels, 1 + channels, add, figures, &s};
  dsm_figure *value = NULL, *floor = NULL;
  DSM_TRY_DONE(choose_bins(e, pair, &s));
  DSM_TRY_DONE(dsm__summed_run(e, pair, &summed, &value, &floor));
  DSM_TRY_DONE(dsm_agree(e->comm, report(e, pair, &s, value, floor)));
done:
  free(s.low);
  free(s.step);
  free(value);
  free(floor);
  return status;
}
