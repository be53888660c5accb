/* Where things are in a checkpoint; include/dsmpi/io.h has the list. */
#ifndef DSMPI_IO_CHECKPOINT_FORMAT_H
#define DSMPI_IO_CHECKPOINT_FORMAT_H

#include "dsmpi/io.h"

#define DSM_GROUP_MODEL         "model"
#define DSM_GROUP_EMA           "ema"
#define DSM_GROUP_OPTIMIZER     "optimizer"
#define DSM_GROUP_NORMALIZATION "normalization"
#define DSM_DATASET_TIMES       "times"
#define DSM_GROUP_CONDITIONS    "conditions"

enum { DSM_RATE_TEXT = 32 };
/* Name of the group of an average: the shortest decimal that reads back as `rate`, "0.999". Returns `text`.
 */
const char *dsm__rate_text(double rate, char text[DSM_RATE_TEXT]);

/* Reads every dataset of the checkpoint at `path`, a file just written, back from the disk. */
dsm_status dsm__checkpoint_verify(const char *path, const dsm_checkpoint_arrays *arrays);

#endif
