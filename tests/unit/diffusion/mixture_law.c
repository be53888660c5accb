/* The library's mixtures: density, score and posterior means belong together, and agree with what others
 * say: finite differences, sums over grids, sums over the data's law, and the tests' own mixture, which
 * shares no code with it. */
#include "dsmpi/mixture.h"
#include "dsmpi/random.h"
#include "mixture.h"

/* Central differences of a smooth function, step h in standard deviations: error h^2 from the third
 * derivative, 1e-16 / h from rounding of a log-density of some 10 nats; both below 1e-8 for h = 1e-4. */
static const double slope_step = 1e-4, slope_tolerance = 2e-7;

/* ---- laws ---------------------------------------------------------------------------------------------- */

static void assert_done(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

/* Three dimensions, full covariances. */
static dsm_mixture *tilted(void) {
  static const double mean[2][3] = {{0.5, -1, 0.2}, {-0.8, 0.6, 1}};
  static const double covariance[2][9] = {{1, 0.5, -0.2, 0.5, 0.8, 0.1, -0.2, 0.1, 0.3},
                                          {0.2, 0, 0.05, 0, 0.5, -0.1, 0.05, -0.1, 0.4}};
  dsm_mixture *m;
  assert_done(dsm_mixture_create(3, &m));
  assert_done(dsm_mixture_add_normal(m, 0.6, mean[0], covariance[0]));
  assert_done(dsm_mixture_add_normal(m, 1.4, mean[1], covariance[1]));
  return m;
}

static dsm_mixture *boxes(void) {
  static const double low[2][2] = {{-2, -1}, {0.5, 0}}, high[2][2] = {{-1, 1.5}, {2, 0.4}};
  dsm_mixture *m;
  assert_done(dsm_mixture_create(2, &m));
  for (int k = 0; k < 2; k++) assert_done(dsm_mixture_add_box(m, k + 1, low[k], high[k]));
  return m;
}

static dsm_mixture *box_and_normal(void) {
  static const double low[2] = {-2, -1}, high[2] = {-1, 0}, mean[2] = {0.7, 0.4},
                      covariance[4] = {0.3, 0.1, 0.1, 0.2};
  dsm_mixture *m;
  assert_done(dsm_mixture_create(2, &m));
  assert_done(dsm_mixture_add_box(m, 2, low, high));
  assert_done(dsm_mixture_add_normal(m, 3, mean, covariance));
  return m;
}

static dsm_mixture *(*const laws[])(void) = {tilted, boxes, box_and_normal};
enum { LAWS = sizeof laws / sizeof *laws };

static const double levels[][2] = {{1, 0.1}, {0.9, 0.43589}, {0.3, 0.954}, {0.01, 1}, {1, 5}};
enum { LEVELS = sizeof levels / sizeof *levels };

/* A point of the noisy law, and some beyond its usual ones. */
static void point_of(const dsm_mixture *m, const double level[2], uint64_t number, double *x) {
  const size_t d = dsm_mixture_dimension(m);
  float x0[3], z[3];
  dsm_mixture_sample(m, 5, number, 1, x0);
  dsm_random_normal((dsm_random_key){5, DSM_STREAM_NOISE, 0, number}, 0, d, z);
  for (size_t j = 0; j < d; j++)
    x[j] = level[0] * (double)x0[j] + level[1] * (double)z[j] * (number % 3 == 0 ? 3 : 1);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void the_score_is_the_slope_of_the_log_density(void **state) {
  (void)state;
  double off = 0;
  for (size_t l = 0; l < LAWS; l++) {
    dsm_mixture *m = laws[l]();
    const size_t d = dsm_mixture_dimension(m);
    for (size_t v = 0; v < LEVELS; v++)
      for (uint64_t i = 0; i < 30; i++) {
        const double alpha = levels[v][0], sigma = levels[v][1], h = slope_step * sigma;
        double x[3], x0[3], eps[3];
        point_of(m, levels[v], i, x);
        dsm_mixture_posterior(m, alpha, sigma, x, x0, eps);
        for (size_t j = 0; j < d; j++) {
          double up[3], down[3];
          memcpy(up, x, sizeof x), memcpy(down, x, sizeof x);
          up[j] += h, down[j] -= h;
          const double slope = (dsm_mixture_log_density(m, alpha, sigma, up) -
                                dsm_mixture_log_density(m, alpha, sigma, down)) /
                               (2 * h);
          off = worst_of(off, fabs(-eps[j] / sigma - slope) / (fabs(slope) + 1 / sigma));
        }
      }
    dsm_mixture_destroy(&m);
  }
  claim_below(0, off, slope_tolerance, "Tweedie: score = slope of ln p [relative]");
}

/* x = alpha E[x0 | x] + sigma E[eps | x], though neither is made from the other for normals. */
static void the_posterior_means_add_up_to_x(void **state) {
  (void)state;
  double off = 0;
  for (size_t l = 0; l < LAWS; l++) {
    dsm_mixture *m = laws[l]();
    for (size_t v = 0; v < LEVELS; v++)
      for (uint64_t i = 0; i < 30; i++) {
        double x[3], x0[3], eps[3];
        point_of(m, levels[v], i, x);
        const double log_density = dsm_mixture_posterior(m, levels[v][0], levels[v][1], x, x0, eps);
        assert_true(log_density == dsm_mixture_log_density(m, levels[v][0], levels[v][1], x));
        for (size_t j = 0; j < dsm_mixture_dimension(m); j++)
          off = worst_of(off, fabs(levels[v][0] * x0[j] + levels[v][1] * eps[j] - x[j]) / (1 + fabs(x[j])));
      }
    dsm_mixture_destroy(&m);
  }
  claim_below(0, off, 1e-12, "Tweedie: E[x0|x] and score add up to x");
}

/* The sum over a grid of a smooth density is exact up to what lies outside of it: 8 deviations leave
 * 1e-15. For widths s of the narrowest feature and steps h the error is exp(-2 pi^2 (s / h)^2): h <= 0.6
 * s makes it below 1e-9. */
static void the_density_integrates_to_one(void **state) {
  (void)state;
  static const double widths[][2] = {{1, 0.3}, {0.9, 0.4}, {0.3, 0.954}, {0, 1}};
  dsm_mixture *(*const plane[])(void) = {boxes, box_and_normal};
  enum { GRID = 120 };
  for (size_t l = 0; l < 2; l++) {
    dsm_mixture *m = plane[l]();
    for (size_t v = 0; v < 4; v++) {
      double low[2], high[2], sum = 0;
      dsm_mixture_extent(m, widths[v][0], widths[v][1], 8, low, high);
      for (int k = 0; k < GRID * GRID; k++) {
        const double x[2] = {low[0] + (high[0] - low[0]) * (k % GRID + 0.5) / GRID,
                             low[1] + (high[1] - low[1]) * (k / GRID + 0.5) / GRID};
        sum += exp(dsm_mixture_log_density(m, widths[v][0], widths[v][1], x));
      }
      assert_close(sum * (high[0] - low[0]) * (high[1] - low[1]) / (GRID * GRID), 1, 1e-9, 0);
    }
    dsm_mixture_destroy(&m);
  }
}

/* The tests' own mixture of round parts. Both are rounded to float32. */
static void it_agrees_with_the_mixture_of_the_tests(void **state) {
  (void)state;
  enum { N = 200 };
  static const double weight[PARTS] = {0.5, 0.3, 0.2}, s[PARTS] = {0.3, 0.2, 0.25};
  static const double mean[PARTS][2] = {{-1.2, 0.4}, {0.9, 1.1}, {0.8, -1.5}};
  mixture other = {.samples = N, .each = 1};
  dsm_mixture *m;
  float x[2 * N], x0[2 * N], eps[2 * N], other_x0[2 * N], other_eps[2 * N];
  double t[N], energy[N], other_energy[N];
  assert_done(dsm_mixture_create(2, &m));
  for (int k = 0; k < PARTS; k++) {
    const double covariance[4] = {s[k] * s[k], 0, 0, s[k] * s[k]};
    assert_done(dsm_mixture_add_normal(m, weight[k], mean[k], covariance));
    other.weight[k] = weight[k], other.s[k] = s[k];
    memcpy(other.mean[k], mean[k], sizeof mean[k]);
  }
  for (int name = 0; name < PROCESSES; name++) {
    dsm_process *p = process_named(name);
    dsm_exact truth = {m, p, N};
    const dsm_denoiser mine = dsm_exact_denoiser(&truth);
    other.process = p;
    const dsm_denoiser theirs = mixture_denoiser(&other);
    for (int i = 0; i < N; i++) {
      const double level[2] = {dsm_process_alpha(p, time_at(p, i, N)),
                               dsm_process_sigma(p, time_at(p, i, N))};
      double at[2];
      t[i] = time_at(p, i, N);
      point_of(m, level, (uint64_t)i, at);
      x[2 * i] = (float)at[0], x[2 * i + 1] = (float)at[1];
    }
    mine.estimate(mine.self, x, t, &(dsm_estimate){.x0 = x0, .eps = eps});
    theirs.estimate(theirs.self, x, t, &(dsm_estimate){.x0 = other_x0, .eps = other_eps});
    mine.energy(mine.self, x, t, energy);
    theirs.energy(theirs.self, x, t, other_energy);
    for (int i = 0; i < 2 * N; i++) {
      assert_close((double)x0[i], (double)other_x0[i], 2e-7, 1e-9);
      assert_close((double)eps[i], (double)other_eps[i], 2e-7, 1e-9);
    }
    for (int i = 0; i < N; i++) assert_close(energy[i], other_energy[i], 1e-12, 1e-12);
    dsm_process_destroy(&p);
  }
  dsm_mixture_destroy(&m);
}

/* Posterior mean of eps over a box (0, width) by a sum over 20000 places of x0, relative to the largest
 * term. */
static double summed_eps(double x, double width, double alpha, double sigma) {
  enum { PLACES = 20000 };
  double sum = 0, all = 0, largest = -INFINITY;
  for (int pass = 0; pass < 2; pass++)
    for (int k = 0; k < PLACES; k++) {
      const double eps = (x - alpha * width * (k + 0.5) / PLACES) / sigma, power = -eps * eps / 2;
      if (pass == 0) {
        largest = fmax(largest, power);
      } else {
        sum += eps * exp(power - largest);
        all += exp(power - largest);
      }
    }
  return sum / all;
}

/* Where differences of erf would be 0 / 0, and where the box is nearly a point. The sum is the midpoint
 * rule, whose error is (step / length)^2 / 12 with a length of sigma / |eps| over which the terms fall:
 * 1e-5 at the worst. */
static void a_box_is_right_far_away_and_when_narrow(void **state) {
  (void)state;
  static const double widths[] = {1e-6, 5e-5, 2e-4, 0.01, 1, 20};
  static const double places[] = {-200, -45, -29, -12, -1, -1e-3, 0, 0.3, 0.5, 2, 8, 31, 60, 300};
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
      const double low[1] = {0}, high[1] = {widths[w]}, sigma = 0.7, alpha = 0.8;
      const double x[1] = {places[i] * sigma + (i > 6 ? alpha * widths[w] : 0)};
      double x0[1], eps[1];
      dsm_mixture *m;
      assert_done(dsm_mixture_create(1, &m));
      assert_done(dsm_mixture_add_box(m, 1, low, high));
      const double log_density = dsm_mixture_posterior(m, alpha, sigma, x, x0, eps);
      assert_true(isfinite(log_density));
      assert_close(eps[0], summed_eps(x[0], widths[w], alpha, sigma), 2e-5, 2e-5);
      assert_true(x0[0] >= 0 && x0[0] <= widths[w]);
      dsm_mixture_destroy(&m);
    }
}

/* Far from all parts no share underflows: the nearest part decides. */
static void far_away_the_nearest_part_decides(void **state) {
  (void)state;
  dsm_mixture *m = tilted();
  const double x[3] = {-4000, 3000, 5000}; /* 1e8 nats away */
  double x0[3], eps[3];
  assert_true(isfinite(dsm_mixture_posterior(m, 1, 0.2, x, x0, eps)));
  for (int j = 0; j < 3; j++) assert_true(isfinite(x0[j]) && isfinite(eps[j]) && eps[j] * x[j] > 0);
  dsm_mixture_destroy(&m);
}

/* Mean, covariance and shares of 20,000 samples, within 4.5 standard errors. */
static void samples_follow_the_law(void **state) {
  (void)state;
  enum { N = 20000 };
  float *x = malloc(2 * N * sizeof *x), again[2];
  dsm_mixture *m = box_and_normal();
  double mean[2] = {0}, square[3] = {0};
  int boxed = 0, normals = 0;
  dsm_mixture_sample(m, 3, 0, N, x);
  dsm_mixture_sample(m, 3, 1234, 1, again);
  assert_memory_equal(again, x + 2 * 1234, sizeof again);
  for (int i = 0; i < N; i++) {
    const double a = (double)x[2 * i], b = (double)x[2 * i + 1];
    if (a > -2 && a < -1 && b > -1 && b < 0) boxed++;
    if (a < -0.8) continue; /* the normal ends there: 2.7 deviations away */
    normals++;
    mean[0] += a - 0.7, mean[1] += b - 0.4;
    square[0] += (a - 0.7) * (a - 0.7), square[1] += (a - 0.7) * (b - 0.4),
        square[2] += (b - 0.4) * (b - 0.4);
  }
  /* the box has its share, and 2e-3 of the other part at most */
  assert_close((double)boxed / N, 0.4, 0, 4.5 * sqrt(0.24 / N) + 2e-3);
  /* cut off at 2.7 deviations: the mean moves by 1e-2 deviations, variances by 3 % */
  assert_close(mean[0] / normals, 0, 0, 4.5 * sqrt(0.3 / normals) + 0.01);
  assert_close(mean[1] / normals, 0, 0, 4.5 * sqrt(0.2 / normals) + 0.01);
  assert_close(square[0] / normals, 0.3, 4.5 * sqrt(2.0 / normals) + 0.04, 0);
  assert_close(square[1] / normals, 0.1, 0, 4.5 * sqrt(0.07 / normals) + 0.01);
  assert_close(square[2] / normals, 0.2, 4.5 * sqrt(2.0 / normals) + 0.01, 0);
  dsm_mixture_destroy(&m);
  free(x);
}

/* The fourth moments of these laws are below 8 squared variances: 4.5 standard errors of 20,000 samples. */
static void moments_are_those_of_the_samples(void **state) {
  (void)state;
  enum { N = 20000 };
  static float x[3 * N];
  for (size_t l = 0; l < LAWS; l++) {
    dsm_mixture *m = laws[l]();
    const size_t d = dsm_mixture_dimension(m);
    double mean[3], covariance[9];
    dsm_mixture_moments(m, mean, covariance);
    dsm_mixture_sample(m, 8, 0, N, x);
    for (size_t i = 0; i < d; i++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++) sum += (double)x[k * d + i] / N;
      assert_close(sum, mean[i], 0, 4.5 * sqrt(covariance[i * d + i] / N));
      for (size_t j = 0; j < d; j++) {
        double product = 0;
        for (size_t k = 0; k < N; k++)
          product += ((double)x[k * d + i] - mean[i]) * ((double)x[k * d + j] - mean[j]) / N;
        assert_close(product, covariance[i * d + j], 0,
                     4.5 * sqrt(8 * covariance[i * d + i] * covariance[j * d + j] / N));
      }
    }
    dsm_mixture_destroy(&m);
  }
}

