/* Metrics of fields with known laws. */
#include "eval_test.h"

static const double errors = 4; /* of the metric itself; some 40 comparisons, fixed seeds */
static const double pi = 3.14159265358979323846;

/* ---- random fields of a known spectrum ------------------------------------------------------------------- */

enum { SIDE = 12, ROWS = 3000 };
static const double k0 = 1.5, slope = 2.5;

static void make_field(int side, double of_slope, uint64_t seed) {
  const dsm_make_params p = {
      .kind = "gaussian_field", .count = ROWS, .seed = seed, .side = SIDE, .k0 = k0, .slope = of_slope};
  const dsm_eval_options o = options_of(NULL);
  assert_ok(dsm_data_make(&p, side == SAMPLES ? o.samples.file : o.reference.file, NULL, 0));
}

/* The axes of the made files are called by their labels; /samples is the dataset. */
static double wave(size_t k) {
  return k <= SIDE / 2 ? (double)k : (double)k - SIDE;
}

/* P(k) of unit variance. */
static double law(double of_slope, double ky, double kx) {
  double sum = 0;
  for (size_t i = 0; i < SIDE; i++)
    for (size_t j = 0; j < SIDE; j++)
      sum += pow(1 + (wave(i) * wave(i) + wave(j) * wave(j)) / (k0 * k0), -of_slope / 2);
  return pow(1 + (ky * ky + kx * kx) / (k0 * k0), -of_slope / 2) / sum;
}

/* Mean of the law over the modes of a shell. */
static double shell_law(double of_slope, size_t shell) {
  double sum = 0, modes = 0;
  for (size_t i = 0; i < SIDE; i++)
    for (size_t j = 0; j < SIDE; j++)
      if ((size_t)(sqrt(wave(i) * wave(i) + wave(j) * wave(j)) + 0.5) == shell) {
        sum += law(of_slope, wave(i), wave(j));
        modes++;
      }
  return sum / modes;
}

/* Power at wave number k along an axis, over all modes across it, both signs of k. */
static double axis_law(double of_slope, size_t k) {
  double sum = 0;
  for (size_t i = 0; i < SIDE; i++)
    for (size_t j = 0; j < SIDE; j++)
      if ((size_t)fabs(wave(i)) == k) sum += law(of_slope, wave(i), wave(j));
  return sum;
}

static void spectra_of_random_fields_are_their_law(void **state) {
  (void)state;
  make_field(SAMPLES, slope + 0.5, 1);
  make_field(REFERENCE, slope, 2);
  const dsm_eval_options o = options_of("spectrum");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *radial = row_of(&e, "spectrum"), *axes = row_of(&e, "spectrum_axes");
  const char *const names[][2] = {{"channel_0_samples", "channel_0_samples_error"},
                                  {"channel_0_reference", "channel_0_reference_error"}};
  double deviation = 0;
  for (int side = 0; side < SIDES; side++) {
    size_t shells;
    const double *value = column_of(radial, names[side][0], &shells),
                 *error = column_of(radial, names[side][1], NULL);
    assert_int_equal(shells, SIDE / 2 + 1);
    for (size_t k = 0; k < shells; k++) {
      assert_near(value[k], shell_law(side == SAMPLES ? slope + 0.5 : slope, k), errors * error[k]);
      assert_true(error[k] < 0.08 * value[k]);
    }
  }
  for (size_t k = 1; k <= SIDE / 2; k++)
    deviation += pow(log(shell_law(slope + 0.5, k) / shell_law(slope, k)), 2) / (SIDE / 2.0);
  assert_near(radial->figure.value, sqrt(deviation), errors * radial->figure.error);
  assert_true(radial->floor.value < 0.03);
  for (int axis = 0; axis < 2; axis++) {
    char name[64];
    snprintf(name, sizeof name, "channel_0_axis_%d_reference", axis);
    const double *value = column_of(axes, name, NULL);
    double sum = 0;
    for (size_t k = 0; k <= SIDE / 2; k++) {
      assert_near(value[k], axis_law(slope, k), 0.1 * axis_law(slope, k));
      sum += value[k];
    }
    assert_near(sum, 1, 0.03); /* the variance */
  }
  dsm_evaluation_destroy(&e);
}

static void two_point_correlation_is_the_transform_of_the_law(void **state) {
  (void)state;
  make_field(SAMPLES, slope + 1, 3);
  make_field(REFERENCE, slope, 4);
  const dsm_eval_options o = options_of("two_point");
  dsm_evaluation e = evaluate(&o);
  const dsm_eval_row *row = row_of(&e, "two_point");
  const double *value = column_of(row, "channel_0_axis_1_reference", NULL),
               *error = column_of(row, "channel_0_axis_1_reference_error", NULL);
  double deviation = 0;
  for (size_t r = 0; r <= SIDE / 2; r++) {
    double rho[2] = {0};
    for (size_t k = 0; k <= SIDE / 2; k++) {
      rho[0] += axis_law(slope + 1, k) * cos(2 * pi * (double)(k * r) / SIDE);
      rho[1] += axis_law(slope, k) * cos(2 * pi * (double)(k * r) / SIDE);
    }
    assert_near(value[r], rho[1], errors * error[r] + 1e-12);
    if (r > 0) deviation += pow(rho[0] - rho[1], 2) / (SIDE / 2.0);
  }
  assert_near(row->figure.value, sqrt(deviation), errors * row->figure.error);
  dsm_evaluation_destroy(&e);
}

