/* restoration make FILE: /hole (8, 8), /holes (100, 1, 8, 8) with a hole of its own for each, /kernel (3, 3), /even
 *   (2, 3), /matrix (3, 2)
 * restoration check INPAINT MASKS SUPERRES DEBLUR DENOISE LINEAR: is in the files what restore.sh asked for?
 * restoration same A B NAME: is a dataset the same in both, to the bit?
 * restoration forget FILE BLOCK OUT: a copy in which a block is not complete, and its /mean is lost */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, MASKS = 100 };

/* ---- making -------------------------------------------------------------------------------------------- */

static void write_set(hid_t file, const char *name, int rank, const hsize_t *n, const float *x) {
  const hid_t space = H5Screate_simple(rank, n, NULL);
  const hid_t set = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (set < 0 || H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0) exit(1);
  H5Dclose(set);
  H5Sclose(space);
}

/* The hole is 3 x 3; that of mask k begins at (k % 5, k / 5 % 5). */
static float seen(int k, int pixel) {
  const int y = pixel / SIDE - k / 5 % 5, x = pixel % SIDE - k % 5;
  return y >= 0 && y < 3 && x >= 0 && x < 3 ? 0 : 1;
}

static int make(const char *path) {
  static const float kernel[9] = {0.1f, 0.1f, 0.1f, 0.1f, 0.2f, 0.1f, 0.1f, 0.1f, 0.1f},
                     matrix[6] = {1, 1, 1, -1, 0.5f, 0};
  static float holes[MASKS * PIXELS];
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (file < 0) return 1;
  for (int j = 0; j < MASKS * PIXELS; j++) holes[j] = seen(j / PIXELS, j % PIXELS);
  write_set(file, "hole", 2, (const hsize_t[]){SIDE, SIDE}, holes);
  write_set(file, "holes", 4, (const hsize_t[]){MASKS, 1, SIDE, SIDE}, holes);
  write_set(file, "kernel", 2, (const hsize_t[]){3, 3}, kernel);
  write_set(file, "even", 2, (const hsize_t[]){2, 3}, kernel);
  write_set(file, "matrix", 2, (const hsize_t[]){3, 2}, matrix);
  return H5Fclose(file) < 0;
}

/* ---- checking ------------------------------------------------------------------------------------------ */

typedef struct array {
  size_t count; /* of all numbers */
  size_t rows;
  float *x;
} array;

static array read_set(const char *path, const char *name) {
  array a = {0};
  hsize_t n[8] = {0};
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t set = file < 0 ? -1 : H5Dopen2(file, name, H5P_DEFAULT);
  if (set < 0) {
    fprintf(stderr, "%s has no /%s\n", path, name);
    exit(1);
  }
  const hid_t space = H5Dget_space(set);
  a.count = (size_t)H5Sget_simple_extent_npoints(space);
  H5Sget_simple_extent_dims(space, n, NULL);
  a.rows = (size_t)n[0];
  a.x = calloc(a.count, sizeof *a.x);
  if (!a.x || H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, a.x) < 0) exit(1);
  H5Sclose(space);
  H5Dclose(set);
  H5Fclose(file);
  return a;
}

static int bad;

static void expect(int holds, const char *what, double value) {
  printf("%-60s %10.4g %s\n", what, value, holds ? "" : "WRONG");
  bad |= !holds;
}

static double distance(array a, array b) {
  double square = 0, count = 0;
  if (a.count != b.count) exit(1);
  for (size_t j = 0; j < a.count; j++)
    if (!isnan(a.x[j]) && !isnan(b.x[j])) square += pow((double)a.x[j] - (double)b.x[j], 2), count++;
  return sqrt(square / count);
}

static size_t holes_of(array y) {
  size_t holes = 0;
  for (size_t j = 0; j < y.count; j++) holes += isnan(y.x[j]) != 0;
  return holes;
}

/* Without noise: what is known is kept to the bit in each draw, and the hole is filled in several ways. */
static void check_inpaint(const char *path) {
  const array truth = read_set(path, "truth"), y = read_set(path, "observation"),
              x = read_set(path, "draws"), mean = read_set(path, "mean"), std = read_set(path, "std");
  const size_t draws = x.count / truth.count;
  size_t changed = 0, still = 0;
  double off = 0;
  for (size_t i = 0; i < truth.count; i++) {
    double sum = 0;
    for (size_t k = 0; k < draws; k++) {
      const float value = x.x[(i / PIXELS * draws + k) * PIXELS + i % PIXELS];
      sum += (double)value / (double)draws;
      changed += !isnan(y.x[i]) && (value != truth.x[i] || std.x[i] != 0);
    }
    still += isnan(y.x[i]) && !(std.x[i] > 0);
    off = fmax(off, fabs(sum - (double)mean.x[i]));
  }
  expect(draws == 3, "inpaint: draws", (double)draws);
  expect(holes_of(y) == 9 * truth.rows, "inpaint: missing pixels", (double)holes_of(y));
  expect(changed == 0, "inpaint: known pixels that were changed", (double)changed);
  expect(still == 0, "inpaint: pixels of the hole without spread", (double)still);
  expect(off < 1e-5, "inpaint: /mean is the mean", off);
}

/* The noise of an observation is what was asked for, to 25 % (more than 100 numbers: 3 deviations). */
static void check_masks(const char *path) {
  const array truth = read_set(path, "truth"), y = read_set(path, "observation"),
              x = read_set(path, "samples");
  const double noise = distance(y, truth);
  size_t wrong = 0;
  for (size_t i = 0; i < y.count; i++)
    wrong += isnan(y.x[i]) != (seen((int)(i / PIXELS), (int)(i % PIXELS)) == 0);
  expect(wrong == 0, "masks: pixels of another mask", (double)wrong);
  expect(fabs(noise / 0.1 - 1) < 0.25, "masks: noise", noise);
  expect(distance(x, y) < 0.3, "masks: samples beside what was seen", distance(x, y));
}

