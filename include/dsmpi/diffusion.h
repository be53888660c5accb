/** @file diffusion.h
 *  Score-based modelling: the forward process, what the network predicts, the loss, the way back.
 *  Symbols: x_t = alpha(t) x0 + sigma(t) eps; s = grad log p_t(x); d = number of elements of a sample.
 *  Coefficients are float64. Nothing here is collective; nothing here knows MPI or files. */
#ifndef DSMPI_DIFFUSION_H
#define DSMPI_DIFFUSION_H

#include "dsmpi/config.h"
#include "dsmpi/nn.h"
#include "dsmpi/normalization.h"

/* ---- process ------------------------------------------------------------------------------------------- */

/** A forward process. b(t) = b0 + t (b1 - b0), y(t) = t^2 (b1 - b0)/4 + t b0/2; s0 = sigma_min, s1 = sigma_max.
 *             times          alpha                sigma                        start of sampling ~ N(0, std^2)
 *    ddpm     1, 2 ... T     sqrt(prod (1 - beta_i))  sqrt(1 - alpha^2)        1
 *    smld     1, 2 ... T     1                    s0 (s1/s0)^((t-1)/(T-1))     s1
 *    single   1              1                    process.sigma                process.sigma, far from the true law
 *             (process.sigma 0: the trainer puts dsm_bandwidth_fit of the data there; no process has it)
 *    vp       (0, 1]         exp(-y)              sqrt(1 - alpha^2)            1
 *    subvp    (0, 1]         exp(-y)              1 - alpha^2                  1
 *    ve       (0, 1]         1                    s0 (s1/s0)^t                 s1
 *    edm      [s0, s1]       1                    t                            s1
 *    flow     (0, 1]         1 - t                t                            1
 *  t = 0 is the data: alpha 1, sigma 0, by convention where sigma does not go there by itself. Schedules of
 *  the betas of ddpm: src/diffusion/process/betas.c. */
typedef struct dsm_process dsm_process;
dsm_status dsm_process_create(const dsm_config *config, dsm_process **process);
void dsm_process_destroy(dsm_process **process);
const char *dsm_process_name_of(const dsm_process *process);
/** True when only integer times exist (ddpm, smld, single). */
bool dsm_process_discrete(const dsm_process *process);
/** Last time: T, s1 or 1. First time that training and sampling use: 1 where time is discrete, s0 in edm, 1e-5
 *  in training elsewhere, and in sampling 1e-3 (ve: 1e-5). */
double dsm_process_last(const dsm_process *process);
double dsm_process_first(const dsm_process *process, bool sampling);
double dsm_process_alpha(const dsm_process *process, double t);
double dsm_process_sigma(const dsm_process *process, double t);
/** The t with sigma / alpha = ratio > 0, between dsm_process_first in training and dsm_process_last; where time
 *  is discrete, the one whose ratio is nearest in the logarithm. */
double dsm_process_time_of(const dsm_process *process, double ratio);
/** Drift f and squared diffusion g^2 of dx = f x dt + g dw: f = alpha'/alpha, g^2 = (sigma^2)' - 2 f
 *  sigma^2; infinite where alpha = 0. Discrete time: per step, f = log(alpha_t / alpha_{t-1}), g^2 =
 *  sigma_{t-1,t}^2, which is beta_t in ddpm. */
double dsm_process_drift(const dsm_process *process, double t);
double dsm_process_diffusion2(const dsm_process *process, double t);
/** alpha' and sigma' of a process in continuous time. They make the probability-flow ODE without dividing by
 *  alpha or sigma:  dx/dt = alpha' x0_hat + sigma' eps_hat  (= f x - g^2 s / 2). */
double dsm_process_alpha_slope(const dsm_process *process, double t);
double dsm_process_sigma_slope(const dsm_process *process, double t);
/** What the network sees as time, about 0 ... 999: discrete time (t - 1) 999 / (T - 1), which is t - 1 for T =
 *  1000; 999 t; edm 999 ln(t/s0) / ln(s1/s0), which is c_noise = ln(t)/4 shifted and stretched. The text names
 *  the formula; other programs have others, so it is kept in checkpoints. */
double dsm_process_label(const dsm_process *process, double t);
const char *dsm_process_label_text(const dsm_process *process);
/** Standard deviation of the start of sampling, see above; and whether x at the last time is close to that
 *  law whatever the data are, as walks from noise to data need: not so for `single`. */
