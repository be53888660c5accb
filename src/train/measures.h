/** @file measures.h
 *  What a training says of itself besides the losses of its batches. */
#ifndef DSMPI_TRAIN_MEASURES_H
#define DSMPI_TRAIN_MEASURES_H

#include "results.h"

/* ---- held_out.c, held_out_figures.c: the loss of samples that are not trained on ------------------------- */

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
dsm_status dsm__held_out_measure(dsm__held_out *held_out, const float *w, dsm__board *board,
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
dsm_status dsm__preview_make(dsm__preview *preview, int64_t step, dsm__board *board,
                             char metrics[DSM__METRICS_LINE_MAX]);
/** What fails, but for MPI, is told of and forgiven: a training of days is worth more than a picture. Returns what is not. */
dsm_status dsm__preview_forgive(dsm_status status, int64_t step);
/** Whether the words of train.preview_metrics are known; not yet whether they suit the samples. Not collective.
 *  @return DSM_OK; DSM_BAD_CONFIG. */
dsm_status dsm__preview_check(const char *metrics);
/** What dsm_evaluate finds, as a line of metrics.jsonl, and for people. Collective. @return as dsm_evaluate. */
dsm_status dsm__preview_measure(dsm_comm *comm, const dsm_eval_options *options, int64_t step,
                                char line[DSM__METRICS_LINE_MAX]);

#endif
