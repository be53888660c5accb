/** @file results.h
 *  A trained model and what is made with it: from a checkpoint and a user's data, block by block, to a file of results. */
#ifndef DSMPI_TRAIN_RESULTS_H
#define DSMPI_TRAIN_RESULTS_H

#include "run.h"

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
  dsm__board *board;
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

#endif
