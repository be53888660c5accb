/** @file internal.h
 *  What the parts of src/train share: the objects of a job, the run folder, time, progress, stopping. */
#ifndef DSMPI_TRAIN_INTERNAL_H
#define DSMPI_TRAIN_INTERNAL_H

#include "dsmpi/dsmpi.h"

/* ---- session.c: what a configuration turns into -------------------------------------------------------- */

typedef struct dsm__session {
  dsm_comm *comm;
  dsm_config config;
  dsm_kernels kernels;
  char kernels_text[64]; /* what decides the bits: "avx512"; "avx512, im2col" */
  dsm_process *process;
  dsm_model *model;
  size_t d;     /* elements of a sample */
  size_t count; /* parameters */
} dsm__session;

/** Kernels, process and model for samples of shape `sample`. Collective only in that all ranks do the same.
 */
dsm_status dsm__session_create(dsm_comm *comm, const dsm_config *config, dsm_shape sample,
                               dsm__session *session);
void dsm__session_destroy(dsm__session *session);
/** Additions of the gradient sum by the session's kernels, which it borrows. */
dsm_reducer_hooks dsm__session_sums(dsm__session *session);
/** Gradient sum over the micro-batches of a step, `extras` floats behind each gradient. Borrows the session's
 * kernels. Collective. */
dsm_status dsm__session_reducer(dsm__session *session, size_t extras, dsm_reducer **reducer);
/** Hooks of a run that writes the reducer's current leaf: gradients leave as soon as they are final. */
dsm_run_hooks dsm__reducer_hooks(dsm_reducer *reducer);
/** Cores a rank has to itself: those it is bound to, or its share of the machine's where ranks may run anywhere; NULL:
 * it is alone. */
int dsm__cores(const dsm_comm *comm);

/* ---- time_law.c: training times that follow the losses ------------------------------------------------- */

typedef struct dsm__time_law {
  dsm_times *times; /* of the objective */
  size_t batch;     /* losses behind the gradient: train.batch; 0 where times follow nothing */
  double *t;        /* (batch) */
  size_t count;
  double *state; /* (count) as it is now: what checkpoints keep */
} dsm__time_law;

dsm_status dsm__time_law_create(const dsm_config *config, dsm_objective *objective, dsm__time_law *law);
void dsm__time_law_destroy(dsm__time_law *law);
/** Writes the losses of samples first ... first + n - 1 to their places among law->batch; NULL: none are known. */
void dsm__time_law_put(const dsm__time_law *law, size_t first, const float *losses, size_t n, float *extra);
/** Follows the losses (batch) of the whole step. */
void dsm__time_law_follow(dsm__time_law *law, uint64_t seed, int64_t step, const float *losses);

enum { DSM__METRICS_LINE_MAX = 8192 }; /* bytes of a line of metrics.jsonl */

/* ---- held_out.c, held_out_figures.c: the loss of samples that are not trained on ------------------------- */

struct dsm__board;
enum { DSM__HELD_OUT_LEVELS = 10, DSM__HELD_OUT_CHANNELS = 64 };
/** What a measurement came to. */
typedef struct dsm__held_out_figures {
  double loss; /* mean over the samples */
  double level
      [DSM__HELD_OUT_LEVELS]; /* of those in equal parts of the range of times (dsm_times_level); NAN: none */
  double accuracy;            /* share of labels that a classifier gets right; NAN: it is none */
  bool timed;                 /* the levels mean something: not so for a classifier of clean data */
  size_t channels;            /* 0: the loss is not made up of channels, or there are too many to tell */
  double channel[DSM__HELD_OUT_CHANNELS]; /* see dsm_objective_channel_losses */
} dsm__held_out_figures;

typedef struct dsm__held_out dsm__held_out;
/** Rows of data.file to train on, "first:end" of the file, and those held out; the latter "" without train.held_out.
 *  @return DSM_OK; DSM_BAD_CONFIG: nothing is left to train on. */
dsm_status dsm__held_out_split(const dsm_dataset_info *all, const dsm_config *config, char training[64],
                               char held_out[64]);
/** Reads this rank's share of `rows`, normalised, in micro-batches. Session, objective and normalisations are borrowed
 *  until destroy. Not collective, but its ranks deal the rows out among them. `*held_out` is NULL without rows.
 *  @return DSM_OK; as dsm__given_read; DSM_NO_MEMORY. */
dsm_status dsm__held_out_create(const dsm__session *session, dsm_objective *objective, const char *rows,
                                const dsm_normalization *n, const dsm_normalization *conditions,
                                dsm__held_out **held_out);
void dsm__held_out_destroy(dsm__held_out **held_out);
/** Measures with parameters w: sample i at the (i' + 1/2) / n quantile of the law of times, i' a permutation fixed by the
 *  seed, with its own noise. Summed over micro-batches in their order: the same on any number of ranks. Ticks the board
 *  (NULL: none). Collective. */
dsm_status dsm__held_out_measure(dsm__held_out *held_out, const float *w, struct dsm__board *board,
                                 dsm__held_out_figures *figures);
/** A line of metrics.jsonl, in `text`. */
void dsm__held_out_json(const dsm__held_out_figures *figures, int64_t step, char *text, size_t size);
/** The same for people. */
void dsm__held_out_tell(const dsm__held_out_figures *figures, int64_t step);

