#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

void dsm__space_destroy(dsm__space *s) {
  free(s->shift);
  free(s->scale);
  free(s->mean);
  free(s->basis);
  free(s->work);
  free(s->end);
  *s = (dsm__space){0};
}

/* ---- scaled ---------------------------------------------------------------------------------------------- */

static void scale(const dsm__space *s, const float *x, size_t n, float *y) {
  for (size_t p = 0; p < n * (s->d / s->channels); p++)
    for (size_t c = 0; c < s->channels; c++) {
      const size_t at = p * s->channels + c;
      y[at] = (float)(((double)x[at] - s->shift[c]) / s->scale[c]);
    }
}

dsm_status dsm__space_scaled(dsm__eval *e, dsm__pair *raw, dsm__space *s) {
  const size_t channels = raw->space.channels;
  *s = (dsm__space){
      .name = "scaled", .elements = raw->space.d, .d = raw->space.d, .channels = channels, .map = scale};
  snprintf(s->text, sizeof s->text,
           "each channel shifted and scaled to mean 0 and deviation 1 of the reference");
  DSM_TRY(dsm__statistics(e, raw));
  DSM_AGREE(e->comm, DSM_ALLOC(channels, &s->shift));
  DSM_AGREE(e->comm, DSM_ALLOC(channels, &s->scale));
  for (size_t c = 0; c < channels; c++) {
    const double *of = raw->statistics + c * DSM__STATISTICS;
    s->shift[c] = of[DSM__MEAN];
    /* extremes tell a constant channel: its deviation may be rounding noise instead of 0 */
    s->scale[c] = of[DSM__MAX] > of[DSM__MIN] ? of[DSM__STD] : 1;
  }
  return DSM_OK;
}

/* ---- layers ---------------------------------------------------------------------------------------------- */

/* (E, E_1 ... E_L, h, h_1 ... h_L): sums of energies, and how many voxels are above the threshold. */
static void layers(const dsm__space *s, const float *x, size_t n, float *y) {
  const size_t half = s->layers + 1;
  for (size_t i = 0; i < n; i++, x += s->elements, y += 2 * half) {
    double energy = 0, hits = 0;
    for (size_t l = 0, j = 0; l < s->layers; l++) {
      double sum = 0, above = 0;
      for (; j < s->end[l]; j++) {
        sum += (double)x[j];
        above += (double)x[j] > s->threshold;
      }
      y[1 + l] = (float)sum;
      y[half + 1 + l] = (float)above;
      energy += sum;
      hits += above;
    }
    y[0] = (float)energy;
    y[half] = (float)hits;
  }
}

/* "8,16,19" into ends; "45" into 45 equal ones. */
static dsm_status read_layout(const char *text, size_t elements, dsm__space *s) {
  size_t count = 1, at = 0;
  for (const char *p = text; *p; p++) count += *p == ',';
  DSM_TRY(DSM_ALLOC(count > elements ? 1 : count, &s->end));
  const char *p = text;
  for (size_t l = 0; l < count; l++) {
    char *end;
    const long long voxels = strtoll(p, &end, 10);
    if (end == p || voxels < 1 || (*end != ',' && *end != '\0') || at + (size_t)voxels > elements)
      DSM_FAIL(
          DSM_BAD_CONFIG,
          "--layers %.200s: the layers of a shower of %zu voxels are expected, as their numbers of voxels, "
          "which add up to that (\"8,16,19\"), or as one number of equal layers",
          text, elements);
    at += (size_t)voxels;
    s->end[l] = at;
    p = end + 1;
  }
  s->layers = count;
  if (count == 1 && at < elements) {
    free(s->end);
    s->end = NULL;
    s->layers = at;
    if (elements % at != 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "--layers %s: %zu voxels cannot be cut into so many equal layers; give the voxels of each",
               text, elements);
    DSM_TRY(DSM_ALLOC(s->layers, &s->end));
    for (size_t l = 0; l < s->layers; l++) s->end[l] = (l + 1) * (elements / at);
  } else if (at != elements) {
    DSM_FAIL(DSM_BAD_CONFIG, "--layers %.200s: these are %zu voxels, but a shower has %zu", text, at,
             elements);
  }
  return DSM_OK;
}

dsm_status dsm__space_layers(const dsm__eval *e, size_t elements, dsm__space *s) {
  *s =
      (dsm__space){.name = "layers", .elements = elements, .map = layers, .threshold = e->options->threshold};
  DSM_TRY(read_layout(e->options->layers, elements, s));
  s->d = s->channels = 2 * (s->layers + 1);
  snprintf(s->text, sizeof s->text,
           "a shower as its energy and hits (voxels above %g), as a whole and in each of its %zu layers",
           s->threshold, s->layers);
  return DSM_OK;
}
