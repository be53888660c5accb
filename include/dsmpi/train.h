/** @file train.h
 *  The jobs that use everything else: train, sample, restore, encode and decode, likelihood, bench. All are
 *  collective over the communicator: every rank calls with the same arguments and gets the same status. */
#ifndef DSMPI_TRAIN_H
#define DSMPI_TRAIN_H

#include "dsmpi/config.h"
#include "dsmpi/dist.h"
#include "dsmpi/eval.h"

/** "dsmpi 0.1.0". */
const char *dsm_version_line(void);
/** Build, compiler, MPI, BLAS, HDF5, kernels, license: one fact a line. Not collective. */
dsm_status dsm_version_facts(char *text, size_t size);

/** From now on SIGUSR1 is kept for the dsm_train that follows, which then stops after its first step. Without this, one
 *  that comes while MPI is started or the data are opened ends the process, as such signals do by default. Not
 *  collective; before MPI is started. */
void dsm_stop_listen(void);

typedef struct dsm_train_options {
  const char *run;  /* run folder; created if missing; NULL only in a dry run */
  double max_hours; /* stop with a checkpoint before this wall time; 0 = no limit */
  bool fresh;       /* move an old run's results aside and start anew */
  bool dry_run;     /* check everything, print shapes, parameters and memory, write nothing */
} dsm_train_options;
/** Trains until config->train.steps, starting or going on from the newest whole checkpoint in the run folder.
 *  @return DSM_OK target reached; DSM_STOPPED (time limit, SIGUSR1, RUN/STOP; a checkpoint is written);
 *  DSM_DIVERGED; other failures. */
dsm_status dsm_train(dsm_comm *comm, const dsm_config *config, const dsm_train_options *options);

/** Which class a classifier is to lead samples to. */
typedef struct dsm_class_choice {
  const char *source; /* run folder or checkpoint of a noisy classifier; NULL: none */
  int64_t label;      /* -1: each class in turn */
  double scale;
} dsm_class_choice;
typedef struct dsm_sample_options {
  const char *source; /* run folder (its newest whole checkpoint) or checkpoint file */
  const char *output; /* samples file */
  uint64_t count;
  dsm_class_choice classifier;  /* the classes then stand in the file, under the name of the
                                  classifier's labels */
  const char *const *overrides; /* sampler.*, train.threads, train.kernels */
  size_t override_count;
} dsm_sample_options;
/** Draws samples with the settings kept in the checkpoint, changed by the overrides, into one HDF5 file.
 *  Goes on with an interrupted file. */
dsm_status dsm_sample(dsm_comm *comm, const dsm_sample_options *options);

/** Data of a user for a trained model: rows of one dataset. */
typedef struct dsm_given {
  const char *file, *dataset;
  const char *axes, *rows; /* as in dsm_dataset_open; NULL = found, all */
} dsm_given;

/** A trained model on data of a user. */
typedef struct dsm_on_data_options {
  const char *source;           /* run folder or checkpoint */
  const char *output;           /* file to write, in the manner of a samples file */
  dsm_given data;               /* samples in physical units; decode: latents, used as they are */
  const char *const *overrides; /* as in dsm_sample_options */
  size_t override_count;
} dsm_on_data_options;
/** Data to latents: x at the last time, by the probability-flow ODE or, where time is discrete, by ddim
 *  walked backwards, divided by dsm_process_prior_std: standard normal in law where the model fits the
 *  data. In the file: /latents float32 (N, C, spatial...), and the conditions of a model that has them,
 *  which come from the data file unless overrides give them. sampler.name and steps of the training are
 *  not followed, only overrides: see dsm_sampler_encode, both ways. */
dsm_status dsm_encode(dsm_comm *comm, const dsm_on_data_options *options);
/** Latents to data, the same way back, into /samples in physical units. sampler.denoise is false unless an
 *  override says otherwise, so that it is the inverse. */
dsm_status dsm_decode(dsm_comm *comm, const dsm_on_data_options *options);

/** Rows of two samples, in the range that is given. */
typedef struct dsm_row_pair {
  uint64_t from, to;
} dsm_row_pair;
typedef struct dsm_interpolate_options {
  dsm_on_data_options of;
  const dsm_row_pair *pair;
  size_t pairs;
  uint64_t steps; /* samples a pair, the two ends among them; 2 or more */
} dsm_interpolate_options;
/** From one sample to another: both are encoded, dsm_slerp in even steps, and decoded, into /samples;
 *  sample p steps + k is number k of pair p. Beside them /rows int32 (N, 2), the rows of its pair, and
 *  /weight float64 (N), the share of the second. Where the two have conditions, labels are those of the
 *  nearer one, other columns go over in a line. */
dsm_status dsm_interpolate(dsm_comm *comm, const dsm_interpolate_options *options);

/** What is computed of a likelihood, see dsm_likelihood_run and dsm_bound_run. */
enum dsm_likelihood_method { DSM_LIKELIHOOD_ODE, DSM_LIKELIHOOD_BOUND };
typedef struct dsm_likelihood_options {
  const char *source; /* run folder (its newest whole checkpoint) or checkpoint file */
  dsm_given data;     /* in physical units */
  const char *output;
  int method;     /* dsm_likelihood_method; -1: ode in continuous time, bound in discrete time */
  int law;        /* dsm_probe_law; -1: exact up to 8 dimensions, beyond them rademacher */
  size_t probes;  /* 0: 2 of them */
  double t0;      /* first time of the path; 0: dsm_process_first in training */
  int64_t strata; /* of the bound; 0: all terms */
  double width;   /* > 0: the data are in steps of it, in physical units */
  const char *const *overrides; /* sampler.*, train.threads, train.kernels */
  size_t override_count;
} dsm_likelihood_options;
/** Negative log-likelihood of each sample of a file under a trained model, in nats and physical units: with
 *    x' = (x - shift_c) / scale_c,   -ln p(x) = -ln p'(x') + sum over the elements of ln scale_c.
 *  Quantised data: -ln P of the step of `width`, of which ode gives a bound, -ln p(x + u) - d ln width with u
 *  uniform in +- width / 2 (Theis et al. 2016, arXiv:1511.01844, section 3.1), from DSM_STREAM_DEQUANTIZE.
 *  Conditions are those of the same file, or of sampler.label and the like. Goes on with an interrupted file.
 *  @return DSM_OK; DSM_BAD_CONFIG: the process does not allow the method, options of the other method;
 *  DSM_BAD_DATA: data of another shape, not finite, or not in steps of `width` */