double dsm_process_prior_std(const dsm_process *process);
bool dsm_process_ends_in_noise(const dsm_process *process);

/** Posterior q(x_s | x_t, x0), s < t, of any Gaussian process, alpha_ts = alpha_t / alpha_s, sigma_ts^2 =
 *  sigma_t^2 - alpha_ts^2 sigma_s^2:
 *    mean = x_t_factor x_t + x0_factor x0,
 *    variance small = sigma_ts^2 sigma_s^2 / sigma_t^2 (exact posterior), large = sigma_ts^2.
 *  Kingma et al. 2021 (arXiv:2107.00630)
 *  appendix A; equals Ho et al. 2020 (arXiv:2006.11239) eq. 7 for ddpm, s = t - 1. */
typedef struct dsm_posterior {
  double x_t_factor, x0_factor, small, large;
} dsm_posterior;
dsm_posterior dsm_process_posterior(const dsm_process *process, double s, double t);
/** Natural logarithms of the two variances, bounds of a learned one. The small one of a step to the data is 0;
 *  in its place stands that of the step before, or, where time is discrete and starts there, of t = 2 to 1.
 *  (Nichol & Dhariwal 2021, arXiv:2102.09672.) */
typedef struct dsm_log_variances {
  double small, large;
} dsm_log_variances;
dsm_log_variances dsm_process_log_variances(const dsm_process *process, double s, double t);

/* ---- prediction ---------------------------------------------------------------------------------------- */

/** How the output F of a network is read at one time, and what it should be:
 *    F       = network(input x_t)
 *    x0_hat  = x0_x x_t + x0_f F,      eps_hat = eps_x x_t + eps_f F,    s_hat = -eps_hat / sigma
 *    F*      = f_x0 x0 + f_eps eps
 *  so |eps - eps_hat|^2 = eps_f^2 |F - F*|^2. input = 1 / sqrt(alpha^2 + sigma^2), in edm with alpha sigma_data
 *  for alpha. F* is
 *    eps, x0      themselves
 *    score        sigma s, of unit scale as in NCSN
 *    energy       grad e = -sigma s with a scalar network e: read like eps
 *    v            alpha eps - sigma x0
 *    flow         eps - x0
 *    mu           input E[x_{t-1} | x_t, x0], discrete time only
 *    edm          (x0 - c_skip x_t / alpha) / c_out at the noise level sigma / alpha */
typedef struct dsm_reading {
  double input, x0_x, x0_f, eps_x, eps_f, f_x0, f_eps;
} dsm_reading;
dsm_reading dsm_prediction_reading(const dsm_objective_settings *settings, const dsm_process *process,
                                   double t);
/** @return DSM_OK; DSM_BAD_CONFIG with the reason if there is no such reading at all times of the process: mu in
 *  continuous time, eps and score where alpha goes to 0. */
dsm_status dsm_prediction_check(const dsm_objective_settings *settings, const dsm_process *process);

/* ---- objective ----------------------------------------------------------------------------------------- */

/** Weight of |eps - eps_hat|^2, summed over the d elements of a sample, in the loss; SNR = alpha^2 / sigma^2:
 *    simple        1/d                       sigma2      1/2
 *    likelihood    g^2 / (2 sigma^2)         vlb         KL of a reverse step with objective.vlb_variance
 *    min_snr       min(1, gamma / SNR) / d   soft_min_snr  1 / (1 + SNR / gamma) / d
 *    edm           (1 + 1 / (SNR sigma_data^2)) / d      output  1/(d eps_f^2): 1/d on the network's output
 *  Sources: src/diffusion/weighting.c. Infinite where alpha = 0 for some. */
double dsm_weighting_value(const dsm_objective_settings *settings, const dsm_process *process, double t,
                           size_t d);
/** The same as weight of |F - F*|^2, eps_f^2 times as large: finite at all times of a process. */
double dsm_weighting_of_output(const dsm_objective_settings *settings, const dsm_process *process, double t,
                               size_t d);
/** @return DSM_OK; DSM_BAD_CONFIG with the reason: vlb in continuous time, likelihood where g is infinite. */
dsm_status dsm_weighting_check(const dsm_objective_settings *settings, const dsm_process *process);

/** The law of the times of training samples: objective.times of the configuration, in src/diffusion/objective/times.c.
 *  With importance it follows the losses and has a state, the same on all ranks as long as all of them see the
 *  same updates. */
