/* A denoiser that sees every x on a sampler's way and keeps those at wanted times: the last x that is
 * asked about at the first time not above the wanted one. Correctors and second stages, which ask again,
 * so count. No sampler needs to know of it. */
#include <string.h>
#include "explain.h"

/* The denoiser in front of the block of samples first ... first + here - 1. */
typedef struct camera {
  const dsm_denoiser *inner;
  dsm__film *film;
  size_t first, here;
} camera;

static void keep(const camera *c, size_t frame, const float *x) {
  memcpy(c->film->frame + 2 * (frame * c->film->points + c->first), x, 2 * c->here * sizeof *x);
}

static void camera_estimate(void *self, const float *x, const double *t, const dsm_estimate *estimate) {
  const camera *c = self;
  dsm__film *film = c->film;
  for (size_t f = 0; f < film->frames; f++)
    if (t[0] <= film->wanted[f] && (film->taken[f] < 0 || t[0] == film->taken[f])) {
      keep(c, f, x);
      film->taken[f] = t[0];
    }
  c->inner->estimate(c->inner->self, x, t, estimate);
}

static void camera_energy(void *self, const float *x, const double *t, double *energy) {
  const camera *c = self;
  c->inner->energy(c->inner->self, x, t, energy);
}

static dsm_denoiser behind(camera *c) {
  dsm_denoiser denoiser = *c->inner;
  denoiser.self = c;
  denoiser.estimate = camera_estimate;
  denoiser.energy = c->inner->energy ? camera_energy : NULL;
  denoiser.pullback = NULL;
  return denoiser;
}

dsm_status dsm__film_shoot(const dsm_sampler *sampler, const dsm_sampling *settings, dsm__film *film) {
  float x[2 * DSM__SCENE_BLOCK];
  camera c = {.inner = settings->denoiser, .film = film};
  const dsm_denoiser denoiser = behind(&c);
  DSM_ASSERT(settings->n == DSM__SCENE_BLOCK && settings->d == 2 && sampler->walks);
  for (c.first = 0; c.first < film->points; c.first += DSM__SCENE_BLOCK) {
    dsm_sampling sampling = *settings;
    c.here = film->points - c.first < DSM__SCENE_BLOCK ? film->points - c.first : DSM__SCENE_BLOCK;
    for (size_t f = 0; f < film->frames; f++) film->taken[f] = -1;
    sampling.denoiser = &denoiser;
    sampling.first = c.first;
    DSM_TRY(dsm_sampler_draw(sampler, &sampling, x));
    for (size_t f = 0; f < film->frames; f++)
      if (film->taken[f] < 0) keep(&c, f, x);
  }
  const double end = settings->settings->denoise ? 0 : dsm_process_first(settings->process, true);
  for (size_t f = 0; f < film->frames; f++)
    if (film->taken[f] < 0) film->taken[f] = end;
  return DSM_OK;
}
