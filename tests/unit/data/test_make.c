/* Generated data follow the laws they state. Bounds are five standard errors of the estimate, unless said
 * otherwise: with fixed seeds a right maker passes always, and one wrong by a few per cent does not. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

static const double pi = 3.14159265358979323846;

/* Makes and reads back; samples as (count, sample), to free. */
static float *make(const dsm_make_params *p, size_t *sample) {
  dsm_dataset *d;
  char report[300] = "";
  assert_ok(dsm_data_make(p, fixture_path("made.h5"), report, sizeof report));
  assert_non_null(strstr(report, p->kind));
  assert_ok(dsm_dataset_open(fixture_path("made.h5"), "samples", "", "", &d));
  assert_string_equal(dsm_dataset_info_of(d)->axes_from, "labels in the file");
  *sample = d->row_elements;
  float *x = malloc(p->count * *sample * sizeof *x);
  uint64_t *row = malloc(p->count * sizeof *row);
  for (uint64_t i = 0; i < p->count; i++) row[i] = i;
  assert_ok(dsm_dataset_read(d, row, p->count, x));
  free(row);
  dsm_dataset_close(&d);
  return x;
}

static float *read_labels(uint64_t count) {
  dsm_dataset *d;
  assert_ok(dsm_dataset_open(fixture_path("made.h5"), "labels", "", "", &d));
  assert_string_equal(dsm_dataset_info_of(d)->type, "int32");
  float *x = malloc(count * sizeof *x);
  for (uint64_t i = 0; i < count; i++) assert_ok(dsm_dataset_read(d, &i, 1, x + i));
  dsm_dataset_close(&d);
  return x;
}

static void assert_near(double got, double wanted, double room, const char *what) {
  if (!(fabs(got - wanted) <= room)) fail_msg("%s is %g, not %g +- %g", what, got, wanted, room);
}

static void gaussians_have_the_given_moments(void **state) {
  (void)state;
  enum { N = 20000, D = 3 };
  const double mean[D] = {1, -2, 100}, covariance[D * D] = {4, 1.5, 0, 1.5, 1, -0.2, 0, -0.2, 0.25};
  dsm_make_params p = {
      .kind = "gaussian", .count = N, .seed = 5, .dimension = D, .mean = mean, .covariance = covariance};
  size_t sample;
  float *x = make(&p, &sample);
  assert_int_equal(sample, D);
  for (int i = 0; i < D; i++) {
    double m = 0;
    for (size_t k = 0; k < N; k++) m += (x[k * D + (size_t)i] - mean[i]) / N;
    assert_near(m, 0, 5 * sqrt(covariance[i * D + i] / N), "mean");
    for (int j = 0; j <= i; j++) {
      double c = 0, cii = covariance[i * D + i], cjj = covariance[j * D + j], cij = covariance[i * D + j];
      for (size_t k = 0; k < N; k++)
        c += (x[k * D + (size_t)i] - mean[i]) * (x[k * D + (size_t)j] - mean[j]) / N;
      assert_near(c, cij, 5 * sqrt((cii * cjj + cij * cij) / N), "covariance");
    }
  }
  free(x);
}

static void any_part_of_the_data_can_be_made_anew(void **state) {
  (void)state;
  static const char *const kinds[] = {"gaussian", "eight_gaussians", "checkerboard", "swiss_roll",
                                      "gaussian_field"};
  for (int i = 0; i < 5; i++) {
    dsm_make_params p = {
        .kind = kinds[i], .count = 40, .seed = 9, .dimension = 5, .side = 6, .k0 = 2, .slope = 3};
    size_t sample, same;
    float *whole = make(&p, &sample);
    p.count = 7;
    float *part = make(&p, &same);
    assert_int_equal(sample, same);
    assert_memory_equal(part, whole, 7 * sample * sizeof *part);
    p.seed = 10;
    float *other = make(&p, &same);
    assert_memory_not_equal(part, other, 7 * sample * sizeof *part);
    free(whole);
    free(part);
    free(other);
  }
}