dsm_status dsm_likelihood_of(dsm_comm *comm, const dsm_likelihood_options *options);

/** A trained classifier on samples: /probabilities float32 (N, classes), /features float32 (N, f), /class int32 (N).
 *  Tells the accuracy where the labels of the training stand beside the samples too. A noisy classifier is asked at
 *  the first time of its process. Goes on with an interrupted file; the same bytes on any number of ranks. */
dsm_status dsm_classify(dsm_comm *comm, const dsm_on_data_options *options);

/** The same classifier in memory, for those who want its features and probabilities at once: `dsmpi eval`. */
typedef struct dsm_judge dsm_judge;
/** Opens the newest whole checkpoint of a run folder, or a checkpoint. Collective.
 *  @param[in]  overrides  as in dsm_sample_options; borrowed until destroy
 *  @param[out] judge      owned by the caller; NULL after a failure
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA; DSM_BAD_CONFIG: it is a model of the data, not a classifier. */
dsm_status dsm_judge_create(dsm_comm *comm, const char *source, const char *const *overrides,
                            size_t override_count, dsm_judge **judge);
/** Accepts NULL in `*judge`. */
void dsm_judge_destroy(dsm_judge **judge);
/** The judge as dsm_evaluate takes it; borrows it. Blocks are those of dsm_classify, so the figures are those of its
 *  files, to the last bit. */
dsm_eval_classifier dsm_judge_in_evaluation(dsm_judge *judge);

/* ---- restoration --------------------------------------------------------------------------------------- */

/** What y = H x + n, n ~ N(0, noise^2), in physical units, tells of a sample x; see dsmpi/restore.h for H.
 *    denoise   H = I. Without guidance: at the time t with sigma / alpha = noise (in the model's units), x_t = alpha y;
 *              E[x | y] is one evaluation (Tweedie), draws of p(x | y) are the sampler's walk from there
 *    inpaint   H = I, numbers missing: NaN in the data, or 0 in a mask
 *    superres  H = means over blocks of `factor`
 *    deblur    H = convolution with a kernel
 *    linear    H = a matrix over a sample in the order of files, (C, spatial...) */
enum dsm_restore_task {
  DSM_RESTORE_DENOISE,
  DSM_RESTORE_INPAINT,
  DSM_RESTORE_SUPERRES,
  DSM_RESTORE_DEBLUR,
  DSM_RESTORE_LINEAR
};
typedef struct dsm_restore_options {
  const char *source; /* run folder (its newest whole checkpoint) or checkpoint file */
  const char *output;
  dsm_given data;  /* (N, y...), NaN where a number is missing; clean samples with `degrade` */
  int task;        /* dsm_restore_task */
  double noise;    /* standard deviation of n; denoise: above 0 */
  bool degrade;    /* the data are clean: y is made of them, and the truth is kept beside the results */
  uint64_t draws;  /* K samples of p(x | y) for each y; 0 in denoise only */
  size_t factor;   /* superres */
  int border;      /* dsm_border, deblur */
  dsm_given side;  /* the mask (inpaint; file NULL: none), kernel (deblur) or matrix (linear) */
  int form;        /* dsm_guidance_form; not in denoise */
  int iterations;  /* of the form moments */
  double data_std; /* in the model's units; 0: 1 for standardized data, else objective.sigma_data */
  const char *const *overrides; /* sampler.*, train.threads, train.kernels */
  size_t override_count;
} dsm_restore_options;
/** Everything at its default; the names of files are to be filled in. */
dsm_restore_options dsm_restore_defaults(void);
/** Restores each row of the data into one samples file:
 *    /samples      (N, C, spatial...) one draw each, or
 *    /draws        (N, K, C, spatial...) for K > 1
 *    /mean, /std   (N, C, spatial...) over the K draws, K > 1
 *    /denoised     (N, C, spatial...) E[x | y], denoise
 *    /observation  (N, y...)
 *    /truth        (N, C, spatial...) with degrade; then RMSE and PSNR are told too
 *  Where noise is 0 in inpaint, numbers that were seen are returned as they were. Goes on with an interrupted file;
 *  the same bytes on any number of ranks.
 *  @return DSM_OK; DSM_BAD_CONFIG, DSM_BAD_DATA, DSM_NOT_FOUND with the reason; DSM_IO */
dsm_status dsm_restore(dsm_comm *comm, const dsm_restore_options *options);

typedef struct dsm_bench_options {
  int64_t steps;    /* timed steps, after warm-up ones */
  const char *json; /* also write the figures there, or NULL */
} dsm_bench_options;
/** Measures training steps and network evaluations of a configuration on synthetic data of its sample shape,
 *  with a per-op table and the machine's SGEMM peak and memory bandwidth beside it. data.file may be unset:
 *  `data.shape` gives the sample then. */
dsm_status dsm_bench(dsm_comm *comm, const dsm_config *config, const dsm_bench_options *options);

#endif
