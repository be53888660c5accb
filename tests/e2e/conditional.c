/* conditional law FREE GIVEN GUIDED: are samples of eight_gaussians where their labels say?
 *   FREE    drawn without conditions: each mode has its eighth of them, to 25 % (4000 samples: 5 deviations)
 *   GIVEN   guidance 1, labels in turn: at least 97 % are nearest to the centre of their label; the mean of each class is at
 *           its centre to 0.05 (chance: 0.1 / sqrt(500)), and the spread is that of the law to 35 %
 *   GUIDED  guidance 3: at least 99 % nearest to their centre (a narrower class is no claim
 *           here: centres are far apart, so the law with a label and that without are the same around each of them)
 * conditional equal A B: have both the same /samples and labels, to the bit?
 * conditional same A B: do both have labels 0, 1 ... 7, 0 ...?
 * conditional short FILE: makes a data file with /samples (100, 2), /short (99) and /odd (100) with a NaN */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsmpi/dsmpi.h"

enum { MODES = 8, ROWS = 100 };

typedef struct points {
  uint64_t count;
  float *x;     /* (count, 2) */
  float *label; /* (count), NULL if there are none */
} points;

static float *read_all(const char *path, const char *name, uint64_t *count) {
  dsm_dataset *d;
  if (dsm_dataset_open(path, name, "", "", &d) != DSM_OK) return NULL;
  const dsm_dataset_info *info = dsm_dataset_info_of(d);
  *count = info->rows;
  float *x = calloc(info->rows * dsm_shape_count(info->sample), sizeof *x);
  for (uint64_t row = 0; x && row < info->rows; row++)
    if (dsm_dataset_read(d, &row, 1, x + row * dsm_shape_count(info->sample)) != DSM_OK) abort();
  dsm_dataset_close(&d);
  return x;
}

static points open_points(const char *path) {
  points p;
  uint64_t labels = 0;
  p.x = read_all(path, "samples", &p.count);
  p.label = read_all(path, "labels", &labels);
  if (!p.x || (p.label && labels != p.count)) {
    fprintf(stderr, "%s: %s\n", path, dsm_trail());
    exit(1);
  }
  return p;
}

static int nearest(const float *x) {
  int best = 0;
  double least = INFINITY;
  for (int k = 0; k < MODES; k++) {
    double centre[2];
    dsm_eight_gaussians_centre(k, centre);
    const double distance = hypot(x[0] - centre[0], x[1] - centre[1]);
    if (distance < least) least = distance, best = k;
  }
  return best;
}

static int wrong(const char *what, double value, double bound) {
  printf("%-40s %8.4f (bound %g)\n", what, value, bound);
  return 1;
}

static int check_free(const points *p) {
  int share[MODES] = {0}, bad = 0;
  if (p->label) bad |= wrong("labels of samples without conditions", 1, 0);
  for (uint64_t i = 0; i < p->count; i++) share[nearest(p->x + 2 * i)]++;
  for (int k = 0; k < MODES; k++) {
    const double relative = (double)share[k] * MODES / (double)p->count;
    printf("free   mode %d: share x 8 = %.3f\n", k, relative);
    if (fabs(relative - 1) > 0.25) bad |= wrong("share of a mode", relative, 0.25);
  }
  return bad;
}

static int check_given(const points *p, const char *name, double at_home, double *spread) {
  double mean[MODES][2] = {{0}}, square = 0, count[MODES] = {0}, home = 0;
  int bad = 0;
  for (uint64_t i = 0; i < p->count; i++) {
    const int k = (int)p->label[i];
    double centre[2];
    if (k != (int)(i % MODES)) return wrong("label", k, (double)(i % MODES));
    dsm_eight_gaussians_centre(k, centre);
    home += nearest(p->x + 2 * i) == k;
    count[k]++;
    if (nearest(p->x + 2 * i) != k) continue;
    for (int a = 0; a < 2; a++) {
      mean[k][a] += p->x[2 * i + (uint64_t)a];
      square += pow(p->x[2 * i + (uint64_t)a] - centre[a], 2);
    }
  }
  *spread = sqrt(square / (2 * home)) / DSM_EIGHT_GAUSSIANS_STD;
  home /= (double)p->count;
  printf("%s at their centre %.4f, spread / that of the law %.3f\n", name, home, *spread);
  if (home < at_home) bad |= wrong("share of samples at the centre of their class", home, at_home);
  for (int k = 0; k < MODES && at_home < 0.98; k++) {
    double centre[2];
    dsm_eight_gaussians_centre(k, centre);
    const double off = hypot(mean[k][0] / count[k] - centre[0], mean[k][1] / count[k] - centre[1]);
    if (off > 0.05 + 2 * (1 - home)) bad |= wrong("distance of a mean from its centre", off, 0.05);
  }
  return bad;
}

static int law(const char *const path[3]) {
  double spread, guided;
  const points zero = open_points(path[0]), one = open_points(path[1]), three = open_points(path[2]);
  if (!one.label || !three.label) return wrong("labels are missing", 0, 1);
  int bad = check_free(&zero);
  bad |= check_given(&one, "given ", 0.97, &spread);
  bad |= check_given(&three, "guided", 0.99, &guided);
  if (fabs(spread - 1) > 0.35) bad |= wrong("spread", spread, 0.35);
  return bad;
}

static int same(const char *const path[2]) {
  for (int f = 0; f < 2; f++) {
    const points p = open_points(path[f]);
    for (uint64_t i = 0; i < p.count; i++)
      if (!p.label || p.label[i] != (float)(i % MODES))
        return wrong("label", p.label ? p.label[i] : -1, (double)(i % MODES));
  }
  return 0;
}

static int equal(const char *const path[2]) {
  const points a = open_points(path[0]), b = open_points(path[1]);
  if (a.count != b.count || !a.label || !b.label) return wrong("samples", (double)b.count, (double)a.count);
  if (memcmp(a.label, b.label, a.count * sizeof *a.label) != 0)
    return wrong("labels that are the same", 0, 1);
  return memcmp(a.x, b.x, 2 * a.count * sizeof *a.x) != 0 && wrong("samples that are the same", 0, 1);
}

static int write_dataset(hid_t file, const char *name, int rank, hsize_t rows, const float *x) {
  const hsize_t n[2] = {rows, 2};
  const hid_t space = H5Screate_simple(rank, n, NULL);
  const hid_t set = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t written = H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
  H5Sclose(space);
  return set < 0 || H5Dclose(set) < 0 || written < 0;
}

static int make_short(const char *path) {
  float x[2 * ROWS];
  for (int i = 0; i < 2 * ROWS; i++) x[i] = (float)(i % 7);
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  int bad = write_dataset(file, "samples", 2, ROWS, x) | write_dataset(file, "short", 1, ROWS - 1, x);
  x[57] = NAN;
  bad |= write_dataset(file, "odd", 1, ROWS, x);
  return file < 0 || H5Fclose(file) < 0 || bad;
}

int main(int argc, char **argv) {
  const char *const *path = (const char *const *)argv + 2;
  if (argc == 5 && strcmp(argv[1], "law") == 0) return law(path);
  if (argc == 4 && strcmp(argv[1], "same") == 0) return same(path);
  if (argc == 4 && strcmp(argv[1], "equal") == 0) return equal(path);
  if (argc == 3 && strcmp(argv[1], "short") == 0) return make_short(argv[2]);
  fprintf(stderr, "usage: conditional law FREE GIVEN GUIDED | same A B | equal A B | short FILE\n");
  return 64;
}