/* ---- noise_scale.c: how large a batch is worth while ----------------------------------------------------- */

/** Watches the gradients of a micro-batch on their way into the sum; set gradients and squares before each run. */
typedef struct dsm__gradient_watch {
  dsm_run_hooks hooks; /* that come after it, both of them set */
  const dsm_kernels *kernels;
  const float *gradients; /* the flat array being written */
  double squares;         /* raised by the squares of what is final */
} dsm__gradient_watch;
/** Hooks of a run; `watch` stays where it is. */
dsm_run_hooks dsm__gradient_watch_hooks(dsm__gradient_watch *watch);
/** Takes the squared norms of a step into the averages noise_square and noise_trace of the header: the mean of those of
 *  micro-batches of b samples, and that of the batch; all of mean gradients. What is not finite is left out. */
void dsm__noise_scale_follow(dsm_checkpoint *header, double b, double batch, double micro_square,
                             double batch_square);
/** tr(C) / |G|^2 in samples; NAN while the averages do not tell. */
double dsm__noise_scale(const dsm_checkpoint *header);

/* ---- averaged.c ---------------------------------------------------------------------------------------- */

/** averaged (count): the parameters w or the average of `rate` in their place, as sampler.ema means it (-1: the first where
 *  there is one; 0: w). */
void dsm__averaged(const dsm_optimizer_state *state, const float *w, size_t count, double rate,
                   float *averaged);

/* ---- banner.c ------------------------------------------------------------------------------------------ */

/** Program, machine, libraries, kernels: the first lines of every job. Rank 0 prints. */
void dsm__banner(const dsm__session *session);
void dsm__banner_data(const dsm_dataset_info *info, const dsm_config *config, const dsm_normalization *n);
/** Model, parameters, batch and memory a rank, by part; `saving`: bytes more of rank 0, for checkpoints. */
void dsm__banner_model(const dsm__session *session, const dsm_graph_facts *facts, size_t reducer_bytes,
                       size_t saving);

/* ---- memory_plan.c ------------------------------------------------------------------------------------- */

/** Bytes of a rank in training, but for the network of previews. */
typedef struct dsm__memory_plan {
  double parameters, moments, averages, sums, activations, evaluation, total;
} dsm__memory_plan;
/** @param[in] arena_bytes  of the objective's graph  @param[in] sums_bytes  of the gradient sum */
dsm__memory_plan dsm__memory_plan_of(const dsm__session *session, size_t arena_bytes, size_t sums_bytes);

/* ---- placement.c --------------------------------------------------------------------------------------- */

/** Warns, once, of overlapping affinity masks, more threads than cores, and mixed processors; one gathering of a small
 *  struct. Collective. @return DSM_OK; DSM_BAD_CONFIG: the ranks' configurations are not the same. */
dsm_status dsm__placement_check(const dsm__session *session);

/* ---- process.c: what the kernel knows of this process -------------------------------------------------- */

/** Peak resident memory in bytes. */
double dsm__peak_memory(void);
/** Starts the peak anew from what is resident now; where the kernel refuses, it stays what it was. */
void dsm__peak_memory_restart(void);
/** Bytes that this process has read from and written to files until now, by all its threads; below 0: not told by the
 *  kernel. `*looking`, 0 at first, is what these calls have read themselves, which is left out. */
int64_t dsm__transferred(int64_t *looking);

/* ---- normalize.c --------------------------------------------------------------------------------------- */

/** Normalisation of the data, its 64 parts dealt out over the ranks. Collective. */
dsm_status dsm__normalize(dsm_comm *comm, dsm_dataset *dataset, const dsm_config *config,
                          dsm_normalization *n);

/* ---- spread_rows.c, bandwidth.c ------------------------------------------------------------------------ */

/** Reads up to `wanted` rows of the data, spread evenly over them, normalised: the same on every rank. `*rows`
 *  (count, sample...) is owned by the caller: free(). Not collective; not beside a loader. */
dsm_status dsm__spread_rows(dsm_dataset *dataset, const dsm_normalization *n, size_t wanted, float **rows,
                            size_t *count);

typedef struct dsm__bandwidth {
  bool wanted; /* process.sigma was 0 */
  size_t rows; /* to which it was fitted; 0: it is that of the run's checkpoint */
} dsm__bandwidth;
/** Puts a number in the place of process.sigma = 0: of the newest checkpoint of the run, else by dsm_bandwidth_fit on
 *  objective.centres rows, for which it normalises the data into `n`. Before the session is made. Collective. */
dsm_status dsm__bandwidth_complete(dsm_comm *comm, dsm_dataset *dataset, const dsm_train_options *options,
                                   dsm_config *config, dsm_normalization *n, dsm__bandwidth *told);
/** What came of it. Rank 0 prints. */
void dsm__banner_bandwidth(const dsm__bandwidth *told, const dsm_config *config);

/* ---- conditions.c -------------------------------------------------------------------------------------- */

/** Opens data.conditions beside the samples, where there are some, for `rows` as in dsm_dataset_open, and completes the
 *  configuration from what is found; `*data` is NULL where there are none. Not collective. */
dsm_status dsm__conditions_open(const dsm_dataset *samples, const char *rows, dsm_config *config,
                                dsm_condition_data **data);