typedef struct dsm_times dsm_times;
/** @param[in] process  borrowed until destroy */
dsm_status dsm_times_create(const dsm_config *config, const dsm_process *process, dsm_times **times);
void dsm_times_destroy(dsm_times **times);
/** True when weights are not all 1, and there is a state (importance). */
bool dsm_times_weighted(const dsm_times *times);
/** Times of the samples first ... first + n - 1 of the batch of train.batch at (seed, step), and the weights that
 *  make the mean over them that over uniform times; `weight` may be NULL. */
void dsm_times_draw(const dsm_times *times, uint64_t seed, uint64_t step, uint64_t first, size_t n, double *t,
                    double *weight);
/** The time below which a share 0 < u < 1 of the law lies; of importance, whose weighted law is the uniform one, that
 *  of this one. */
double dsm_times_quantile(const dsm_times *times, double u);
/** In which of `levels` equal parts of the range of times t lies, 0 the one nearest to the data; equal as the network
 *  sees time (dsm_process_label): in ln sigma where time is sigma (edm), in t elsewhere. */
size_t dsm_times_level(const dsm_times *times, double t, size_t levels);
/** Takes note of the losses of a step: of all samples of the batch, in their order, as dsm_objective_run gave them
 *  (weighted). The next draw follows them. */
void dsm_times_update(dsm_times *times, const double *t, const float *loss, size_t n);
/** The state as numbers, 0 of them without one; written, and read back: DSM_BAD_DATA if they cannot be one. */
size_t dsm_times_state_count(const dsm_times *times);
void dsm_times_save(const dsm_times *times, double *state);
dsm_status dsm_times_restore(dsm_times *times, const double *state);

/** Loss of a micro-batch on a graph: inputs, loss, gradients of all parameters. Built once, filled and run
 *  every step. */
typedef struct dsm_objective dsm_objective;
/** Builds network + loss for micro-batches of `micro_batch` samples; outputs: loss per sample; gradients of
 *  the *sum* over the micro-batch (the trainer divides by the global batch).
 *  @param[in] process, model, kernels  borrowed until destroy */
dsm_status dsm_objective_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                                const dsm_kernels *kernels, size_t micro_batch, dsm_objective **objective);
void dsm_objective_destroy(dsm_objective **objective);
/** Rows of the data, normalised, that this objective wants to have beside the batches (esm_kde: its centres); 0 for
 *  most. They must be given before the first run: (count, sample...), count at least 1; borrowed until destroy. */
size_t dsm_objective_rows_wanted(const dsm_objective *objective);
dsm_status dsm_objective_use_rows(dsm_objective *objective, const float *rows, size_t count);
/** The bandwidth h of the kernel density estimate q_h(x) = 1/m sum_k N(x; c_k, h^2 I) of rows c_k (count, d) by held-out
 *  likelihood: the h with the largest
 *    sum_i log q_h^(-i)(c_i),   q_h^(-i) the estimate from all rows but the i-th,
 *  to 0.1 %, where i are all rows up to 2048, and some, spread evenly, of more (Duin 1976, doi:10.1109/TC.1976.1674577). A
 *  function of the rows alone; about count^2 d operations.
 *  @return DSM_OK; DSM_BAD_DATA if no h is best: fewer than 2 rows, or each of them comes twice. */
dsm_status dsm_bandwidth_fit(const float *rows, size_t count, size_t d, double *bandwidth);
/** Draws t and eps from (seed, step, sample) and runs: t by dsm_times_draw, losses times its weights. `x0`
 *  (micro_batch, sample...) normalised; `first` global index of its first sample in the batch.
 *  @param[out] gradients  flat array, overwritten
 *  @param[out] loss       (micro_batch) weighted loss of each sample
 *  @param[in]  hooks      called while the graph runs; NULL = none */
void dsm_objective_run(dsm_objective *objective, const float *parameters, const float *x0, uint64_t seed,
                       uint64_t step, uint64_t first, float *gradients, float *loss,
                       const dsm_run_hooks *hooks);
/** The same with t and eps given and without dropout: for tests. */
void dsm_objective_run_given(dsm_objective *objective, const float *parameters, const float *x0,
                             const double *t, const float *eps, float *gradients, float *loss);
/** The same without gradients, in a third of the time: for held-out losses. Weights of times are 1; what else the
 *  objective draws is a function of (seed, first + i), and of no step of the training.
 *  @param[out] loss  (micro_batch) */
