/** @file internal.h
 *  What the parts of src/train share: job.h, run.h, results.h, measures.h, each built on those before it. */
#ifndef DSMPI_TRAIN_INTERNAL_H
#define DSMPI_TRAIN_INTERNAL_H

#include "job.h"
#include "measures.h"
#include "results.h"
#include "run.h"

#endif
