/** @file job.h
 *  A job: what a configuration and the data turn into, and what is said of it. */
#ifndef DSMPI_TRAIN_JOB_H
#define DSMPI_TRAIN_JOB_H

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

/* ---- machine.c ----------------------------------------------------------------------------------------- */

/** GFLOP/s of one rank's SGEMM (n = 1024) and GB/s of y = 2x over 64 MiB arrays, best of a few, by the fast
 * kernels whatever train.kernels says: it is the machine that is measured. */
dsm_status dsm__machine_limits(int threads, double *gflops, double *gbytes);

#endif