void dsm_objective_measure(dsm_objective *objective, const float *parameters, const float *x0,
                           const double *t, const float *eps, uint64_t seed, uint64_t first, float *loss);
/** Channels of a sample, where the loss is made up of squared errors of single elements (denoising); else 0. */
size_t dsm_objective_channels(const dsm_objective *objective);
/** The loss of sample i of the last measurement by channel: C times what the elements of the channel, of C, make of
 *  it, so that the mean over the channels is the loss. `loss` has dsm_objective_channels places. */
void dsm_objective_channel_losses(const dsm_objective *objective, size_t i, double *loss);
/** Whether the class that a classifier gives to sample i of the last measurement is its label; the objective is that of
 *  a classifier. */
bool dsm_objective_hit(const dsm_objective *objective, size_t i);
/** The draws of dsm_objective_run: t (micro_batch) and eps (micro_batch, d). */
void dsm_objective_draw(const dsm_objective *objective, uint64_t seed, uint64_t step, uint64_t first,
                        double *t, float *eps);
/** Its law of times; owned by the objective. */
dsm_times *dsm_objective_times(dsm_objective *objective);
/** Conditions u (n, dsm_model_conditions) of the samples of the runs that follow, copied; NULL, and before the
 *  first call: none, which the network sees as left out. In dsm_objective_run, of each sample with probability
 *  objective.condition_drop they are left out too. */
void dsm_objective_condition(dsm_objective *objective, const float *u);
/** Entries of u, which are the labels that a classifier learns, one-hot. */
size_t dsm_objective_conditions(const dsm_objective *objective);
/** Which of n samples are shown without conditions: a function of (seed, step, sample). */
void dsm_objective_draw_drops(double probability, uint64_t seed, uint64_t step, uint64_t first, size_t n,
                              bool *dropped);
dsm_graph_facts dsm_objective_facts(const dsm_objective *objective);
/** Per-op times of one micro-batch, see dsm_graph_profile. */
dsm_status dsm_objective_profile(dsm_objective *objective, const float *parameters, float *gradients,
                                 int repeats, dsm_node_time **times, size_t *count);

/* ---- sampler ------------------------------------------------------------------------------------------- */

/** What a denoiser tells of n noisy samples; NULL where it is not wanted. */
typedef struct dsm_estimate {
  float *x0;  /* (n, d) E[x0 | x_t] */
  float *eps; /* (n, d) E[eps | x_t] = -sigma s(x_t) */
  /* (n, d) v: the log variance of a reverse step lies there between that of small (0) and large (1); only from
   * a denoiser that learns_variance */
  float *variance;
} dsm_estimate;

/** Estimates from x_t (n, d), n fixed by the implementation, sample i at time t[i]. The trained network is one
 *  implementation, exact scores of known laws are others (tests). Both estimates come from it, since each
 *  loses digits where it is made from the other: x0 = (x - sigma eps) / alpha at small alpha, eps at small
 *  sigma. */
typedef struct dsm_denoiser {
  void *self;
  bool learns_variance;
  int evaluations; /* of the network in one estimate, and in one energy; 0 counts as 1 */
  void (*estimate)(void *self, const float *x, const double *t, const dsm_estimate *estimate);
  /* dx = (d x0_hat / dx)^T u_x0 + (d eps_hat / dx)^T u_eps (n, d); u_x0 or u_eps may be NULL (zero). NULL:
   * not offered */
  void (*pullback)(void *self, const float *x, const double *t, const float *u_x0, const float *u_eps,
                   float *dx);
  /* (n) energies E with s = -grad E, up to a constant of t. NULL: the score has no energy */
  void (*energy)(void *self, const float *x, const double *t, double *energy);
} dsm_denoiser;

/** The trained network as denoiser for blocks of `block` samples; with `pullback` also its derivative by x,
 *  whose activations are then in memory. */
