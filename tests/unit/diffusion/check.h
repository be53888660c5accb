/* What the tests of this folder share: cmocka, comparison of doubles, and processes by name. */
#ifndef DSMPI_TEST_DIFFUSION_CHECK_H
#define DSMPI_TEST_DIFFUSION_CHECK_H

#include "dsmpi/diffusion.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ladder.h"

/* |value - expected| <= rtol |expected| + atol */
#define assert_close(value, expected, rtol, atol)                                                            \
  check_close(__FILE__, __LINE__, #value, value, expected, rtol, atol)

static inline void check_close(const char *file, int line, const char *what, double value, double expected,
                               double rtol, double atol) {
  double allowed = rtol * fabs(expected) + atol;
  if (fabs(value - expected) <= allowed) return; /* false for NAN */
  print_error("%s:%d: %s is %.17g, expected %.17g: off by %.3g, allowed %.3g\n", file, line, what, value,
              expected, fabs(value - expected), allowed);
  _fail(file, line);
}

enum { PROCESSES = DSM_PROCESS_SINGLE + 1 };

/* The defaults, with another process. `steps` is T of ddpm and smld. */
static inline dsm_config config_of(int name, int schedule, int64_t steps) {
  dsm_config config;
  dsm_config_defaults(&config);
  config.process.name = name;
  config.process.schedule = schedule;
  config.process.steps = steps;
  config.process.beta_min = 0.1;
  config.process.beta_max = 20;
  config.process.sigma_min = 0.01;
  config.process.sigma_max = 50;
  config.process.sigma = 0.5;
  return config;
}

static inline dsm_process *process_of(int name, int schedule, int64_t steps) {
  dsm_config config = config_of(name, schedule, steps);
  dsm_process *process = NULL;
  assert_int_equal(dsm_process_create(&config, &process), DSM_OK);
  return process;
}

/* The defaults of an objective, with another prediction and weighting. */
static inline dsm_objective_settings objective_of(int prediction, int weighting) {
  dsm_config config;
  dsm_config_defaults(&config);
  config.objective.prediction = prediction;
  config.objective.weighting = weighting;
  return config.objective;
}
enum { PREDICTIONS = DSM_PREDICT_FLOW + 1, WEIGHTINGS = DSM_WEIGHT_OUTPUT + 1 };

static inline dsm_reading reading_of(int prediction, const dsm_process *process, double t) {
  dsm_objective_settings settings = objective_of(prediction, DSM_WEIGHT_SIMPLE);
  return dsm_prediction_reading(&settings, process, t);
}

/* Whether something is refused, with this in its reason. */
#define assert_refused(call, reason)                                                                         \
  do {                                                                                                       \
    assert_int_equal(call, DSM_BAD_CONFIG);                                                                  \
    if (!strstr(dsm_trail_message(), reason)) fail_msg("\"%s\" is not in: %s", reason, dsm_trail_message()); \
    dsm_trail_clear();                                                                                       \
  } while (0)

/* Every process, with T = 1000. */
static inline dsm_process *process_named(int name) {
  return process_of(name, DSM_SCHEDULE_LINEAR, 1000);
}

/* The i-th of `count` times from the first of training to the last; integers where time is discrete. */
static inline double time_at(const dsm_process *p, int i, int count) {
  double first = dsm_process_first(p, false), last = dsm_process_last(p);
  double t = count > 1 ? first + (last - first) * i / (count - 1) : last;
  return dsm_process_discrete(p) ? round(t) : fmin(t, last);
}

enum { SAMPLERS = DSM_SAMPLER_DPMPP_2M_SDE + 1 };

static inline dsm_sampler_settings settings_default(void) {
  dsm_config config;
  dsm_config_defaults(&config);
  return config.sampler;
}

/* The reason why the sampler refuses to run, or NULL. */
static inline const char *refusal(int sampler, const dsm_sampling *s) {
  static char reason[1024];
  dsm_status status = dsm_sampler_check(dsm_sampler_of(sampler), s);
  if (status == DSM_OK) return NULL;
  assert_int_equal(status, DSM_BAD_CONFIG);
  snprintf(reason, sizeof reason, "%s", dsm_trail_message());
  dsm_trail_clear();
  return reason;
}

static inline dsm_process *ddpm_of(int64_t steps) {
  return process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LINEAR, steps);
}

#endif