static void eight_gaussians_stand_where_they_should(void **state) {
  (void)state;
  enum { N = 16000 };
  dsm_make_params p = {.kind = "eight_gaussians", .count = N, .seed = 1};
  size_t sample;
  float *x = make(&p, &sample);
  double count[8] = {0}, square = 0;
  for (size_t i = 0; i < N; i++) {
    /* modes are 15 standard deviations apart: the nearest is the one */
    int k = (int)lround(atan2(x[2 * i + 1], x[2 * i]) / (2 * pi / 8));
    double c[2];
    k = (k + 8) % 8;
    dsm_eight_gaussians_centre(k, c);
    double dx = x[2 * i] - c[0], dy = x[2 * i + 1] - c[1];
    assert_true(dx * dx + dy * dy < 0.6 * 0.6);
    count[k]++;
    square += (dx * dx + dy * dy) / (2 * N);
  }
  double s2 = DSM_EIGHT_GAUSSIANS_STD * DSM_EIGHT_GAUSSIANS_STD;
  assert_near(square, s2, 5 * s2 / sqrt(N), "variance within a mode");
  for (int k = 0; k < 8; k++) assert_near(count[k] / N, 1. / 8, 5 * sqrt(7. / 64 / N), "weight");
  float *label = read_labels(N);
  for (size_t i = 0; i < N; i++) {
    double c[2];
    dsm_eight_gaussians_centre((int)label[i], c);
    assert_true(hypot(x[2 * i] - c[0], x[2 * i + 1] - c[1]) < 0.6);
  }
  free(label);
  free(x);
}

static void checkerboards_are_uniform_on_dark_squares(void **state) {
  (void)state;
  enum { N = 16000 };
  dsm_make_params p = {.kind = "checkerboard", .count = N, .seed = 1};
  size_t sample;
  float *x = make(&p, &sample);
  double count[4][4] = {{0}}, inner[2] = {0};
  for (size_t i = 0; i < N; i++) {
    int column = (int)floor((x[2 * i] + 4) / 2), row = (int)floor((x[2 * i + 1] + 4) / 2);
    assert_in_range(column, 0, 3);
    assert_in_range(row, 0, 3);
    count[column][row]++;
    for (int a = 0; a < 2; a++) inner[a] += fmod(x[2 * i + (size_t)a] + 4, 2) / N;
  }
  for (int c = 0; c < 4; c++)
    for (int r = 0; r < 4; r++) {
      if ((c + r) % 2)
        assert_true(count[c][r] == 0);
      else
        assert_near(count[c][r] / N, 1. / 8, 5 * sqrt(7. / 64 / N), "weight of a square");
    }
  for (int a = 0; a < 2; a++) assert_near(inner[a], 1, 5 * sqrt(1. / 3 / N), "mean inside a square");
  free(x);
}

static void swiss_rolls_follow_their_spiral(void **state) {
  (void)state;
  enum { N = 20000, STEPS = 3000 };
  dsm_make_params p = {.kind = "swiss_roll", .count = N, .seed = 3};
  size_t sample;
  float *x = make(&p, &sample);
  /* moments of (t cos t + z) / 5 and (t sin t + z) / 5 by the midpoint rule */
  double mean[2] = {0}, square[2] = {0}, fourth[2] = {0}, got_mean[2] = {0}, got_square[2] = {0}, cross = 0,
         got_cross = 0;
  for (int i = 0; i < STEPS; i++) {
    double t = 1.5 * pi * (1 + 2 * (i + 0.5) / STEPS), c[2] = {t * cos(t) / 5, t * sin(t) / 5};
    for (int a = 0; a < 2; a++) {
      mean[a] += c[a] / STEPS;
      square[a] += (c[a] * c[a] + 1. / 25) / STEPS;
      fourth[a] += (pow(c[a], 4) + 6 * c[a] * c[a] / 25 + 3. / 625) / STEPS;
    }
    cross += c[0] * c[1] / STEPS;
  }
  for (size_t i = 0; i < N; i++) {
    for (int a = 0; a < 2; a++) {
      got_mean[a] += x[2 * i + (size_t)a] / N;
      got_square[a] += x[2 * i + (size_t)a] * x[2 * i + (size_t)a] / N;
    }
    got_cross += x[2 * i] * x[2 * i + 1] / N;
  }
  for (int a = 0; a < 2; a++) {
    assert_near(got_mean[a], mean[a], 5 * sqrt((square[a] - mean[a] * mean[a]) / N), "mean");
    assert_near(got_square[a], square[a], 5 * sqrt((fourth[a] - square[a] * square[a]) / N), "second moment");
  }
  assert_near(got_cross, cross, 5 * sqrt(sqrt(fourth[0] * fourth[1]) / N), "cross moment");
  free(x);
}