typedef struct dsm_network dsm_network;
dsm_status dsm_network_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                              const dsm_kernels *kernels, size_t block, bool pullback, dsm_network **network);
void dsm_network_destroy(dsm_network **network);
/** @param[in] parameters  borrowed, and unchanged, as long as the denoiser is used; for new values, call again */
dsm_denoiser dsm_network_denoiser(dsm_network *network, const float *parameters);
/** Conditions u (block, dsm_model_conditions) of the samples of a model with conditions, copied, for all that the
 *  denoiser does from now on; NULL, and before the first call: none. sampler.guidance = w makes every quantity
 *    F = F_0 + w (F_u - F_0),  F_0 that without conditions,
 *  which is the same formula for x0_hat, eps_hat, s and E, since they are affine in F at a given x_t (Ho & Salimans
 *  2022, arXiv:2207.12598, eq. 6, who write 1 + w for w). A learned variance is that given u. One evaluation for
 *  w = 1 (F_u) and w = 0 (F_0), two for others. */
void dsm_network_condition(dsm_network *network, const float *u);
dsm_graph_facts dsm_network_facts(const dsm_network *network);

/* ---- classifier ---------------------------------------------------------------------------------------- */

/** A trained classifier (objective.name classifier) for blocks of `block` samples; with `gradient` also that of its
 *  log-probabilities by x. Not thread-safe. */
typedef struct dsm_classifier dsm_classifier;
dsm_status dsm_classifier_create(const dsm_config *config, const dsm_process *process, const dsm_model *model,
                                 const dsm_kernels *kernels, size_t block, bool gradient,
                                 dsm_classifier **classifier);
void dsm_classifier_destroy(dsm_classifier **classifier);
size_t dsm_classifier_classes(const dsm_classifier *classifier);
size_t dsm_classifier_features(const dsm_classifier *classifier);
/** Probabilities p(k | x) (block, classes), and what the last layer sees (block, features); NULL where not wanted.
 *  @param[in] x  (block, d): x_t at times t (block) for a noisy classifier, which sees 1 / sqrt(alpha^2 + sigma^2) times
 *                it; clean data, and t NULL, for the other */
void dsm_classifier_run(dsm_classifier *classifier, const float *parameters, const float *x, const double *t,
                        float *features, float *probability);
/** gradient (block, d) = grad_x ln p(k_i | x_i); k (block). */
void dsm_classifier_gradient(dsm_classifier *classifier, const float *parameters, const float *x,
                             const double *t, const uint32_t *k, float *gradient);

/** The gradient of ln p(k | x_t) by x_t (n, d), of samples x (n, d) at times t (n): a trained noisy classifier, or a law. */
typedef struct dsm_class_gradient {
  void *self;
  void (*gradient)(void *self, const float *x, const double *t, const uint32_t *k, float *gradient);
} dsm_class_gradient;
/** A denoiser of p(x0 | k) made of one of p(x0) and a classifier (Song et al. 2021, arXiv:2011.13456, section 5;
 *  Dhariwal & Nichol 2021, arXiv:2105.05233, algorithm 2): with g = scale grad ln p(k | x_t)
 *    s = s_0 + g,   eps_hat = eps_0 - sigma g,   x0_hat = x0_0 + sigma^2 / alpha g
 *  Exact for scale 1 and the true p(k | x_t); larger scales sharpen. */
typedef struct dsm_class_guidance dsm_class_guidance;
/** For n samples of d numbers; `prior` and `classifier` are copied, what they point to is borrowed. */
dsm_status dsm_class_guidance_create(const dsm_process *process, const dsm_denoiser *prior,
                                     const dsm_class_gradient *classifier, double scale, size_t n, size_t d,
                                     dsm_class_guidance **guidance);
void dsm_class_guidance_destroy(dsm_class_guidance **guidance);
/** The classes k (n) of the samples from now on, copied; 0 before the first call. */
void dsm_class_guidance_give(dsm_class_guidance *guidance, const uint32_t *k);
dsm_denoiser dsm_class_guidance_denoiser(dsm_class_guidance *guidance);

/** Proposals of Metropolis's rule and how many were accepted, over the samples of a block. */
typedef struct dsm_sampling_moves {
  int64_t proposed, accepted;
} dsm_sampling_moves;

/** Everything a sampler needs for one block. Samples are independent: sample i of the block uses the random
 *  rows of global index first + i only, so blocks may be drawn anywhere in any order. */