/** Normalisation of the condition vector: rank 0 reads, all get it. Collective. */
dsm_status dsm__conditions_normalize(dsm_comm *comm, dsm_condition_data *data, dsm_normalization *n);
/** What the model is conditioned on, and how it is scaled. Rank 0 prints. */
void dsm__banner_conditions(const dsm_conditions *conditions, const dsm_normalization *n, double drop);

/* ---- run_folder.c, resume.c ---------------------------------------------------------------------------- */

typedef struct dsm__run_folder {
  char path[DSM_TEXT_MAX], checkpoints[DSM_TEXT_MAX + 16], metrics[DSM_TEXT_MAX + 16],
      timing[DSM_TEXT_MAX + 16], stop[DSM_TEXT_MAX + 16];
} dsm__run_folder;
/** Whose a run folder is, see owner.c. Stays where it is from take to release. */
typedef struct dsm__owner {
  char path[DSM_TEXT_MAX + 16]; /* "" = nobody's: the functions below then do nothing */
  unsigned long long token;
  struct dsm__heartbeat *heartbeat;
} dsm__owner;
/** Creates the folder with checkpoints/ and samples/, or checks that it can be written, and makes it this job's; moves an
 * old run aside if `fresh`; removes a stale STOP file; opens log.txt. Collective. @return DSM_IO if another job is at
 * work there. */
dsm_status dsm__run_folder_open(dsm_comm *comm, const char *path, bool fresh, dsm__run_folder *folder,
                                dsm__owner *owner);
/** Writes config.yaml. Rank 0. */
dsm_status dsm__run_folder_config(const dsm__run_folder *folder, const dsm_config *config);

/** Header of the newest checkpoint of a folder that has a readable one; older ones are tried with a warning.
 * Rank 0. `path` is "" if there is no checkpoint at all; failure if there are some and none can be read. */
dsm_status dsm__newest_header(const char *folder, char *path, size_t size, dsm_checkpoint *header);
/** The same with the arrays: the newest checkpoint that is whole. Arrays of a failed try may be partly
 * overwritten. */
dsm_status dsm__newest_whole(const char *folder, const dsm_checkpoint_arrays *arrays, char *path, size_t size,
                             dsm_checkpoint *header);
/** DSM_BAD_CONFIG if the checkpoint's network was shown times in another way than this program does. */
dsm_status dsm__check_label(const dsm_checkpoint *header, const char *path, const dsm_process *process);
/** Sends the numbers of a normalisation, which all ranks have made for equally many channels. Collective. */
dsm_status dsm__share_normalization(dsm_comm *comm, const dsm_normalization *n);
/** Sends a header from rank 0 to all. Collective. */
dsm_status dsm__share_header(dsm_comm *comm, dsm_checkpoint *header);

/* ---- trained.c: a trained model, opened for use -------------------------------------------------------- */

typedef struct dsm__trained {
  bool classifies;             /* set before open: a classifier is wanted; else a model of the data */
  dsm__session session;        /* its configuration is the checkpoint's with the overrides */
  char path[2 * DSM_TEXT_MAX]; /* of the checkpoint; rank 0 */
  dsm_checkpoint header;
  float *w;                     /* (session.count) the parameters to use: sampler.ema */
  char average[64];             /* which they are, for people; rank 0 */
  double *clip_low, *clip_high; /* (channels) bounds of x0_hat by sampler.clip, normalised; NULL: off */
  const char *const *overrides; /* borrowed */
  size_t override_count;
} dsm__trained;
/** Opens the newest whole checkpoint of the run folder `source`, or `source` itself: header, session, parameters, on
 *  all ranks. Fills all of `t` but `classifies`. Collective.
 *  @param[in] overrides  sampler.*, train.threads, train.kernels; borrowed until close
 *  @return DSM_OK; DSM_NOT_FOUND; DSM_BAD_DATA; DSM_BAD_CONFIG: another key, no such average, other time labels. */
dsm_status dsm__trained_open(dsm_comm *comm, const char *source, const char *const *overrides,
                             size_t override_count, dsm__trained *t);
/** Accepts a zeroed struct. */
void dsm__trained_close(dsm__trained *t);
/** The model of a training that goes on, as `path`: borrows what session and header point to, and the parameters w, until
 *  return. */
dsm_status dsm__trained_lend(const dsm__session *session, const dsm_checkpoint *header, float *w,
                             const char *path, dsm__trained *t);
/** Accepts a zeroed struct. */
void dsm__trained_return(dsm__trained *t);
/** Whether an override names this key. */
bool dsm__trained_overridden(const dsm__trained *t, const char *key);
/** dsm__banner, then the model. Rank 0 prints. */
void dsm__trained_banner(const dsm__trained *t);
/** What samplers need for the block of sampler.block samples from `first` on. */
dsm_sampling dsm__trained_sampling(const dsm__trained *t, const dsm_denoiser *denoiser, uint64_t first);
/** "ddim, 50 steps, eta 0, clip data, average of rate 0.999"; returns `text`. */
const char *dsm__trained_sampler_text(const dsm__trained *t, char *text, size_t size);
/** The configuration as kept with results, which are the same with any train.threads. `*text` is owned by the
 *  caller: free(). */
dsm_status dsm__trained_config_text(const dsm__trained *t, char **text);
/** What a file of `count` results says of this model and its settings; samples of its shape, no configuration, no
 *  conditions, no fields. */
