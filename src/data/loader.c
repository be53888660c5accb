/* A thread reads ahead into a ring of batches; the caller borrows one at a time.
 *
 *     slots      [ borrowed ][ ready ][ ready ][ being filled ]        depth + 1 of them
 *                  ^taken               ^filled: both count batches since the start, a batch's slot is its
 * number % slots
 *
 * The reader alone touches the dataset, the conditions and the order. Under the mutex: filled, taken, stop, status, trail. */
#include <stdlib.h>
#include <string.h>

#include "condition_data.h"
#include "dataset_private.h"
#include "dsmpi/clock.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"
#include "dsmpi/thread.h"
#include "order.h"

enum {
  BLOCK_BYTES = 1 << 20, /* runs of rows that are visited together, at least: whole chunks, or a stretch of
                            contiguous data */
  WINDOW_ROWS_MAX = 1 << 22, /* bounds the memory and the time of a window's shuffle when rows are tiny */
  DEPTH_MAX = 1024,
  SMALL_AHEAD =
      64, /* batches read ahead when they are small, so that one wake-up of the reader is for many */
  SMALL_FLOATS = 1 << 16 /* in these together */
};

struct dsm_loader {
  dsm_dataset *dataset;
  const dsm_normalization *normalization;
  dsm_loader_params params;
  dsm_order *order;
  uint64_t *rows; /* slots x count */
  size_t sample;
  size_t condition;   /* entries of u; 0 = no conditions */
  float *slot_values; /* slots x count x (sample, then condition) */
  float *raw;         /* (count, columns) of the batch being filled */
  uint64_t slots;
  pthread_t thread;
  bool has_thread, has_mutex;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  uint64_t filled, taken; /* taken counts the batch that is borrowed now */
  bool stop;
  dsm_status status; /* of the batch number `filled`, which could not be read */
  char *trail;
  double waited;
};

/* ---- the reader ---------------------------------------------------------------------------------------- */

static float *slot(const dsm_loader *l, uint64_t batch) {
  return l->slot_values + (batch % l->slots) * l->params.count * (l->sample + l->condition);
}

static uint64_t *slot_rows(const dsm_loader *l, uint64_t batch) {
  return l->rows + (batch % l->slots) * l->params.count;
}

/* u of the rows of the batch being filled */
static dsm_status fill_conditions(dsm_loader *l, const uint64_t *row, float *u) {
  const dsm_normalization *n = l->params.condition_normalization;
  DSM_TRY(dsm_condition_data_read(l->params.conditions, row, l->params.count, l->raw));
  dsm_conditions_encode(dsm_condition_data_layout(l->params.conditions), n->shift, n->scale, l->raw,
                        l->params.count, u);
  return DSM_OK;
}

static dsm_status fill(dsm_loader *l, uint64_t batch, float *x) {
  size_t n = l->params.count, i = 0;
  uint64_t *row = slot_rows(l, batch);
  uint64_t position = ((uint64_t)l->params.start + batch) * l->params.batch + l->params.first;
  while (i < n) {
    /* Not across windows in one call: sorted together, their slabs could push each other out of the cache. */
    uint64_t end = dsm__order_window_end(l->order, position + i), run = 0;
    while (i + run < n && position + i + run < end) {
      row[i + run] = dsm_order_row(l->order, position + i + run);
      run++;
    }
    DSM_TRY(dsm_dataset_read(l->dataset, row + i, run, x + i * l->sample));
    i += run;
  }
  DSM_TRY(dsm__dataset_check_finite(l->dataset, row, n, x));
  if (n) dsm_normalize_values(l->normalization, x, n * l->sample / l->normalization->channels);
  if (n && l->condition) DSM_TRY(fill_conditions(l, row, x + n * l->sample));
  return DSM_OK;
}

static void *read_ahead(void *data) {
  dsm_loader *l = data;
  pthread_mutex_lock(&l->mutex);
  while (!l->stop) {
    /* The batch borrowed now, number taken - 1, keeps its slot. */
    if (l->filled - l->taken >= l->slots - 1) {
      pthread_cond_wait(&l->changed, &l->mutex);
      continue;
    }
    uint64_t batch = l->filled;
    pthread_mutex_unlock(&l->mutex);
    dsm_status status = fill(l, batch, slot(l, batch));
    pthread_mutex_lock(&l->mutex);
    if (status == DSM_OK)
      l->filled++;
    else {
      l->status = status;
      l->trail = strdup(dsm_trail());
      l->stop = true;
    }
    pthread_cond_broadcast(&l->changed);
  }
  pthread_mutex_unlock(&l->mutex);
  return NULL;
}

/* The reader sleeps once the ring is full and is woken when half of it is empty. */
static bool worth_waking(const dsm_loader *l) {
  return l->filled - l->taken <= (l->slots - 1) / 2;
}

/* ---- the caller ---------------------------------------------------------------------------------------- */

static dsm_status create_order(dsm_loader *l) {
  const dsm_dataset_info *info = dsm_dataset_info_of(l->dataset);
  uint64_t window = l->params.window_bytes / info->bytes_per_sample, block = info->chunk_rows;
  if (window > WINDOW_ROWS_MAX) window = WINDOW_ROWS_MAX;
  if (window < 1) window = 1;
  uint64_t chunks = BLOCK_BYTES / (block * info->bytes_per_sample);
  if (chunks > 1) block *= chunks;
  /* A chunk longer than the window is visited in parts: memory stays bounded, the chunk is unpacked more than
   * once. */
  if (block > window) block = window;
  dsm__dataset_reserve(l->dataset, window, block);
  if (l->params.conditions) dsm__condition_data_reserve(l->params.conditions, window, block);
  return dsm__order_create(info->rows, info->first % block, block, window, l->params.seed, &l->order);
}

