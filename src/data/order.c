/* An epoch: its blocks in a random sequence, cut into windows of whole blocks, each window shuffled through.
 *
 *     file      [ block 0 ][ block 1 ][ block 2 ][ block 3 ][ block 4 ][ bl.5 ]
 *     sequence    3  5  0    2  1  4                                            f(seed, epoch)
 *     windows    (3  5  0)  (2  1  4)         rows shuffled within, f(seed, epoch, window)
 *
 * Only the sequence of the epoch and the shuffle of the window are kept, both made anew when a position needs
 * it: seeking costs no more than one of each. The first and the last block may be short, so positions of
 * blocks in the sequence are k * block less what is missing before them. */
#include "order.h"

#include <stdlib.h>

#include "dsmpi/memory.h"
#include "dsmpi/random.h"

#define NOT_MADE UINT64_MAX

struct dsm_order {
  uint64_t rows, phase, block, blocks, window_blocks, seed;
  uint64_t *sequence, epoch;  /* blocks of the epoch as visited */
  uint64_t first_at, last_at; /* where in the sequence the first and the last block stand */
  uint64_t *shuffle, window;  /* permutation of the window's positions */
  uint64_t begin, end;        /* positions of the window in the epoch */
};

dsm_status dsm__order_create(uint64_t rows, uint64_t phase, uint64_t block, uint64_t window, uint64_t seed,
                             dsm_order **order) {
  dsm_status status = DSM_OK;
  dsm_order *o = NULL;
  *order = NULL;
  if (rows < 1 || block < 1 || phase >= block || rows > UINT64_MAX / 4 || block > UINT64_MAX / 4)
    DSM_FAIL(DSM_INTERNAL, "an order of %llu rows in blocks of %llu from %llu on was asked for",
             (unsigned long long)rows, (unsigned long long)block, (unsigned long long)phase);
  DSM_TRY(DSM_ALLOC(1, &o));
  o->rows = rows;
  o->phase = phase;
  o->block = block;
  o->seed = seed;
  o->blocks = (rows + phase - 1) / block + 1;
  o->window_blocks = window / block;
  if (o->window_blocks < 1) o->window_blocks = 1;
  if (o->window_blocks > o->blocks) o->window_blocks = o->blocks;
  o->epoch = o->window = NOT_MADE;
  uint64_t most = o->window_blocks * block < rows ? o->window_blocks * block : rows;
  DSM_TRY_DONE(DSM_ALLOC(o->blocks, &o->sequence));
  DSM_TRY_DONE(DSM_ALLOC(most, &o->shuffle));
  *order = o;
  o = NULL;
done:
  dsm_order_destroy(&o);
  return status;
}

dsm_status dsm_order_create(uint64_t rows, uint64_t block, uint64_t window, uint64_t seed,
                            dsm_order **order) {
  return dsm__order_create(rows, 0, block, window, seed, order);
}

void dsm_order_destroy(dsm_order **order) {
  dsm_order *o = *order;
  if (!o) return;
  free(o->sequence);
  free(o->shuffle);
  free(o);
  *order = NULL;
}

/* Position in the epoch where the k-th block of the sequence begins; k = blocks gives the end. */
static uint64_t block_position(const dsm_order *o, uint64_t k) {
  uint64_t missing_in_last = o->blocks * o->block - o->phase - o->rows;
  return k * o->block - (o->first_at < k ? o->phase : 0) - (o->last_at < k ? missing_in_last : 0);
}

static uint64_t window_position(const dsm_order *o, uint64_t window) {
  uint64_t k = window * o->window_blocks;
  return block_position(o, k < o->blocks ? k : o->blocks);
}

static void make_sequence(dsm_order *o, uint64_t epoch) {
  dsm_random_key key = {o->seed, DSM_STREAM_ORDER, epoch, 0};
  dsm_random_permutation(key, o->blocks, o->sequence);
  for (uint64_t k = 0; k < o->blocks; k++) {
    if (o->sequence[k] == 0) o->first_at = k;
    if (o->sequence[k] == o->blocks - 1) o->last_at = k;
  }
  o->epoch = epoch;
  o->window = NOT_MADE;
}

/* Makes the window that holds position q of the epoch. */
static void make_window(dsm_order *o, uint64_t q) {
  /* Short blocks only move windows forward, by less than two blocks: the true window is this one or just
   * behind. */
  uint64_t w = q / (o->window_blocks * o->block);
  while (window_position(o, w + 1) <= q) w++;
  o->window = w;
  o->begin = window_position(o, w);
  o->end = window_position(o, w + 1);
  dsm_random_key key = {o->seed, DSM_STREAM_ORDER, o->epoch, w + 1};
  dsm_random_permutation(key, o->end - o->begin, o->shuffle);
}

/* Makes what position p needs; returns its position in the epoch. */
static uint64_t seek(dsm_order *o, uint64_t p) {
  uint64_t epoch = p / o->rows, q = p % o->rows;
  if (o->epoch != epoch) make_sequence(o, epoch);
  if (o->window == NOT_MADE || q < o->begin || q >= o->end) make_window(o, q);
  return q;
}

uint64_t dsm_order_row(dsm_order *o, uint64_t position) {
  uint64_t q = seek(o, position), u = o->begin + o->shuffle[q - o->begin], k = u / o->block;
  while (block_position(o, k + 1) <= u) k++;
  uint64_t b = o->sequence[k], row = b == 0 ? 0 : b * o->block - o->phase;
  return row + (u - block_position(o, k));
}

uint64_t dsm__order_window_end(dsm_order *o, uint64_t position) {
  uint64_t q = seek(o, position);
  return position + (o->end - q);
}
