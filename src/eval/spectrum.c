/* Power spectra of fields: over shells of equal wave number, and along each axis. Wave numbers count cycles along the
 * longest axis, so that on unequal axes a shell holds modes of one length. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "fourier.h"
#include "internal.h"

/* State of a group, for each channel: mean power of a mode of each shell, then, for each axis, the power at each wave
 * number along it, summed over the modes across it; all summed over rows. */
typedef struct spectra {
  dsm_shape grid;
  size_t channels, points, shells, along, width; /* along: of all axes; width = shells + along */
  size_t *shell;                                 /* (points) of each mode; `shells`: beyond the last */
  size_t *place[3];                              /* (points) in the state, for each axis */
  double *modes, *power;                         /* (shells), (points) */
  dsm__fourier *fourier;
} spectra;

static size_t folded(size_t k, size_t n) {
  return k <= n / 2 ? k : n - k;
}

static dsm_status lay_out(spectra *s) {
  size_t longest = 0;
  for (int i = 0; i < s->grid.rank; i++) longest = s->grid.n[i] > longest ? s->grid.n[i] : longest;
  s->shells = longest / 2 + 1;
  DSM_TRY(DSM_ALLOC(s->points, &s->shell));
  DSM_TRY(DSM_ALLOC(s->points, &s->power));
  DSM_TRY(DSM_ALLOC(s->shells + 1, &s->modes));
  for (int i = 0; i < s->grid.rank; i++) DSM_TRY(DSM_ALLOC(s->points, &s->place[i]));
  for (size_t p = 0; p < s->points; p++) {
    double square = 0;
    size_t rest = p;
    for (int i = s->grid.rank - 1; i >= 0; i--) {
      const size_t n = s->grid.n[i], k = folded(rest % n, n);
      rest /= n;
      square += (double)(k * k) / (double)(n * n);
      s->place[i][p] = k;
    }
    const size_t shell = (size_t)(sqrt(square) * (double)longest + 0.5);
    s->shell[p] = shell < s->shells ? shell : s->shells;
    s->modes[s->shell[p]]++;
  }
  s->along = 0;
  for (int i = 0; i < s->grid.rank; i++) {
    for (size_t p = 0; p < s->points; p++) s->place[i][p] += s->shells + s->along;
    s->along += s->grid.n[i] / 2 + 1;
  }
  s->width = s->shells + s->along;
  DSM_TRY(dsm__fourier_create(s->grid, &s->fourier));
  return DSM_OK;
}

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  spectra *s = self;
  (void)row;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < s->channels; c++) {
      double *of = state + c * s->width;
      dsm__fourier_power(s->fourier, x + i * s->points * s->channels + c, s->channels, s->power);
      for (size_t p = 0; p < s->points; p++) {
        if (s->shell[p] < s->shells) of[s->shell[p]] += s->power[p] / s->modes[s->shell[p]];
        for (int axis = 0; axis < s->grid.rank; axis++) of[s->place[axis][p]] += s->power[p];
      }
    }
}

/* Power of the rounding of float32 numbers, in all modes: a third of half a unit of the last place, squared, of their mean
 * square, which is the sum of the powers along any axis. */
static double rounding_of(const spectra *s, const double *channel) {
  double square = 0;
  for (size_t k = 0; k < s->grid.n[0] / 2 + 1; k++) square += channel[s->shells + k];
  return square * (double)FLT_EPSILON * (double)FLT_EPSILON / 12;
}

/* Adds, over some wave numbers, the squares of ln a/b. Power below `least` is rounding and counts as that much, so that a
 * field without structure is far from one that has some, and not infinitely; where neither has power there is nothing to
 * compare. */
static void compare(const double *a, const double *b, size_t n, double least, double *sum, double *count) {
  for (size_t k = 0; k < n; k++) {
    if (a[k] <= least && b[k] <= least) continue;
    const double off = log(fmax(a[k], least) / fmax(b[k], least));
    *sum += off * off;
    *count += 1;
  }
}

/* Out: deviation over shells, deviation along axes, spectra of a (channels, width), of b. Wave number 0 is the mean, which
 * is no part of the deviations. */
