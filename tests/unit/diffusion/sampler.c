/* What every sampler keeps: times, blocks, clipping, stopping, refusing. */
#include "gaussian.h"

static const law data = {.mu = {1.0, -0.5}, .s = {1.2, 0.5, 0.6}};
enum { D = 6 };

/* A sampling of a few cheap steps. */
static dsm_sampling sampling_of(const dsm_process *p, const dsm_denoiser *denoiser,
                                const dsm_sampler_settings *settings, int sampler, size_t n) {
  return (dsm_sampling){.process = p,
                        .denoiser = denoiser,
                        .settings = settings,
                        .n = n,
                        .d = D,
                        .steps = dsm_sampler_of(sampler)->adaptive ? 1000 : 15};
}

static dsm_sampler_settings cheap_settings(void) {
  dsm_sampler_settings settings = settings_default();
  settings.eta = 0.7;
  settings.churn = 3;
  settings.langevin_steps = 4;
  return settings;
}

/* False where the sampler does not run on the process. `needed` may be NULL. */
static bool draw(const dsm_process *p, int sampler, uint64_t seed, uint64_t first, size_t n, float *x,
                 int32_t *needed) {
  exact e = {.process = p, .data = data, .samples = n, .points = n * D / 2};
  dsm_denoiser denoiser = exact_denoiser(&e);
  dsm_sampler_settings settings = cheap_settings();
  dsm_sampling s = sampling_of(p, &denoiser, &settings, sampler, n);
  s.seed = seed;
  s.first = first;
  s.needed = needed;
  if (refusal(sampler, &s)) return false;
  assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
  return true;
}

static void samples_do_not_depend_on_how_blocks_are_cut(void **state) {
  (void)state;
  enum { N = 8 };
  int ran = 0;
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      float whole[N * D], parts[N * D];
      int32_t needed[N], needed_parts[N];
      if (draw(p, sampler, 5, 100, N, whole, needed)) {
        static const size_t cuts[] = {4, 2, 1};
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
          /* last block first: no order either */
          for (size_t i = N; i > 0; i -= cuts[c])
            draw(p, sampler, 5, 100 + i - cuts[c], cuts[c], parts + (i - cuts[c]) * D,
                 needed_parts + i - cuts[c]);
          assert_memory_equal(whole, parts, sizeof whole);
          assert_memory_equal(needed, needed_parts, sizeof needed);
        }
        draw(p, sampler, 5, 104, N, parts,
             NULL); /* shifted by 4: the second half comes first, then new ones */
        assert_memory_equal(whole + 4 * D, parts, 4 * D * sizeof *whole);
        assert_memory_not_equal(whole, parts + 4 * D, 4 * D * sizeof *whole);
        draw(p, sampler, 6, 100, N, parts, NULL);
        assert_memory_not_equal(whole, parts, sizeof whole);
        ran++;
      }
      dsm_process_destroy(&p);
    }
  assert_true(ran >= 4 * SAMPLERS); /* vp, subvp, ve and edm refuse none */
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
  dsm_sampler_settings settings = settings_default();
  dsm_sampling s = {.process = p, .denoiser = &denoiser, .settings = &settings, .n = 2, .d = D, .steps = 101};
  refused(DSM_SAMPLER_ANCESTRAL, s, "101 are more than the 100 times of this ddpm process; use 100 or fewer");
  s.steps = 0;
  refused(DSM_SAMPLER_DDIM, s, "received 0");
  s.steps = 10;
  settings.eta = 1.5;
  refused(DSM_SAMPLER_DDIM, s, "eta lies outside 0 ... 1");
  settings.eta = NAN;
  refused(DSM_SAMPLER_DDIM, s, "eta lies outside 0 ... 1");
  settings.variance = DSM_VARIANCE_LEARNED;
  refused(DSM_SAMPLER_ANCESTRAL, s, "needs a network trained with objective.name = hybrid");
  settings = settings_default();
  settings.metropolis = true;
  refused(DSM_SAMPLER_DDIM, s, "of langevin and annealed_langevin, no others");
  refused(DSM_SAMPLER_LANGEVIN, s, "a score that need not be the gradient of one");
  settings = settings_default();
  settings.langevin_time = 101;
  refused(DSM_SAMPLER_LANGEVIN, s, "outside the times");
  settings.langevin_time = 1.5;
  refused(DSM_SAMPLER_LANGEVIN, s, "not an integer");
  settings.snr = 0;
  refused(DSM_SAMPLER_PREDICTOR_CORRECTOR, s, "snr must be above 0");
  settings.denoise = false;
  s.steps = 1;
  refused(DSM_SAMPLER_DDIM, s, "goes nowhere");
  assert_int_equal(e.calls, 0);
  dsm_process_destroy(&p);
}