dsm_samples_info dsm__trained_info(const dsm__trained *t, uint64_t count);

/* ---- class_guided.c: a classifier beside a trained model ----------------------------------------------- */

typedef struct dsm__class_guided {
  dsm__trained classifier;
  dsm_classifier *network;
  dsm_class_guidance *guidance;
  size_t n, classes;
  int64_t label;
  uint32_t *k;                       /* (n) classes of the block in hand */
  const char *labels;                /* what the classes are called in data files, "labels" */
  char text[2 * DSM_TEXT_MAX + 128]; /* what guides, for people and for the file */
} dsm__class_guided;
/** Opens the classifier; `prior` is what it guides, copied. `g` is zeroed, stays where it is, and is to be closed after a
 *  failure too. Collective. @return DSM_OK; DSM_BAD_CONFIG: it does not fit the model; DSM_USAGE: no such class. */
dsm_status dsm__class_guided_open(dsm_comm *comm, const dsm_class_choice *choice, const dsm__trained *model,
                                  const dsm_denoiser *prior, dsm__class_guided *g);
/** A block of samples from `first` on. */
void dsm__class_guided_begin(dsm__class_guided *g, uint64_t first);
void dsm__class_guided_close(dsm__class_guided *g);

/* ---- judge.c: a classifier as a judge of samples ------------------------------------------------------- */

struct dsm_judge {
  dsm__trained trained;
  dsm_classifier *network;
  size_t n, classes, features; /* rows of a block, sampler.block */
  double *t;                   /* (n) the first time of a noisy classifier, where the noise is least; NULL: it
                                  judges clean data */
  char text[DSM_EVAL_CLASSIFIER_TEXT];
};
/** Probabilities (n, classes) and features (n, features) of x (n, d) in physical units, which is normalised in place. */
void dsm__judge_run(dsm_judge *judge, float *x, float *features, float *probabilities);

/* ---- given.c: a user's data as input of a trained model ------------------------------------------------ */

typedef struct dsm__given {
  const dsm_given *source; /* borrowed */
  dsm_dataset *dataset;
  dsm_shape sample;                       /* of a row, channels last */
  uint64_t count;                         /* rows */
  size_t d;                               /* elements of a row */
  const dsm_normalization *normalization; /* borrowed; NULL: values are taken as in the file */
  bool holes;                             /* NaN and infinities are let through; false after open */
  uint64_t *row;                          /* (room) */
  size_t room;
} dsm__given;
/** Opens the rows. Not collective: every rank does it, or those that read.
 *  @param[in] sample  the shape that rows must have, the checkpoint's header.sample; rank 0: any
 *  @param[in] n       to be applied on reading; NULL: none
 *  @return DSM_OK; what dsm_dataset_open says; DSM_BAD_DATA with both shapes. */
dsm_status dsm__given_open(const dsm_given *source, dsm_shape sample, const dsm_normalization *n,
                           dsm__given *g);
/** Accepts a zeroed struct. */
void dsm__given_close(dsm__given *g);
/** x (n, d): rows first ... first + n - 1, channels last, normalised; those beyond the last repeat it, so that a block
 *  is always full. @return DSM_OK; DSM_IO; DSM_BAD_DATA: a value that is not finite, with its row. */
dsm_status dsm__given_read(dsm__given *g, uint64_t first, size_t n, float *x);
/** The same for any rows of the range. */
dsm_status dsm__given_read_rows(dsm__given *g, const uint64_t *row, size_t n, float *x);
/** "digits.h5:/samples, rows 0 to 99, axes N C H W, fingerprint 1b3c...": says in results what they were made from.
 *  Reads a few rows for the fingerprint. */
dsm_status dsm__given_text(dsm__given *g, char *text, size_t size);

/* ---- condition_table.c --------------------------------------------------------------------------------- */

/** Raw conditions of the samples to be drawn or worked on: sample i takes row i % rows. */
typedef struct dsm__condition_table {
  dsm_conditions layout;
  uint64_t rows;             /* 0: none are needed */
  float *raw;                /* (rows, layout.columns) */
  char origin[DSM_TEXT_MAX]; /* where they come from, for people; rank 0 */
} dsm__condition_table;
/** For `count` samples: from sampler.label, condition or condition_file, where the overrides give them or `beside` is
 *  NULL; else from the datasets of data.conditions in the file of `beside`, its rows. None with sampler.guidance 0.
 *  What lies outside the range of the training data is told. Collective.
 *  @return DSM_OK; DSM_BAD_CONFIG naming the choices; DSM_NOT_FOUND; DSM_BAD_DATA. */
dsm_status dsm__condition_table_create(const dsm__trained *trained, const dsm__given *beside, uint64_t count,
                                       dsm__condition_table *table);
/** One line, if the model has conditions. Rank 0 prints. */
void dsm__condition_table_banner(const dsm__condition_table *table);
/** Puts the columns of each condition of info->count samples into `info`, if there are some. `given` is room that
 *  must stay as long as `info`. Rank 0. */
dsm_status dsm__condition_table_columns(const dsm__condition_table *table,
                                        dsm_samples_condition given[DSM_LIST_MAX], dsm_samples_info *info);
