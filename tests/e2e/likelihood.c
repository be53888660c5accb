/* What the tests of `dsmpi likelihood` need to know of files:
 *   likelihood scale IN OUT FACTOR     a copy of /samples, each value times FACTOR
 *   likelihood steps IN OUT WIDTH      a copy rounded to whole steps of WIDTH
 *   likelihood shift A B VALUE         is nats_per_dim of B that of A + VALUE, sample by sample, to 1e-9?
 *   likelihood mean FILE NAME          prints the mean of a dataset
 *   likelihood terms FILE WIDTH        are the sums of a bound's file right: nll = prior + terms (+ ln scale), the tables the
 *                                      means of the rows? WIDTH 0: not quantised
 *   likelihood field DATA FILE K0 SLOPE
 *                                      prints the mean of nats_per_dim; what the exact law of a gaussian_field says of these
 *                                      very samples; its entropy */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct numbers {
  hsize_t n[5];
  int rank;
  size_t count;
  double *x;
} numbers;

static numbers read_all(const char *path, const char *name) {
  numbers a = {.rank = -1, .count = 1};
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, name, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  a.rank = H5Sget_simple_extent_dims(space, a.n, NULL);
  for (int i = 0; i < a.rank; i++) a.count *= a.n[i];
  a.x = malloc(a.count * sizeof *a.x);
  if (a.rank < 0 || !a.x || H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a.x) < 0) {
    fprintf(stderr, "%s has no %s\n", path, name);
    exit(1);
  }
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(file);
  return a;
}

static int write_samples(const char *path, const numbers *a) {
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              space = H5Screate_simple(a->rank, a->n, NULL);
  const hid_t set =
      H5Dcreate2(file, "samples", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t written = H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->x);
  H5Sclose(space);
  H5Dclose(set);
  return H5Fclose(file) < 0 || written < 0;
}

static double mean(const numbers *a) {
  double sum = 0;
  for (size_t i = 0; i < a->count; i++) sum += a->x[i];
  return sum / (double)a->count;
}

static int off(const char *what, double value, double expected, double allowed) {
  if (fabs(value - expected) <= allowed) return 0;
  fprintf(stderr, "%s is %.9g, expected %.9g: off by %.3g, allowed %.3g\n", what, value, expected,
          fabs(value - expected), allowed);
  return 1;
}

static int copy(const char *from, const char *to, double factor, double width) {
  numbers a = read_all(from, "samples");
  for (size_t i = 0; i < a.count; i++) a.x[i] = width > 0 ? width * round(a.x[i] / width) : factor * a.x[i];
  const int failed = write_samples(to, &a);
  free(a.x);
  return failed;
}

static int shift(const char *path_a, const char *path_b, double value) {
  numbers a = read_all(path_a, "nats_per_dim"), b = read_all(path_b, "nats_per_dim");
  int failed = a.count != b.count;
  for (size_t i = 0; !failed && i < a.count; i++) failed = off("a shift", b.x[i] - a.x[i], value, 1e-9);
  free(a.x);
  free(b.x);
  return failed;
}

/* The scale of the data is the difference of nll and what it is made of, the same for all. Rows are float32: a sum of K of
 * them is off by 1e-7 of its terms. */
static int terms(const char *path, double width) {
  numbers nll = read_all(path, "nll"), prior = read_all(path, "prior"), decoder = read_all(path, "decoder");
  numbers vb = read_all(path, "vb"), of_t = read_all(path, "term_vb"), count = read_all(path, "term_count");
  const size_t k = vb.n[1], n = nll.count;
  int failed = k != of_t.count;
  double scale = 0, sum_of_means = 0, sum_of_rows = 0;
  for (size_t i = 0; !failed && i < n; i++) {
    double sum = prior.x[i];
    for (size_t t = 0; t < k; t++) sum += vb.x[i * k + t];
    if (i == 0) scale = nll.x[i] - sum;
    failed |= off("ln scale", nll.x[i] - sum, width > 0 ? 0 : scale, 1e-4 * (1 + fabs(sum)));
    failed |= off("L_0", vb.x[i * k], decoder.x[i], 1e-5 * (1 + fabs(decoder.x[i])));
    for (size_t t = 0; t < k; t++) sum_of_rows += vb.x[i * k + t] / (double)n;
  }
  for (size_t t = 0; !failed && t < k; t++) {
    sum_of_means += of_t.x[t];
    failed |= off("samples of a term", count.x[t], (double)n, 0);
  }
  failed |= off("the sum of the means", sum_of_means, sum_of_rows, 1e-9 * (1 + fabs(sum_of_rows)));
  free(nll.x), free(prior.x), free(decoder.x), free(vb.x), free(of_t.x), free(count.x);
  return failed;
}