static array coarse(array fine) {
  array a = {.count = fine.count / 4, .rows = fine.rows, .x = calloc(fine.count / 4, sizeof *a.x)};
  if (!a.x) exit(1);
  for (size_t j = 0; j < fine.count; j++) {
    const size_t y = j % PIXELS / SIDE, x = j % SIDE;
    a.x[j / PIXELS * (PIXELS / 4) + y / 2 * (SIDE / 2) + x / 2] += fine.x[j] / 4;
  }
  return a;
}

/* Convolution with the symmetric kernel of `make`, periodic. */
static array blurred(array sharp) {
  array a = {.count = sharp.count, .rows = sharp.rows, .x = calloc(sharp.count, sizeof *a.x)};
  if (!a.x) exit(1);
  for (size_t j = 0; j < sharp.count; j++)
    for (size_t k = 0; k < 9; k++) {
      const size_t y = (j % PIXELS / SIDE + k / 3 + SIDE - 1) % SIDE,
                   x = (j % SIDE + k % 3 + SIDE - 1) % SIDE;
      a.x[j] += (k == 4 ? 0.2f : 0.1f) * sharp.x[j / PIXELS * PIXELS + y * SIDE + x];
    }
  return a;
}

static array times_matrix(array points) {
  array a = {.count = points.rows * 3, .rows = points.rows, .x = calloc(points.rows * 3, sizeof *a.x)};
  if (!a.x) exit(1);
  for (size_t i = 0; i < points.rows; i++) {
    const float x = points.x[2 * i], y = points.x[2 * i + 1];
    a.x[3 * i] = x + y;
    a.x[3 * i + 1] = x - y;
    a.x[3 * i + 2] = 0.5f * x;
  }
  return a;
}

/* Observations are of the truth with the noise, and results look like them when they are observed. */
static void check_operator(const char *path, const char *name, array (*observed)(array), const char *result,
                           double noise, double bound) {
  char what[96];
  const array truth = read_set(path, "truth"), y = read_set(path, "observation"), x = read_set(path, result);
  const double of_truth = distance(y, observed(truth)), of_result = distance(y, observed(x));
  snprintf(what, sizeof what, "%s: noise", name);
  expect(fabs(of_truth / noise - 1) < 0.25, what, of_truth);
  snprintf(what, sizeof what, "%s: results beside what was seen", name);
  expect(of_result < bound, what, of_result);
}

static void check_denoise(const char *path) {
  const array truth = read_set(path, "truth"), y = read_set(path, "observation"),
              x = read_set(path, "denoised"), mean = read_set(path, "mean");
  const double before = distance(y, truth), after = distance(x, truth), draws = distance(mean, truth);
  expect(fabs(before / 0.5 - 1) < 0.25, "denoise: noise", before);
  expect(after < 0.9 * before, "denoise: error of the expected sample", after);
  expect(draws < before, "denoise: error of the mean of the draws", draws);
}

static int check(char **path) {
  check_inpaint(path[0]);
  check_masks(path[1]);
  check_operator(path[2], "superres", coarse, "mean", 0.1, 0.2);
  check_operator(path[3], "deblur", blurred, "samples", 0.1, 0.3);
  check_denoise(path[4]);
  check_operator(path[5], "linear", times_matrix, "mean", 0.2, 0.3);
  return bad;
}

static int same(const char *a, const char *b, const char *name) {
  const array x = read_set(a, name), y = read_set(b, name);
  return x.count != y.count || memcmp(x.x, y.x, x.count * sizeof *x.x) != 0;
}

/* ---- cutting off --------------------------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  for (int c; in && out && (c = fgetc(in)) != EOF;) fputc(c, out);
  return !in || !out || fclose(in) != 0 || fclose(out) != 0;
}

static int forget(const char *from, size_t block, const char *to) {
  unsigned char complete[256] = {0};
  if (copy_file(from, to)) return 1;
  array mean = read_set(to, "mean");
  memset(mean.x, 0, mean.count * sizeof *mean.x);
  const hid_t file = H5Fopen(to, H5F_ACC_RDWR, H5P_DEFAULT), map = H5Dopen2(file, "complete", H5P_DEFAULT);
  const hid_t set = H5Dopen2(file, "mean", H5P_DEFAULT);
  if (map < 0 || set < 0 || H5Dread(map, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, complete) < 0)
    return 1;
  array kept = read_set(from, "mean");
  /* blocks are of 8 rows */
  for (size_t j = 0; j < mean.count; j++)
    if (j / PIXELS / 8 != block) mean.x[j] = kept.x[j];
  complete[block] = 0;
  const herr_t failed = H5Dwrite(map, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, complete) < 0 ||
                        H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, mean.x) < 0;
  H5Dclose(map);
  H5Dclose(set);
  return failed || H5Fclose(file) < 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "make") == 0) return make(argv[2]);
  if (argc == 8 && strcmp(argv[1], "check") == 0) return check(argv + 2);
  if (argc == 5 && strcmp(argv[1], "same") == 0) return same(argv[2], argv[3], argv[4]);
  if (argc == 5 && strcmp(argv[1], "forget") == 0)
    return forget(argv[2], (size_t)strtoul(argv[3], NULL, 10), argv[4]);
  fprintf(stderr, "usage: restoration make|check|same|forget ...\n");
  return 64;
}
