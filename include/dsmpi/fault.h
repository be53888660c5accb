/** @file fault.h
 *  Faults on request, to see what a job does when something breaks: the environment variable
 *    DSMPI_FAULT = rank:step:kind[,rank:step:kind ...]        "1:200:kill"   "0:50:nan,2:80:slow"
 *  strikes that rank in that training step (counted from 1), each but slow once in a process. It is compiled into every
 *  build, since what is tested is then what is used, and does nothing unless set. */
#ifndef DSMPI_FAULT_H
#define DSMPI_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "dsmpi/status.h"

#define DSM_FAULT_MAP(XX)                                                                                    \
  XX(KILL, "kill", "the process is killed (SIGKILL), as by a lost node")                                     \
  XX(EXIT, "exit", "it ends without a word, with status 1")                                                  \
  XX(STOP, "stop", "it is frozen (SIGSTOP), until somebody sends SIGCONT")                                   \
  XX(ABORT, "abort", "it aborts")                                                                            \
  XX(NAN, "nan", "the loss and the gradient of its first micro-batch are not a number")                      \
  XX(SLOW, "slow", "from that step on every step takes it half a second longer")                             \
  XX(ENOSPC, "enospc", "its next write to a result fails: no space left on device")                          \
  XX(EIO, "eio", "its next write to a result fails: input/output error")                                     \
  XX(SHORT, "short", "its next write to a result writes half of the bytes and says so")                      \
  XX(FLIP, "flip", "its next write to a result has one bit flipped, unnoticed")

typedef enum dsm_fault {
#define DSM_FAULT_ENUM(name, word, sentence) DSM_FAULT_##name,
  DSM_FAULT_MAP(DSM_FAULT_ENUM)
#undef DSM_FAULT_ENUM
      DSM_FAULT_KINDS
} dsm_fault;

/** Reads the environment for this rank, of so many, and tells what will strike it. Not collective.
 *  @return DSM_OK; DSM_USAGE if DSMPI_FAULT is not understood, with the kinds, or names a rank that there is not. */
dsm_status dsm_fault_start(int rank, int ranks);
/** A step begins, `step` from 1 on: kill, exit, stop, abort and slow strike here. */
void dsm_fault_step(int64_t step);
/** True when a fault of this kind strikes now, which the caller then acts out; it is over with that. */
bool dsm_fault_strikes(dsm_fault kind);

#endif
