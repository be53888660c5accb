/* Results in blocks: the missing ones are dealt out over the ranks, every size-th to one rank, and written
 * into one file as they come. What a block holds depends on its number alone, so the file is the same on
 * any number of ranks and after any number of interruptions. */
#include <math.h>
#include <stdlib.h>
#include "internal.h"

/* What this rank has done. */
typedef struct tally {
  int64_t evaluated; /* evaluations of the network, of whole blocks */
  uint64_t bad;      /* values that are not finite */
} tally;

typedef struct shown_progress {
  dsm__progress *progress;
  dsm__board *board;
  int64_t done, all; /* units of finished blocks; of one block */
} shown_progress;

static bool show_progress(void *context, int64_t done, int64_t all) {
  shown_progress *s = context;
  s->all = all;
  dsm__board_tick(s->board);
  if (s->progress) dsm__progress_show(s->progress, s->done + done, "", false);
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

/* This rank's share. */
static dsm_status compute_blocks(const dsm__blocks *b, dsm_samples *output, dsm__progress *progress,
                                 dsm__board *board, tally *mine) {
  dsm_status status = DSM_OK;
  const dsm_samples_info *info = b->info;
  const uint64_t blocks = (info->count - 1) / info->block + 1;
  const uint64_t rank = (uint64_t)dsm_comm_rank(b->comm), size = (uint64_t)dsm_comm_size(b->comm);
  shown_progress shown = {progress, board, 0, 0};
  dsm__block block;
  uint64_t turn = 0;
  DSM_TRY_DONE(create_block(info, &block));
  block.evaluated = &mine->evaluated;
  block.progress = show_progress;
  block.context = &shown;
  for (uint64_t i = 0; i < blocks; i++) {
    if (dsm_samples_done(output, i) || turn++ % size != rank) continue;
    dsm__board_count(board, (int64_t)i + 1);
    dsm__board_enter(board, DSM__BLOCK);
    block.first = i * info->block;
    block.n = (size_t)(info->count - block.first < info->block ? info->count - block.first : info->block);
    DSM_TRY_DONE(b->compute(b->self, &block));
    shown.done += shown.all;
    mine->bad += count_bad(info, &block);
    DSM_TRY_DONE(dsm_samples_write(output, i, block.x, block.evaluations, (const void *const *)block.field));
  }
done:
  dsm__board_enter(board, DSM__BLOCKS_DONE);
  destroy_block(&block);
  return status;
}

/* The closing lines; rank 0. `sum` over all ranks. */
static dsm_status report(const dsm__blocks *b, uint64_t missing, const double sum[2], double seconds) {
  const dsm_samples_info *info = b->info;
  const double made = fmin((double)(missing * info->block), (double)info->count);
  double mean;
  int64_t largest;
  char time[32];
  if (sum[1] > 0)
    dsm_warn("%.0f values of the %s are not finite: the model has diverged or the sampler takes too few "
             "steps",
             sum[1], b->noun);
  dsm_info("%-8s %.0f %s in %s: %.2f %s/s, %.1f network evaluations/s of %lld samples", b->verb, made,
           b->noun, dsm_duration(seconds, time, sizeof time), made / seconds, b->noun, sum[0] / seconds,
           (long long)b->batch);
  DSM_TRY(dsm_samples_evaluations(b->output, &mean, &largest));
  if (info->evaluations > 0)
    dsm_info("network  %lld evaluations a sample", (long long)largest);
  else
    dsm_info("network  %.1f evaluations a sample on average, at most %lld", mean, (long long)largest);
  return DSM_OK;
}

static dsm_status compute_all(const dsm__blocks *b, dsm__board *board, uint64_t missing) {
  dsm_comm *comm = b->comm;
  const bool root = dsm_comm_rank(comm) == 0;
  const uint64_t size = (uint64_t)dsm_comm_size(comm), most = (missing + size - 1) / size;
  const double start = dsm_seconds();
  dsm_samples *output = NULL;
  dsm__progress progress;
  tally mine = {0};
  DSM_AGREE(comm, dsm_samples_open(b->output, &output));
  dsm__progress_start(&progress, b->units > 0 ? "evaluation" : "thousandth", "", 0,
                      (int64_t)most * (b->units > 0 ? b->units : 1000));
  const dsm_status status = compute_blocks(b, output, root ? &progress : NULL, board, &mine);
  dsm_log_transient(NULL);
  dsm_samples_close(&output);
  DSM_AGREE(comm, status);
  dsm__board_enter(board, DSM__FINISHING);
  DSM_AGREE(comm, root && b->conclude ? b->conclude(b->self, b->output) : DSM_OK);
  DSM_AGREE(comm, root ? dsm_samples_finish(b->output) : DSM_OK);
  double sum[2];
  DSM_TRY(dsm_comm_statistics(comm, (double[]){(double)mine.evaluated, (double)mine.bad}, 2, NULL, sum, NULL,
                              NULL));
  for (int i = 0; i < 2; i++) sum[i] *= dsm_comm_size(comm);
  DSM_AGREE(comm, root ? report(b, missing, sum, dsm_seconds() - start) : DSM_OK);
  return DSM_OK;
}

dsm_status dsm__blocks_run(const dsm__blocks *b) {
  dsm_comm *comm = b->comm;
  const uint64_t count = b->info->count, blocks = (count - 1) / b->info->block + 1;
  uint64_t missing = 0;
  DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? dsm_samples_create(b->output, b->info, &missing) : DSM_OK);
  DSM_TRY(dsm_comm_broadcast(comm, &missing, sizeof missing, 0));
  dsm_info("output   %s: %llu %s in %llu block%s%s", b->output, (unsigned long long)count, b->noun,
           (unsigned long long)blocks, blocks == 1 ? "" : "s",
           missing < blocks ? "; going on with an interrupted file" : "");
  if (dsm_comm_rank(comm) == 0 && missing > 0 && missing < (uint64_t)dsm_comm_size(comm))
    dsm_warn("%llu block%s for %d ranks: some have nothing to do; a smaller sampler.block shares the work",
             (unsigned long long)missing, missing == 1 ? "" : "s", dsm_comm_size(comm));
  if (b->info->block == (uint64_t)b->batch && 4 * count <= b->info->block)
    dsm_info(
        "         a block is computed whole, whatever is wanted of it: a smaller sampler.block is faster");
  const dsm__board_params params = {.unit = "block", .limit = b->watchdog};
  dsm__board *board;
  DSM_TRY(dsm__board_begin(comm, &params, &board));
  const dsm_status status = compute_all(b, board, missing);
  dsm__board_end(&board);
  DSM_TRY(status);
  return DSM_OK;
}
