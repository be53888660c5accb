/** @file run_status.h
 *  How a training run stands, from the files of its folder alone: owner, config.yaml, metrics.jsonl, checkpoints/, log.txt.
 *  They are read while the job may be writing them, and never written; no MPI is needed. */
#ifndef DSMPI_RUN_STATUS_H
#define DSMPI_RUN_STATUS_H

#include <stdint.h>
#include "dsmpi/status.h"

typedef enum dsm_run_state {
  DSM_RUN_RUNNING,  /* a job is at work there and shows life */
  DSM_RUN_STOPPED,  /* no job is; there are steps left */
  DSM_RUN_FAILED,   /* the same, and the last job ended with an error: said */
  DSM_RUN_FINISHED, /* no job is; the target is reached */
  DSM_RUN_LIFELESS  /* a job has not given the folder back: it was killed, or does not get on */
} dsm_run_state;

enum { DSM_RUN_NOTES = 6, DSM_RUN_FIGURES = 32 };

/** What a run has measured besides the losses of its batches. */
typedef struct dsm_run_figure {
  char name[64]; /* "held_out_loss"; of previews "frechet@pca" */
  int64_t step;
  double value, error, floor; /* NAN: none */
} dsm_run_figure;

/** What is not known is NAN, -1 (steps and counts) or "". */
typedef struct dsm_run_status {
  dsm_run_state state;
  struct {                             /* the job that owns the folder; host "": there is none */
    char host[64], job[64], since[40]; /* job: of Slurm, "-" if not started by it */
    long pid;
    double silent; /* seconds since it showed life */
  } owner;
  int64_t step, target; /* steps that are logged or kept; train.steps */
  double loss;          /* mean of the last interval that is logged */
  double rate;          /* samples a second there */
  double left;          /* seconds until the target, as the job last said, or at that rate */
  double logged;        /* seconds since that line was written */
  int64_t skipped;      /* steps left out */
  int64_t checkpoints;
  struct { /* the newest one that can be read */
    int64_t step;
    double age, bytes; /* seconds since it was written */
  } checkpoint;
  int64_t preview; /* step of the newest one */
  dsm_run_figure figure[DSM_RUN_FIGURES];
  size_t figures; /* of each name the newest */
  char said[512]; /* the last line of the log for scripts or about trouble, "dsmpi: ..." */
  char note[DSM_RUN_NOTES][256];
  size_t notes; /* pieces that are missing or damaged, and what to do */
} dsm_run_status;

/** Reads the run folder `run`. Not collective.
 *  @return DSM_OK, whatever is missing or damaged inside, see notes; DSM_NOT_FOUND: no folder, or not one of a run. */
dsm_status dsm_run_status_read(const char *run, dsm_run_status *status);
/** "RUNNING". */
const char *dsm_run_state_word(dsm_run_state state);

#endif
