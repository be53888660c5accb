/** @file trainer.h
 *  A training under way: what it consists of, shared by those who build it (trainer.c), go through its steps (train.c), and
 *  look how it does (trainer_evaluation.c). */
#ifndef DSMPI_TRAIN_TRAINER_H
#define DSMPI_TRAIN_TRAINER_H

#include "internal.h"

/** What rides behind the gradient in each leaf, so that one reduction carries everything that all ranks must
 * know. Behind it: the losses that the law of the times follows, if it follows any. */
enum {
  EXTRA_LOSS,
  EXTRA_SQUARES /* |gradient|^2 of a micro-batch, of its mean */,
  EXTRA_FAILED,
  EXTRA_STOP /* one a reason */,
  EXTRAS = EXTRA_STOP + DSM__STOP_REASONS
};

typedef struct dsm__trainer {
  dsm__session session;
  const dsm_train_options *options;
  dsm__run_folder folder;
  dsm_dataset *dataset;
  dsm_condition_data *conditions; /* NULL: none */
  dsm_checkpoint header;          /* its normalisation, and the open interval of the loss log */
  float *w;
  dsm_objective *objective;
  dsm_optimizer *optimizer;
  dsm_reducer *reducer;
  dsm_loader *loader;
  size_t first_leaf, leaves;
  dsm__skipped skipped;
  dsm__owner owner;
  dsm__saver *saver; /* rank 0 */
  float *losses;     /* of one micro-batch */
  dsm__time_law times;
  float *rows; /* of the data, for objectives that want some beside the batches */
  char training_rows[64], held_out_rows[64]; /* of the file, "first:end" */
  dsm__held_out *held_out;                   /* NULL: none */
  dsm__preview *preview;                     /* NULL: none */
  float *averaged;                           /* room for the parameters to be evaluated; NULL: nothing is */
  dsm__sections sections;
  dsm__board *board;
  dsm__progress progress;
  dsm_step_report report;
  double interval_started;
} dsm__trainer;

bool dsm__trainer_root(const dsm__trainer *t);

/** Builds everything up to the first step, from the configuration, the data and the newest checkpoint, and says what it is.
 *  `t` has its options, all else zero, and is to be closed after a failure too. What the configuration leaves to the data
 *  file is filled in. `*more` tells whether there are steps to be done. Collective. */
dsm_status dsm__trainer_open(dsm__trainer *t, dsm_comm *comm, dsm_config *config, bool *more);
/** @return whether the run folder was this job's until now. */
bool dsm__trainer_close(dsm__trainer *t);

/** The preview of the step that the job begins with, where it is due and missing. What is wrong with that of a new run is a
 *  failure, before the first step. Collective. */
dsm_status dsm__trainer_first_preview(dsm__trainer *t, int64_t step);
/** What a run says of itself besides the losses of its batches: held-out loss and previews, where they are due after this
 *  step. `stopping`: the run ends here, and a preview is left to the next job. Collective. */
dsm_status dsm__trainer_evaluate(dsm__trainer *t, int64_t step, bool stopping);

#endif