/** Frees what the former allocated, also after its failure; accepts zeroed `given`. */
void dsm__condition_table_free_columns(dsm_samples_condition given[DSM_LIST_MAX]);
void dsm__condition_table_destroy(dsm__condition_table *table);
/** u (n, width) of samples first ... first + n - 1; `raw` is room for (n, columns). */
void dsm__condition_table_encode(const dsm__condition_table *table, const dsm_normalization *scaling,
                                 uint64_t first, size_t n, float *raw, float *u);

/* ---- blocks.c: results in blocks, by all ranks, into one file ------------------------------------------ */

/** One block to be computed: samples first ... first + n - 1. The arrays have room for info->block samples; what is
 *  beyond n is not written to the file. Channels last, physical units. */
typedef struct dsm__block {
  uint64_t first;
  size_t n;
  float *x;                    /* (block, sample); NULL where the file has no /samples */
  void *field[DSM_FIELDS_MAX]; /* (block, row) of each field, in its type */
  int32_t *evaluations;        /* (block) that each sample needed */
  int64_t *evaluated;          /* to be raised by the evaluations of the network, of a whole batch each */
  /* to be told how far the block has come, in parts of `all`; hand both on to dsm_sampling */
  bool (*progress)(void *context, int64_t done, int64_t all);
  void *context;
} dsm__block;
/** What is to be computed. */
typedef struct dsm__blocks {
  dsm_comm *comm;
  const char *output;           /* path of the file */
  const dsm_samples_info *info; /* what is in it; rank 0's conditions, input and texts are written */
  const char *verb, *noun;      /* for the closing lines: "drawn", "samples" */
  int64_t batch;                /* samples in one evaluation of the network */
  int64_t watchdog;             /* train.watchdog */
  /* computes one block, a function of block->first alone. Not collective. */
  dsm_status (*compute)(void *self, const dsm__block *block);
  /* what is to be done with the whole file before it is finished, on rank 0; may be NULL */
  dsm_status (*conclude)(void *self, const char *output);
  void *self;
  uint64_t *bad; /* becomes the values that are not finite; may be NULL */
  /* it is a part of another job, which watches for what asks to stop, and whose board (NULL: none) is told of progress; then
   * nothing is said but that */
  bool part;
  struct dsm__board *board;
} dsm__blocks;
/** Creates the file or finds it unfinished, computes the missing blocks on all ranks with a progress line, finishes
 *  it, and tells what it took. Collective. @return DSM_OK; DSM_STOPPED: asked to stop, as in stop.c, and the blocks in
 *  hand are finished; what `compute` and the file may fail with. */
dsm_status dsm__blocks_run(const dsm__blocks *blocks);

/* ---- results.c: what a trained model makes ------------------------------------------------------------- */

/** dsm__blocks_run with `info`, of dsm__trained_info, completed by the configuration and by the conditions of its samples
 *  in `table`. Fills comm, info, batch and watchdog of `blocks`. Collective. */
dsm_status dsm__results_run(const dsm__trained *trained, const dsm__condition_table *table,
                            dsm_samples_info *info, dsm__blocks *blocks);

/* ---- drawing.c: samples of a trained model --------------------------------------------------------------- */

/** What draws samples: the network of a model, and what it is conditioned on or guided by. */
typedef struct dsm__drawing {
  const dsm__trained *trained; /* borrowed */
  uint64_t count;              /* of samples */
  dsm_network *network;
  dsm_denoiser denoiser;
  int64_t estimates, evaluations; /* of a block, and of the network for them; 0: not known beforehand */
  dsm__condition_table conditions;
  float *raw, *u; /* conditions of a block */
  dsm_sampling_moves moves;
  dsm__class_guided guided; /* closed: no classifier */
} dsm__drawing;
/** Settles everything that can be wrong with the request before a sample is drawn. `d` is zeroed, stays where it is, and is
 *  to be closed after a failure too. Collective.
 *  @param[in] beside      whose conditions the samples have, as in dsm__condition_table_create; NULL: the settings'
 *  @param[in] classifier  that guides; NULL: none
 *  @return DSM_OK; as dsm__condition_table_create, dsm__class_guided_open, dsm_sampler_check. */
dsm_status dsm__drawing_open(dsm_comm *comm, const dsm__trained *trained, uint64_t count,
                             const dsm__given *beside, const dsm_class_choice *classifier, dsm__drawing *d);
void dsm__drawing_close(dsm__drawing *d);
/** Draws them into a file, by dsm__results_run, of whose fields it fills compute, info and self. Collective. */
dsm_status dsm__drawing_run(dsm__drawing *d, dsm__blocks *blocks);

/* ---- preview.c, preview_metrics.c: samples of a model that is being trained ------------------------------ */

typedef struct dsm__preview dsm__preview;
/** What previews are made of, and where they go; everything is borrowed until destroy. */
typedef struct dsm__preview_params {
  const dsm__session *session;
  const dsm_checkpoint *header; /* its normalisations, and the step that the training goes on from */
  dsm_dataset *dataset;         /* of the training, for ranges and conditions; only until create returns */
  const char *reference_rows;   /* of data.file: what the samples are compared with */
  const char *run;              /* previews/ is made in it; NULL: a dry run, which only looks */
  float *w; /* (parameters) those to draw with, filled before each preview: dsm__averaged by sampler.ema */
} dsm__preview_params;
/** Looks at what can be wrong with train.preview_* but for metrics that do not suit the samples, which the first preview
 *  tells; removes previews of steps beyond the header's, of a new run all. Before the loader starts. `*preview` is NULL
 *  without train.preview_every. Collective.
 *  @return DSM_OK; as dsm__drawing_open, dsm_judge_create; DSM_BAD_CONFIG: a word in the metrics; DSM_IO. */
