/* y = means over blocks of f^k elements, k axes: what a coarser instrument sees. A A^T = I / f^k. */
#include <string.h>
#include "restore/operator.h"

static dsm_status prepare(const dsm_operator_params *params, dsm_operator *op) {
  const size_t f = params->factor;
  char text[96];
  dsm_shape coarse = params->sample;
  if (coarse.rank < 2)
    DSM_FAIL(DSM_BAD_CONFIG, "average: samples of shape %s have no space to average over; use a matrix",
             dsm_shape_text(coarse, text, sizeof text));
  for (int a = 0; a < coarse.rank - 1; a++) {
    if (f < 2 || coarse.n[a] % f != 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "average: a factor of %zu; it must be 2 or more and divide each axis of samples of shape %s",
               f, dsm_shape_text(params->sample, text, sizeof text));
    coarse.n[a] /= f;
  }
  op->observation = coarse;
  return DSM_OK;
}

/* For each element of x its element of y. */
static void walk(const dsm_operator *op, const double *in, bool transposed, double *out) {
  const size_t *n = op->x.n, *m = op->y.n, channels = op->x.channels;
  const size_t f[3] = {n[0] / m[0], n[1] / m[1], n[2] / m[2]};
  const double weight = (double)op->m / (double)op->d;
  memset(out, 0, (transposed ? op->d : op->m) * sizeof *out);
  for (size_t a = 0; a < n[0]; a++)
    for (size_t b = 0; b < n[1]; b++)
      for (size_t c = 0; c < n[2]; c++) {
        const size_t fine = ((a * n[1] + b) * n[2] + c) * channels;
        const size_t coarse = ((a / f[0] * m[1] + b / f[1]) * m[2] + c / f[2]) * channels;
        for (size_t k = 0; k < channels; k++)
          out[(transposed ? fine : coarse) + k] += weight * in[(transposed ? coarse : fine) + k];
      }
}

static void apply(const dsm_operator *op, const double *x, double *y) {
  walk(op, x, false, y);
}

static void transpose(const dsm_operator *op, const double *y, double *x) {
  walk(op, y, true, x);
}

const dsm__operator_kind dsm__operator_average = {
    .name = "average", .keeps_channels = true, .prepare = prepare, .apply = apply, .transpose = transpose};
