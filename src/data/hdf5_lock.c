#include "dsmpi/hdf5_lock.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>

/* Numbers are drawn and served in turn, so that the loader gets in between the datasets of a checkpoint. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t next_one = PTHREAD_COND_INITIALIZER;
static unsigned long drawn, served;

void dsm_hdf5_lock(void) {
  pthread_mutex_lock(&mutex);
  const unsigned long mine = drawn++;
  while (served != mine) pthread_cond_wait(&next_one, &mutex);
  pthread_mutex_unlock(&mutex);
  /* Thread-safe builds keep one error stack a thread, hence each time. */
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void dsm_hdf5_unlock(void) {
  pthread_mutex_lock(&mutex);
  served++;
  pthread_cond_broadcast(&next_one);
  pthread_mutex_unlock(&mutex);
}

void dsm_hdf5_pause(void) {
  dsm_hdf5_unlock();
  dsm_hdf5_lock();
}

typedef struct message {
  char *text;
  size_t size;
} message;

static herr_t take_innermost(unsigned n, const H5E_error2_t *error, void *data) {
  message *m = data;
  if (n == 0 && error->desc) snprintf(m->text, m->size, "%s", error->desc);
  return 1; /* nothing further out is wanted */
}

const char *dsm_hdf5_message(char *text, size_t size) {
  message m = {text, size};
  snprintf(text, size, "no details");
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &m);
  return text;
}
