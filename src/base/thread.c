#include "dsmpi/thread.h"

#include <signal.h>
#include <string.h>

dsm_status dsm_thread_start(const char *what, void *(*run)(void *), void *context, pthread_t *thread) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits the mask */
  const int failed = pthread_create(thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed) DSM_FAIL(DSM_NO_MEMORY, "no thread for %s: %s", what, strerror(failed));
  return DSM_OK;
}