static void figures(const void *self, const double *a, double na, const double *b, double nb, double *out) {
  const spectra *s = self;
  double *of_a = out + 2, *of_b = out + 2 + s->channels * s->width, sum[2] = {0}, count[2] = {0};
  for (size_t i = 0; i < s->channels * s->width; i++) {
    of_a[i] = a[i] / na;
    of_b[i] = b[i] / nb;
  }
  for (size_t c = 0; c < s->channels; c++) {
    size_t at = c * s->width;
    const double rounding = fmax(rounding_of(s, of_a + at), rounding_of(s, of_b + at));
    compare(of_a + at + 1, of_b + at + 1, s->shells - 1, rounding / (double)s->points, &sum[0], &count[0]);
    at += s->shells;
    for (int axis = 0; axis < s->grid.rank; axis++) {
      const size_t n = s->grid.n[axis] / 2 + 1;
      compare(of_a + at + 1, of_b + at + 1, n - 1, rounding / (double)s->grid.n[axis], &sum[1], &count[1]);
      at += n;
    }
  }
  for (int k = 0; k < 2; k++) out[k] = count[k] > 0 ? sqrt(sum[k] / count[k]) : 0;
}

/* ---- report ---------------------------------------------------------------------------------------------- */

/* Four columns of one spectrum: samples and reference, each with its error. */
static dsm_status columns(dsm_eval_row *row, const char *what, const dsm_figure *of_a, const dsm_figure *of_b,
                          size_t n) {
  static const char *const names[] = {"samples", "samples_error", "reference", "reference_error"};
  const double *const from[] = {&of_a->value, &of_a->error, &of_b->value, &of_b->error};
  char name[96];
  for (size_t k = 0; k < 4; k++) {
    snprintf(name, sizeof name, "%s_%s", what, names[k]);
    DSM_TRY(dsm__row_column(row, name, from[k], sizeof *of_a / sizeof(double), n));
  }
  return DSM_OK;
}

static dsm_status report_shells(dsm__eval *e, const dsm__pair *pair, const spectra *s,
                                const dsm_figure *value, const dsm_figure *floor) {
  dsm_eval_row *row = dsm__row(e, "spectrum", pair, value[0], floor[0]);
  row->ideal = 0;
  snprintf(row->protocol, sizeof row->protocol,
           "Radial power spectrum: mean |F|^2/N^2 of a mode in shells of wave number 0 ... %zu (cycles along "
           "the longest "
           "axis), over all rows; the figure is the root mean square of ln(samples / reference) from wave "
           "number 1 on, over "
           "all channels: 0.05 is 5 %%; power below the rounding of float32 counts as that. Error: jackknife "
           "over %d groups of rows",
           s->shells - 1, DSM_EVAL_GROUPS);
  for (size_t c = 0; c < s->channels; c++) {
    char what[40];
    const dsm_figure *of_a = value + 2 + c * s->width;
    snprintf(what, sizeof what, "channel_%zu", c);
    DSM_TRY(columns(row, what, of_a, of_a + s->channels * s->width, s->shells));
  }
  return DSM_OK;
}

static dsm_status report_axes(dsm__eval *e, const dsm__pair *pair, const spectra *s, const dsm_figure *value,
                              const dsm_figure *floor) {
  dsm_eval_row *row = dsm__row(e, "spectrum_axes", pair, value[1], floor[1]);
  row->ideal = 0;
  snprintf(row->protocol, sizeof row->protocol,
           "The same of the power along each of %d axes, summed over the modes across it", s->grid.rank);
  for (size_t c = 0; c < s->channels; c++) {
    size_t at = c * s->width + s->shells;
    for (int axis = 0; axis < s->grid.rank; axis++) {
      char what[72];
      const dsm_figure *of_a = value + 2 + at;
      const size_t n = s->grid.n[axis] / 2 + 1;
      snprintf(what, sizeof what, "channel_%zu_axis_%d", c, axis);
      DSM_TRY(columns(row, what, of_a, of_a + s->channels * s->width, n));
      at += n;
    }
  }
  return DSM_OK;
}

static void destroy(spectra *s) {
  free(s->shell);
  free(s->power);
  free(s->modes);
  for (int i = 0; i < 3; i++) free(s->place[i]);
  dsm__fourier_destroy(&s->fourier);
}

dsm_status dsm__spectrum(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  spectra s = {
      .grid = pair->shape, .channels = pair->space.channels, .points = pair->space.d / pair->space.channels};
  dsm__summed summed = {.add = add, .figures = figures, .self = &s};
  dsm_figure *value = NULL, *floor = NULL;
  s.grid.rank--;
  DSM_ASSERT(s.grid.rank >= 1 && s.grid.rank <= 3);
  s.grid.n[s.grid.rank] = 1;
  DSM_TRY_DONE(dsm_agree(e->comm, lay_out(&s)));
  summed.width = s.channels * s.width;
  summed.outputs = 2 + 2 * summed.width;
  DSM_TRY_DONE(dsm__summed_run(e, pair, &summed, &value, &floor));
  status = report_shells(e, pair, &s, value, floor);
  if (status == DSM_OK) status = report_axes(e, pair, &s, value, floor);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
done:
  destroy(&s);
  free(value);
  free(floor);
  return status;
}
