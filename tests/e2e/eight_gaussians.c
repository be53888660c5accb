/* eight_gaussians CHECKPOINT ANCESTRAL DDIM: has the training found the law of the data, and do the samples follow
 * it?
 *
 * Eight Gaussians of equal weight, noised: p_t = 1/8 sum_k N(alpha m_k, diag(alpha^2 s^2 + sigma^2)), m_k and
 * s in the units of the network (standardised, each axis by its own numbers). Its score is known, so the
 * error of the learned one is, too:
 *
 *   E = mean over t = 1 ... T, all alike, of the mean over x_t ~ p_t of  sigma^2 || s_theta - s ||^2, summed
 * over the d = 2 axes = mean of || eps_theta - eps* ||^2,   eps* = -sigma s  the best prediction there is.
 *
 * A network that predicts nothing has E = mean || eps* ||^2, about 1.3; bound 0.05.
 *
 * Samples: the sliced Wasserstein-2 distance of 10,000 ancestral ones to 10,000 fresh points of the true law, over that between
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
#include "trained.h"

enum { BLOCK = 500 };
static const double score_error_bound = 0.05, distance_ratio_bound = 1.5, share_bound = 0.15,
                    spread_bound = 0.25;

static const char *checkpoint_path, *ancestral_path, *ddim_path;

static void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

/* ---- the true law ---- */

/* eps* = -sigma grad log p_t at x. */
static void true_eps(const dsm_normalization *n, double alpha, double sigma, const float x[2],
                     double eps[2]) {
  double log_weight[MODES], away[MODES][2], largest = -INFINITY, total = 0;
  for (int k = 0; k < MODES; k++) {
    double centre[2];
    dsm_eight_gaussians_centre(k, centre);
    log_weight[k] = 0;
    for (int a = 0; a < 2; a++) {
      const double width = alpha * DSM_EIGHT_GAUSSIANS_STD / n->scale[a];
      const double variance = width * width + sigma * sigma;
      const double distance = x[a] - alpha * (centre[a] - n->shift[a]) / n->scale[a];
      log_weight[k] -= 0.5 * distance * distance / variance;
      away[k][a] = distance / variance;
    }
    largest = fmax(largest, log_weight[k]);
  }
  eps[0] = eps[1] = 0;
  for (int k = 0; k < MODES; k++) {
    const double weight = exp(log_weight[k] - largest);
    total += weight;
    for (int a = 0; a < 2; a++) eps[a] += weight * away[k][a];
  }
  for (int a = 0; a < 2; a++) eps[a] *= sigma / total;
}

/* ---- the score ---- */

static void the_learned_score_is_the_true_one(void **state) {
  (void)state;
  trained t;
  dsm_network *network;
  static float x[BLOCK][2], eps[BLOCK][2], noise[2];
  static double times[BLOCK];
  assert_ok(trained_open(checkpoint_path, 1, &t));
  assert_ok(dsm_network_create(&t.config, t.process, t.model, &t.kernels, BLOCK, false, &network));
  const dsm_denoiser denoiser = dsm_network_denoiser(network, t.w);
  const int last = (int)dsm_process_last(t.process);
  double error = 0, nothing = 0;
  for (int step = 1; step <= last; step++) {
    const double alpha = dsm_process_alpha(t.process, step), sigma = dsm_process_sigma(t.process, step);
    for (uint64_t i = 0; i < BLOCK; i++) {
      true_point((uint64_t)step, i, x[i]);
      dsm_normalize_values(&t.header.normalization, x[i], 1);
      dsm_random_normal((dsm_random_key){SEED, DSM_STREAM_NOISE, (uint64_t)step, i}, 0, 2, noise);
      for (int a = 0; a < 2; a++) x[i][a] = (float)(alpha * x[i][a] + sigma * noise[a]);
    }
    for (int i = 0; i < BLOCK; i++) times[i] = step;
    denoiser.estimate(denoiser.self, x[0], times, &(dsm_estimate){.eps = eps[0]});
    for (int i = 0; i < BLOCK; i++) {
      double best[2];
      true_eps(&t.header.normalization, alpha, sigma, x[i], best);
      for (int a = 0; a < 2; a++) {
        error += (eps[i][a] - best[a]) * (eps[i][a] - best[a]);
        nothing += best[a] * best[a];
      }
    }
  }
  error /= (double)last * BLOCK;
  nothing /= (double)last * BLOCK;
  print_message("score error %.4f of %.4f without a network (bound %.2f), %d times x %d points\n", error,
                nothing, score_error_bound, last, BLOCK);
  assert_true(nothing > 0.5); /* else the measure itself is broken */
  assert_true(error < score_error_bound);
  dsm_network_destroy(&network);
  trained_close(&t);
}

/* ---- the samples ---- */

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
      cmocka_unit_test(the_learned_score_is_the_true_one),
      cmocka_unit_test(ancestral_samples_are_as_near_as_fresh_points),
      cmocka_unit_test(ancestral_samples_have_the_modes),
      cmocka_unit_test(fifty_steps_of_ddim_have_the_modes),
  };
  if (argc != 4) {
    print_error("usage: eight_gaussians CHECKPOINT ANCESTRAL DDIM\n");
    return 64;
  }
  checkpoint_path = argv[1];
  ancestral_path = argv[2];
  ddim_path = argv[3];
  return cmocka_run_group_tests(tests, NULL, NULL);
}