dsm_status dsm__preview_create(const dsm__preview_params *params, dsm__preview **preview);
void dsm__preview_destroy(dsm__preview **preview);
/** Whether RUN/previews has one of this step. Rank 0. */
bool dsm__preview_exists(const dsm__preview *preview, int64_t step);
/** Seconds that the last one took; 0: there was none. */
double dsm__preview_seconds(const dsm__preview *preview);
/** Draws samples into RUN/previews/step-XXXXXXXX.h5, a picture of them beside it where they have one, and measures them:
 *  `metrics` becomes a line of metrics.jsonl, "" = none. Ticks the board (NULL: none). After a failure there is no
 *  preview of the step. Collective.
 *  @return DSM_OK; DSM_STOPPED: the job is to stop; as dsm__drawing_run, dsm_evaluate; DSM_IO. */
dsm_status dsm__preview_make(dsm__preview *preview, int64_t step, struct dsm__board *board,
                             char metrics[DSM__METRICS_LINE_MAX]);
/** What fails, but for MPI, is told of and forgiven: a training of days is worth more than a picture. Returns what is not. */
dsm_status dsm__preview_forgive(dsm_status status, int64_t step);
/** Whether the words of train.preview_metrics are known; not yet whether they suit the samples. Not collective.
 *  @return DSM_OK; DSM_BAD_CONFIG. */
dsm_status dsm__preview_check(const char *metrics);
/** What dsm_evaluate finds, as a line of metrics.jsonl, and for people. Collective. @return as dsm_evaluate. */
dsm_status dsm__preview_measure(dsm_comm *comm, const dsm_eval_options *options, int64_t step,
                                char line[DSM__METRICS_LINE_MAX]);

/* ---- latents.c: the way between data and latents, either way ------------------------------------------- */

typedef struct dsm__latents {
  dsm__trained trained;
  dsm__given given;
  dsm__condition_table conditions; /* of the rows given */
  dsm_network *network;
  dsm_denoiser denoiser;
  float *raw, *u;                 /* conditions of a block */
  int64_t estimates, evaluations; /* of decoding, and of the network for them; 0: not known beforehand */
  int64_t evaluations_up;         /* of encoding */
  char input[3 * DSM_TEXT_MAX];   /* dsm__given_text; rank 0 */
} dsm__latents;
/** Opens model, data and conditions, and settles how the way is walked; `of_data`: the rows are samples, to be
 *  normalised, else latents. Prints what it found. Close after a failure too. Collective. */
dsm_status dsm__latents_open(dsm_comm *comm, const dsm_on_data_options *options, bool of_data,
                             dsm__latents *l);
void dsm__latents_close(dsm__latents *l);
/** x (sampler.block, d): from samples in normalised units to latents of unit deviation, or back. Sample i takes its
 *  condition from row first + i of `table`.
 *  @param[in]     block   whose progress is told; its `evaluated` is raised
 *  @param[out]    needed  (sampler.block) evaluations of the network that each took */
dsm_status dsm__latents_encode(dsm__latents *l, const dsm__condition_table *table, uint64_t first, float *x,
                               const dsm__block *block, int32_t *needed);
dsm_status dsm__latents_decode(dsm__latents *l, const dsm__condition_table *table, uint64_t first, float *x,
                               const dsm__block *block, int32_t *needed);

/* ---- stop.c -------------------------------------------------------------------------------------------- */

typedef enum dsm__stop_reason {
  DSM__GO_ON,
  DSM__STOP_TIME,
  DSM__STOP_SIGNAL,
  DSM__STOP_TERM,
  DSM__STOP_FILE,
  DSM__STOP_REASONS
} dsm__stop_reason;
/** Starts watching: SIGUSR1 and SIGTERM on any rank, a second one 5 s or more later ends the process at once; on rank 0
 *  (`root`) also the clock, `hours` from now (0 = no limit) or the end of a Slurm job's time, and the file. */
void dsm__stop_watch(double hours, const char *stop_file, bool root);
/** Gives the signals back to whoever had them; any number of times. */
void dsm__stop_unwatch(void);
/** Time that stopping takes: the clock then stops that much earlier. */
void dsm__stop_reserve(double seconds);
/** Whether the clock stops the run within so many seconds. Rank 0. */
bool dsm__stop_near(double seconds);
/** This rank's wish; what happens is agreed by all. */
dsm__stop_reason dsm__stop_wanted(bool root);
const char *dsm__stop_text(dsm__stop_reason reason);
/** Seconds that this Slurm job has left; below 0: not in one, or not known. Asks Slurm. */
double dsm__slurm_left(void);
/** Seconds of a duration as Slurm writes it, "[days-]hours:minutes:seconds"; below 0: none ("UNLIMITED"). */
double dsm__slurm_seconds(const char *text);

/* ---- heartbeat.c --------------------------------------------------------------------------------------- */

typedef struct dsm__heartbeat dsm__heartbeat;
/** Calls beat(context) from a thread of its own, every so many seconds until stop: short, and without failures to tell. */
dsm_status dsm__heartbeat_start(double seconds, void (*beat)(void *context), void *context,
                                dsm__heartbeat **heartbeat);
