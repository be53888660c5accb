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
/** Cores a rank has to itself: those it is bound to, or its share of the machine's where ranks may run anywhere. */
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

/* ---- banner.c ------------------------------------------------------------------------------------------ */

/** Program, machine, libraries, kernels: the first lines of every job. Rank 0 prints. */
void dsm__banner(const dsm__session *session);
void dsm__banner_data(const dsm_dataset_info *info, const dsm_config *config, const dsm_normalization *n);
/** Model, parameters, batch and memory a rank, by part. */
void dsm__banner_model(const dsm__session *session, const dsm_graph_facts *facts, size_t reducer_bytes);

/* ---- process.c: what the kernel knows of this process -------------------------------------------------- */

/** Peak resident memory in bytes. */
double dsm__peak_memory(void);
/** Starts the peak anew from what is resident now; where the kernel refuses, it stays what it was. */
void dsm__peak_memory_restart(void);

/* ---- normalize.c --------------------------------------------------------------------------------------- */

/** Normalisation of the data, its 64 parts dealt out over the ranks. Collective. */
dsm_status dsm__normalize(dsm_comm *comm, dsm_dataset *dataset, const dsm_config *config,
                          dsm_normalization *n);

/* ---- conditions.c, condition_table.c ------------------------------------------------------------------- */

/** Opens data.conditions beside the samples, where there are some, and completes the configuration from what is
 *  found; `*data` is NULL where there are none. Not collective. */
dsm_status dsm__conditions_open(const dsm_dataset *samples, dsm_config *config, dsm_condition_data **data);
/** Normalisation of the condition vector: rank 0 reads, all get it. Collective. */
dsm_status dsm__conditions_normalize(dsm_comm *comm, dsm_condition_data *data, dsm_normalization *n);
/** What the model is conditioned on, and how it is scaled. Rank 0 prints. */
void dsm__banner_conditions(const dsm_conditions *conditions, const dsm_normalization *n, double drop);

/** Raw conditions of samples to be drawn: sample i takes row i % rows. */
typedef struct dsm__condition_table {
  dsm_conditions layout;
  uint64_t rows; /* 0: none are needed */
  float *raw;    /* (rows, layout.columns) */
} dsm__condition_table;
/** From sampler.label, condition or condition_file, for `count` samples; what lies outside the range of the
 *  training data in `n` is told. Collective. @return DSM_BAD_CONFIG naming the choices; DSM_BAD_DATA. */
dsm_status dsm__condition_table_create(dsm_comm *comm, const dsm_config *config, const dsm_normalization *n,
                                       uint64_t count, dsm__condition_table *table);
/** The columns of each condition for `count` samples; each given[k].value is owned by the caller: free(), also
 *  after a failure. */
dsm_status dsm__condition_table_columns(const dsm__condition_table *table, uint64_t count,
                                        dsm_samples_condition given[DSM_LIST_MAX]);
void dsm__condition_table_destroy(dsm__condition_table *table);
/** u (n, width) of samples first ... first + n - 1; `raw` is room for (n, columns). */
void dsm__condition_table_encode(const dsm__condition_table *table, const dsm_normalization *scaling,
                                 uint64_t first, size_t n, float *raw, float *u);

/* ---- run_folder.c, resume.c ---------------------------------------------------------------------------- */

typedef struct dsm__run_folder {
  char path[DSM_TEXT_MAX], checkpoints[DSM_TEXT_MAX + 16], metrics[DSM_TEXT_MAX + 16],
      stop[DSM_TEXT_MAX + 16];
} dsm__run_folder;
/** Creates the folder with checkpoints/ and samples/, or checks that it can be written; moves an old run aside if `fresh`; removes a stale
 * STOP file; opens log.txt. Collective. */
dsm_status dsm__run_folder_open(dsm_comm *comm, const char *path, bool fresh, dsm__run_folder *folder);
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

/* ---- stop.c -------------------------------------------------------------------------------------------- */

typedef enum dsm__stop_reason {
  DSM__GO_ON,
  DSM__STOP_TIME,
  DSM__STOP_SIGNAL,
  DSM__STOP_FILE,
  DSM__STOP_REASONS
} dsm__stop_reason;
/** Starts watching: SIGUSR1 sets a flag. `deadline` in dsm_seconds(), 0 = none. */
void dsm__stop_watch(double deadline, const char *stop_file);
/** This rank's wish; what happens is agreed by all. */
dsm__stop_reason dsm__stop_wanted(int rank);
const char *dsm__stop_text(dsm__stop_reason reason);

/* ---- sections.c: where the time goes ------------------------------------------------------------------- */

typedef enum dsm__section {
  DSM__DATA,       /* waiting for the loader */
  DSM__COMPUTE,    /* forward and backward */
  DSM__REDUCE,     /* gradient sum: local sums and communication, waiting included */
  DSM__OPTIMIZER,  /* clip, AdamW, averages */
  DSM__CHECKPOINT, /* writing, and waiting for it */
  DSM__OTHER,
  DSM__SECTIONS
} dsm__section;
typedef struct dsm__sections {
  double seconds[DSM__SECTIONS], started, since;
  dsm__section now;
} dsm__sections;
void dsm__sections_start(dsm__sections *s);
/** Ends the current section, starts `next`. */
void dsm__sections_enter(dsm__sections *s, dsm__section next);
/** Prints the table over ranks. Collective. */
dsm_status dsm__sections_table(dsm__sections *s, dsm_comm *comm, int64_t steps, uint64_t batch);
/** Prints what the gradient sum over several ranks cost a step, `facts` of this rank. Collective. */
dsm_status dsm__sections_sum(const dsm_reducer_facts *facts, dsm_comm *comm, int64_t steps);

/* ---- progress.c, metrics.c ----------------------------------------------------------------------------- */

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

/** Drops the lines of metrics.jsonl beyond `step`: they are of a life that did not reach a checkpoint. */
dsm_status dsm__metrics_rewind(const char *path, int64_t step);
/** Appends one line, flushed. Numbers that are not finite become null. */
dsm_status dsm__metrics_append(const char *path, const char *json);
/** Text of a number for JSON: shortest that reads back equal, or null. Returns `text`. */
const char *dsm__json_number(double x, char *text, size_t size);

/* ---- machine.c ----------------------------------------------------------------------------------------- */

/** GFLOP/s of one rank's SGEMM (n = 1024) and GB/s of y = 2x over 64 MiB arrays, best of a few, by the fast
 * kernels whatever train.kernels says: it is the machine that is measured. */
dsm_status dsm__machine_limits(int threads, double *gflops, double *gbytes);

#endif
