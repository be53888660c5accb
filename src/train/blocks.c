/* Results in blocks: the missing ones are dealt out to whichever rank comes free, and written into one file as they come.
 * What a block holds depends on its number alone, so the file is the same on any number of ranks and after any number of
 * interruptions. A job that is asked to stop finishes the blocks in hand and leaves the others to the next one. */
#include <math.h>
#include <stdlib.h>
#include "internal.h"

/* What this rank works with, and what it has done. */
typedef struct work {
  const dsm__blocks *blocks;
  dsm_samples *output;
  uint64_t *missing; /* (count) numbers of the blocks that are missing */
  uint64_t count;
  dsm_queue *queue;
  dsm__board *board; /* of this job; NULL: it is part of another */
  dsm__progress progress;
  dsm__stop_reason stop; /* why this rank wishes to stop */
  dsm_status failure;    /* of the queue, while a block was computed */
  int64_t evaluated;     /* evaluations of the network, of whole blocks */
  uint64_t bad;          /* values that are not finite */
  dsm_queue_facts dealt;
} work;

static bool is_root(const work *w) {
  return dsm_comm_rank(w->blocks->comm) == 0;
}

/* Whether this is a job of its own, which says what it does. */
static bool is_job(const work *w) {
  return !w->blocks->part;
}

/* Samples of a block. */
static uint64_t block_size(const dsm_samples_info *info, uint64_t number) {
  const uint64_t first = number * info->block;
  return info->count - first < info->block ? info->count - first : info->block;
}

static uint64_t missing_samples(const work *w) {
  uint64_t samples = 0;
  for (uint64_t i = 0; i < w->count; i++) samples += block_size(w->blocks->info, w->missing[i]);
  return samples;
}

/* A block has come some way: a look at what asks to stop, at what other ranks say, and a line for people. */
static bool note_progress(void *context, int64_t done, int64_t all) {
  work *w = context;
  dsm__board_tick(is_job(w) ? w->board : w->blocks->board);
  if (w->stop == DSM__GO_ON) w->stop = dsm__stop_wanted(is_root(w));
  if (w->stop != DSM__GO_ON) dsm_queue_close(w->queue);
  if (w->failure == DSM_OK) w->failure = dsm_queue_tell(w->queue, (double)done / (double)all);
  if (is_root(w)) {
    const dsm_queue_facts facts = dsm_queue_facts_of(w->queue);
    const double share = facts.done / (double)w->count;
    if (is_job(w)) dsm__stop_reserve(facts.longest); /* the blocks in hand are to be finished in time */
    dsm__progress_show(&w->progress, (int64_t)(share * (double)w->progress.total), "", false);
  }
  return true;
}

/* ---- one block ----------------------------------------------------------------------------------------- */

static size_t field_bytes(dsm_field_type type) {
  return type == DSM_FIELD_FLOAT64   ? sizeof(double)
         : type == DSM_FIELD_FLOAT32 ? sizeof(float)
                                     : sizeof(int32_t);
}

static dsm_status create_block(const dsm_samples_info *info, dsm__block *block) {
  *block = (dsm__block){0};
  if (info->sample.rank > 0) DSM_TRY(DSM_ALLOC(info->block * dsm_shape_count(info->sample), &block->x));
  for (size_t k = 0; k < info->fields; k++)
    DSM_TRY(dsm_alloc(info->block * dsm_shape_count(info->field[k].row), field_bytes(info->field[k].type),
                      &block->field[k]));
  DSM_TRY(DSM_ALLOC(info->block, &block->evaluations));
  return DSM_OK;
}

static void destroy_block(dsm__block *block) {
  free(block->x);
  for (size_t k = 0; k < DSM_FIELDS_MAX; k++) free(block->field[k]);
  free(block->evaluations);
}

