/** @file train.h
 *  The three jobs that use everything else: train, sample, bench. All are collective over the communicator:
 *  every rank calls with the same arguments and gets the same status. */
#ifndef DSMPI_TRAIN_H
#define DSMPI_TRAIN_H

#include "dsmpi/config.h"
#include "dsmpi/dist.h"

/** "dsmpi 0.1.0". */
const char *dsm_version_line(void);
/** Build, compiler, MPI, BLAS, HDF5, kernels, license: one fact a line. Not collective. */
dsm_status dsm_version_facts(char *text, size_t size);

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

typedef struct dsm_sample_options {
  const char *source; /* run folder (its newest whole checkpoint) or checkpoint file */
  const char *output; /* samples file */
  uint64_t count;
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

typedef struct dsm_bench_options {
  int64_t steps;    /* timed steps, after warm-up ones */
  const char *json; /* also write the figures there, or NULL */
} dsm_bench_options;
/** Measures training steps and network evaluations of a configuration on synthetic data of its sample shape,
 *  with a per-op table and the machine's SGEMM peak and memory bandwidth beside it. data.file may be unset:
 *  `data.shape` gives the sample then. */
dsm_status dsm_bench(dsm_comm *comm, const dsm_config *config, const dsm_bench_options *options);

#endif
