#include "make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/clock.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"

enum { BLOCK_BYTES = 1 << 20 };

static const dsm__maker *const makers[] = {&dsm__make_gaussian, &dsm__make_eight_gaussians,
                                           &dsm__make_checkerboard, &dsm__make_swiss_roll,
                                           &dsm__make_gaussian_field};

static dsm_status find_maker(const char *kind, const dsm__maker **maker) {
  char known[200] = "";
  for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
    if (kind && strcmp(kind, makers[i]->kind) == 0) {
      *maker = makers[i];
      return DSM_OK;
    }
    dsm_append(known, sizeof known, "%s%s", i ? ", " : "", makers[i]->kind);
  }
  DSM_FAIL(DSM_USAGE, "no data of kind '%s' can be made; there are: %s", kind ? kind : "", known);
}

static dsm_status write_samples(const dsm__maker *maker, const dsm_make_params *params, void *state,
                                size_t sample, dsm__writer *w) {
  dsm_status status = DSM_OK;
  size_t block = BLOCK_BYTES / (sample * sizeof(float)) ? BLOCK_BYTES / (sample * sizeof(float)) : 1;
  float *x = NULL;
  if (block > params->count) block = params->count;
  DSM_TRY(DSM_ALLOC(block * sample, &x));
  for (uint64_t first = 0; first < params->count; first += block) {
    uint64_t n = params->count - first < block ? params->count - first : block;
    for (uint64_t i = 0; i < n; i++) maker->fill(params, state, first + i, x + i * sample);
    DSM_TRY_DONE(dsm__writer_rows(w, 0, first, n, x));
  }
done:
  free(x);
  return status;
}

static dsm_status write_labels(const dsm__maker *maker, const dsm_make_params *params, dsm__writer *w) {
  dsm_status status = DSM_OK;
  const uint64_t most = BLOCK_BYTES / sizeof(int32_t), block = params->count < most ? params->count : most;
  int32_t *label = NULL;
  DSM_TRY(DSM_ALLOC(block, &label));
  for (uint64_t first = 0; first < params->count; first += block) {
    const uint64_t n = params->count - first < block ? params->count - first : block;
    for (uint64_t i = 0; i < n; i++) label[i] = maker->label(params, first + i);
    DSM_TRY_DONE(dsm__writer_rows(w, 1, first, n, label));
  }
done:
  free(label);
  return status;
}

dsm_status dsm_data_make(const dsm_make_params *params, const char *output, char *report, size_t size) {
  dsm_status status = DSM_OK;
  const dsm__maker *maker = NULL;
  dsm__writer *w = NULL;
  void *state = NULL;
  uint64_t dims[DSM_MAX_RANK], sample = 1, bytes;
  const char *axes;
  int rank;
  DSM_TRY(find_maker(params->kind, &maker));
  if (params->count < 1 || params->count >= UINT64_C(1) << 48)
    DSM_FAIL(DSM_USAGE, "%llu samples were asked for; 1 or more can be made",
             (unsigned long long)params->count);
  DSM_TRY_DONE(maker->begin(params, &rank, dims, &axes, &state));
  dims[0] = params->count;
  for (int a = 1; a < rank; a++) sample *= dims[a];
  if (__builtin_mul_overflow(sample * sizeof(float), params->count, &bytes) || bytes > INT64_MAX)
    DSM_FAIL_DONE(DSM_USAGE, "%llu samples of %llu values do not fit into a file",
                  (unsigned long long)params->count, (unsigned long long)sample);
  DSM_TRY_DONE(dsm__writer_create(output, bytes + (maker->label ? params->count * sizeof(int32_t) : 0), &w));
  DSM_TRY_DONE(dsm__writer_dataset(w, "samples", H5T_NATIVE_FLOAT, rank, dims, axes));
  DSM_TRY_DONE(dsm__writer_text(w, "kind", params->kind));
  DSM_TRY_DONE(dsm__writer_integer(w, "seed", params->seed));
  DSM_TRY_DONE(maker->describe(params, w));
  if (maker->label) DSM_TRY_DONE(dsm__writer_dataset(w, "labels", H5T_NATIVE_INT32, 1, dims, "N"));
  DSM_TRY_DONE(dsm__writer_seal(w));
  DSM_TRY_DONE(write_samples(maker, params, state, sample, w));
  if (maker->label) DSM_TRY_DONE(write_labels(maker, params, w));
  DSM_TRY_DONE(dsm__writer_commit(&w));
  if (report && size) {
    char text[32];
    snprintf(report, size, "%llu samples of %llu values, %s, %s -> %s", (unsigned long long)params->count,
             (unsigned long long)sample, params->kind, dsm_bytes((double)bytes, text, sizeof text), output);
  }
done:
  dsm__writer_discard(&w);
  free(state);
  return status;
}