static uint64_t count_bad(const dsm_samples_info *info, const dsm__block *block) {
  uint64_t bad = 0;
  const size_t values = block->x ? block->n * dsm_shape_count(info->sample) : 0;
  for (size_t i = 0; i < values; i++) bad += !isfinite(block->x[i]);
  for (size_t k = 0; k < info->fields; k++) {
    const size_t n = info->field[k].holes ? 0 : block->n * dsm_shape_count(info->field[k].row);
    const float *single = info->field[k].type == DSM_FIELD_FLOAT32 ? block->field[k] : NULL;
    const double *real = info->field[k].type == DSM_FIELD_FLOAT64 ? block->field[k] : NULL;
    for (size_t i = 0; single && i < n; i++) bad += !isfinite(single[i]);
    for (size_t i = 0; real && i < n; i++) bad += !isfinite(real[i]);
  }
  return bad;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* Computes and writes block after block, until there are no more for this rank. */
static dsm_status take_blocks(work *w, dsm__block *block) {
  const dsm_samples_info *info = w->blocks->info;
  uint64_t item;
  bool more;
  int64_t turn = 0;
  DSM_TRY(dsm_queue_next(w->queue, &item, &more));
  while (more) {
    const uint64_t number = w->missing[item];
    dsm__board_count(w->board, (int64_t)number + 1);
    dsm__board_enter(w->board, DSM__BLOCK);
    if (is_job(w)) dsm_fault_step(++turn);
    block->first = number * info->block;
    block->n = (size_t)block_size(info, number);
    DSM_TRY(w->blocks->compute(w->blocks->self, block));
    DSM_TRY(w->failure);
    w->bad += count_bad(info, block);
    DSM_TRY(dsm_samples_write(w->output, number, block->x, block->evaluations,
                              (const void *const *)block->field));
    note_progress(w, 1, 1);
    DSM_TRY(dsm_queue_next(w->queue, &item, &more));
  }
  return DSM_OK;
}

/* Who has failed must still be told that there is no more, or rank 0 would wait for it. */
static void take_leave(work *w) {
  uint64_t item;
  bool more = true;
  dsm_queue_close(w->queue);
  while (more && dsm_queue_next(w->queue, &item, &more) == DSM_OK) continue;
}

/* This rank's share. */
static dsm_status compute_blocks(work *w) {
  dsm_status status = DSM_OK;
  dsm__block block;
  DSM_TRY_DONE(create_block(w->blocks->info, &block));
  block.evaluated = &w->evaluated;
  block.progress = note_progress;
  block.context = w;
  DSM_TRY_DONE(take_blocks(w, &block));
done:
  dsm__board_enter(w->board, DSM__BLOCKS_DONE);
  if (status != DSM_OK) take_leave(w);
  w->dealt = dsm_queue_facts_of(w->queue);
  destroy_block(&block);
  return status;
}

static dsm_status find_missing(work *w) {
  const uint64_t blocks = (w->blocks->info->count - 1) / w->blocks->info->block + 1;
  DSM_TRY(dsm_samples_open(w->blocks->output, &w->output));
  DSM_TRY(DSM_ALLOC(blocks, &w->missing));
  for (uint64_t i = 0; i < blocks; i++)
    if (!dsm_samples_done(w->output, i)) w->missing[w->count++] = i;
  return DSM_OK;
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* The closing lines; rank 0. */
static dsm_status report(const work *w, uint64_t made, double evaluated, double bad, double seconds) {
  const dsm__blocks *b = w->blocks;
  double mean;
  int64_t largest;
  char time[3][32];
  if (bad > 0)
    dsm_warn("%.0f values of the %s are not finite: the model has diverged or the sampler takes too few "
             "steps",
             bad, b->noun);
  dsm_info("%-8s %llu %s in %s: %.2f %s/s, %.1f network evaluations/s of %lld samples", b->verb,
           (unsigned long long)made, b->noun, dsm_duration(seconds, time[0], sizeof time[0]),
           (double)made / seconds, b->noun, evaluated / seconds, (long long)b->batch);
  if (dsm_comm_size(b->comm) > 1)
    dsm_info("blocks   %llu to %llu a rank, one took up to %s; the ranks ended within %s",
             (unsigned long long)w->dealt.least, (unsigned long long)w->dealt.most,
             dsm_duration(w->dealt.longest, time[1], sizeof time[1]),
             dsm_duration(w->dealt.spread, time[2], sizeof time[2]));
  DSM_TRY(dsm_samples_evaluations(b->output, &mean, &largest));
  if (b->info->evaluations > 0)
    dsm_info("network  %lld evaluations a sample", (long long)largest);
  else
    dsm_info("network  %.1f evaluations a sample on average, at most %lld", mean, (long long)largest);
  return DSM_OK;
}

/* Asked to stop before the last block was given out. */
static dsm_status stopped(const work *w, uint64_t done, dsm__stop_reason reason) {
  if (is_job(w))
    dsm_info("dsmpi: stopped with %llu of %llu blocks still missing (%s)",
             (unsigned long long)(w->count - done), (unsigned long long)w->count, dsm__stop_text(reason));
  DSM_FAIL(DSM_STOPPED, "stopped: %llu of %llu blocks are in %s.partial", (unsigned long long)done,
           (unsigned long long)w->count, w->blocks->output);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static dsm_status run(work *w) {
  const dsm__blocks *b = w->blocks;
  dsm_comm *comm = b->comm;
  const double start = dsm_seconds();
  double sum[2], most;
  uint64_t done;
  DSM_AGREE(comm, find_missing(w)); /* the same on all ranks, as nobody writes before all have looked */
  const uint64_t samples = missing_samples(w);
  DSM_TRY(dsm_queue_create(comm, w->count, &w->queue));
  dsm__progress_start(&w->progress, b->noun, "", 0, (int64_t)samples);
  const dsm_status status = compute_blocks(w);
  dsm_log_transient(NULL);
  dsm_samples_close(&w->output);
  DSM_AGREE(comm, status);
  DSM_TRY(dsm_comm_statistics(comm, (double[]){(double)w->stop}, 1, NULL, NULL, &most, NULL));
  done = (uint64_t)w->dealt.done;
  DSM_TRY(dsm_comm_broadcast(comm, &done, sizeof done, 0));
  if (done < w->count) return stopped(w, done, (dsm__stop_reason)most);
  dsm__board_enter(w->board, DSM__FINISHING);
  DSM_AGREE(comm, is_root(w) && b->conclude ? b->conclude(b->self, b->output) : DSM_OK);
  DSM_AGREE(comm, is_root(w) ? dsm_samples_finish(b->output) : DSM_OK);
  DSM_TRY(
      dsm_comm_statistics(comm, (double[]){(double)w->evaluated, (double)w->bad}, 2, NULL, sum, NULL, NULL));
  for (int i = 0; i < 2; i++) sum[i] *= dsm_comm_size(comm);
  if (b->bad) *b->bad = (uint64_t)llround(sum[1]);
  if (!is_job(w)) return DSM_OK;
  DSM_AGREE(comm, is_root(w) ? report(w, samples, sum[0], sum[1], dsm_seconds() - start) : DSM_OK);
  return DSM_OK;
}

static dsm_status create_file(const dsm__blocks *b) {
  dsm_comm *comm = b->comm;
  const uint64_t count = b->info->count, blocks = (count - 1) / b->info->block + 1;
  uint64_t missing = 0;
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? dsm_samples_create(b->output, b->info, &missing) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, &missing, sizeof missing, 0));
  if (b->part) return DSM_OK;
  dsm_info("output   %s: %llu %s in %llu block%s%s", b->output, (unsigned long long)count, b->noun,
           (unsigned long long)blocks, blocks == 1 ? "" : "s",
           missing < blocks ? "; going on with an interrupted file" : "");
  if (dsm_comm_rank(comm) == 0 && missing > 0 && missing < (uint64_t)dsm_comm_size(comm))
    dsm_warn("%llu block%s for %d ranks: some have nothing to do; a smaller sampler.block shares the work",
             (unsigned long long)missing, missing == 1 ? "" : "s", dsm_comm_size(comm));
  if (b->info->block == (uint64_t)b->batch && 4 * count <= b->info->block)
    dsm_info(
        "         a block is computed whole, whatever is wanted of it: a smaller sampler.block is faster");
  return DSM_OK;
}

/* What a job of its own has around it. */
static dsm_status run_job(work *w) {
  const dsm__blocks *b = w->blocks;
  const dsm__board_params params = {.unit = "block", .limit = b->watchdog};
  DSM_AGREE(b->comm, dsm_fault_start(dsm_comm_rank(b->comm), dsm_comm_size(b->comm)));
  DSM_TRY(create_file(b));
  DSM_TRY(dsm__board_begin(b->comm, &params, &w->board));
  dsm__stop_watch(0, NULL, is_root(w));
  const dsm_status status = run(w);
  dsm__stop_unwatch();
  dsm__board_end(&w->board);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status run_part(work *w) {
  DSM_TRY(create_file(w->blocks));
  DSM_TRY(run(w));
  return DSM_OK;
}

dsm_status dsm__blocks_run(const dsm__blocks *b) {
  work w = {.blocks = b};
  const dsm_status status = is_job(&w) ? run_job(&w) : run_part(&w);
  dsm_queue_destroy(&w.queue);
  dsm_samples_close(&w.output);
  free(w.missing);
  if (status != DSM_OK) return dsm__forward(status, __FILE__, __LINE__);
  return DSM_OK;
}
