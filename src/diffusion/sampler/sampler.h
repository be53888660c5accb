/* What samplers are written with. Every sampler is one file with one table; everything it does is within one
 * sample: no statistic is taken over the block, and sample i draws its noise from the row of its global index,
 * so blocks may be cut anyhow. */
#ifndef DSMPI_DIFFUSION_SAMPLER_H
#define DSMPI_DIFFUSION_SAMPLER_H

#include "dsmpi/diffusion.h"

/** What a sampler works on while it runs: the times, the estimates of the last evaluation, the progress. */
typedef struct dsm__work {
  const dsm_sampling *sampling;
  double *t;         /* (steps + 1) dsm_sampler_times; NULL unless asked for */
  double *times;     /* (n) the time of each sample, of the last evaluation */
  float *x0, *eps;   /* (n, d) */
  float *variance;   /* (n, d) of dsm_estimate, where sampler.variance is learned; else NULL */
  float *noise;      /* (n, d) fresh noise of a step */
  int64_t evaluated; /* evaluations of this run */
  int64_t planned;   /* evaluations that it will take; 0: not known beforehand */
} dsm__work;

/** `grid`: t is filled. @return DSM_OK; DSM_NO_MEMORY; DSM_BAD_CONFIG from dsm_sampler_times. Destroy after
 *  failure too. */
dsm_status dsm__work_create(const dsm_sampling *sampling, bool grid, dsm__work *work);
void dsm__work_destroy(dsm__work *work);

/** Counts an evaluation of the denoiser: one of those planned, and as many of the network as the denoiser takes. */
void dsm__count_evaluation(dsm__work *work);
/** x0_hat and eps_hat (n, d) of x (n, d), sample i at time work->times[i], into work. Where x0_hat is clipped
 *  to sampling->clip_*, eps_hat follows: both describe the same x_t. Counts the evaluation. */
void dsm__evaluate_each(dsm__work *work, const float *x);
/** The same at one time for all samples. */
void dsm__evaluate(dsm__work *work, const float *x, double t);
/** The last step of a walk: x becomes x0_hat, its mean at time t (Tweedie). */
void dsm__denoise(dsm__work *work, double t, float *x);
/** Tells how far the block has come, in evaluations. @return DSM_OK; DSM_STOPPED if it is to go no further. */
dsm_status dsm__work_progress(const dsm__work *work);
/** The same for samplers that do not know how many evaluations they take: `done` of `all`. */
dsm_status dsm__progress_of(const dsm_sampling *sampling, int64_t done, int64_t all);

/** Standard normals z (n, d), row i those of sample i: draw 0 is x_T, each sampler numbers its own from 1. */
void dsm__sampler_noise(const dsm_sampling *sampling, uint64_t draw, float *z);

/** The steps that a walk over the times takes: all, or all but the last, from the first time to the data, where
 *  sampler.denoise is false. */
int64_t dsm__walk_steps(const dsm_sampling *sampling);

/** sigma / alpha, infinite where alpha is 0. */
double dsm__noise_ratio(const dsm_process *process, double t);
/** ln(alpha / sigma), half the log-SNR: infinite at the data, -infinite where alpha is 0. */
double dsm__half_log_snr(const dsm_process *process, double t);
/** The time a walk starts from. */
double dsm__sampling_start(const dsm_sampling *sampling);
/** dsm_sampler_times of a walk that starts at the time `from`. */
dsm_status dsm__times_from(const dsm_process *process, const dsm_sampler_settings *settings, double from,
                           int64_t steps, double *t);
/** @return DSM_OK; DSM_BAD_CONFIG if dsm__times_from cannot give these times. */
dsm_status dsm__times_check(const dsm_process *process, const dsm_sampler_settings *settings, double from,
                            int64_t steps);

/** For dsm_sampler.reverses: always. */
bool dsm__reverses(const dsm_sampling *sampling);
/** Why a solver of the ODE or SDE cannot run where time is discrete, or NULL. */
const char *dsm__needs_continuous_time(const dsm_sampling *sampling);

extern const dsm_sampler dsm__sampler_ancestral, dsm__sampler_ddim, dsm__sampler_langevin,
    dsm__sampler_annealed_langevin, dsm__sampler_euler_maruyama, dsm__sampler_reverse_diffusion,
    dsm__sampler_predictor_corrector, dsm__sampler_ode, dsm__sampler_euler, dsm__sampler_heun,
    dsm__sampler_dpmpp_2m, dsm__sampler_dpmpp_2m_sde;

#endif
