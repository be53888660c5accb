/* Gaussian random fields on a periodic n x n grid, with power spectrum P(k) ~ (1 + (k / k0)^2)^(-slope / 2)
 * of the integer wave number k = |(kx, ky)|, kx and ky in -n/2 ... n/2, and unit variance: the sum of P over
 * all modes is 1.
 *
 * The field is X = H (S o Z) H: Z white, S = n sqrt(P), H the orthonormal Hartley matrix h(k, x) = cas(2 pi k
 * x / n) / sqrt(n), cas = cos + sin. A stationary covariance whose spectrum does not change with the signs of
 * kx and ky is diagonal in products of these, which are real: no pairing of complex modes, and two n x n x n
 * products a field. */
#include <math.h>
#include <stdlib.h>

#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "make.h"

enum { SIDE_MAX = 4096 };

typedef struct field {
  double *h, *s, *a, *b; /* n x n each: Hartley matrix, amplitudes, two for work */
  float *z;
} field;

static double wave_number(size_t k, size_t n) {
  return k <= n / 2 ? (double)k : (double)n - (double)k;
}

static void make_amplitudes(const dsm_make_params *p, double *s) {
  size_t n = p->side;
  double sum = 0;
  for (size_t i = 0; i < n * n; i++) {
    double ky = wave_number(i / n, n), kx = wave_number(i % n, n);
    s[i] = pow(1 + (kx * kx + ky * ky) / (p->k0 * p->k0), -p->slope / 2);
    sum += s[i];
  }
  for (size_t i = 0; i < n * n; i++) s[i] = (double)n * sqrt(s[i] / sum);
}

static dsm_status begin(const dsm_make_params *p, int *rank, uint64_t *dims, const char **axes,
                        void **state) {
  size_t n = p->side;
  if (n < 2 || n > SIDE_MAX)
    DSM_FAIL(DSM_USAGE, "a field of side %zu was asked for; 2 to %d can be made", n, (int)SIDE_MAX);
  if (!(p->k0 > 0) || !isfinite(p->k0) || !isfinite(p->slope))
    DSM_FAIL(DSM_USAGE, "a field needs k0 > 0 and a finite slope; these are %g and %g", p->k0, p->slope);
  size_t head = (sizeof(field) + 7) / 8;
  double *block;
  DSM_TRY(DSM_ALLOC(head + 5 * n * n, &block));
  *state = block;
  field *f = (field *)(void *)block;
  f->h = block + head;
  f->s = f->h + n * n;
  f->a = f->s + n * n;
  f->b = f->a + n * n;
  f->z = (float *)(void *)(f->b + n * n);
  for (size_t k = 0; k < n; k++)
    for (size_t x = 0; x < n; x++) {
      double angle = 2 * 3.14159265358979323846 * (double)(k * x % n) / (double)n;
      f->h[k * n + x] = (cos(angle) + sin(angle)) / sqrt((double)n);
    }
  make_amplitudes(p, f->s);
  *rank = 4;
  dims[1] = 1;
  dims[2] = dims[3] = n;
  *axes = "NCHW";
  return DSM_OK;
}

/* c = a b, all n x n. */
static void multiply(const double *a, const double *b, size_t n, double *c) {
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) c[i * n + j] = 0;
    for (size_t k = 0; k < n; k++) {
      double v = a[i * n + k];
      for (size_t j = 0; j < n; j++) c[i * n + j] += v * b[k * n + j];
    }
  }
}

static void fill(const dsm_make_params *p, void *state, uint64_t sample, float *x) {
  const field *f = state;
  size_t n = p->side;
  dsm_random_normal((dsm_random_key){p->seed, DSM_STREAM_DATA, 0, sample}, 0, n * n, f->z);
  for (size_t i = 0; i < n * n; i++) f->a[i] = f->s[i] * f->z[i];
  multiply(f->h, f->a, n, f->b);
  multiply(f->b, f->h, n, f->a);
  for (size_t i = 0; i < n * n; i++) x[i] = (float)f->a[i];
}

static dsm_status describe(const dsm_make_params *p, dsm__writer *w) {
  DSM_TRY(dsm__writer_reals(w, "k0", 0, NULL, &p->k0));
  DSM_TRY(dsm__writer_reals(w, "slope", 0, NULL, &p->slope));
  DSM_TRY(dsm__writer_text(
      w, "law",
      "normal, stationary, periodic, zero mean, unit variance; power spectrum of the integer "
      "wave number k proportional to (1 + (k / k0)^2)^(-slope / 2)"));
  return DSM_OK;
}

const dsm__maker dsm__make_gaussian_field = {"gaussian_field", begin, fill, NULL, describe};