/* ---- gaussian_field ----------------------------------------------------------------------------------- */

/* a = h b, n x n */
static void multiply(const double *h, const double *b, size_t n, double *a) {
  for (size_t i = 0; i < n * n; i++) a[i] = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++)
      for (size_t j = 0; j < n; j++) a[i * n + j] += h[i * n + k] * b[k * n + j];
}

static void transpose(double *a, size_t n) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      const double kept = a[i * n + j];
      a[i * n + j] = a[j * n + i];
      a[j * n + i] = kept;
    }
}

/* Standard deviations of the modes cas(2 pi k x / n) cas(2 pi l y / n) / n, whose squares sum to n^2; and the matrix of
 * the transform, orthonormal and its own inverse. */
static void field_law(size_t n, double k0, double slope, double *s, double *h) {
  const double pi = acos(-1.0);
  double sum = 0;
  for (size_t i = 0; i < n * n; i++) {
    const double k = fmin((double)(i / n), (double)(n - i / n)),
                 l = fmin((double)(i % n), (double)(n - i % n));
    s[i] = pow(1 + (k * k + l * l) / (k0 * k0), -slope / 2);
    sum += s[i];
    const double angle = 2 * pi * (double)(i / n) * (double)(i % n) / (double)n;
    h[i] = (cos(angle) + sin(angle)) / sqrt((double)n);
  }
  for (size_t i = 0; i < n * n; i++) s[i] = (double)n * sqrt(s[i] / sum);
}

static int field(const char *data, const char *file, double k0, double slope) {
  numbers x = read_all(data, "samples"), rated = read_all(file, "nats_per_dim");
  const size_t n = x.n[2], d = n * n, count = rated.count;
  double *s = calloc(4 * d, sizeof *s), *h = s + d, *a = h + d, *b = a + d, entropy = 0, exact = 0;
  if (!s || count > x.n[0]) return 1;
  field_law(n, k0, slope, s, h);
  for (size_t j = 0; j < d; j++) entropy += (0.5 * (1 + log(2 * acos(-1.0))) + log(s[j])) / (double)d;
  for (size_t i = 0; i < count; i++) { /* h x h, by h (h x')' */
    memcpy(a, x.x + i * d, d * sizeof *a);
    multiply(h, a, n, b);
    transpose(b, n);
    multiply(h, b, n, a);
    transpose(a, n);
    for (size_t j = 0; j < d; j++)
      exact += (0.5 * (a[j] * a[j] / (s[j] * s[j]) + log(2 * acos(-1.0))) + log(s[j])) / (double)(d * count);
  }
  printf("%.6f %.6f %.6f\n", mean(&rated), exact, entropy);
  free(x.x);
  free(rated.x);
  free(s);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 3 ? argv[1] : "";
  if (argc == 5 && strcmp(what, "scale") == 0) return copy(argv[2], argv[3], atof(argv[4]), 0);
  if (argc == 5 && strcmp(what, "steps") == 0) return copy(argv[2], argv[3], 1, atof(argv[4]));
  if (argc == 5 && strcmp(what, "shift") == 0) return shift(argv[2], argv[3], atof(argv[4]));
  if (argc == 4 && strcmp(what, "terms") == 0) return terms(argv[2], atof(argv[3]));
  if (argc == 6 && strcmp(what, "field") == 0) return field(argv[2], argv[3], atof(argv[4]), atof(argv[5]));
  if (argc == 4 && strcmp(what, "mean") == 0) {
    numbers a = read_all(argv[2], argv[3]);
    printf("%.9g\n", mean(&a));
    free(a.x);
    return 0;
  }
  fprintf(stderr, "usage: see the top of likelihood.c\n");
  return 64;
}