/** Accepts NULL in `*heartbeat`. */
void dsm__heartbeat_stop(dsm__heartbeat **heartbeat);

/* ---- owner.c: whose a run folder is -------------------------------------------------------------------- */

/** Makes the folder this job's, and shows life from now on. Rank 0. @return DSM_OK; DSM_IO if another job is at work there, named. */
dsm_status dsm__owner_take(const dsm__run_folder *folder, dsm__owner *owner);
/** DSM_IO if the folder has been taken over, by whom. Rank 0, before anything is overwritten. */
dsm_status dsm__owner_check(const dsm__owner *owner);
/** Gives the folder back, if it is still this job's. */
void dsm__owner_release(dsm__owner *owner);

typedef enum dsm__owner_state {
  DSM__OWNER_NONE,
  DSM__OWNER_UNREADABLE, /* the file does not say whose the folder is */
  DSM__OWNER_AT_WORK,
  DSM__OWNER_GONE,  /* its process, of this host, does not exist any more */
  DSM__OWNER_SILENT /* no life for longer than a job that is well needs for a sign */
} dsm__owner_state;
typedef struct dsm__owner_sight {
  dsm__owner_state state;
  char host[64], job[64], since[40];
  long pid;
  double silent; /* seconds since it showed life, by this host's clock */
} dsm__owner_sight;
/** Looks whose a run folder is, and touches nothing. */
void dsm__owner_look(const char *run, dsm__owner_sight *sight);

/* ---- saver.c: checkpoints, written while the training goes on ------------------------------------------- */

typedef struct dsm__saver_params {
  dsm_checkpoint_arrays arrays; /* of the training; borrowed until destroy */
  const char *folder;           /* of the checkpoints; borrowed */
  size_t keep;                  /* newest ones that stay, and those of every so many steps */
  int64_t keep_every;
  bool background;          /* write from a copy; else the training waits */
  dsm_checkpoint_gate gate; /* asked from another thread */
} dsm__saver_params;
typedef struct dsm__saver dsm__saver;
/** Rank 0. The functions below do nothing on NULL, which the other ranks have. */
dsm_status dsm__saver_create(const dsm__saver_params *params, dsm__saver **saver);
/** Takes what is to be saved, arrays and header, and begins to write; waits for the one before. The header's texts and
 *  arrays stay borrowed until it is over. @return what became of the one before. */
dsm_status dsm__saver_save(dsm__saver *saver, const dsm_checkpoint *header);
/** What became of a checkpoint that is over by now, told once: dsm_checkpoint_write's result. Never waits. */
dsm_status dsm__saver_poll(dsm__saver *saver);
/** The same, after waiting for it. */
dsm_status dsm__saver_wait(dsm__saver *saver);
/** Waits too. */
void dsm__saver_destroy(dsm__saver **saver);
/** Bytes of the copy. */
size_t dsm__saver_memory(const dsm__saver_params *params);

/* ---- skipped.c: steps without a finite loss and gradient ----------------------------------------------- */

typedef struct dsm__skipped {
  int64_t in_row;        /* steps left out until now; 0 again, by the caller, when one was taken */
  uint64_t samples, row; /* of this rank and step: those whose loss is not finite; the first one's row */
} dsm__skipped;
/** Before each step. */
void dsm__skipped_begin(dsm__skipped *skipped);
/** Notes which of n losses are not finite; `row` of each in the data. */
void dsm__skipped_note(dsm__skipped *skipped, const float *loss, const uint64_t *row, size_t n);
/** Tells that the step is left out and which samples it was, or `why` where it was none of them. Collective.
 *  @param[in] most       train.max_skipped
 *  @param[in] first_row  of the data, in the file
 *  @return DSM_OK; DSM_DIVERGED: too many in a row. */
dsm_status dsm__skipped_tell(dsm__skipped *skipped, dsm_comm *comm, int64_t step, int64_t most,
                             uint64_t first_row, const char *why);

/* ---- sections.c: where the time goes ------------------------------------------------------------------- */

typedef enum dsm__section {
  DSM__DATA,       /* waiting for the loader */
  DSM__COMPUTE,    /* forward and backward */
  DSM__REDUCE,     /* gradient sum: local sums and communication, waiting included */
  DSM__OPTIMIZER,  /* clip, AdamW, averages */
  DSM__CHECKPOINT, /* writing, and waiting for it */
  DSM__EVALUATE,   /* held-out losses, previews */
  DSM__OTHER,
  DSM__SECTIONS
} dsm__section;
struct dsm__board;
typedef struct dsm__sections {
  double seconds[DSM__SECTIONS], started, since;
  dsm__section now;
  struct dsm__board *board; /* told where this rank is; borrowed, may be NULL */
} dsm__sections;
void dsm__sections_start(dsm__sections *s, struct dsm__board *board);
/** Ends the current section, starts `next`. */
void dsm__sections_enter(dsm__sections *s, dsm__section next);
/** Prints the table over ranks, and appends it as a line to the file `timing`:
 *    {"steps", "batch", "ranks", "hosts", "ended", "seconds", "peak_memory", "sections": {NAME: [min, mean, max], ...}}
 *  in seconds and bytes, of this job alone. Collective. @return DSM_OK; DSM_IO. */
