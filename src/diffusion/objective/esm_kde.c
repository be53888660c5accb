/* Explicit score matching: the score of the data's law is unknown, but that of its kernel density estimate is not
 * (Hyvaerinen 2005; Vincent 2011, section 3). At each time t, with the centres c_k some rows of the data,
 *   x_t = alpha c + sigma eps,  c one of the centres,
 *   loss = w(t) |eps* - eps_hat|^2,  eps* = -sigma grad log q_t(x_t) = (x_t - alpha E[c | x_t]) / sigma.
 * It is the denoising loss with the conditional mean of the clean sample in its place: the same gradient in the mean,
 * with less variance, for (centres x d) operations a sample. With the process single, sigma is the bandwidth. */
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "kde.h"
#include "objective/objective.h"

typedef struct esm {
  float *x0;             /* (n, d) the centres drawn */
  double *weight, *mean; /* (centres), (d) */
  dsm__kde kde;
} esm;

static dsm_status build(dsm_objective *o, const dsm_model *model, const dsm_config *config) {
  esm *own = o->own;
  DSM_TRY(DSM_ALLOC(o->n * o->d, &own->x0));
  DSM_TRY(DSM_ALLOC(o->d, &own->mean));
  return dsm__objective_denoising.build(o, model, config);
}

static dsm_status use_data(dsm_objective *o, const float *rows, size_t count) {
  esm *own = o->own;
  own->kde = (dsm__kde){rows, count, o->d};
  free(own->weight);
  own->weight = NULL;
  DSM_TRY(DSM_ALLOC(count, &own->weight));
  return DSM_OK;
}

static void release(dsm_objective *o) {
  esm *own = o->own;
  free(own->x0);
  free(own->weight);
  free(own->mean);
}

/* The law that is matched is that of the centres, so they are the samples, whatever the batch brings. */
static void draw_centres(const dsm_objective *o, const esm *own) {
  for (size_t i = 0; i < o->n; i++) {
    const dsm_random_key key = {o->seed, DSM_STREAM_PROJECTION, o->step, o->sample[i]};
    const size_t k = (size_t)(dsm_random_uniform_double(key, 0) * (double)own->kde.count);
    for (size_t j = 0; j < o->d; j++) own->x0[i * o->d + j] = own->kde.centre[k * o->d + j];
  }
}

static void fill(dsm_objective *o, const float *x0) {
  esm *own = o->own;
  float *x = dsm_graph_data(o->graph, o->x), *target = dsm_graph_data(o->graph, o->target);
  (void)x0;
  DSM_ASSERT(own->kde.count > 0);
  draw_centres(o, own);
  dsm__fill_denoising(o, own->x0);
  for (size_t i = 0; i < o->n; i++) {
    const double alpha = dsm_process_alpha(o->process, o->t[i]),
                 sigma = dsm_process_sigma(o->process, o->t[i]);
    const dsm_reading r = dsm_prediction_reading(&o->settings, o->process, o->t[i]);
    /* x holds input x_t: centres and bandwidth in the same units */
    dsm__kde_mean(&own->kde, x + i * o->d, alpha * r.input, sigma * r.input, own->weight, own->mean);
    for (size_t j = 0; j < o->d; j++) {
      const double x_j = (double)x[i * o->d + j] / r.input;
      target[i * o->d + j] = (float)(r.f_x0 * own->mean[j] + r.f_eps * (x_j - alpha * own->mean[j]) / sigma);
    }
  }
}

/* The samples are centres, not those of the batch, so its conditions are not theirs. */
static dsm_status check(const dsm_config *config, const dsm_process *process, size_t d) {
  (void)process, (void)d;
  if (config->data.conditions[0])
    DSM_FAIL(DSM_BAD_CONFIG,
             "objective.name esm_kde matches the law of all the data; it takes no data.conditions");
  return DSM_OK;
}

const dsm__objective_ops dsm__objective_esm_kde = {.name = "esm_kde",
                                                   .own = sizeof(esm),
                                                   .check = check,
                                                   .build = build,
                                                   .use_data = use_data,
                                                   .release = release,
                                                   .fill = fill};
