/* What every sampler keeps: times, blocks, clipping, stopping, refusing. */
#include "gaussian.h"

static const law data = {.mu = {1.0, -0.5}, .s = {1.2, 0.5, 0.6}};
enum { D = 6 };

static void draw(const dsm_process *p, int sampler, uint64_t seed, uint64_t first, size_t n, float *x) {
  exact e = {.process = p, .data = data, .samples = n, .points = n * D / 2};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampler_settings settings = {.eta = 0.7, .variance = DSM_VARIANCE_LARGE};
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &settings,
                    .n = n,
                    .d = D,
                    .seed = seed,
                    .first = first,
                    .steps = 15};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
}

static void samples_do_not_depend_on_how_blocks_are_cut(void **state) {
  (void)state;
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++)
    for (int sampler = DSM_SAMPLER_ANCESTRAL; sampler <= DSM_SAMPLER_DDIM; sampler++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      float whole[8 * D], parts[8 * D];
      draw(p, sampler, 5, 100, 8, whole);
      static const size_t cuts[] = {4, 2, 1};
      for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        /* last block first: no order either */
        for (size_t i = 8; i > 0; i -= cuts[c])
          draw(p, sampler, 5, 100 + i - cuts[c], cuts[c], parts + (i - cuts[c]) * D);
        assert_memory_equal(whole, parts, sizeof whole);
      }
      draw(p, sampler, 5, 104, 8, parts); /* shifted by 4: the second half comes first, then new ones */
      assert_memory_equal(whole + 4 * D, parts, 4 * D * sizeof *whole);
      assert_memory_not_equal(whole, parts + 4 * D, 4 * D * sizeof *whole);
      draw(p, sampler, 6, 100, 8, parts);
      assert_memory_not_equal(whole, parts, sizeof whole);
      dsm_process_destroy(&p);
    }
}

static void times_fall_from_last_to_first_and_then_to_the_data(void **state) {
  (void)state;
  static const int64_t counts[] = {2, 3, 7, 10, 50, 250, 333, 999, 1000};
  double t[1001];
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++) {
    dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      int64_t steps = counts[c];
      assert_int_equal(dsm_sampler_times(p, steps, t), DSM_OK);
      assert_true(t[0] == dsm_process_last(p));
      assert_true(t[steps - 1] == dsm_process_first(p, true));
      assert_true(t[steps] == 0);
      for (int64_t k = 0; k < steps; k++) {
        assert_true(t[k + 1] < t[k]);
        if (name == DSM_PROCESS_DDPM) assert_true(t[k] == floor(t[k]));
      }
    }
    if (name == DSM_PROCESS_DDPM)
      for (int64_t k = 0; k <= 1000; k++) assert_true(t[k] == (double)(1000 - k));
    assert_int_equal(dsm_sampler_times(p, 1, t), DSM_OK);
    assert_true(t[0] == dsm_process_last(p) && t[1] == 0);
    dsm_process_destroy(&p);
  }
}

static void refused(int sampler, dsm_sampling s, const char *reason) {
  float x[2 * D] = {0};
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_BAD_CONFIG);
  if (!strstr(dsm_trail_message(), reason)) fail_msg("\"%s\" lacks \"%s\"", dsm_trail_message(), reason);
  dsm_trail_clear();
}

static void impossible_settings_are_refused_with_the_reason(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(100);
  exact e = {.process = p, .data = data, .samples = 2, .points = D};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampler_settings settings = {0};
  dsm_sampling s = {.process = p, .denoiser = &denoiser, .settings = &settings, .n = 2, .d = D, .steps = 101};
  refused(DSM_SAMPLER_ANCESTRAL, s, "101 are more than the 100 times of this ddpm process; use 100 or fewer");
  s.steps = 0;
  refused(DSM_SAMPLER_DDIM, s, "received 0");
  s.steps = 10;
  settings.eta = 1.5;
  refused(DSM_SAMPLER_DDIM, s, "eta lies outside 0 ... 1");
  settings.eta = NAN;
  refused(DSM_SAMPLER_DDIM, s, "eta lies outside 0 ... 1");
  settings.variance = 7;
  refused(DSM_SAMPLER_ANCESTRAL, s, "neither small nor large");
  assert_int_equal(e.calls, 0);
  double t[102];
  assert_int_equal(dsm_sampler_times(p, 101, t), DSM_BAD_CONFIG);
  dsm_trail_clear();
  dsm_process_destroy(&p);
}

typedef struct watch {
  int64_t seen, stop_at;
} watch;

static bool watch_progress(void *context, int64_t done, int64_t steps) {
  watch *w = context;
  assert_int_equal(done, w->seen + 1);
  assert_int_equal(steps, 9);
  w->seen = done;
  return done != w->stop_at;
}