typedef struct dsm_sampling {
  const dsm_process *process;
  const dsm_denoiser *denoiser;
  const dsm_sampler_settings *settings;
  size_t n, d;                        /* samples in the block, elements a sample */
  uint64_t seed, first;               /* stream DSM_STREAM_SAMPLER */
  int64_t steps;                      /* dsm_sampler_steps */
  double start;                       /* time of x on entry: 0 = the last one */
  const double *clip_low, *clip_high; /* per channel range of x0_hat in normalised units, or NULL */
  size_t channels;
  /* called after each step with the evaluations done of those planned (adaptive: thousandths of the way of
   * 1000); false stops the sampler; may be NULL */
  bool (*progress)(void *context, int64_t done, int64_t all);
  void *context;
  int64_t *evaluations; /* is raised by the evaluations of the network, of all n samples each; or NULL */
  int32_t *
      needed; /* (n) set to the evaluations of the network each sample needed by itself: fewer where steps adapt; or NULL */
  dsm_sampling_moves *moves; /* is raised; or NULL */
} dsm_sampling;

/** A sampler: one file, one table entry. Functions may be NULL, but for run. */
typedef struct dsm_sampler {
  const char *name;
  int64_t steps;   /* that suit it; 0: all times where time is discrete, 1000 elsewhere */
  bool walks;      /* its steps are those of dsm_sampler_times */
  bool adaptive;   /* each sample takes as many steps as it needs; sampler.steps limits them */
  bool metropolis; /* sampler.metropolis applies */
  /* true where its steps follow the reverse SDE, so that from one x_t it draws from p(x0 | x_t); NULL: it never does,
   * x_t fixes the sample, or it forgets x_t */
  bool (*reverses)(const dsm_sampling *s);
  /* why this sampler cannot run with these settings on this process, or NULL; sampling->denoiser may be NULL */
  const char *(*refuses)(const dsm_sampling *s);
  /* evaluations that it will take, 0 if adaptive; NULL: one a step */
  int64_t (*evaluations)(const dsm_sampling *s);
  /* its own settings, for people: "eta 0.5" */
  void (*describe)(const dsm_sampling *s, char *text, size_t size);
  /* x (n, d): on entry x_T, on return the samples in normalised units. DSM_STOPPED if progress stopped it,
   * DSM_NO_MEMORY, DSM_BAD_CONFIG where settings turn out to be impossible. */
  dsm_status (*run)(const dsm_sampling *s, float *x);
  /* the same way backwards, see dsm_sampler_encode; NULL: the walk cannot be turned round */
  dsm_status (*encode)(const dsm_sampling *s, float *x);
} dsm_sampler;
/** By enum dsm_sampler_name; never NULL for a valid value. */
const dsm_sampler *dsm_sampler_of(int name);
/** settings->steps or, for 0, those that suit the sampler on this process. */
int64_t dsm_sampler_steps(const dsm_sampler *sampler, const dsm_process *process,
                          const dsm_sampler_settings *settings);
/** Whether the sampler can run. @return DSM_OK; DSM_BAD_CONFIG with the reason. */
dsm_status dsm_sampler_check(const dsm_sampler *sampler, const dsm_sampling *s);
/** Evaluations of the denoiser for a block; 0: not known beforehand. */
int64_t dsm_sampler_evaluations(const dsm_sampler *sampler, const dsm_sampling *s);
/** "ddim, 50 steps, eta 0" */
void dsm_sampler_describe(const dsm_sampler *sampler, const dsm_sampling *s, char *text, size_t size);
/** Draws x_T, checks, runs. @return DSM_OK; DSM_BAD_CONFIG with the sampler's reason; DSM_STOPPED. */
dsm_status dsm_sampler_draw(const dsm_sampler *sampler, const dsm_sampling *s, float *x);
/** The same from a given x_T, which is in x on entry: decoding. */
dsm_status dsm_sampler_decode(const dsm_sampler *sampler, const dsm_sampling *s, float *x);
/** Data to latent: x (n, d), on entry samples in normalised units, taken as they are for x at the first time
 *  (dsm_process_first in training), on return x_T. By
 *    ode    the probability-flow ODE upwards, Song et al. 2021 (arXiv:2011.13456), section 4.3; dsm_sampler_decode
 *           with settings->denoise false leads back, up to the tolerances
 *    ddim   x_t = alpha_t x0_hat(x_s) + sigma_t eps_hat(x_s), s < t, the step of eta 0 with the estimates of its
 *           other end (Song et al. 2021, arXiv:2010.02502, section 4.3): the way back, up to first order in
 *           the steps; steps - 1 evaluations
 *  s->seed, s->first and settings->denoise play no part.
 *  @return DSM_OK; DSM_BAD_CONFIG with the reason: another sampler, eta above 0; DSM_STOPPED. */
