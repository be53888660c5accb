/** @file config.h
 *  The configuration of a run: typed settings, filled from YAML and from `section.key=value` overrides
 *  through one schema table (src/base/schema.c) that also makes --help and the copy kept in the run folder
 *  and the checkpoint. */
#ifndef DSMPI_CONFIG_H
#define DSMPI_CONFIG_H

#include <stdint.h>
#include "dsmpi/status.h"

enum { DSM_LIST_MAX = 16, DSM_BETAS_MAX = 4096, DSM_TEXT_MAX = 1024 };

typedef struct dsm_int_list {
  size_t count;
  int64_t value[DSM_LIST_MAX];
} dsm_int_list;
typedef struct dsm_real_list {
  size_t count;
  double value[DSM_LIST_MAX];
} dsm_real_list;

typedef struct dsm_beta_list { /* a dsm_real_list with more room */
  size_t count;
  double value[DSM_BETAS_MAX];
} dsm_beta_list;

enum dsm_normalize { DSM_NORMALIZE_NONE, DSM_NORMALIZE_STANDARDIZE, DSM_NORMALIZE_RANGE };
enum dsm_process_name {
  DSM_PROCESS_DDPM,
  DSM_PROCESS_VP,
  DSM_PROCESS_VE,
  DSM_PROCESS_SUBVP,
  DSM_PROCESS_SMLD,
  DSM_PROCESS_EDM,
  DSM_PROCESS_FLOW,
  DSM_PROCESS_SINGLE
};
enum dsm_beta_schedule { DSM_SCHEDULE_LINEAR, DSM_SCHEDULE_COSINE, DSM_SCHEDULE_SIGMOID, DSM_SCHEDULE_LIST };
enum dsm_model_name { DSM_MODEL_MLP, DSM_MODEL_UNET, DSM_MODEL_LINEAR, DSM_MODEL_CONVNET };
enum dsm_up_attention { DSM_UP_ATTENTION_EVERY, DSM_UP_ATTENTION_ONCE };
enum dsm_objective_name {
  DSM_OBJECTIVE_DENOISING,
  DSM_OBJECTIVE_HYBRID,
  DSM_OBJECTIVE_ESM_KDE,
  DSM_OBJECTIVE_ISM,
  DSM_OBJECTIVE_ISM_HUTCHINSON,
  DSM_OBJECTIVE_SLICED,
  DSM_OBJECTIVE_SLICED_VR,
  DSM_OBJECTIVE_CLASSIFIER
};
enum dsm_prediction {
  DSM_PREDICT_EPS,
  DSM_PREDICT_X0,
  DSM_PREDICT_SCORE,
  DSM_PREDICT_V,
  DSM_PREDICT_ENERGY,
  DSM_PREDICT_MU,
  DSM_PREDICT_EDM,
  DSM_PREDICT_FLOW
};
enum dsm_weighting {
  DSM_WEIGHT_SIMPLE,
  DSM_WEIGHT_SIGMA2,
  DSM_WEIGHT_LIKELIHOOD,
  DSM_WEIGHT_VLB,
  DSM_WEIGHT_MIN_SNR,
  DSM_WEIGHT_SOFT_MIN_SNR,
  DSM_WEIGHT_EDM,
  DSM_WEIGHT_OUTPUT
};
enum dsm_times_name { DSM_TIMES_UNIFORM, DSM_TIMES_STRATIFIED, DSM_TIMES_LOG_NORMAL, DSM_TIMES_IMPORTANCE };
enum dsm_lr_schedule { DSM_LR_CONSTANT, DSM_LR_COSINE, DSM_LR_INVERSE_SQRT };
enum dsm_reduction { DSM_REDUCE_TREE, DSM_REDUCE_FAST };
enum dsm_overlap { DSM_OVERLAP_AUTO, DSM_OVERLAP_ON, DSM_OVERLAP_OFF };
enum dsm_sampler_name {
  DSM_SAMPLER_ANCESTRAL,
  DSM_SAMPLER_DDIM,
  DSM_SAMPLER_LANGEVIN,
  DSM_SAMPLER_ANNEALED_LANGEVIN,
  DSM_SAMPLER_EULER_MARUYAMA,
  DSM_SAMPLER_REVERSE_DIFFUSION,
  DSM_SAMPLER_PREDICTOR_CORRECTOR,
  DSM_SAMPLER_ODE,
  DSM_SAMPLER_EULER,
  DSM_SAMPLER_HEUN,
  DSM_SAMPLER_DPMPP_2M,
  DSM_SAMPLER_DPMPP_2M_SDE
};
enum dsm_grid { DSM_GRID_AUTO, DSM_GRID_UNIFORM, DSM_GRID_QUADRATIC, DSM_GRID_LOG_SNR, DSM_GRID_RHO };
enum dsm_step_convention { DSM_STEP_TAU, DSM_STEP_HALF };
enum dsm_corrector { DSM_CORRECTOR_LANGEVIN, DSM_CORRECTOR_ANNEALED };
enum dsm_predictor { DSM_PREDICTOR_REVERSE_DIFFUSION, DSM_PREDICTOR_EULER_MARUYAMA };
enum dsm_reverse_variance { DSM_VARIANCE_SMALL, DSM_VARIANCE_LARGE, DSM_VARIANCE_LEARNED };
enum dsm_clip { DSM_CLIP_OFF, DSM_CLIP_DATA };
enum dsm_kernel_set { DSM_KERNEL_SET_FAST, DSM_KERNEL_SET_REF, DSM_KERNEL_SET_IM2COL };

