/** @file thread.h
 *  Threads beside the main one: reading ahead, writing checkpoints, showing life. */
#ifndef DSMPI_THREAD_H
#define DSMPI_THREAD_H

#include <pthread.h>
#include "dsmpi/status.h"

/** Starts run(context) in a thread of its own, which gets no signals: those that ask to save and stop are for the main
 *  thread. To be joined by the caller. `what` is named in a failure, "the loader".
 *  @return DSM_OK; DSM_NO_MEMORY */
dsm_status dsm_thread_start(const char *what, void *(*run)(void *), void *context, pthread_t *thread);

#endif
