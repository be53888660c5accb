/* The table of fast kernels: ref, overwritten by products, convolutions and the SIMD loops of one instruction
 * set, which is chosen when the program runs. */
#include <stdlib.h>
#include <string.h>
#include "products.h"
#include "winograd.h"

typedef struct instruction_set {
  const char *name;
  bool (*works)(void);
  void (*fill)(dsm_kernels *k);
  const dsm__winograd *winograd;
  const dsm__products *products;
} instruction_set;

#if defined(__x86_64__)
static bool sse2_works(void) {
  return true;
}
static bool avx2_works(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool avx512_works(void) {
  return avx2_works() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#elif defined(__aarch64__)
static bool neon_works(void) {
  return true;
}
#endif

/* best first */
static const instruction_set sets[] = {
#if defined(__x86_64__)
    {"avx512", avx512_works, dsm__simd_avx512, &dsm__winograd_avx512, &dsm__products_avx512},
    {"avx2", avx2_works, dsm__simd_avx2, &dsm__winograd_avx2, &dsm__products_avx2},
    {"sse2", sse2_works, dsm__simd_sse2, &dsm__winograd_sse2, &dsm__products_sse2},
#elif defined(__aarch64__)
    {"neon", neon_works, dsm__simd_neon, &dsm__winograd_neon, &dsm__products_neon},
#endif
};
enum { SETS = sizeof sets / sizeof *sets };

static const instruction_set *set_of(const dsm_kernels *k) {
  int i = 0;
  while (i < SETS && strcmp(sets[i].name, k->instructions) != 0) i++;
  DSM_ASSERT(i < SETS);
  return &sets[i];
}

const dsm__winograd *dsm__winograd_of(const dsm_kernels *k) {
  return set_of(k)->winograd;
}

const dsm__products *dsm__products_of(const dsm_kernels *k) {
  return set_of(k)->products;
}

void dsm_kernels_no_winograd(dsm_kernels *k) {
  static const dsm_conv2d_algorithm *const algorithms[] = {&dsm__conv2d_1x1, &dsm__conv2d_im2col, NULL};
  DSM_ASSERT(strcmp(k->name, "fast") == 0);
  k->name = "im2col";
  k->conv2d = algorithms;
}

dsm_status dsm_kernels_fast(dsm_kernels *k, int threads, const char *instructions) {
  static const dsm_conv2d_algorithm *const algorithms[] = {&dsm__conv2d_1x1, &dsm__conv2d_winograd,
                                                           &dsm__conv2d_im2col, NULL};
  const instruction_set *chosen = NULL;
  char working[64] = "";
  if (instructions == NULL) instructions = getenv("DSMPI_INSTRUCTIONS");
  for (int i = 0; i < SETS; i++) {
    if (!sets[i].works()) continue;
    strcat(strcat(working, working[0] == '\0' ? "" : ", "), sets[i].name);
    if (chosen == NULL && (instructions == NULL || strcmp(instructions, sets[i].name) == 0))
      chosen = &sets[i];
  }
  if (chosen == NULL) {
    DSM_FAIL(DSM_USAGE, "instruction set '%s' is unknown or not in this processor; here work: %s",
             instructions == NULL ? "" : instructions, working);
  }
  dsm_kernels_ref(k, threads);
  k->name = "fast";
  k->instructions = chosen->name;
  k->conv2d = algorithms;
  dsm__fast_matmul(k);
  chosen->fill(k);
  dsm__blas_start();
  return DSM_OK;
}
