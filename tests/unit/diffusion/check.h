/* What the tests of this folder share: cmocka, comparison of doubles, and processes by name. */
#ifndef DSMPI_TEST_DIFFUSION_CHECK_H
#define DSMPI_TEST_DIFFUSION_CHECK_H

#include "dsmpi/diffusion.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

/* The defaults, with another process. `steps` is T of ddpm. */
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
  return config;
}

static inline dsm_process *process_of(int name, int schedule, int64_t steps) {
  dsm_config config = config_of(name, schedule, steps);
  dsm_process *process = NULL;
  assert_int_equal(dsm_process_create(&config, &process), DSM_OK);
  return process;
}

static inline dsm_process *ddpm_of(int64_t steps) {
  return process_of(DSM_PROCESS_DDPM, DSM_SCHEDULE_LINEAR, steps);
}

#endif
