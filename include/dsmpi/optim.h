/** @file optim.h
 *  From a summed gradient to new parameters: clip on the global norm, AdamW, exponential moving averages. */
#ifndef DSMPI_OPTIM_H
#define DSMPI_OPTIM_H

#include "dsmpi/config.h"
#include "dsmpi/kernels.h"
#include "dsmpi/parameters.h"

/** Learning rate of step k = 0, 1, ... :  lr * w(k) * f(k),  w = min(1, (k + 1) / warmup)  (so step 0 never
 *  has rate 0), and with k' = k - warmup, K' = steps - warmup:  constant f = 1;  cosine f = (1 + cos(pi k' /
 *  K')) / 2;  inverse_sqrt f = sqrt(warmup / (k + 1)) for k >= warmup >= 1. f = 1 during warm-up. Pure. */
double dsm_learning_rate(const dsm_config *config, int64_t step);
/** Decay of an average after the step number n = 1, 2, ... :  min(rate, (1 + n) / (10 + n)). Pure. */
double dsm_ema_decay(double rate, int64_t n);

typedef struct dsm_optimizer dsm_optimizer;

/** State arrays, all of the parameters' flat layout; what a checkpoint must keep besides the parameters and
 *  the step. */
typedef struct dsm_optimizer_state {
  float *m, *v;                  /* first and second moments */
  size_t averages;               /* number of averages */
  const double *rates;           /* their rates */
  double *average[DSM_LIST_MAX]; /* float64, so that small increments are not lost */
  int64_t step;                  /* steps taken */
} dsm_optimizer_state;

/** What happened in a step. */
typedef struct dsm_step_report {
  double gradient_norm; /* of the mean gradient, before clipping */
  double learning_rate;
  bool clipped;
} dsm_step_report;

/** @param[in] table    borrowed: decay flags and places
 *  @param[in] w        initial parameters: the averages start there
 *  @param[in] kernels  borrowed until destroy */
dsm_status dsm_optimizer_create(const dsm_config *config, const dsm_parameters *table, const float *w,
                                const dsm_kernels *kernels, dsm_optimizer **optimizer);
void dsm_optimizer_destroy(dsm_optimizer **optimizer);
/** One step with g = gradient_sum * scale (scale = 1 / global batch): g is scaled by min(1, clip / |g|), |g|
 *  in float64 after the reduction; AdamW with decay on the entries that have the flag; averages.
 *  @return DSM_OK; DSM_DIVERGED if |g| is not finite, leaving everything untouched. */
dsm_status dsm_optimizer_step(dsm_optimizer *optimizer, float *w, const float *gradient_sum, double scale,
                              dsm_step_report *report);
/** A step that is left out, because loss or gradient is not finite: it counts, for learning rate, corrections and
 *  averages go by the number of the step; nothing else changes. */
void dsm_optimizer_skip(dsm_optimizer *optimizer);
/** The state, to be saved or overwritten on resume; the arrays are owned by the optimizer. Set `step` with
 *  dsm_optimizer_set_step(). */
dsm_optimizer_state dsm_optimizer_state_of(dsm_optimizer *optimizer);
void dsm_optimizer_set_step(dsm_optimizer *optimizer, int64_t step);

#endif