/* The table of configs/README.md. */
static void each_sampler_runs_on_the_processes_it_should(void **state) {
  (void)state;
  static const char *const solvers_of_sdes[] = {"euler_maruyama", "ode", "euler", "heun"};
  dsm_sampler_settings settings = settings_default();
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++) {
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      const dsm_sampler *table = dsm_sampler_of(sampler);
      dsm_sampling s = {.process = p, .settings = &settings, .steps = dsm_sampler_steps(table, p, &settings)};
      bool continuous_only = false;
      for (size_t i = 0; i < sizeof solvers_of_sdes / sizeof *solvers_of_sdes; i++)
        continuous_only |= strcmp(table->name, solvers_of_sdes[i]) == 0;
      const char *reason = refusal(sampler, &s);
      if (name == DSM_PROCESS_SINGLE && sampler != DSM_SAMPLER_LANGEVIN)
        assert_true(reason && strstr(reason, "one noise level that is not pure noise"));
      else if (name == DSM_PROCESS_FLOW && sampler == DSM_SAMPLER_EULER_MARUYAMA)
        assert_true(reason && strstr(reason, "drift and diffusion of the SDE are infinite"));
      else if (continuous_only && dsm_process_discrete(p))
        assert_true(reason && strstr(reason, "time is discrete"));
      else if (reason)
        fail_msg("%s", reason);
      dsm_process_destroy(&p);
    }
  settings.predictor = DSM_PREDICTOR_EULER_MARUYAMA;
  dsm_process *p = ddpm_of(100);
  dsm_sampling s = {.process = p, .settings = &settings, .steps = 10};
  assert_non_null(refusal(DSM_SAMPLER_PREDICTOR_CORRECTOR, &s));
  dsm_process_destroy(&p);
}

static void steps_that_are_not_given_suit_sampler_and_process(void **state) {
  (void)state;
  dsm_process *ddpm = ddpm_of(200), *short_one = process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_COSINE, 12),
              *vp = process_of(DSM_PROCESS_VP, 0, 0);
  dsm_sampler_settings settings = settings_default();
  const struct {
    int sampler;
    const dsm_process *process;
    int64_t steps;
  } rows[] = {
      {DSM_SAMPLER_ANCESTRAL, ddpm, 200},
      {DSM_SAMPLER_ANCESTRAL, vp, 1000},
      {DSM_SAMPLER_HEUN, vp, 40},
      {DSM_SAMPLER_DPMPP_2M, ddpm, 25},
      {DSM_SAMPLER_DPMPP_2M, short_one, 12},
      {DSM_SAMPLER_LANGEVIN, ddpm, 1000},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    assert_int_equal(dsm_sampler_steps(dsm_sampler_of(rows[r].sampler), rows[r].process, &settings),
                     rows[r].steps);
  settings.steps = 7;
  assert_int_equal(dsm_sampler_steps(dsm_sampler_of(DSM_SAMPLER_HEUN), vp, &settings), 7);
  dsm_process_destroy(&ddpm);
  dsm_process_destroy(&short_one);
  dsm_process_destroy(&vp);
}

typedef struct watch {
  int64_t done, all;
  int calls, stop_at;
} watch;

static bool watch_progress(void *context, int64_t done, int64_t all) {
  watch *w = context;
  assert_true(done >= w->done && done <= all);
  assert_true(w->calls == 0 || all == w->all);
  w->done = done;
  w->all = all;
  return ++w->calls != w->stop_at;
}

