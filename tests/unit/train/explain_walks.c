/* What the pictures show of samplers is what samplers do: chains step by step against their recursion,
 * and clouds on the way back against the law at each time. The data are N(0, I), whose noisy law under vp
 * is N(0, I) at any time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "train/explain/explain.h"

enum { POINTS = 2000 };

typedef struct setting {
  dsm_config config;
  dsm_process *process;
  dsm_mixture *law;
  dsm_exact exact;
  dsm_denoiser denoiser;
} setting;

static void assert_ok(dsm_status status) {
  if (status != DSM_OK) fail_msg("%s", dsm_trail());
}

/* Data N(mean, s^2 I). */
static void begin(setting *s, int process, const double mean[2], double deviation) {
  const double covariance[4] = {deviation * deviation, 0, 0, deviation * deviation};
  dsm_config_defaults(&s->config);
  s->config.process.name = process;
  assert_ok(dsm_process_create(&s->config, &s->process));
  assert_ok(dsm_mixture_create(2, &s->law));
  assert_ok(dsm_mixture_add_normal(s->law, 1, mean, covariance));
  s->exact = (dsm_exact){s->law, s->process, DSM__SCENE_BLOCK};
  s->denoiser = dsm_exact_denoiser(&s->exact);
}

static void end(setting *s) {
  dsm_process_destroy(&s->process);
  dsm_mixture_destroy(&s->law);
}

/* x_{k+1} = (1 - tau) x_k + sqrt(2 tau) z_k with s = -x, z_k the sampler's row of draw 1 + 2 k. In
 * float32 the errors of 50 steps stay below 1e-5. */
static void chains_take_the_steps_of_langevin(void **state) {
  (void)state;
  enum { LINES = 3, STEPS = 50, CHAINS = 100 };
  static float path[2 * LINES * (STEPS + 1)], last[2 * CHAINS];
  const double tau = 0.1, zero[2] = {0};
  setting s;
  begin(&s, DSM_PROCESS_VP, zero, 1);
  dsm__chains c = {.settings = s.config.sampler,
                   .start = {3, -2},
                   .steps = STEPS,
                   .lines = LINES,
                   .points = CHAINS,
                   .path = path,
                   .end = last};
  c.settings.denoise = false;
  c.settings.langevin_time = 0.3;
  c.settings.langevin_step = tau;
  assert_ok(dsm__chains_run(&c, s.process, &s.denoiser, 11));
  for (size_t i = 0; i < CHAINS; i++) {
    double x[2] = {3, -2};
    for (size_t k = 0; k <= STEPS; k++) {
      float z[2];
      for (size_t j = 0; i < LINES && j < 2; j++)
        assert_true(fabs((double)path[2 * (i * (STEPS + 1) + k) + j] - x[j]) < 1e-5);
      if (k == STEPS) break;
      dsm_random_normal((dsm_random_key){11, DSM_STREAM_SAMPLER, 1 + 2 * k, i}, 0, 2, z);
      for (size_t j = 0; j < 2; j++) x[j] = (1 - tau) * x[j] + sqrt(2 * tau) * (double)z[j];
    }
    for (size_t j = 0; j < 2; j++) assert_true(fabs((double)last[2 * i + j] - x[j]) < 1e-5);
  }
  c.settings.langevin_step = 1e4;
  c.steps = 20;
  assert_int_equal(dsm__chains_run(&c, s.process, &s.denoiser, 11), DSM_BAD_CONFIG);
  assert_non_null(strstr(dsm_trail_message(), "run away to infinity"));
  dsm_trail_clear();
  end(&s);
}

/* Whatever a sampler asks in between, the frames have the mean and the variance of their times: within
 * 4.5 standard errors and 3 % of the variance for steps of finite size. */
