/* y_p = sum_k kernel_k x_{p - k}: convolution with a kernel of odd lengths, the same for all channels, with y as
 * large as x. What stands at the place p - k beyond the border is said by a table for each axis, of the lengths of
 * the kernel times those of x: the place inside that is taken for it, or NOTHING. */
#include <stdint.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "restore/operator.h"

static const size_t NOTHING = SIZE_MAX;

/* The place in 0 ... n - 1 that is seen at `place`. */
static size_t folded(int64_t place, int64_t n, int border) {
  if (place >= 0 && place < n) return (size_t)place;
  if (border == DSM_BORDER_ZERO) return NOTHING;
  const int64_t period = border == DSM_BORDER_PERIODIC ? n : 2 * n;
  const int64_t within = (place % period + period) % period;
  return (size_t)(within < n ? within : period - 1 - within);
}

static dsm_status fill_table(dsm_operator *op, int axis, size_t n, int border) {
  const size_t taps = op->weights_space.n[axis];
  DSM_TRY(DSM_ALLOC(taps * n, &op->source[axis]));
  for (size_t k = 0; k < taps; k++)
    for (size_t p = 0; p < n; p++)
      op->source[axis][k * n + p] = folded((int64_t)p - (int64_t)k + (int64_t)(taps / 2), (int64_t)n, border);
  return DSM_OK;
}

static dsm_status prepare(const dsm_operator_params *params, dsm_operator *op) {
  char x[96], kernel[96];
  const dsm_shape sample = params->sample, k = params->kernel_shape;
  const int space = sample.rank - 1;
  dsm_shape_text(sample, x, sizeof x);
  dsm_shape_text(k, kernel, sizeof kernel);
  DSM_ASSERT(params->border >= DSM_BORDER_ZERO && params->border <= DSM_BORDER_PERIODIC);
  if (space < 1) DSM_FAIL(DSM_BAD_CONFIG, "blur: samples of shape %s have no space; use a matrix", x);
  if (k.rank != space && !(k.rank == space + 1 && k.n[space] == 1))
    DSM_FAIL(DSM_BAD_CONFIG, "blur: a kernel of shape %s for samples of shape %s: it needs %d axes", kernel,
             x, space);
  op->weights_space = (dsm__space){.n = {1, 1, 1}, .channels = 1};
  for (int a = 0; a < space; a++) {
    if (k.n[a] % 2 == 0)
      DSM_FAIL(DSM_BAD_CONFIG,
               "blur: a kernel of shape %s has no element in its middle; add a zero row to make lengths odd",
               kernel);
    op->weights_space.n[a] = k.n[a];
  }
  DSM_TRY(dsm__operator_weights(op, params->kernel, dsm_shape_count(k)));
  for (int a = 0; a < 3; a++) DSM_TRY(fill_table(op, a, a < space ? sample.n[a] : 1, params->border));
  op->observation = sample;
  return DSM_OK;
}

/* Adds weight times a row of x along the last axis, or its transpose. */
static void add_row(const dsm_operator *op, double weight, const size_t *source, const double *in,
                    bool transposed, double *out) {
  const size_t channels = op->x.channels;
  for (size_t p = 0; p < op->x.n[2]; p++) {
    if (source[p] == NOTHING) continue;
    const size_t from = (transposed ? p : source[p]) * channels, to = (transposed ? source[p] : p) * channels;
    for (size_t c = 0; c < channels; c++) out[to + c] += weight * in[from + c];
  }
}

static void walk(const dsm_operator *op, const double *in, bool transposed, double *out) {
  const size_t *n = op->x.n, *k = op->weights_space.n, row = n[2] * op->x.channels;
  memset(out, 0, op->d * sizeof *out);
  for (size_t i = 0; i < k[0]; i++)
    for (size_t a = 0; a < n[0]; a++) {
      const size_t from_a = op->source[0][i * n[0] + a];
      if (from_a == NOTHING) continue;
      for (size_t j = 0; j < k[1]; j++)
        for (size_t b = 0; b < n[1]; b++) {
          const size_t from_b = op->source[1][j * n[1] + b];
          if (from_b == NOTHING) continue;
          const size_t there = (from_a * n[1] + from_b) * row, here = (a * n[1] + b) * row;
          for (size_t l = 0; l < k[2]; l++)
            add_row(op, op->weights[(i * k[1] + j) * k[2] + l], op->source[2] + l * n[2],
                    in + (transposed ? here : there), transposed, out + (transposed ? there : here));
        }
    }
}

static void apply(const dsm_operator *op, const double *x, double *y) {
  walk(op, x, false, y);
}

static void transpose(const dsm_operator *op, const double *y, double *x) {
  walk(op, y, true, x);
}

const dsm__operator_kind dsm__operator_blur = {
    .name = "blur", .keeps_channels = true, .prepare = prepare, .apply = apply, .transpose = transpose};