dsm_status dsm_sampler_encode(const dsm_sampler *sampler, const dsm_sampling *s, float *x);
/** Spherical interpolation between two latents of d numbers, in whose law, a normal one, nearly all mass lies at one
 *  distance from 0, where straight lines leave it:
 *    z = sin((1 - w) theta) / sin(theta) z0 + sin(w theta) / sin(theta) z1,   theta the angle between z0 and z1
 *  (Shoemake 1985, doi:10.1145/325165.325242); straight where theta is 0 or pi, or one of them is 0. w = 0 and 1 are
 *  z0 and z1 to the bit. */
void dsm_slerp(const float *z0, const float *z1, size_t d, double w, float *z);
/** The same from given noisy samples x = x_t, t = s->start, which become, where the sampler reverses, samples of
 *  p(x0 | x_t). Samplers that walk or are adaptive.
 *  @return as dsm_sampler_draw; DSM_BAD_CONFIG too if the sampler does not go from noise to data, or s->start lies
 *  outside the times of sampling (an integer where time is discrete) */
dsm_status dsm_sampler_continue(const dsm_sampler *sampler, const dsm_sampling *s, float *x);
/** Times of `steps` evaluations: t[0] = last > ... > t[steps-1] = first, t[steps] = 0, spaced by
 *  settings->grid (src/diffusion/sampler/times.c); distinct integers where time is discrete; one step: t[0] =
 *  last. `t` has steps + 1 entries.
 *  @return DSM_OK; DSM_BAD_CONFIG if time is discrete and has fewer times than steps, or the grid needs alpha >
 *  0 at the last time. */
dsm_status dsm_sampler_times(const dsm_process *process, const dsm_sampler_settings *settings, int64_t steps,
                             double *t);

/* ---- likelihood ---------------------------------------------------------------------------------------- */

/** How the divergence of the ODE is found: by random probes v with E[v v'] = 1, v' J v, or exactly. */
enum dsm_probe_law {
  DSM_PROBE_RADEMACHER, /* +-1: the diagonal of J adds no variance */
  DSM_PROBE_GAUSSIAN,
  DSM_PROBE_EXACT /* the d unit vectors in turn */
};
enum { DSM_EXACT_TRACE_MAX = 64, DSM_PROBES_MAX = 1024 };

/** The log-density of samples under the probability-flow ODE of a model in continuous time,
 *    dx/dt = v(x, t) = alpha' x0_hat + sigma' eps_hat  from t0 up to the last time T,
 *    ln p(x) = ln N(x_T; 0, prior_std^2) + int_t0^T div v dt + d ln alpha(t0),  x_t0 = alpha(t0) x:
 *  the density of what the ode sampler draws, in normalised units, without its last denoising step: that of the
 *  data with noise of standard deviation sigma(t0) / alpha(t0), which t0 > 0 leaves in them. A value, not a
 *  bound, up to the error of the solver (Song et al. 2021, arXiv:2011.13456, section 4.3 and appendix D.2).
 *  div v = tr J costs d pullbacks; Hutchinson's probes (Grathwohl et al. 2019, arXiv:1810.01367, eq. 8), held
 *  fixed along the path, make it one each and the value of each probe an unbiased estimate. Clipping of x0_hat
 *  does not enter. */
typedef struct dsm_likelihood {
  const dsm_process *process;   /* in continuous time */
  const dsm_denoiser *denoiser; /* with pullback */
  size_t n, d;                  /* samples of the block, elements of a sample */
  uint64_t seed, first;         /* probes of sample i: rows first + i of DSM_STREAM_PROBE */
  int law;                      /* dsm_probe_law */
  size_t probes;                /* P; 1 where exact */
  double t0;                    /* dsm_process_first in training is usual */
  double rtol, atol;            /* of each sample's own steps, see the ode sampler */
  int64_t steps;                /* at most */
  bool (*progress)(void *context, int64_t done, int64_t all); /* as in dsm_sampling */
  void *context;
} dsm_likelihood;
/** Natural logarithms, (n) each; NULL where not wanted. */
typedef struct dsm_log_density {
  double *value;        /* ln p(x): prior + divergence */
  double *prior;        /* ln N(x_T; 0, prior_std^2) */
  double *divergence;   /* ln |det dx_T / dx|, mean over the probes: the integral and d ln alpha(t0) */
  double *probe_error;  /* standard error of that mean; 0 where exact, NAN of a single probe */
  double *latent;       /* (n, d) x_T */
  int32_t *evaluations; /* estimates and pullbacks that each sample needed by itself */
} dsm_log_density;
/** @return DSM_OK; DSM_BAD_CONFIG: time is discrete; an exact trace of more than DSM_EXACT_TRACE_MAX dimensions,
 *  naming its cost; t0, tolerances or probes out of range. The denoiser may be NULL here. */