static void frames_have_the_law_of_their_times(void **state) {
  (void)state;
  static const struct {
    int sampler;
    int64_t steps;
  } rows[] = {{DSM_SAMPLER_ANCESTRAL, 200},
              {DSM_SAMPLER_DDIM, 200},
              {DSM_SAMPLER_HEUN, 60},
              {DSM_SAMPLER_DPMPP_2M, 60},
              {DSM_SAMPLER_PREDICTOR_CORRECTOR, 200}};
  enum { FRAMES = 4 };
  static float frame[2 * FRAMES * POINTS];
  const double wanted[FRAMES] = {0, 0.1, 0.4, 1}, mean[2] = {1.5, -0.5}, deviation = 0.6;
  setting s;
  begin(&s, DSM_PROCESS_VP, mean, deviation);
  s.config.sampler.corrector = DSM_CORRECTOR_ANNEALED; /* of exact law also in two dimensions */
  s.config.sampler.snr = 0.05;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const dsm_sampler *sampler = dsm_sampler_of(rows[r].sampler);
    double taken[FRAMES];
    dsm__film film = {FRAMES, POINTS, wanted, taken, frame};
    const dsm_sampling sampling = {.process = s.process,
                                   .denoiser = &s.denoiser,
                                   .settings = &s.config.sampler,
                                   .n = DSM__SCENE_BLOCK,
                                   .d = 2,
                                   .seed = 4,
                                   .steps = rows[r].steps};
    assert_ok(dsm__film_shoot(sampler, &sampling, &film));
    for (size_t f = 0; f < FRAMES; f++) {
      const double alpha = dsm_process_alpha(s.process, taken[f]),
                   sigma = dsm_process_sigma(s.process, taken[f]),
                   variance = alpha * alpha * deviation * deviation + sigma * sigma;
      assert_true(taken[f] <= wanted[f] && taken[f] > wanted[f] - 0.05);
      for (size_t j = 0; j < 2; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < POINTS; i++) {
          const double off = (double)frame[2 * (f * POINTS + i) + j] - alpha * mean[j];
          sum += off, square += off * off;
        }
        /* at the last time the sampler starts from mean 0, not alpha mean */
        if (fabs(sum / POINTS) > 4.5 * sqrt(variance / POINTS) + 0.015 * fabs(mean[j]))
          fail_msg("%s at t = %g: the mean is off by %g", sampler->name, taken[f], sum / POINTS);
        if (fabs(square / POINTS / variance - 1) > 4.5 * sqrt(2.0 / POINTS) + 0.03)
          fail_msg("%s at t = %g: the variance is %g, not %g", sampler->name, taken[f], square / POINTS,
                   variance);
      }
    }
  }
  end(&s);
}

/* Both ends are the sampler's own: the start from noise, and the samples. */
static void the_ends_are_the_samplers_own(void **state) {
  (void)state;
  enum { FRAMES = 2, N = 100 };
  static float frame[2 * FRAMES * N], x[2 * DSM__SCENE_BLOCK];
  const double wanted[FRAMES] = {0, 1}, mean[2] = {0};
  double taken[FRAMES];
  setting s;
  begin(&s, DSM_PROCESS_VP, mean, 0.5);
  dsm__film film = {FRAMES, N, wanted, taken, frame};
  dsm_sampling sampling = {.process = s.process,
                           .denoiser = &s.denoiser,
                           .settings = &s.config.sampler,
                           .n = DSM__SCENE_BLOCK,
                           .d = 2,
                           .seed = 4,
                           .steps = 12};
  const dsm_sampler *sampler = dsm_sampler_of(DSM_SAMPLER_ANCESTRAL);
  assert_ok(dsm__film_shoot(sampler, &sampling, &film));
  assert_true(taken[0] == 0 && taken[1] == 1);
  for (size_t i = 0; i < N; i++) {
    float z[2];
    dsm_random_normal((dsm_random_key){4, DSM_STREAM_SAMPLER, 0, i}, 0, 2, z);
    assert_memory_equal(frame + 2 * (N + i), z, sizeof z);
  }
  sampling.first = DSM__SCENE_BLOCK;
  assert_ok(dsm_sampler_draw(sampler, &sampling, x));
  assert_memory_equal(frame + 2 * DSM__SCENE_BLOCK, x, 2 * (N - DSM__SCENE_BLOCK) * sizeof *x);
  s.config.sampler.denoise = false; /* then the samples are those of the first time */
  assert_ok(dsm__film_shoot(sampler, &sampling, &film));
  assert_true(taken[0] == dsm_process_first(s.process, true));
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chains_take_the_steps_of_langevin),
      cmocka_unit_test(frames_have_the_law_of_their_times),
      cmocka_unit_test(the_ends_are_the_samplers_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