/** What is minimised. */
typedef struct dsm_objective_settings {
  int name;                             /* dsm_objective_name */
  int prediction;                       /* dsm_prediction */
  int weighting;                        /* dsm_weighting */
  int vlb_variance;                     /* dsm_reverse_variance, weighting vlb */
  int times;                            /* dsm_times_name */
  double sigma_data;                    /* edm: prediction and weighting */
  double min_snr_gamma;                 /* weightings min_snr, soft_min_snr */
  double log_sigma_mean, log_sigma_std; /* times log_normal */
  double vlb_weight;                    /* hybrid */
  int64_t centres;                      /* esm_kde */
  double condition_drop;                /* of models with conditions */
  bool noisy;                           /* classifier */
} dsm_objective_settings;

/** How samples are drawn. */
typedef struct dsm_sampler_settings {
  int name;      /* dsm_sampler_name */
  int grid;      /* dsm_grid, of the times */
  int64_t steps; /* 0 = those that suit the sampler, see dsm_sampler_steps */
  double rho;    /* of the grid of that name */
  double eta;    /* ddim */
  int variance;  /* dsm_reverse_variance, ancestral */
  int clip;      /* dsm_clip, of the predicted x0 */
  /* langevin, annealed_langevin */
  double langevin_step;   /* at the lowest noise of annealed_langevin; 0 = sigma^2 / 5 there */
  double langevin_time;   /* of the one level of langevin; 0 = the lowest noise */
  int64_t langevin_steps; /* at each level of annealed_langevin */
  int step_convention;    /* dsm_step_convention, how langevin_step is meant */
  bool metropolis;
  bool denoise; /* any sampler: the last step goes from the first time to the data and is E[x0 | x_t] */
  /* predictor_corrector */
  int predictor; /* dsm_predictor */
  int corrector; /* dsm_corrector */
  int64_t corrector_steps;
  double snr;
  double rtol, atol;                               /* ode */
  double churn, churn_min, churn_max, churn_noise; /* heun; churn_max 0 = no limit */
  int64_t block;                                   /* samples drawn together */
  double ema; /* which average to use; 0 = the raw parameters; -1 = the first of optimizer.ema */
  int64_t seed;
  /* of models with conditions, see dsmpi/conditions.h */
  double guidance;                   /* w of classifier-free guidance */
  char label[64];                    /* "3", "all"; "" = not given */
  dsm_real_list condition;           /* columns that are not labels, in the order of data.conditions */
  char condition_file[DSM_TEXT_MAX]; /* one row a sample */
} dsm_sampler_settings;

/** All settings of a run. Enumerated fields are `int` holding the enum named beside them. Strings are
 *  bounded and terminated. The sentence of each key is in the schema. */
