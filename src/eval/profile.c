/* Mean energy and mean hits of the layers of a shower. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  const dsm__space *s = self;
  (void)row;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < s->d; j++) state[j] += (double)x[i * s->d + j];
}

/* Root of the mean square, over the layers, of how far a mean is from that of b, in units of that of b; layers in which
 * b has nothing do not count. */
static double deviation(const double *a, const double *b, size_t layers) {
  double sum = 0, count = 0;
  for (size_t l = 0; l < layers; l++) {
    if (b[l] == 0) continue;
    const double off = a[l] / b[l] - 1;
    sum += off * off;
    count++;
  }
  return count > 0 ? sqrt(sum / count) : (double)NAN;
}

/* Out: deviation of energies, of hits, means of a (d), means of b (d). */
static void figures(const void *self, const double *a, double na, const double *b, double nb, double *out) {
  const dsm__space *s = self;
  const size_t half = s->layers + 1;
  double *of_a = out + 2, *of_b = out + 2 + s->d;
  for (size_t j = 0; j < s->d; j++) {
    of_a[j] = a[j] / na;
    of_b[j] = b[j] / nb;
  }
  out[0] = deviation(of_a + 1, of_b + 1, s->layers);
  out[1] = deviation(of_a + half + 1, of_b + half + 1, s->layers);
}

static dsm_status report(dsm__eval *e, const dsm__pair *pair, const dsm_figure *value,
                         const dsm_figure *floor) {
  static const char *const names[] = {"profile_energy", "profile_hits"};
  const dsm__space *s = &pair->space;
  const size_t stride = sizeof *value / sizeof(double), layers = s->layers;
  for (size_t k = 0; k < 2; k++) {
    dsm_eval_row *row = dsm__row(e, names[k], pair, value[k], floor[k]);
    row->ideal = 0;
    const dsm_figure *of_samples = value + 2 + k * (layers + 1) + 1, *of_reference = of_samples + s->d;
    if (k == 0)
      snprintf(row->protocol, sizeof row->protocol,
               "Longitudinal profile of all showers: mean energy (hits: voxels above %g) of each of %zu "
               "layers; root mean "
               "square over the layers of the relative difference. Error: jackknife over %d groups of rows",
               s->threshold, layers, DSM_EVAL_GROUPS);
    DSM_TRY(dsm__row_column(row, "samples", &of_samples->value, stride, layers));
    DSM_TRY(dsm__row_column(row, "samples_error", &of_samples->error, stride, layers));
    DSM_TRY(dsm__row_column(row, "reference", &of_reference->value, stride, layers));
    DSM_TRY(dsm__row_column(row, "reference_error", &of_reference->error, stride, layers));
  }
  return DSM_OK;
}

dsm_status dsm__profile(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  dsm__space *s = &pair->space;
  const dsm__summed summed = {s->d, 2 + 2 * s->d, add, figures, s};
  dsm_figure *value = NULL, *floor = NULL;
  DSM_TRY_DONE(dsm__summed_run(e, pair, &summed, &value, &floor));
  DSM_TRY_DONE(dsm_agree(e->comm, report(e, pair, value, floor)));
done:
  free(value);
  free(floor);
  return status;
}