dsm_status dsm_likelihood_check(const dsm_likelihood *l);
/** @param[in] x  (n, d) data in normalised units
 *  @return DSM_OK; DSM_BAD_CONFIG as above or where the tolerances cannot be kept; DSM_STOPPED; DSM_NO_MEMORY */
dsm_status dsm_likelihood_run(const dsm_likelihood *l, const double *x, const dsm_log_density *out);

/** The variational bound of the chain of ancestral sampling, all T steps, for processes in discrete time:
 *    -ln p(x0) <= L_T + sum_{t=2}^T L_{t-1} + L_0,
 *    L_T      KL(q(x_T | x0) || N(0, prior_std^2))
 *    L_{t-1}  KL(q(x_{t-1} | x_t, x0) || N(mu_hat, var)), mu_hat the posterior mean at x0_hat
 *    L_0      -ln N(x0; x0_hat(x_1), var)
 *  (Ho et al. 2020, arXiv:2006.11239, eq. 5; learned variance: Nichol & Dhariwal 2021, arXiv:2102.09672), with
 *  one x_t ~ q(x_t | x0) for each t, which makes it an unbiased estimate of the bound. var = small would be 0 at
 *  t = 1; that of t = 2 stands there (dsm_process_log_variances), while ancestral sampling adds no noise then.
 *  L_0 is a density. For data in whole steps of a width it may be the probability of the step,
 *    -ln [Phi((x0 + w/2 - x0_hat) / s) - Phi((x0 - w/2 - x0_hat) / s)],
 *  without the references' wider outermost steps: the bound is then that of a code length.
 *  Instead of all t, K strata of t = 2 ... T, growing like their number, may be drawn from, one t each and for
 *  each sample its own: the sum over them, each times the size of its stratum, is unbiased too. L_0 is always
 *  computed. */
typedef struct dsm_bound {
  const dsm_process *process; /* in discrete time */
  const dsm_denoiser *denoiser;
  size_t n, d;
  uint64_t seed, first; /* noise of sample i at t: row first + i of step t of DSM_STREAM_BOUND */
  int variance;         /* dsm_reverse_variance */
  int64_t strata;       /* K; 0: all, T - 1 */
  const double *clip_low, *clip_high; /* (channels) range of x0_hat, part of the chain, or NULL */
  const double *width;                /* (channels) steps w of the data, in normalised units, or NULL */
  size_t channels;
  bool (*progress)(void *context, int64_t done, int64_t all);
  void *context;
} dsm_bound;
/** Of n samples; NULL where not wanted. Column 0 of (n, terms) is t = 1, then t rises. */
typedef struct dsm_bound_terms {
  double *total;           /* (n) the bound, nats */
  double *prior;           /* (n) L_T */
  double *decoder;         /* (n) L_0 */
  int32_t *t;              /* (n, terms) */
  float *vb;               /* (n, terms) L_{t-1}, nats */
  float *x0_mse, *eps_mse; /* (n, terms) |x0 - x0_hat|^2 / d, |eps - eps_hat|^2 / d */
} dsm_bound_terms;
/** Terms computed for a sample: 1 + the number of strata. */
size_t dsm_bound_count(const dsm_bound *b);
/** Size of the strata (terms), the factors of vb in the total; that of t = 1 is 1. */
void dsm_bound_sizes(const dsm_bound *b, int32_t *size);
/** @return DSM_OK; DSM_BAD_CONFIG: time is continuous, no noise at its end, a variance that was not learned,
 *  strata out of range. The denoiser may be NULL here. */
dsm_status dsm_bound_check(const dsm_bound *b);
/** @param[in] x0  (n, d) data in normalised units
 *  @return DSM_OK; DSM_BAD_CONFIG as above; DSM_STOPPED; DSM_NO_MEMORY */
dsm_status dsm_bound_run(const dsm_bound *b, const double *x0, const dsm_bound_terms *out);

#endif