/* ---- one wave, axes of unequal length, several channels --------------------------------------------------- */

enum { NZ = 3, NY = 8, NX = 5, CHANNELS = 2, WAVES = 60 };

/* (N, C, Z, Y, X): channel 0 is 2 + 3 cos(2 pi 2 y / NY + phase), channel 1 is noise. */
static void fill_waves(float *x, uint64_t seed) {
  float *noise = normals(WAVES, NZ * NY * NX, seed);
  for (size_t i = 0; i < WAVES; i++)
    for (size_t p = 0; p < NZ * NY * NX; p++) {
      const size_t y = p / NX % NY;
      x[(i * CHANNELS + 0) * NZ * NY * NX + p] =
          (float)(2 + 3 * cos(2 * pi * 2 * (double)y / NY + (double)i));
      x[(i * CHANNELS + 1) * NZ * NY * NX + p] = noise[i * NZ * NY * NX + p];
    }
  free(noise);
}

static void a_wave_stands_in_its_shell_and_axis(void **state) {
  static float x[WAVES * CHANNELS * NZ * NY * NX];
  const size_t dims[] = {WAVES, CHANNELS, NZ, NY, NX};
  (void)state;
  fill_waves(x, 5);
  put(SAMPLES, x, 5, dims);
  fill_waves(x, 6);
  put(REFERENCE, x, 5, dims);
  dsm_eval_options o = options_of("spectrum");
  o.samples.axes = o.reference.axes = "N C Z Y X";
  dsm_evaluation e = evaluate(&o);
  size_t shells, along;
  const double *radial = column_of(row_of(&e, "spectrum"), "channel_0_reference", &shells);
  assert_int_equal(shells, NY / 2 + 1);
  /* modes +-2 along y carry 9/4 each; shell 2 also holds modes +-1 of x at 1/5 * 8 = 1.6 cycles, alone or with y = +-1: 2 + 2
   * + 4 in all, one more pair of z = 1/3 * 8 = 2.67 is shell 3 */
  assert_near(radial[0], 4, 1e-4);
  assert_near(radial[1], 0, 1e-6);
  assert_near(radial[2], 4.5 / 8, 1e-5);
  assert_near(radial[3], 0, 1e-6);
  const double *axis = column_of(row_of(&e, "spectrum_axes"), "channel_0_axis_1_reference", &along);
  assert_int_equal(along, NY / 2 + 1);
  assert_near(axis[0], 4, 1e-4);
  assert_near(axis[2], 4.5, 1e-4);
  assert_near(axis[1] + axis[3] + axis[4], 0, 1e-5);
  axis = column_of(row_of(&e, "spectrum_axes"), "channel_0_axis_0_reference", &along);
  assert_int_equal(along, NZ / 2 + 1);
  assert_near(axis[0], 8.5, 1e-4);
  const double *noise = column_of(row_of(&e, "spectrum"), "channel_1_reference", NULL);
  assert_near(noise[3], 1.0 / (NZ * NY * NX), 0.15 / (NZ * NY * NX));
  dsm_evaluation_destroy(&e);
}

/* ---- pictures -------------------------------------------------------------------------------------------- */

static void channels_are_pooled_over_positions(void **state) {
  enum { N = 100, C = 2, POINTS = 16 };
  float x[N * C * POINTS], y[N * C * POINTS];
  const size_t dims[] = {N, C, 4, 4};
  (void)state;
  for (size_t i = 0; i < N; i++)
    for (size_t c = 0; c < C; c++)
      for (size_t p = 0; p < POINTS; p++) {
        const size_t at = (i * C + c) * POINTS + p;
        y[at] = (float)((i + p) % POINTS);
        x[at] = (float)((i + 3 * p) % POINTS) +
                (c == 1 ? 2.0F : 0.0F); /* the same values elsewhere; channel 1 is 2 higher */
      }
  put(SAMPLES, x, 4, dims);
  put(REFERENCE, y, 4, dims);
  dsm_eval_options o = options_of("wasserstein");
  o.samples.axes = o.reference.axes = "N C H W";
  dsm_evaluation e = evaluate(&o);
  const double *value = column_of(row_of(&e, "wasserstein"), "each_value", NULL);
  assert_near(value[0], 0, 1e-12);
  assert_near(value[1], 2, 1e-12);
  dsm_evaluation_destroy(&e);
}