typedef struct dsm_config {
  struct {
    char file[DSM_TEXT_MAX];
    char dataset[DSM_TEXT_MAX];
    char axes[64];      /* "N C H W"; "" = taken from the file's labels or guessed from the rank */
    char rows[64];      /* "start:stop", Python-like; "" = all */
    dsm_int_list shape; /* (spatial..., C) of made-up samples when there is no file; bench only */
    int normalize;      /* dsm_normalize */
    bool per_channel;
    int64_t shuffle_window; /* MiB */
    /* see dsmpi/conditions.h */
    char conditions[DSM_TEXT_MAX];  /* datasets beside the samples, "labels, incident_energies" */
    dsm_int_list classes;           /* of each of them; 0 = continuous, -1 = counted in the file */
    dsm_int_list condition_columns; /* of each of them; empty = found in the file */
  } data;
  struct {
    int name;                    /* dsm_process_name */
    int schedule;                /* dsm_beta_schedule, ddpm only */
    dsm_beta_list betas;         /* ddpm, schedule list */
    int64_t steps;               /* T: ddpm, smld */
    double beta_min, beta_max;   /* vp, subvp */
    double sigma_min, sigma_max; /* ve, smld, edm */
    double sigma;                /* single */
  } process;
  struct {
    int name;                 /* dsm_model_name */
    int64_t width;            /* U-Net: channels nf of the first level; MLP: width */
    int64_t depth;            /* MLP: number of residual blocks */
    dsm_int_list multipliers; /* U-Net: channel multiplier of each level */
    int64_t blocks;           /* U-Net: residual blocks a level */
    dsm_int_list attention;   /* U-Net: resolutions (height) with attention; empty = none */
    int up_attention;         /* dsm_up_attention */
    double dropout;
  } model;
  dsm_objective_settings objective;
  struct {
    double lr, beta1, beta2, eps, weight_decay, clip; /* clip 0 = off */
    int schedule;                                     /* dsm_lr_schedule */
    int64_t warmup;                                   /* steps */
    dsm_real_list ema;                                /* decay rates */
  } optimizer;
  struct {
    int64_t steps, batch, micro_batch, seed;
    int reduction;   /* dsm_reduction */
    int overlap;     /* dsm_overlap */
    int64_t threads; /* 0 = as many as the rank's cores */
    int kernels;     /* dsm_kernel_set */
    int64_t log_every, checkpoint_every, keep, keep_every, max_skipped, watchdog;
    bool background_saving;
    int64_t held_out, evaluate_every;
    int64_t preview_every, preview_samples;
    char preview_metrics[DSM_TEXT_MAX];    /* as dsm_eval_options.metrics; "" = none */
    char preview_classifier[DSM_TEXT_MAX]; /* run or checkpoint that judges for them; "" = none */
  } train;
  dsm_sampler_settings sampler;
} dsm_config;

/** Fills in the default of every key. */
void dsm_config_defaults(dsm_config *config);
/** Reads a YAML file over `config` (call dsm_config_defaults first): the keys that it has replace values, lists
 *  as a whole, all others stay, so several files read in a row make one configuration. All mistakes of the file are found in
 *  one go and listed in the message, each as `file:line:column: what`, with the nearest known key for an
 *  unknown one.
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_CONFIG. */
dsm_status dsm_config_read(const char *path, dsm_config *config);
/** The same for YAML in memory; `name` stands in for the file name in messages. */
dsm_status dsm_config_parse(const char *name, const char *text, dsm_config *config);
/** Applies one override `section.key=value`; the value is parsed as YAML by the same code. `number` (from 1)
 *  is used in messages: "command line override 2: ...". */
dsm_status dsm_config_override(const char *assignment, int number, dsm_config *config);
/** Checks what spans several keys (micro_batch divides batch; each required key is set; warm-up below the
 *  steps; ...), naming the keys, their values and what to change. Call once, after file and overrides. */
dsm_status dsm_config_check(const dsm_config *config);
/** The effective configuration as YAML, every key with its value, in schema order (a required key that is
 *  not set yet: as a comment). Reading it back over the defaults gives an equal dsm_config, byte for byte.
 *  Real numbers are written so that YAML 1.1 readers take them for numbers (1.0e-4). `*text` is owned by the
 *  caller: free(). */
dsm_status dsm_config_text(const dsm_config *config, char **text);
/** The value of one key ("train.batch") as text, as dsm_config_text writes it; for messages and for
 *  comparison. DSM_BAD_CONFIG for an unknown key. */
dsm_status dsm_config_value(const dsm_config *config, const char *key, char *text, size_t size);

/** Text for --help: the keys of one section ("train") or, for NULL, of all: name, type and range, default,
 *  sentence; at most 80 columns. `*text` is owned by the caller: free(). */
dsm_status dsm_config_help(const char *section, char **text);

/** Keys that must not change when a run goes on (they define model, data and the random streams), visited in
 *  schema order: writes one line "key: was A, is B" per difference to `text` (cut to `size`, no newline at
 *  the end) and returns the number of differences. data.file is not among them: data may move between two
 *  jobs. */
size_t dsm_config_difference(const dsm_config *was, const dsm_config *is, char *text, size_t size);

/** "Did you mean": the closest of `words` (NULL at the end) by edit distance; NULL when none is close enough
 *  to be meant. */
const char *dsm_nearest_word(const char *text, const char *const *words);

/** Word of an enumerated value for messages: dsm_config_word("objective.prediction", DSM_PREDICT_V) is "v";
 *  "?" if unknown. */
const char *dsm_config_word(const char *key, int value);

#endif
