/* Softmax and group normalisation, with their gradients. */
#include <math.h>
#include "ref.h"

/* ---- softmax ------------------------------------------------------------------------------------------- */

static void softmax(const dsm_kernels *k, float *y, const float *x, size_t rows, size_t width) {
  (void)k;
  for (size_t r = 0; r < rows; r++, x += width, y += width) {
    /* the largest is taken off, so that exp cannot overflow */
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < width; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < width; i++) sum += exp(x[i] - top);
    for (size_t i = 0; i < width; i++) y[i] = (float)(exp(x[i] - top) / sum);
  }
}

static void softmax_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *y, size_t rows,
                             size_t width) {
  (void)k;
  for (size_t r = 0; r < rows; r++, dx += width, dy += width, y += width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++) sum += (double)dy[i] * y[i];
    for (size_t i = 0; i < width; i++) dx[i] = (float)(y[i] * (dy[i] - sum));
  }
}

/* ---- group normalisation ------------------------------------------------------------------------------- */

/* The elements of one group of one sample: runs of `width` channels, one run a position. */
typedef struct group {
  size_t start, width;     /* offset of the first element; channels */
  size_t positions, pitch; /* runs, and the distance from one to the next */
} group;

static group group_at(const dsm_group_norm *p, size_t n, size_t g) {
  const size_t width = p->channels / p->groups;
  return (group){n * p->positions * p->channels + g * width, width, p->positions, p->channels};
}

static void group_norm_statistics(const dsm_kernels *k, float *statistics, const float *x,
                                  const dsm_group_norm *p) {
  (void)k;
  DSM_ASSERT(p->groups > 0 && p->channels % p->groups == 0);
  for (size_t n = 0; n < p->batch; n++) {
    for (size_t g = 0; g < p->groups; g++) {
      const group at = group_at(p, n, g);
      const double size = (double)(at.positions * at.width);
      double sum = 0, squares = 0;
      for (size_t s = 0; s < at.positions; s++) {
        for (size_t c = 0; c < at.width; c++) sum += x[at.start + s * at.pitch + c];
      }
      const double mean = sum / size;
      for (size_t s = 0; s < at.positions; s++) {
        for (size_t c = 0; c < at.width; c++) {
          const double centred = x[at.start + s * at.pitch + c] - mean;
          squares += centred * centred;
        }
      }
      *statistics++ = (float)mean;
      *statistics++ = (float)(1 / sqrt(squares / size + p->eps));
    }
  }
}

static void group_norm(const dsm_kernels *k, float *y, const float *x, const float *statistics,
                       const float *gamma, const float *beta, const dsm_group_norm *p) {
  (void)k;
  const size_t width = p->channels / p->groups;
  for (size_t n = 0; n < p->batch; n++, statistics += 2 * p->groups) {
    for (size_t s = 0; s < p->positions; s++) {
      for (size_t c = 0; c < p->channels; c++) {
        const double mean = statistics[2 * (c / width)], rstd = statistics[2 * (c / width) + 1];
        *y++ = (float)(gamma[c] * ((*x++ - mean) * rstd) + beta[c]);
      }
    }
  }
}

/* With h = (x - mean) rstd and e = gamma dy, means taken over the group:
 *   dx = rstd (e - mean(e) - h mean(e h)) */
static void group_norm_input_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *x,
                                      const float *statistics, const float *gamma, const dsm_group_norm *p) {
  (void)k;
  for (size_t n = 0; n < p->batch; n++) {
    for (size_t g = 0; g < p->groups; g++) {
      const group at = group_at(p, n, g);
      const double size = (double)(at.positions * at.width);
      const double mean = *statistics++, rstd = *statistics++;
      double sum_e = 0, sum_eh = 0;
      for (size_t s = 0; s < at.positions; s++) {
        for (size_t c = 0; c < at.width; c++) {
          const size_t i = at.start + s * at.pitch + c;
          const double e = (double)gamma[g * at.width + c] * dy[i];
          sum_e += e;
          sum_eh += e * ((x[i] - mean) * rstd);
        }
      }
      for (size_t s = 0; s < at.positions; s++) {
        for (size_t c = 0; c < at.width; c++) {
          const size_t i = at.start + s * at.pitch + c;
          const double e = (double)gamma[g * at.width + c] * dy[i], h = (x[i] - mean) * rstd;
          dx[i] = (float)(rstd * (e - sum_e / size - h * (sum_eh / size)));
        }
      }
    }
  }
}

static size_t group_norm_gamma_gradient_scratch(const dsm_kernels *k, const dsm_group_norm *p) {
  (void)k, (void)p;
  return 0;
}

static void group_norm_gamma_gradient(const dsm_kernels *k, float *dgamma, const float *dy, const float *x,
                                      const float *statistics, const dsm_group_norm *p, void *scratch) {
  (void)k, (void)scratch;
  const size_t width = p->channels / p->groups;
  for (size_t c = 0; c < p->channels; c++) {
    double sum = 0;
    for (size_t n = 0; n < p->batch; n++) {
      const float *of_group = statistics + 2 * (n * p->groups + c / width);
      for (size_t s = 0; s < p->positions; s++) {
        const size_t i = (n * p->positions + s) * p->channels + c;
        sum += (double)dy[i] * (((double)x[i] - of_group[0]) * of_group[1]);
      }
    }
    dgamma[c] = (float)sum;
  }
}

void dsm__ref_normalize(dsm_kernels *k) {
  k->softmax = softmax;
  k->softmax_gradient = softmax_gradient;
  k->group_norm_statistics = group_norm_statistics;
  k->group_norm = group_norm;
  k->group_norm_input_gradient = group_norm_input_gradient;
  k->group_norm_gamma_gradient_scratch = group_norm_gamma_gradient_scratch;
  k->group_norm_gamma_gradient = group_norm_gamma_gradient;
}