static void what_cannot_be_compared_is_refused(void **state) {
  enum { N = 50 };
  static float x[N * 16];
  (void)state;
  put(SAMPLES, x, 3, (const size_t[]){N, 4, 4});
  put(REFERENCE, x, 2, (const size_t[]){N, 16});
  dsm_eval_options o = options_of(NULL);
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "(4, 4, 1)"));
  put(REFERENCE, x, 3, (const size_t[]){10, 4, 4});
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "has 10 rows"));
  x[17 * 16 + 3] = (float)NAN;
  put(REFERENCE, x, 3, (const size_t[]){N, 4, 4});
  o.metrics = "separation";
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "row 17 has the value nan"));
  o.metrics = "spectrum@pca";
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "not taken in the space pca"));
  o.metrics = "frechte";
  assert_non_null(strstr(refusal(&o, DSM_USAGE), "did you mean 'frechet'"));
  o.metrics = "frechet@nowhere";
  assert_non_null(strstr(refusal(&o, DSM_USAGE), "there is no space 'nowhere'"));
  o.metrics = "inception";
  assert_non_null(strstr(refusal(&o, DSM_BAD_CONFIG), "--probabilities"));
  x[17 * 16 + 3] = 0; /* all equal: the kernel has no width */
  put(SAMPLES, x, 3, (const size_t[]){N, 4, 4});
  put(REFERENCE, x, 3, (const size_t[]){N, 4, 4});
  o.metrics = "mmd";
  assert_non_null(strstr(refusal(&o, DSM_BAD_DATA), "no width"));
}

/* Constant data have no spread anywhere: figures of 0, no crash, nothing that is not a number. */
static void constant_data_are_equal(void **state) {
  enum { N = 160 };
  static float x[N * 16];
  (void)state;
  for (size_t i = 0; i < N * 16; i++) x[i] = 7;
  put(SAMPLES, x, 3, (const size_t[]){N, 4, 4});
  put(REFERENCE, x, 3, (const size_t[]){N, 4, 4});
  const dsm_eval_options o =
      options_of("frechet,frechet_shrunk,sliced,wasserstein,separation,spectrum,two_point");
  dsm_evaluation e = evaluate(&o);
  for (size_t r = 0; r < e.rows; r++) {
    assert_near(e.row[r].figure.value, 0, 1e-9);
    assert_near(e.row[r].floor.value, 0, 1e-9);
  }
  dsm_evaluation_destroy(&e);
}

/* A channel that samples have lost is far off, by a number that can be compared, and the other channel does not hide it. */
static void a_constant_channel_is_far_off_and_finite(void **state) {
  enum { N = 200, C = 2, POINTS = 64 };
  (void)state;
  float *x = normals(N * C, POINTS, 8), *y = normals(N * C, POINTS, 9);
  const size_t dims[] = {N, C, 8, 8};
  for (size_t i = 0; i < N; i++)
    for (size_t p = 0; p < POINTS; p++) {
      x[(i * C + 1) * POINTS + p] = 3;
      y[(i * C + 1) * POINTS + p] += 0.7F;
    }
  put(SAMPLES, x, 4, dims);
  put(REFERENCE, y, 4, dims);
  dsm_eval_options o = options_of("spectrum,two_point");
  o.samples.axes = o.reference.axes = "N C H W";
  dsm_evaluation e = evaluate(&o);
  static const char *const names[] = {"spectrum", "spectrum_axes"};
  for (int k = 0; k < 2; k++) {
    const dsm_eval_row *row = row_of(&e, names[k]);
    /* rounding of mean square 9 beside 1, in one channel of two: ln(9 * 2^-46 / 12) / 2^(1/2) */
    const double sign =
        k == 0 ? 0 : 0.75 * log(2); /* wave numbers along an axis but the largest have two signs */
    assert_near(row->figure.value, (sign - log(9 * pow(2, -46) / 12)) / sqrt(2), 0.05);
    assert_true(row->figure.error >= 0 && row->figure.error < 0.2);
    assert_true(row->floor.value < 0.3);
  }
  const dsm_eval_row *row = row_of(&e, "two_point");
  assert_true(row->figure.value < 0.05 && row->figure.error < 0.05); /* noise has no correlations either */
  const double *rho = column_of(row, "channel_1_axis_0_samples", NULL);
  for (size_t r = 0; r <= 4; r++) assert_near(rho[r], 0, 0);
  dsm_evaluation_destroy(&e);
  free(x);
  free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spectra_of_random_fields_are_their_law),
      cmocka_unit_test(two_point_correlation_is_the_transform_of_the_law),
      cmocka_unit_test(a_wave_stands_in_its_shell_and_axis),
      cmocka_unit_test(channels_are_pooled_over_positions),
      cmocka_unit_test(what_cannot_be_compared_is_refused),
      cmocka_unit_test(constant_data_are_equal),
      cmocka_unit_test(a_constant_channel_is_far_off_and_finite),
  };
  return cmocka_run_group_tests(tests, eval_begin, eval_end);
}