static void progress_is_told_each_step_and_may_stop(void **state) {
  (void)state;
  dsm_process *p = process_of(DSM_PROCESS_VP, 0, 0);
  exact e = {.process = p, .data = data, .samples = 2, .points = D};
  dsm_denoiser denoiser = exact_denoiser(&e);
  float x[2 * D];
  static const struct {
    int64_t stop_at, seen;
    dsm_status status;
  } rows[] = {{0, 9, DSM_OK}, {4, 4, DSM_STOPPED}, {9, 9, DSM_OK /* nothing was left to stop */}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (int sampler = DSM_SAMPLER_ANCESTRAL; sampler <= DSM_SAMPLER_DDIM; sampler++) {
      watch w = {.stop_at = rows[r].stop_at};
      dsm_sampling s = {.process = p,
                        .denoiser = &denoiser,
                        .settings = &(dsm_sampler_settings){0},
                        .n = 2,
                        .d = D,
                        .steps = 9,
                        .progress = watch_progress,
                        .context = &w};
      assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), rows[r].status);
      assert_int_equal(w.seen, rows[r].seen);
      dsm_trail_clear();
    }
  dsm_process_destroy(&p);
}

static void clipped_samples_stay_in_the_range_of_their_channel(void **state) {
  (void)state;
  static const double low[] = {0.9, -0.6}, high[] = {1.1, -0.4}; /* no value fits both */
  for (int name = DSM_PROCESS_DDPM; name <= DSM_PROCESS_VE; name++)
    for (int sampler = DSM_SAMPLER_ANCESTRAL; sampler <= DSM_SAMPLER_DDIM; sampler++) {
      enum { N = 50 };
      float x[N * D];
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      exact e = {.process = p, .data = data, .samples = N, .points = N * D / 2};
      dsm_denoiser denoiser = exact_denoiser(&e);
      dsm_sampling s = {.process = p,
                        .denoiser = &denoiser,
                        .settings = &(dsm_sampler_settings){0},
                        .n = N,
                        .d = D,
                        .steps = 15,
                        .clip_low = low,
                        .clip_high = high,
                        .channels = 2};
      assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
      int at_bounds = 0;
      for (int i = 0; i < N * D; i++) {
        assert_true(x[i] >= (float)low[i % 2] && x[i] <= (float)high[i % 2]);
        at_bounds += x[i] == (float)low[i % 2] || x[i] == (float)high[i % 2];
      }
      assert_true(at_bounds > 0);
      dsm_process_destroy(&p);
    }
}

static bool stop_after_the_second(void *context, int64_t done, int64_t steps) {
  (void)context;
  (void)steps;
  return done < 2;
}

/* Estimates eps = 0, so that x0_hat = x / alpha, and keeps the x it was asked about last. */
typedef struct watcher {
  const dsm_process *process;
  float seen[2];
} watcher;

static void no_noise(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  watcher *w = self;
  for (int j = 0; j < 2; j++) {
    w->seen[j] = x[j];
    estimate->eps[j] = 0;
    estimate->x0[j] = (float)((double)x[j] / dsm_process_alpha(w->process, t[0]));
  }
}

/* Where x0_hat is clipped to c, eps must become (x - alpha c) / sigma: the ddim step goes to
 * alpha_s c + sigma_s (x - alpha c) / sigma. Elsewhere it goes to alpha_s x / alpha. */
static void clipping_changes_the_noise_estimate_too(void **state) {
  (void)state;
  dsm_process *p = ddpm_of(1000);
  static const double low[] = {-3, -3}, high[] = {2, 2};
  float x[2] = {0.5f, 0.005f};
  watcher w = {.process = p};
  dsm_denoiser denoiser = {.self = &w, .estimate = no_noise};
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &(dsm_sampler_settings){0},
                    .n = 1,
                    .d = 2,
                    .steps = 3,
                    .clip_low = low,
                    .clip_high = high,
                    .channels = 2};
  double t[4];
  assert_int_equal(dsm_sampler_times(p, 3, t), DSM_OK);
  double alpha_t = dsm_process_alpha(p, t[0]), sigma_t = dsm_process_sigma(p, t[0]);
  double alpha_s = dsm_process_alpha(p, t[1]), sigma_s = dsm_process_sigma(p, t[1]);
  assert_true(0.5 / alpha_t > 2 && 0.005 / alpha_t < 2);
  double clipped = alpha_s * 2 + sigma_s * (0.5 - alpha_t * 2) / sigma_t,
         free_one = alpha_s * 0.005 / alpha_t;
  s.progress = stop_after_the_second; /* it has then seen x after the first step */
  assert_int_equal(dsm_sampler_of(DSM_SAMPLER_DDIM)->run(&s, x), DSM_STOPPED);
  dsm_trail_clear();
  assert_close((double)w.seen[0], clipped, 1e-6, 0);
  assert_close((double)w.seen[1], free_one, 1e-6, 0);
  dsm_process_destroy(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_do_not_depend_on_how_blocks_are_cut),
      cmocka_unit_test(times_fall_from_last_to_first_and_then_to_the_data),
      cmocka_unit_test(impossible_settings_are_refused_with_the_reason),
      cmocka_unit_test(progress_is_told_each_step_and_may_stop),
      cmocka_unit_test(clipped_samples_stay_in_the_range_of_their_channel),
      cmocka_unit_test(clipping_changes_the_noise_estimate_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
