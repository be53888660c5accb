/* The exact laws of `explain` are those of `data make`: noised data fall into the cells of a grid as
 * often as the law says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "train/explain/explain.h"

enum { N = 40000, CELLS = 12, INSIDE = 12 /* places a cell and axis of the sum over it */ };
static const double sigma = 0.25;

static char file[] = "/tmp/dsmpi-laws-XXXXXX";

static void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

static int make_file(void **state) {
  (void)state;
  const int descriptor = mkstemp(file);
  return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_file(void **state) {
  (void)state;
  return unlink(file);
}

/* Data of the kind and the law that is read beside them. */
static float *make(const char *kind, dsm__law *law) {
  static const double mean[2] = {0.5, -1}, covariance[4] = {1.5, 0.6, 0.6, 0.5};
  const bool gaussian = strcmp(kind, "gaussian") == 0;
  const dsm_make_params params = {.kind = kind,
                                  .count = N,
                                  .seed = 6,
                                  .dimension = 2,
                                  .mean = gaussian ? mean : NULL,
                                  .covariance = gaussian ? covariance : NULL};
  const dsm_explain_options options = {.source = "a model"};
  dsm_dataset *set;
  dsm_made_law made;
  float *x = malloc(2 * N * sizeof *x);
  uint64_t *row = malloc(N * sizeof *row);
  for (uint64_t i = 0; i < N; i++) row[i] = i;
  assert_ok(dsm_data_make(&params, file, NULL, 0));
  assert_ok(dsm_dataset_open(file, "samples", "", "", &set));
  assert_ok(dsm_dataset_read(set, row, N, x));
  assert_ok(dsm_made_law_read(set, &made));
  assert_string_equal(made.kind, kind);
  assert_ok(dsm__law_create(&options, &made, law));
  assert_non_null(law->mixture);
  dsm_made_law_destroy(&made);
  dsm_dataset_close(&set);
  free(row);
  return x;
}

/* How many of the data are expected in a cell: the midpoint rule, whose error is below 1e-3 of the count
 * for places half a deviation of the noise apart. */
static double expected(const dsm__law *law, const double corner[2], const double side[2]) {
  double sum = 0;
  for (int k = 0; k < INSIDE * INSIDE; k++) {
    const double x[2] = {corner[0] + side[0] * (k % INSIDE + 0.5) / INSIDE,
                         corner[1] + side[1] * (k / INSIDE + 0.5) / INSIDE};
    sum += exp(dsm_mixture_log_density(law->mixture, 1, sigma, x));
  }
  return N * sum * side[0] * side[1] / (INSIDE * INSIDE);
}

/* Pearson's statistic over the cells with 10 or more expected has a mean of about their number and twice
 * that as variance. A law that is wrong by 2 % in a tenth of its mass adds N (0.02)^2 / 10 and would not
 * show; wrong centres, widths or weights by 5 % add hundreds. */
static void made_data_follow_the_exact_law(void **state) {
  const char *kind = *state;
  dsm__law law;
  float *x = make(kind, &law);
  double low[2], high[2], statistic = 0;
  int count[CELLS * CELLS] = {0}, cells = 0;
  dsm_mixture_extent(law.mixture, 1, sigma, 3, low, high);
  const double side[2] = {(high[0] - low[0]) / CELLS, (high[1] - low[1]) / CELLS};
  for (uint64_t i = 0; i < N; i++) {
    float z[2];
    dsm_random_normal((dsm_random_key){9, DSM_STREAM_NOISE, 0, i}, 0, 2, z);
    const double column = floor(((double)x[2 * i] + sigma * (double)z[0] - low[0]) / side[0]),
                 row = floor(((double)x[2 * i + 1] + sigma * (double)z[1] - low[1]) / side[1]);
    if (column >= 0 && column < CELLS && row >= 0 && row < CELLS) count[(int)row * CELLS + (int)column]++;
  }
  for (int k = 0; k < CELLS * CELLS; k++) {
    const double corner[2] = {low[0] + side[0] * (k % CELLS), low[1] + side[1] * (k / CELLS)};
    const double wanted = expected(&law, corner, side);
    if (wanted < 10) continue;
    statistic += (count[k] - wanted) * (count[k] - wanted) / wanted;
    cells++;
  }
  assert_true(cells > 30);
  if (!(statistic < cells + 4.5 * sqrt(2.0 * cells)))
    fail_msg("%s: Pearson's statistic is %g for %d cells", kind, statistic, cells);
  dsm_mixture_destroy(&law.mixture);
  free(x);
}

/* The narrowest deviation, which Langevin's step is made of. */
static void the_width_is_that_of_the_narrowest_part(void **state) {
  (void)state;
  dsm__law law;
  free(make("gaussian", &law)); /* eigenvalues of {{1.5, 0.6}, {0.6, 0.5}}: 1 +- sqrt(0.61) */
  assert_true(fabs(law.width - sqrt(1 - sqrt(0.61))) < 1e-12);
  dsm_mixture_destroy(&law.mixture);
  const dsm_normalization n = {.channels = 1, .shift = (double[]){0.3}, .scale = (double[]){2}};
  free(make("eight_gaussians", &law));
  assert_true(fabs(law.width - 0.1) < 1e-12);
  assert_ok(dsm__law_normalize(&law, &n));
  assert_true(fabs(law.width - 0.05) < 1e-12);
  dsm_mixture_destroy(&law.mixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(made_data_follow_the_exact_law, "gaussian"),
      cmocka_unit_test_prestate(made_data_follow_the_exact_law, "eight_gaussians"),
      cmocka_unit_test_prestate(made_data_follow_the_exact_law, "checkerboard"),
      cmocka_unit_test_prestate(made_data_follow_the_exact_law, "swiss_roll"),
      cmocka_unit_test(the_width_is_that_of_the_narrowest_part),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
