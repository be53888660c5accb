/* Count, mean, deviation, extremes of each channel of the reference. */
#include <math.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

/* Joins b to a (Chan, Golub & LeVeque 1979); DSM__STD holds the sum of squared deviations meanwhile. */
static void join(double *a, const double *b) {
  const double n = a[DSM__COUNT], m = b[DSM__COUNT], delta = b[DSM__MEAN] - a[DSM__MEAN];
  if (m == 0) return;
  a[DSM__MIN] = n == 0 ? b[DSM__MIN] : fmin(a[DSM__MIN], b[DSM__MIN]);
  a[DSM__MAX] = n == 0 ? b[DSM__MAX] : fmax(a[DSM__MAX], b[DSM__MAX]);
  a[DSM__MEAN] += delta * (m / (n + m));
  a[DSM__STD] += b[DSM__STD] + delta * delta * (n * m / (n + m));
  a[DSM__COUNT] += m;
}

static void of_channel(const float *x, size_t pixels, size_t stride, double *s) {
  double sum = 0, square = 0, min = (double)x[0], max = (double)x[0];
  for (size_t p = 0; p < pixels; p++) {
    const double v = (double)x[p * stride];
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const double mean = sum / (double)pixels;
  for (size_t p = 0; p < pixels; p++) {
    const double v = (double)x[p * stride] - mean;
    square += v * v;
  }
  s[DSM__COUNT] = (double)pixels;
  s[DSM__MEAN] = mean;
  s[DSM__STD] = square;
  s[DSM__MIN] = min;
  s[DSM__MAX] = max;
}

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  const dsm__space *s = self;
  (void)row;
  for (size_t c = 0; c < s->channels; c++) {
    double chunk[DSM__STATISTICS];
    of_channel(x + c, n * (s->d / s->channels), s->channels, chunk);
    join(state + c * DSM__STATISTICS, chunk);
  }
}

static dsm_status sum(dsm__eval *e, dsm__pair *pair, double *groups) {
  const size_t width = pair->space.channels * DSM__STATISTICS;
  double *state[DSM__GROUPS];
  uint64_t count[DSM__GROUPS];
  for (int g = 0; g < DSM__GROUPS; g++) state[g] = groups + (size_t)g * width;
  DSM_TRY(dsm__groups_sum(e, &pair->view[DSM__REFERENCE], add, &pair->space, state, count));
  for (int g = 0; g < DSM__GROUPS; g++)
    DSM_TRY(dsm_comm_broadcast(e->comm, state[g], width * sizeof(double),
                               dsm__group_owner(e, DSM__REFERENCE, g)));
  return DSM_OK;
}

dsm_status dsm__statistics(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  const size_t channels = pair->space.channels, width = channels * DSM__STATISTICS;
  double *groups = NULL, *all = NULL;
  if (pair->statistics) return DSM_OK;
  status = DSM_ALLOC(DSM__GROUPS * width, &groups);
  if (status == DSM_OK) status = DSM_ALLOC(width, &all);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(sum(e, pair, groups));
  for (size_t c = 0; c < channels; c++) {
    double *s = all + c * DSM__STATISTICS;
    for (size_t g = 0; g < DSM__GROUPS; g++) join(s, groups + g * width + c * DSM__STATISTICS);
    s[DSM__STD] = sqrt(s[DSM__STD] / s[DSM__COUNT]);
  }
  pair->statistics = all;
  all = NULL;
done:
  free(groups);
  free(all);
  return status;
}
