/* Langevin chains from one start. The walk is the langevin sampler's, which takes the x that it is given
 * and tells after each of its steps. */
#include <math.h>
#include <string.h>
#include "explain.h"

typedef struct watcher {
  const dsm__chains *chains;
  const float *x; /* of the block that runs */
  size_t step;
} watcher;

static bool watch(void *context, int64_t done, int64_t all) {
  watcher *w = context;
  const dsm__chains *c = w->chains;
  (void)done, (void)all;
  for (size_t i = 0; i < c->lines; i++)
    memcpy(c->path + 2 * (i * ((size_t)c->steps + 1) + w->step), w->x + 2 * i, 2 * sizeof *w->x);
  w->step++;
  return true;
}

static dsm_status run_block(const dsm__chains *c, const dsm_process *process, const dsm_denoiser *denoiser,
                            uint64_t seed, size_t first, float *x) {
  const dsm_sampler *sampler = dsm_sampler_of(DSM_SAMPLER_LANGEVIN);
  watcher w = {.chains = c, .x = x};
  dsm_sampling sampling = {.process = process,
                           .denoiser = denoiser,
                           .settings = &c->settings,
                           .n = DSM__SCENE_BLOCK,
                           .d = 2,
                           .seed = seed,
                           .first = first,
                           .steps = c->steps};
  for (size_t i = 0; i < 2 * DSM__SCENE_BLOCK; i++) x[i] = (float)c->start[i % 2];
  if (first == 0) { /* the chains that are drawn */
    sampling.progress = watch;
    sampling.context = &w;
    watch(&w, 0, c->steps);
  }
  DSM_TRY(dsm_sampler_check(sampler, &sampling));
  DSM_TRY(sampler->run(&sampling, x));
  return DSM_OK;
}

dsm_status dsm__chains_run(const dsm__chains *c, const dsm_process *process, const dsm_denoiser *denoiser,
                           uint64_t seed) {
  float x[2 * DSM__SCENE_BLOCK];
  DSM_ASSERT(c->lines <= DSM__SCENE_BLOCK && !c->settings.denoise);
  for (size_t first = 0; first < c->points; first += DSM__SCENE_BLOCK) {
    const size_t here = c->points - first < DSM__SCENE_BLOCK ? c->points - first : DSM__SCENE_BLOCK;
    DSM_TRY(run_block(c, process, denoiser, seed, first, x));
    memcpy(c->end + 2 * first, x, 2 * here * sizeof *x);
  }
  for (size_t i = 0; i < 2 * c->points; i++)
    if (!isfinite(c->end[i]))
      DSM_FAIL(DSM_BAD_CONFIG,
               "explain: the chains have run away to infinity: --step %g is too long for this law; take a "
               "shorter one",
               c->settings.langevin_step);
  return DSM_OK;
}