static void fields_have_unit_variance_and_the_given_spectrum(void **state) {
  (void)state;
  enum { FIELDS = 2000 };
  static const size_t sides[] = {8, 5}; /* even: with a Nyquist mode; odd: without */
  for (int s = 0; s < 2; s++) {
    size_t n = sides[s], sample;
    dsm_make_params p = {
        .kind = "gaussian_field", .count = FIELDS, .seed = 2, .side = n, .k0 = 1.5, .slope = 3};
    float *x = make(&p, &sample);
    assert_int_equal(sample, n * n);
    double sum = 0, variance = 0, law[64], power[64] = {0};
    for (size_t k = 0; k < n * n; k++) {
      double ky = fmin((double)(k / n), (double)(n - k / n)), kx = fmin((double)(k % n), (double)(n - k % n));
      law[k] = pow(1 + (kx * kx + ky * ky) / (1.5 * 1.5), -1.5);
      sum += law[k];
    }
    for (size_t f = 0; f < FIELDS; f++) {
      const float *v = x + f * n * n;
      for (size_t i = 0; i < n * n; i++) variance += (double)v[i] * v[i] / (double)(n * n * FIELDS);
      for (size_t k = 0; k < n * n; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < n * n; i++) {
          double angle = 2 * pi * (double)((k / n) * (i / n) + (k % n) * (i % n)) / (double)n;
          re += v[i] * cos(angle);
          im += v[i] * sin(angle);
        }
        power[k] += (re * re + im * im) / (double)(n * n * n * n) / FIELDS;
      }
    }
    double room = 0;
    for (size_t k = 0; k < n * n; k++) {
      /* a real mode has relative standard error sqrt(2 / FIELDS), a complex one less */
      assert_near(power[k] / (law[k] / sum), 1, 5 * sqrt(2. / FIELDS), "power over its law");
      room += 2 * law[k] / sum * law[k] / sum / FIELDS;
    }
    assert_near(variance, 1, 5 * sqrt(room), "variance");
    free(x);
  }
}

