/** @file optim_test.h
 *  A small optimizer to test: config, table, plain C kernels and parameters in one place. */
#ifndef DSMPI_TESTS_OPTIM_TEST_H
#define DSMPI_TESTS_OPTIM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "dsmpi/optim.h"

enum { WEIGHTS = 24, BIASES = 4, COUNT = 2 * (WEIGHTS + BIASES) }; /* two layers of 4 x 6 */

typedef struct fixture {
  dsm_config config;
  dsm_kernels kernels;
  dsm_parameters *table;
  float w[COUNT];
  dsm_optimizer *optimizer;
} fixture;

/* Repeatable numbers in (-1, 1). */
static inline float some(unsigned i) {
  uint32_t h = (i + 1) * 2654435761u;
  h ^= h >> 15;
  h *= 2246822519u;
  h ^= h >> 13;
  return (float)(h >> 8) / 8388608.0f - 1;
}

static inline fixture *fixture_create(void) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->config.optimizer.lr = 1e-3;
  f->config.optimizer.beta1 = 0.9;
  f->config.optimizer.beta2 = 0.999;
  f->config.optimizer.eps = 1e-8;
  f->config.optimizer.schedule = DSM_LR_CONSTANT;
  f->config.train.steps = 1000;
  dsm_kernels_ref(&f->kernels, 1);
  assert_int_equal(dsm_parameters_create(&f->table), DSM_OK);
  static const char *const names[] = {"a.weight", "a.bias", "b.weight", "b.bias"};
  for (int i = 0; i < 4; i++) {
    dsm_shape shape = i % 2 == 0 ? DSM_SHAPE(4, 6) : DSM_SHAPE(4);
    assert_int_equal(dsm_parameters_add(f->table, names[i], shape, i % 2 == 0, DSM_INIT_ZERO, 1, NULL),
                     DSM_OK);
  }
  assert_int_equal(dsm_parameters_count(f->table), COUNT);
  for (unsigned i = 0; i < COUNT; i++) f->w[i] = some(1000 + i);
  return f;
}

/* After the config has been set up. */
static inline void fixture_start(fixture *f) {
  assert_int_equal(dsm_optimizer_create(&f->config, f->table, f->w, &f->kernels, &f->optimizer), DSM_OK);
}

static inline void fixture_destroy(fixture *f) {
  dsm_optimizer_destroy(&f->optimizer);
  dsm_parameters_destroy(&f->table);
  free(f);
}

/* |x - y| <= tolerance * max(|y|, floor) */
static inline void assert_close(double x, double y, double tolerance, double floor) {
  double scale = fabs(y) > floor ? fabs(y) : floor;
  if (fabs(x - y) <= tolerance * scale) return;
  print_error("%.17g is not close to %.17g (tolerance %g)\n", x, y, tolerance);
  fail();
}

#endif