static dsm_status start_thread(dsm_loader *l) {
  if (pthread_mutex_init(&l->mutex, NULL) != 0) DSM_FAIL(DSM_NO_MEMORY, "no mutex for the loader");
  if (pthread_cond_init(&l->changed, NULL) != 0) {
    pthread_mutex_destroy(&l->mutex);
    DSM_FAIL(DSM_NO_MEMORY, "no condition variable for the loader");
  }
  l->has_mutex = true;
  DSM_TRY(dsm_thread_start("the loader", read_ahead, l, &l->thread));
  l->has_thread = true;
  return DSM_OK;
}

dsm_status dsm_loader_create(dsm_dataset *dataset, const dsm_normalization *normalization,
                             const dsm_loader_params *params, dsm_loader **loader) {
  dsm_status status = DSM_OK;
  dsm_loader *l = NULL;
  *loader = NULL;
  if (params->batch < 1 || params->first > params->batch || params->count > params->batch - params->first ||
      params->start < 0 || params->depth < 1 || params->depth > DEPTH_MAX)
    DSM_FAIL(DSM_INTERNAL, "loader of samples %llu + %llu of batches of %llu, from step %lld, %d ahead",
             (unsigned long long)params->first, (unsigned long long)params->count,
             (unsigned long long)params->batch, (long long)params->start, params->depth);
  if (normalization->channels != dataset->channels)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %zu channels, but the normalisation is for %zu", dataset->name,
             dataset->path, dataset->channels, normalization->channels);
  if (params->conditions &&
      params->condition_normalization->channels != dsm_condition_data_layout(params->conditions)->width)
    DSM_FAIL(DSM_BAD_DATA, "the conditions in '%s' have %zu entries, but their normalisation is for %zu",
             dataset->path, dsm_condition_data_layout(params->conditions)->width,
             params->condition_normalization->channels);
  DSM_TRY(DSM_ALLOC(1, &l));
  l->dataset = dataset;
  l->normalization = normalization;
  l->params = *params;
  l->sample = dataset->row_elements;
  if (params->conditions) {
    const dsm_conditions *layout = dsm_condition_data_layout(params->conditions);
    l->condition = layout->width;
    DSM_TRY_DONE(DSM_ALLOC(params->count * layout->columns + 1, &l->raw));
  }
  l->slots = (uint64_t)params->depth + 1;
  const uint64_t small = SMALL_FLOATS / (l->sample + l->condition) / (params->count + 1);
  if (small > (uint64_t)params->depth) l->slots = (small < SMALL_AHEAD ? small : SMALL_AHEAD) + 1;
  size_t values;
  if (__builtin_mul_overflow(l->slots * params->count, l->sample + l->condition, &values))
    DSM_FAIL_DONE(DSM_NO_MEMORY, "%d batches of %llu samples of '%s' are too large", params->depth,
                  (unsigned long long)params->count, dataset->path);
  DSM_TRY_DONE(DSM_ALLOC(values + 1, &l->slot_values)); /* + 1: a rank without samples gets a pointer too */
  DSM_TRY_DONE(DSM_ALLOC(l->slots * params->count + 1, &l->rows));
  DSM_TRY_DONE(create_order(l));
  DSM_TRY_DONE(start_thread(l));
  *loader = l;
  l = NULL;
done:
  dsm_loader_destroy(&l);
  return status;
}

void dsm_loader_destroy(dsm_loader **loader) {
  dsm_loader *l = *loader;
  if (!l) return;
  if (l->has_thread) {
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
  }
  if (l->has_mutex) {
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
  }
  dsm_order_destroy(&l->order);
  free(l->slot_values);
  free(l->raw);
  free(l->rows);
  free(l->trail);
  free(l);
  *loader = NULL;
}

dsm_status dsm_loader_next(dsm_loader *l, const float **x) {
  dsm_status status = DSM_OK;
  pthread_mutex_lock(&l->mutex);
  if (l->taken == l->filled && l->status == DSM_OK) {
    double begin = dsm_seconds();
    while (l->taken == l->filled && l->status == DSM_OK) pthread_cond_wait(&l->changed, &l->mutex);
    l->waited += dsm_seconds() - begin;
  }
  /* Batches read before a failure are still handed out. */
  if (l->taken < l->filled) {
    *x = slot(l, l->taken);
    l->taken++;
    if (worth_waking(l)) pthread_cond_broadcast(&l->changed);
  } else {
    status = dsm_trail_set(l->status, l->trail ? l->trail : "the data could not be read");
  }
  pthread_mutex_unlock(&l->mutex);
  return status;
}

const float *dsm_loader_conditions(const dsm_loader *l) {
  return l->condition ? slot(l, l->taken - 1) + l->params.count * l->sample : NULL;
}

const uint64_t *dsm_loader_rows(const dsm_loader *l) {
  return slot_rows(l, l->taken - 1);
}

double dsm_loader_waited(const dsm_loader *l) {
  return l->waited;
}