static void wrong_parameters_are_refused(void **state) {
  (void)state;
  static const double skew[4] = {1, 2, 0, 1}, indefinite[4] = {1, 2, 2, 1}, bad_mean[2] = {0, NAN};
  const struct {
    dsm_make_params p;
    const char *part;
  } cases[] = {
      {{.kind = "gaussians", .count = 1}, "eight_gaussians"},
      {{.kind = NULL, .count = 1}, "checkerboard"},
      {{.kind = "swiss_roll", .count = 0}, "0 samples"},
      {{.kind = "gaussian", .count = 1, .dimension = 0}, "0 dimensions"},
      {{.kind = "gaussian", .count = 1, .dimension = 2, .covariance = skew}, "not symmetric"},
      {{.kind = "gaussian", .count = 1, .dimension = 2, .covariance = indefinite}, "not positive definite"},
      {{.kind = "gaussian", .count = 1, .dimension = 2, .mean = bad_mean}, "mean 1"},
      {{.kind = "gaussian_field", .count = 1, .side = 1, .k0 = 1}, "side 1"},
      {{.kind = "gaussian_field", .count = 1, .side = 8, .k0 = 0}, "k0 > 0"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_fails(dsm_data_make(&cases[i].p, fixture_path("no.h5"), NULL, 0), DSM_USAGE, cases[i].part);
}

static void a_full_disk_is_an_error_and_leaves_nothing(void **state) {
  (void)state;
  struct rlimit old, small;
  dsm_make_params p = {.kind = "gaussian", .count = 100000, .seed = 1, .dimension = 4};
  char path[400];
  strcpy(path, fixture_path("full.h5"));
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = 1 << 18; /* stands in for the disk: writes behind it fail */
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  dsm_status status = dsm_data_make(&p, path, NULL, 0);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_fails(status, DSM_IO, "full.h5");
  char partial[440];
  snprintf(partial, sizeof partial, "%s.partial-%ld", path, (long)getpid());
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(access(partial, F_OK), -1);
  assert_ok(dsm_data_make(&p, path, NULL, 0));
}

static void the_law_is_kept_in_attributes(void **state) {
  (void)state;
  const double covariance[4] = {2, 0.5, 0.5, 1};
  double got[4];
  dsm_make_params p = {.kind = "gaussian", .count = 3, .seed = 77, .dimension = 2, .covariance = covariance};
  uint64_t seed;
  assert_ok(dsm_data_make(&p, fixture_path("law.h5"), NULL, 0));
  hid_t file = H5Fopen(fixture_path("law.h5"), H5F_ACC_RDONLY, H5P_DEFAULT),
        x = H5Dopen2(file, "samples", H5P_DEFAULT);
  hid_t a = H5Aopen(x, "covariance", H5P_DEFAULT);
  assert_true(H5Aread(a, H5T_NATIVE_DOUBLE, got) >= 0);
  assert_memory_equal(got, covariance, sizeof got);
  H5Aclose(a);
  a = H5Aopen(x, "seed", H5P_DEFAULT);
  assert_true(H5Aread(a, H5T_NATIVE_UINT64, &seed) >= 0);
  assert_int_equal(seed, 77);
  H5Aclose(a);
  H5Dclose(x);
  H5Fclose(file);
}

static dsm_made_law law_of(const char *path, const char *dataset) {
  dsm_dataset *d;
  dsm_made_law law;
  assert_ok(dsm_dataset_open(path, dataset, "", "", &d));
  assert_ok(dsm_made_law_read(d, &law));
  dsm_dataset_close(&d);
  return law;
}

/* Replaces an attribute of /samples by one number of another type. */
static void spoil(const char *path, const char *attribute) {
  const int number = 7;
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), x = H5Dopen2(file, "samples", H5P_DEFAULT),
        space = H5Screate(H5S_SCALAR);
  H5Adelete(x, attribute);
  hid_t a = H5Acreate2(x, attribute, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(a, H5T_NATIVE_INT, &number) >= 0);
  H5Aclose(a), H5Sclose(space), H5Dclose(x), H5Fclose(file);
}

static void the_law_is_read_back(void **state) {
  (void)state;
  const double covariance[4] = {2, 0.5, 0.5, 1}, zero[2] = {0}, unit[4] = {1, 0, 0, 1};
  dsm_make_params p = {.kind = "gaussian", .count = 3, .dimension = 2, .covariance = covariance};
  const char *path = fixture_path("law.h5");
  assert_ok(dsm_data_make(&p, path, NULL, 0));
  dsm_made_law law = law_of(path, "samples");
  assert_string_equal(law.kind, "gaussian");
  assert_int_equal(law.dimension, 2);
  assert_memory_equal(law.covariance, covariance, sizeof covariance);
  assert_memory_equal(law.mean, zero, sizeof zero); /* the file has none */
  dsm_made_law_destroy(&law);
  spoil(path, "covariance");
  law = law_of(path, "samples");
  assert_memory_equal(law.covariance, unit, sizeof unit);
  dsm_made_law_destroy(&law);
  spoil(path, "kind");
  law = law_of(path, "samples");
  assert_string_equal(law.kind, "");
  dsm_made_law_destroy(&law);

  p = (dsm_make_params){.kind = "gaussian_field", .count = 2, .side = 8, .k0 = 3, .slope = 4};
  assert_ok(dsm_data_make(&p, path, NULL, 0));
  law = law_of(path, "samples");
  assert_string_equal(law.kind, "gaussian_field");
  assert_null(law.mean);
  dsm_made_law_destroy(&law);
  const file_spec spec = {.rank = 2, .dims = {4, 2}};
  law = law_of(fixture_file("own.h5", &spec, NULL), "x"); /* data of somebody */
  assert_string_equal(law.kind, "");
  dsm_made_law_destroy(&law);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_law_is_read_back),
      cmocka_unit_test(gaussians_have_the_given_moments),
      cmocka_unit_test(any_part_of_the_data_can_be_made_anew),
      cmocka_unit_test(eight_gaussians_stand_where_they_should),
      cmocka_unit_test(checkerboards_are_uniform_on_dark_squares),
      cmocka_unit_test(swiss_rolls_follow_their_spiral),
      cmocka_unit_test(fields_have_unit_variance_and_the_given_spectrum),
      cmocka_unit_test(wrong_parameters_are_refused),
      cmocka_unit_test(a_full_disk_is_an_error_and_leaves_nothing),
      cmocka_unit_test(the_law_is_kept_in_attributes),
  };
  return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