static void progress_is_told_and_may_stop(void **state) {
  (void)state;
  enum { N = 2 };
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++) {
      const dsm_sampler *table = dsm_sampler_of(sampler);
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      exact e = {.process = p, .data = data, .samples = N, .points = N * D / 2};
      dsm_denoiser denoiser = exact_denoiser(&e);
      dsm_sampler_settings settings = cheap_settings();
      float x[N * D];
      int64_t evaluations = 0;
      watch w = {0};
      dsm_sampling s = sampling_of(p, &denoiser, &settings, sampler, N);
      s.progress = watch_progress;
      s.context = &w;
      s.evaluations = &evaluations;
      if (!refusal(sampler, &s)) {
        const int64_t planned = dsm_sampler_evaluations(table, &s);
        assert_int_equal(planned == 0, table->adaptive);
        assert_int_equal(dsm_sampler_draw(table, &s, x), DSM_OK);
        assert_int_equal(evaluations, e.calls);
        if (planned) assert_int_equal(evaluations, planned);
        assert_int_equal(w.all, planned ? planned : 1000);
        assert_int_equal(w.done, w.all);
        assert_true(w.calls >= (planned ? 15 : 5));

        w = (watch){.stop_at = 3};
        assert_int_equal(dsm_sampler_draw(table, &s, x), DSM_STOPPED);
        assert_int_equal(w.calls, 3);
        dsm_trail_clear();

        settings.denoise = false; /* as many as planned without it too */
        w = (watch){0};
        e.calls = 0;
        assert_int_equal(dsm_sampler_draw(table, &s, x), DSM_OK);
        if (planned) assert_int_equal(e.calls, dsm_sampler_evaluations(table, &s));
        assert_int_equal(w.done, w.all);
      }
      dsm_process_destroy(&p);
    }
}

/* 13: bounds are those of the data, channel by channel, and there are none unless asked for: data in physical units do not lie
 * in -1 ... 1. */
static void trap_13_clipped_samples_stay_in_the_range_of_their_channel(void **state) {
  (void)state;
  static const double low[] = {0.9, -0.6}, high[] = {1.1, -0.4}; /* no value fits both */
  assert_int_equal(settings_default().clip, DSM_CLIP_OFF);
  for (int name = 0; name < PROCESSES; name++)
    for (int sampler = 0; sampler < SAMPLERS; sampler++) {
      enum { N = 50 };
      float x[N * D];
      dsm_process *p = process_of(name, DSM_SCHEDULE_LINEAR, 1000);
      exact e = {.process = p, .data = data, .samples = N, .points = N * D / 2};
      dsm_denoiser denoiser = exact_denoiser(&e);
      dsm_sampler_settings settings = cheap_settings();
      settings.rtol = settings.atol = 1e-2; /* the bounds make the ODE's right-hand side bend sharply */
      dsm_sampling s = sampling_of(p, &denoiser, &settings, sampler, N);
      s.clip_low = low;
      s.clip_high = high;
      s.channels = 2;
      if (!refusal(sampler, &s)) {
        assert_int_equal(dsm_sampler_draw(dsm_sampler_of(sampler), &s, x), DSM_OK);
        int at_bounds = 0;
        for (int i = 0; i < N * D; i++) {
          assert_true(x[i] >= (float)low[i % 2] && x[i] <= (float)high[i % 2]);
          at_bounds += x[i] == (float)low[i % 2] || x[i] == (float)high[i % 2];
        }
        assert_true(at_bounds > 0);
      }
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
  dsm_sampler_settings settings = settings_default();
  dsm_denoiser denoiser = {.self = &w, .estimate = no_noise};
  dsm_sampling s = {.process = p,
                    .denoiser = &denoiser,
                    .settings = &settings,
                    .n = 1,
                    .d = 2,
                    .steps = 3,
                    .clip_low = low,
                    .clip_high = high,
                    .channels = 2};
  double t[4];
  assert_int_equal(dsm_sampler_times(p, &settings, 3, t), DSM_OK);
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
      cmocka_unit_test(impossible_settings_are_refused_with_the_reason),
      cmocka_unit_test(each_sampler_runs_on_the_processes_it_should),
      cmocka_unit_test(steps_that_are_not_given_suit_sampler_and_process),
      cmocka_unit_test(progress_is_told_and_may_stop),
      cmocka_unit_test(trap_13_clipped_samples_stay_in_the_range_of_their_channel),
      cmocka_unit_test(clipping_changes_the_noise_estimate_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