/* p'(y) dy = p(x) dx */
static void normalised_data_have_the_normalised_law(void **state) {
  (void)state;
  const double shift[2] = {0.3, -1}, scale[2] = {2, 0.5};
  dsm_mixture *m = box_and_normal(), *n;
  assert_done(dsm_mixture_normalized(m, shift, scale, &n));
  for (uint64_t i = 0; i < 50; i++) {
    double x[2];
    point_of(m, (const double[]){1, 0}, i, x);
    const double y[2] = {(x[0] - shift[0]) / scale[0], (x[1] - shift[1]) / scale[1]};
    assert_close(dsm_mixture_log_density(n, 1, 0, y),
                 dsm_mixture_log_density(m, 1, 0, x) + log(scale[0] * scale[1]), 1e-10, 1e-10);
  }
  dsm_mixture_destroy(&m);
  dsm_mixture_destroy(&n);
}

static void what_is_no_law_is_refused(void **state) {
  (void)state;
  const double mean[2] = {0}, nan[2] = {NAN, 0}, unit[4] = {1, 0, 0, 1}, skew[4] = {1, 0.5, 0.2, 1},
               flat[4] = {1, 1, 1, 1};
  const double low[2] = {0, 0}, high[2] = {1, 0};
  dsm_mixture *m;
  assert_refused(dsm_mixture_create(0, &m), "0 dimensions");
  assert_refused(dsm_mixture_create(65, &m), "65 dimensions");
  assert_done(dsm_mixture_create(2, &m));
  assert_refused(dsm_mixture_add_normal(m, 0, mean, unit), "weight 0");
  assert_refused(dsm_mixture_add_normal(m, NAN, mean, unit), "weight nan");
  assert_refused(dsm_mixture_add_normal(m, 1, nan, unit), "mean nan");
  assert_refused(dsm_mixture_add_normal(m, 1, mean, skew), "not symmetric");
  assert_refused(dsm_mixture_add_normal(m, 1, mean, flat), "not positive definite");
  assert_refused(dsm_mixture_add_box(m, 1, low, high), "a box from 0 to 0 on axis 1");
  assert_int_equal(dsm_mixture_parts(m), 0);
  dsm_mixture_destroy(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_score_is_the_slope_of_the_log_density),
      cmocka_unit_test(the_posterior_means_add_up_to_x),
      cmocka_unit_test(the_density_integrates_to_one),
      cmocka_unit_test(it_agrees_with_the_mixture_of_the_tests),
      cmocka_unit_test(a_box_is_right_far_away_and_when_narrow),
      cmocka_unit_test(far_away_the_nearest_part_decides),
      cmocka_unit_test(samples_follow_the_law),
      cmocka_unit_test(moments_are_those_of_the_samples),
      cmocka_unit_test(normalised_data_have_the_normalised_law),
      cmocka_unit_test(what_is_no_law_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
