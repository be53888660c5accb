/* eight_gaussians ANCESTRAL DDIM: do samples of the trained network follow the law?
 *
 * The sliced Wasserstein-2 distance of 10,000 ancestral ones to 10,000 fresh points of the true law, over that between
 * two sets of fresh points, each averaged over several pairs. 1 is perfect; bound 1.5. That distance is mostly chance in the
 * numbers of points a mode, so the modes are looked at by themselves too, for ddim in 50 steps as well: each has its eighth
 * of the samples to 15 % (5 standard deviations of chance), and the root mean square around the centres is that of the law
 * to 25 %. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include "eight_points.h"

static const double distance_ratio_bound = 1.5, share_bound = 0.15, spread_bound = 0.25;

static const char *ancestral_path, *ddim_path;

static void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

static float *read_samples(const char *path) {
  float *x;
  size_t n, d;
  assert_ok(read_rows(path, "", &x, &n, &d));
  assert_int_equal(n, POINTS);
  assert_int_equal(d, 2);
  return x;
}

static int nearest_mode(const float x[2], double *distance2) {
  int nearest = 0;
  *distance2 = INFINITY;
  for (int k = 0; k < MODES; k++) {
    double centre[2];
    dsm_eight_gaussians_centre(k, centre);
    const double dx = x[0] - centre[0], dy = x[1] - centre[1];
    if (dx * dx + dy * dy < *distance2) {
      *distance2 = dx * dx + dy * dy;
      nearest = k;
    }
  }
  return nearest;
}

static void assert_modes(const char *path) {
  float *sample = read_samples(path);
  double share[MODES] = {0}, square = 0, distance2, least = INFINITY, most = 0;
  for (int i = 0; i < POINTS; i++) {
    share[nearest_mode(sample + 2 * i, &distance2)] += (double)MODES / POINTS;
    square += distance2 / (2.0 * POINTS);
  }
  for (int k = 0; k < MODES; k++) {
    least = fmin(least, share[k]);
    most = fmax(most, share[k]);
  }
  const double spread = sqrt(square) / DSM_EIGHT_GAUSSIANS_STD;
  print_message("%s: shares of the modes %.3f ... %.3f (1 +- %.2f), spread %.3f (1 +- %.2f)\n", path, least,
                most, share_bound, spread, spread_bound);
  assert_true(least > 1 - share_bound && most < 1 + share_bound);
  assert_true(fabs(spread - 1) < spread_bound);
  free(sample);
}

static void ancestral_samples_have_the_modes(void **state) {
  (void)state;
  assert_modes(ancestral_path);
}
static void fifty_steps_of_ddim_have_the_modes(void **state) {
  (void)state;
  assert_modes(ddim_path);
}

static void ancestral_samples_are_as_near_as_fresh_points(void **state) {
  (void)state;
  fresh_points fresh;
  double ratio;
  float *sample = read_samples(ancestral_path);
  assert_ok(fresh_points_create(&fresh));
  assert_ok(fresh_ratio(&fresh, sample, &ratio));
  print_message("sliced Wasserstein-2: truth to truth %.4f, samples to truth %.3f times that (bound %.1f)\n",
                fresh.unavoidable, ratio, distance_ratio_bound);
  assert_true(fresh.unavoidable > 0);
  assert_true(ratio <= distance_ratio_bound);
  fresh_points_destroy(&fresh);
  free(sample);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ancestral_samples_are_as_near_as_fresh_points),
      cmocka_unit_test(ancestral_samples_have_the_modes),
      cmocka_unit_test(fifty_steps_of_ddim_have_the_modes),
  };
  if (argc != 3) {
    print_error("usage: eight_gaussians ANCESTRAL DDIM\n");
    return 64;
  }
  ancestral_path = argv[1];
  ddim_path = argv[2];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
