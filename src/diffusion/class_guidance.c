/* Guidance by a classifier. */
#include <stdlib.h>
#include <string.h>
#include "dsmpi/diffusion.h"
#include "dsmpi/memory.h"

struct dsm_class_guidance {
  const dsm_process *process; /* borrowed */
  dsm_denoiser prior;
  dsm_class_gradient classifier;
  double scale;
  size_t n, d;
  uint32_t *k;     /* (n) */
  float *gradient; /* (n, d) */
};

dsm_status dsm_class_guidance_create(const dsm_process *process, const dsm_denoiser *prior,
                                     const dsm_class_gradient *classifier, double scale, size_t n, size_t d,
                                     dsm_class_guidance **guidance) {
  dsm_status status = DSM_OK;
  dsm_class_guidance *g = NULL;
  *guidance = NULL;
  DSM_TRY(DSM_ALLOC(1, &g));
  *g = (dsm_class_guidance){
      .process = process, .prior = *prior, .classifier = *classifier, .scale = scale, .n = n, .d = d};
  DSM_TRY_DONE(DSM_ALLOC(n, &g->k));
  DSM_TRY_DONE(DSM_ALLOC(n * d, &g->gradient));
  *guidance = g;
  g = NULL;
done:
  dsm_class_guidance_destroy(&g);
  return status;
}

void dsm_class_guidance_destroy(dsm_class_guidance **guidance) {
  if (!*guidance) return;
  free((*guidance)->k);
  free((*guidance)->gradient);
  free(*guidance);
  *guidance = NULL;
}

void dsm_class_guidance_give(dsm_class_guidance *g, const uint32_t *k) {
  memcpy(g->k, k, g->n * sizeof *k);
}

static void estimate(void *self, const float *x, const double *t, const dsm_estimate *out) {
  dsm_class_guidance *g = self;
  g->prior.estimate(g->prior.self, x, t, out);
  g->classifier.gradient(g->classifier.self, x, t, g->k, g->gradient);
  for (size_t i = 0; i < g->n; i++) {
    const double alpha = dsm_process_alpha(g->process, t[i]), sigma = dsm_process_sigma(g->process, t[i]);
    for (size_t j = i * g->d; j < (i + 1) * g->d; j++) {
      const double s = g->scale * (double)g->gradient[j];
      if (out->eps) out->eps[j] = (float)((double)out->eps[j] - sigma * s);
      /* where alpha is 0 the classifier has nothing to say */
      if (out->x0 && alpha > 0) out->x0[j] = (float)((double)out->x0[j] + sigma * sigma / alpha * s);
    }
  }
}

dsm_denoiser dsm_class_guidance_denoiser(dsm_class_guidance *g) {
  return (dsm_denoiser){.self = g,
                        .estimate = estimate,
                        .evaluations = g->prior.evaluations,
                        .learns_variance = g->prior.learns_variance};
}
