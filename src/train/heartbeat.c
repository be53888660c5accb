/* A thread that does something small every so often, for as long as the process lives and is not frozen. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include "internal.h"

struct dsm__heartbeat {
  pthread_t thread;
  pthread_mutex_t mutex; /* guards stop */
  pthread_cond_t stopped;
  bool stop;
  double seconds;
  void (*beat)(void *context);
  void *context;
};

/* From now on, not from the last beat: a process that was stopped has no beats to catch up with. */
static struct timespec after(double seconds) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  const double whole = floor(seconds);
  t.tv_sec += (time_t)whole;
  t.tv_nsec += (long)(1e9 * (seconds - whole));
  if (t.tv_nsec >= 1000000000) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000;
  }
  return t;
}

static void *run(void *data) {
  dsm__heartbeat *h = data;
  pthread_mutex_lock(&h->mutex);
  while (!h->stop) {
    const struct timespec next = after(h->seconds);
    while (!h->stop && pthread_cond_timedwait(&h->stopped, &h->mutex, &next) != ETIMEDOUT) continue;
    if (!h->stop) h->beat(h->context);
  }
  pthread_mutex_unlock(&h->mutex);
  return NULL;
}

dsm_status dsm__heartbeat_start(double seconds, void (*beat)(void *context), void *context,
                                dsm__heartbeat **heartbeat) {
  dsm_status status = DSM_OK;
  pthread_condattr_t monotonic;
  dsm__heartbeat *h;
  *heartbeat = NULL;
  DSM_TRY(DSM_ALLOC(1, &h));
  h->seconds = seconds;
  h->beat = beat;
  h->context = context;
  pthread_mutex_init(&h->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* the time of day may be set meanwhile */
  pthread_cond_init(&h->stopped, &monotonic);
  pthread_condattr_destroy(&monotonic);
  DSM_TRY_DONE(dsm_thread_start("showing life", run, h, &h->thread));
  *heartbeat = h;
  h = NULL;
done:
  free(h);
  return status;
}

void dsm__heartbeat_stop(dsm__heartbeat **heartbeat) {
  dsm__heartbeat *h = *heartbeat;
  if (!h) return;
  pthread_mutex_lock(&h->mutex);
  h->stop = true;
  pthread_cond_signal(&h->stopped);
  pthread_mutex_unlock(&h->mutex);
  pthread_join(h->thread, NULL);
  pthread_cond_destroy(&h->stopped);
  pthread_mutex_destroy(&h->mutex);
  free(h);
  *heartbeat = NULL;
}
