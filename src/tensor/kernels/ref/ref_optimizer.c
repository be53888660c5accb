/* Flat arrays of parameters: AdamW with its moving averages, sum of squares. */
#include <math.h>
#include "ref.h"

static void adamw(const dsm_kernels *k, float *w, float *m, float *v, const float *gradient,
                  const dsm_adamw_step *step, size_t n) {
  (void)k;
  const double beta1 = step->beta1, beta2 = step->beta2, lr = step->lr;
  const dsm_adamw_span all = {n, true}, *span = step->span ? step->span : &all;
  for (size_t i = 0; i < n; i++) {
    while (i >= span->end) span++;
    const double g = (double)step->scale * gradient[i], decay = span->decays ? step->decay : 0;
    m[i] = (float)(beta1 * m[i] + (1 - beta1) * g);
    v[i] = (float)(beta2 * v[i] + (1 - beta2) * g * g);
    const double direction = m[i] / step->correction1 / (sqrt(v[i] / step->correction2) + step->eps);
    w[i] = (float)(w[i] - lr * decay * w[i] - lr * direction);
    for (size_t a = 0; a < step->averages; a++)
      step->average[a][i] += (1 - step->average_decay[a]) * (w[i] - step->average[a][i]);
  }
}

/* Sum over runs of 4096 elements, halves first: the tree depends on n alone. */
static double sum_squares_of(const float *x, size_t n) {
  enum { RUN = 4096 };
  if (n > RUN) {
    size_t left = RUN; /* the largest power of two of runs that leaves something to the right */
    while (2 * left < n) left *= 2;
    return sum_squares_of(x, left) + sum_squares_of(x + left, n - left);
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sum;
}

static double sum_squares(const dsm_kernels *k, const float *x, size_t n) {
  (void)k;
  return sum_squares_of(x, n);
}

static void accumulate(const dsm_kernels *k, float *y, const float *x, size_t n) {
  (void)k;
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void dsm__ref_optimizer(dsm_kernels *k) {
  k->adamw = adamw;
  k->sum_squares = sum_squares;
  k->accumulate = accumulate;
}
