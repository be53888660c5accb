/* Operands for kernel tests: numbers that depend on the place and a seed alone, in memory that is filled with
 * NAN before use, guarded behind its end, and, when asked for, not aligned. */
#ifndef DSM_TEST_OPERANDS_H
#define DSM_TEST_OPERANDS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dsmpi/kernels.h"
#include "dsmpi/memory.h"

enum { MOST_OPERANDS = 16, GUARD = 16 /* floats behind the end */ };

static struct operands {
  int count;
  size_t offset; /* floats from alignment; 0 or 1 */
  struct {
    void *memory;
    float *at;
    size_t n;
  } list[MOST_OPERANDS];
} operands;

/* n floats of NAN. */
static inline float *operand_output(size_t n) {
  float *memory = NULL;
  assert_int_equal(DSM_ALLOC(n + operands.offset + GUARD, &memory), DSM_OK);
  assert_true(operands.count < MOST_OPERANDS);
  float *at = memory + operands.offset;
  operands.list[operands.count].memory = memory;
  operands.list[operands.count].at = at;
  operands.list[operands.count++].n = n;
  for (size_t i = 0; i < n + GUARD; i++) at[i] = NAN;
  return at;
}

/* n floats in [low, high). */
static inline float *operand_input(size_t n, uint32_t seed, float low, float high) {
  float *x = operand_output(n);
  for (size_t i = 0; i < n; i++) {
    uint32_t h = (uint32_t)i * 2654435761u + seed * 0x9e3779b9u;
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    x[i] = low + (high - low) * (float)((h ^ (h >> 16)) >> 8) * 0x1p-24f;
  }
  return x;
}

/* At least that many bytes, full of NAN, aligned. */
static inline void *operand_scratch(size_t bytes) {
  const size_t offset = operands.offset;
  operands.offset = 0;
  void *scratch = operand_output((bytes + sizeof(float) - 1) / sizeof(float));
  operands.offset = offset;
  return scratch;
}

/* Checks that nothing was written behind an end, and releases everything. */
static inline void operands_release(void) {
  for (int i = 0; i < operands.count; i++) {
    for (size_t j = 0; j < GUARD; j++) assert_true(isnan(operands.list[i].at[operands.list[i].n + j]));
    free(operands.list[i].memory);
  }
  operands.count = 0;
}

static inline double inner_product(const float *a, const float *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
  return sum;
}

#define assert_near(a, b, tolerance) assert_near_((a), (b), (tolerance), __FILE__, __LINE__)
static inline void assert_near_(double a, double b, double tolerance, const char *file, int line) {
  if (!(fabs(a - b) <= tolerance)) {
    print_error("%.9g and %.9g differ by %.3g, more than %.3g\n", a, b, fabs(a - b), tolerance);
    _fail(file, line);
  }
}

#endif