dsm_status dsm__sections_table(dsm__sections *s, dsm_comm *comm, int64_t steps, uint64_t batch,
                               const char *timing);
/** Prints what the gradient sum over several ranks cost a step, `facts` of this rank. Collective. */
dsm_status dsm__sections_sum(const dsm_reducer_facts *facts, dsm_comm *comm, int64_t steps);

/* ---- board.c: who waits for whom ----------------------------------------------------------------------- */

/** What a rank is doing: a section of the loop, or one of these. places.c has their words. */
typedef enum dsm__place {
  DSM__STARTING = DSM__SECTIONS, /* before the loop: opening, reading statistics, sharing a checkpoint */
  DSM__FITTING,                  /* process.sigma, by rank 0 */
  DSM__BLOCK,                    /* computing one */
  DSM__BLOCKS_DONE,              /* waiting for the blocks of others */
  DSM__FINISHING,                /* the file of results, by rank 0 */
  DSM__PLACES
} dsm__place;

/** Every rank tells rank 0 once a second, by a thread and without MPI, what it is doing and for how long. Rank 0 says in
 *  the log for whom the others wait, and ends the job with exit status 70 when nothing moves any more. See board.c. */
typedef struct dsm__board dsm__board;
typedef struct dsm__board_params {
  const char *unit; /* what is counted: "step", "block"; a text that stays */
  bool together;    /* all ranks work on the same one: who has not come is waited for */
  int64_t limit;    /* train.watchdog in seconds; 0 = the job is never ended */
  const char *log;  /* file that a rank appends its last words to if it is there; NULL: none; copied */
} dsm__board_params;
/** In DSM__STARTING, count 0. Without a network for it the job goes on, and a line says what is missing. Collective.
 *  @return DSM_OK; DSM_NO_MEMORY. */
dsm_status dsm__board_begin(dsm_comm *comm, const dsm__board_params *params, dsm__board **board);
/** Where this rank is now, a dsm__section or dsm__place; from one thread at a time. These three cost some ten nanoseconds
 *  and accept NULL. */
void dsm__board_enter(dsm__board *board, int place);
/** The step or block that is worked on now. */
void dsm__board_count(dsm__board *board, int64_t count);
/** Something has been done in this place: for those where one can be for long. */
void dsm__board_tick(dsm__board *board);
/** Not collective. Accepts NULL in `*board`. */
void dsm__board_end(dsm__board **board);

/* ---- progress.c, metrics.c, metrics_tail.c, file_tail.c ------------------------------------------------ */

/** One line every so often in a file, a bar on a terminal. */
typedef struct dsm__progress {
  const char *what;   /* "step", "evaluation" */
  const char *header; /* column titles, printed above the first line; may be NULL */
  int64_t first, total;
  double started, line_at, bar_at;
  bool titled;
} dsm__progress;
void dsm__progress_start(dsm__progress *p, const char *what, const char *header, int64_t first,
                         int64_t total);
/** Called often; `detail` are the columns of a line, under the header. `force` prints the line in any case. */
void dsm__progress_show(dsm__progress *p, int64_t done, const char *detail, bool force);

/** Drops the lines of metrics.jsonl beyond `step`: they are of a life that did not reach a checkpoint. -1: all. */
dsm_status dsm__metrics_rewind(const char *path, int64_t step);
/** Appends one line, flushed. Numbers that are not finite become null. */
dsm_status dsm__metrics_append(const char *path, const char *json);
/** A line of metrics.jsonl; numbers that it does not have are NAN, or -1 where they count. */
typedef struct dsm__metrics_line {
  int64_t step, skipped;
  double loss, seconds, samples_per_second;
  bool trained; /* it tells of the training; else of samples held out, or of a preview */
} dsm__metrics_line;
/** Reads one line, of `length` characters without the newline. @return false: not a whole line of this log. */
bool dsm__metrics_parse(const char *line, size_t length, dsm__metrics_line *parsed);
typedef struct dsm__metrics_tail {
  dsm__metrics_line last; /* the last whole line; step -1: there is none */
  int64_t damaged;        /* lines after or shortly before it that are not of this log */
  bool cut;               /* the file ends within a line: one is being written, or the writer was killed */
  double age;             /* seconds since the file was written */
  dsm_run_figure figure[DSM_RUN_FIGURES];
  size_t figures; /* of each name the newest */
} dsm__metrics_tail;
/** Looks at the end of metrics.jsonl, which may be written meanwhile. @return DSM_OK; DSM_NOT_FOUND; DSM_IO. */
dsm_status dsm__metrics_last(const char *path, dsm__metrics_tail *tail);

/** The last `most` bytes of a file, with a 0 behind them; where that is not the whole file, from the start of a line on.
 *  `*text` is owned by the caller: free(). @return DSM_OK; DSM_NOT_FOUND; DSM_IO; DSM_NO_MEMORY. */
dsm_status dsm__file_tail(const char *path, size_t most, char **text, size_t *length);

/* ---- machine.c ----------------------------------------------------------------------------------------- */

/** GFLOP/s of one rank's SGEMM (n = 1024) and GB/s of y = 2x over 64 MiB arrays, best of a few, by the fast
 * kernels whatever train.kernels says: it is the machine that is measured. */
dsm_status dsm__machine_limits(int threads, double *gflops, double *gbytes);

#endif
