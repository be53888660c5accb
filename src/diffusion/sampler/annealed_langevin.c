/* Annealed Langevin dynamics, Song & Ermon 2019 (arXiv:1907.05600), algorithm 1: sampler.langevin_steps steps at
 * each level, from the largest noise down, with
 *   tau_i = tau_L sigma_i^2 / sigma_L^2,   sigma_L the smallest noise,
 * and at last E[x0 | x] at sigma_L (Song & Ermon 2020, arXiv:2006.09011). The levels are the times of the grid.
 * Where alpha changes too, x is scaled by alpha_s / alpha_t from a level to the next. This is the same algorithm
 * for x / alpha, whose noise is sigma / alpha; without it the samples come late: the law that they follow moves
 * outward as alpha rises to 1, and the short steps of the last levels do not catch up. */
#include "sampler/langevin.h"

#include <math.h>
#include <stdio.h>

static int64_t evaluations(const dsm_sampling *s) {
  return s->steps * dsm__langevin_evaluations(s, s->settings->langevin_steps) + s->settings->denoise;
}

static const char *refuses(const dsm_sampling *s) {
  if (s->settings->langevin_steps < 1) return "sampler.langevin_steps is below 1";
  return dsm__langevin_refuses(s);
}

static void describe(const dsm_sampling *s, char *text, size_t size) {
  const int length = snprintf(text, size, "%lld at each level, ", (long long)s->settings->langevin_steps);
  const double lowest = s->steps > 1 ? dsm_process_first(s->process, true) : dsm_process_last(s->process);
  dsm__langevin_describe(s, lowest, text + length, size - (size_t)length);
}

/* Nothing is known of x / alpha where alpha is 0. */
static void scale(const dsm_sampling *s, double from, double to, float *x) {
  const double alpha = dsm_process_alpha(s->process, from);
  if (!(alpha > 0)) return;
  const double factor = dsm_process_alpha(s->process, to) / alpha;
  for (size_t j = 0; j < s->n * s->d; j++) x[j] = (float)(factor * (double)x[j]);
}

static dsm_status run(const dsm_sampling *s, float *x) {
  dsm_status status = DSM_OK;
  dsm__work work;
  dsm__langevin *langevin = NULL;
  uint64_t draw = 1;
  DSM_TRY_DONE(dsm__work_create(s, true, &work));
  DSM_TRY_DONE(dsm__langevin_create(&work, &langevin));
  work.planned = evaluations(s);
  const double lowest = work.t[s->steps - 1];
  const double tau = dsm__langevin_tau(s, lowest), sigma = dsm_process_sigma(s->process, lowest);
  for (int64_t k = 0; k < s->steps; k++) {
    if (k > 0) scale(s, work.t[k - 1], work.t[k], x);
    const double ratio = dsm_process_sigma(s->process, work.t[k]) / sigma;
    DSM_TRY_DONE(
        dsm__langevin_walk(langevin, work.t[k], tau * ratio * ratio, s->settings->langevin_steps, &draw, x));
  }
  if (s->settings->denoise) {
    dsm__denoise(&work, lowest, x);
    DSM_TRY_DONE(dsm__work_progress(&work));
  }
done:
  dsm__langevin_destroy(&langevin);
  dsm__work_destroy(&work);
  return status;
}

const dsm_sampler dsm__sampler_annealed_langevin = {.name = "annealed_langevin",
                                                    .steps = 10,
                                                    .walks = true,
                                                    .metropolis = true,
                                                    .refuses = refuses,
                                                    .evaluations = evaluations,
                                                    .describe = describe,
                                                    .run = run};
