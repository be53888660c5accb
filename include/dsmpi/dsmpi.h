/** @file dsmpi.h
 *  All public headers of libdsmpi. The tour in reading order is src/README.md. */
#ifndef DSMPI_H
#define DSMPI_H

#include "dsmpi/status.h"
#include "dsmpi/log.h"
#include "dsmpi/json.h"
#include "dsmpi/memory.h"
#include "dsmpi/clock.h"
#include "dsmpi/host.h"
#include "dsmpi/fault.h"
#include "dsmpi/thread.h"
#include "dsmpi/random.h"
#include "dsmpi/config.h"
#include "dsmpi/conditions.h"
#include "dsmpi/tensor.h"
#include "dsmpi/kernels.h"
#include "dsmpi/linear_algebra.h"
#include "dsmpi/parameters.h"
#include "dsmpi/graph.h"
#include "dsmpi/nn.h"
#include "dsmpi/normalization.h"
#include "dsmpi/diffusion.h"
#include "dsmpi/mixture.h"
#include "dsmpi/restore.h"
#include "dsmpi/optim.h"
#include "dsmpi/data.h"
#include "dsmpi/dist.h"
#include "dsmpi/io.h"
#include "dsmpi/eval.h"
#include "dsmpi/drawing.h"
#include "dsmpi/train.h"
#include "dsmpi/run_status.h"
#include "dsmpi/doctor.h"
#include "dsmpi/report.h"
#include "dsmpi/explain.h"

#endif
