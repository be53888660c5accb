/* Single precision products, the core type and the threads of OpenBLAS; lapack.c is the only other file that talks to it. */
#include <cblas.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "products.h"

static int blas_int(size_t n) {
  DSM_ASSERT(n <= INT_MAX);
  return (int)n;
}

void dsm__sgemm(const dsm__product *p) {
  cblas_sgemm(CblasRowMajor, p->a.transpose ? CblasTrans : CblasNoTrans,
              p->b.transpose ? CblasTrans : CblasNoTrans, blas_int(p->m), blas_int(p->n), blas_int(p->k),
              p->alpha, p->a.at, blas_int(p->a.pitch), p->b.at, blas_int(p->b.pitch), p->add ? 1 : 0, p->c,
              blas_int(p->c_pitch));
}

/* ---- the core type ------------------------------------------------------------------------------------- */

/* How OpenBLAS, built for many processors, chooses the kernels of one; absent from other builds. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/* What this processor can run, whoever made it; NULL if OpenBLAS's own choice is as good as any. */
static const char *core_by_instructions(void) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return "SkylakeX";
  }
  return "Haswell";
#else
  return NULL;
#endif
}

/* OpenBLAS knows processors by their number. Meeting one newer than itself it takes kernels from 2004
 * ("Prescott", 128-bit vectors), which are 5 to 10 times slower: 0.3.21 does so on Xeons from 2023 on. It
 * reads its environment variable when it is loaded, before main; so it is told here to choose again. A choice
 * made by the user stands. */
static void choose_core(void) {
  static const char *const modern[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"};
  const char *core = core_by_instructions(), *variable = "OPENBLAS_CORETYPE";
  if (core == NULL || gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL ||
      getenv(variable) != NULL)
    return;
  for (size_t i = 0; i < sizeof modern / sizeof *modern; i++) {
    if (strcmp(openblas_get_corename(), modern[i]) == 0) return;
  }
  if (setenv(variable, core, 0) != 0) return;
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv(variable);
}

/* ---- threads ------------------------------------------------------------------------------------------- */

void dsm__blas_one_thread(void) {
  /* OpenBLAS with OpenMP takes as many threads as omp_get_max_threads() says outside parallel regions, one
   * inside. Our own regions name their number of threads, so this setting is free for OpenBLAS. */
  if (omp_get_max_threads() != 1) omp_set_num_threads(1);
}

void dsm__blas_start(void) {
  static bool started;
#pragma omp critical(dsm__blas_start)
  if (!started) {
    started = true;
    choose_core();
    openblas_set_num_threads(1);
  }
  dsm__blas_one_thread();
}

/* ---- the name ------------------------------------------------------------------------------------------ */

const char *dsm_kernels_blas(void) {
  static char text[128];
  dsm__blas_start();
#pragma omp critical(dsm__blas_name)
  if (text[0] == '\0') {
    static const char *const threading[] = {"sequential", "pthreads", "OpenMP"};
    const int kind = openblas_get_parallel();
    char name[32] = "OpenBLAS", version[32] = "";
    sscanf(openblas_get_config(), "%31s %31s", name, version);
    snprintf(text, sizeof text, "%s %s (%s, %s)", name, version, openblas_get_corename(),
             kind >= 0 && kind <= 2 ? threading[kind] : "unknown threading");
  }
  return text;
}
