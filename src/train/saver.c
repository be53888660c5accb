/* Checkpoints written by a thread of rank 0, from a copy, while the training goes on. One at a time: the next one waits
 * for it. The main thread alone speaks of it. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

struct dsm__saver {
  dsm__saver_params params;
  dsm_checkpoint_arrays copy; /* what is written: own arrays, or those of the training */
  void *memory;               /* of the copy */
  dsm_checkpoint header;      /* as it was; its texts and arrays are borrowed */
  char path[2 * DSM_TEXT_MAX];
  pthread_t thread;
  bool under_way;
  double started;
  /* the thread's, to be read when `over` is true */
  atomic_bool over;
  dsm_status status;
  char *trail;
  double seconds;
};

static size_t copied_bytes(const dsm_checkpoint_arrays *a) {
  const size_t count = dsm_parameters_count(a->table);
  return count * (3 * sizeof(float) + a->averages * sizeof(double)) + a->times_count * sizeof(double);
}

size_t dsm__saver_memory(const dsm__saver_params *params) {
  return params->background ? copied_bytes(&params->arrays) : 0;
}

/* The doubles come first, so that all of it is aligned. */
static void place_copy(dsm__saver *s) {
  const dsm_checkpoint_arrays *from = &s->params.arrays;
  const size_t count = dsm_parameters_count(from->table);
  double *doubles = s->memory;
  s->copy = *from;
  for (size_t i = 0; i < from->averages; i++, doubles += count) s->copy.average[i] = doubles;
  if (from->times) s->copy.times = doubles;
  doubles += from->times_count;
  s->copy.w = (float *)doubles;
  s->copy.m = s->copy.w + count;
  s->copy.v = s->copy.m + count;
}

static void copy_arrays(dsm__saver *s) {
  const dsm_checkpoint_arrays *from = &s->params.arrays;
  const size_t count = dsm_parameters_count(from->table);
  memcpy(s->copy.w, from->w, count * sizeof(float));
  memcpy(s->copy.m, from->m, count * sizeof(float));
  memcpy(s->copy.v, from->v, count * sizeof(float));
  for (size_t i = 0; i < from->averages; i++)
    memcpy(s->copy.average[i], from->average[i], count * sizeof(double));
  if (from->times) memcpy(s->copy.times, from->times, from->times_count * sizeof(double));
}

dsm_status dsm__saver_create(const dsm__saver_params *params, dsm__saver **saver) {
  dsm_status status = DSM_OK;
  dsm__saver *s;
  *saver = NULL;
  DSM_TRY(DSM_ALLOC(1, &s));
  s->params = *params;
  s->copy = params->arrays;
  if (params->background) {
    DSM_TRY_DONE(dsm_alloc(copied_bytes(&params->arrays), 1, &s->memory));
    place_copy(s);
  }
  *saver = s;
  s = NULL;
done:
  free(s);
  return status;
}

static dsm_status write_and_prune(const dsm__saver *s) {
  const dsm__saver_params *p = &s->params;
  DSM_TRY(dsm_checkpoint_write(s->path, &s->header, &s->copy, &p->gate));
  DSM_TRY(dsm_checkpoint_prune(p->folder, p->keep, p->keep_every));
  return DSM_OK;
}

static void *work(void *context) {
  dsm__saver *s = context;
  s->status = write_and_prune(s);
  s->trail = s->status == DSM_OK ? NULL : strdup(dsm_trail());
  s->seconds = dsm_seconds() - s->started;
  atomic_store(&s->over, true);
  return NULL;
}

/* The thread has ended or soon will: what came of it. */
static dsm_status conclude(dsm__saver *s) {
  char time[32];
  pthread_join(s->thread, NULL);
  s->under_way = false;
  if (s->status != DSM_OK) {
    const dsm_status status =
        dsm_trail_set(s->status, s->trail ? s->trail : "the checkpoint was not written");
    free(s->trail);
    s->trail = NULL;
    return status;
  }
  dsm_info("saved    %s in %s", s->path, dsm_duration(s->seconds, time, sizeof time));
  dsm__stop_reserve(2 * s->seconds);
  return DSM_OK;
}

dsm_status dsm__saver_poll(dsm__saver *s) {
  if (!s || !s->under_way || !atomic_load(&s->over)) return DSM_OK;
  DSM_TRY(conclude(s));
  return DSM_OK;
}

dsm_status dsm__saver_wait(dsm__saver *s) {
  if (!s || !s->under_way) return DSM_OK;
  DSM_TRY(conclude(s));
  return DSM_OK;
}

dsm_status dsm__saver_save(dsm__saver *s, const dsm_checkpoint *header) {
  DSM_TRY(dsm__saver_wait(s));
  s->started = dsm_seconds();
  s->header = *header;
  dsm_checkpoint_path(s->params.folder, header->step, s->path, sizeof s->path);
  if (s->params.background) copy_arrays(s);
  atomic_store(&s->over, false);
  DSM_TRY(dsm_thread_start("writing checkpoints", work, s, &s->thread));
  s->under_way = true;
  if (!s->params.background) DSM_TRY(dsm__saver_wait(s));
  return DSM_OK;
}

void dsm__saver_destroy(dsm__saver **saver) {
  dsm__saver *s = *saver;
  if (!s) return;
  if (s->under_way) pthread_join(s->thread, NULL);
  free(s->trail);
  free(s->memory);
  free(s);
  *saver = NULL;
}
