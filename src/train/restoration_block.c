/* A block of restorations: so many observations that their draws fill the network's batches. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "restoration.h"

static size_t common_divisor(size_t a, size_t b) {
  return b == 0 ? a : common_divisor(b, a % b);
}

dsm_status dsm__restoring_room(dsm__restoring *r) {
  const size_t draws = r->options->draws > 0 ? (size_t)r->options->draws : 1;
  const dsm_conditions *layout = &r->conditions.layout;
  r->group = r->batch / common_divisor(r->batch, draws);
  r->chunks = r->options->draws > 0 ? r->group * draws / r->batch : 0;
  DSM_TRY(DSM_ALLOC(r->batch * r->d, &r->x));
  DSM_TRY(DSM_ALLOC(r->batch * r->m, &r->y));
  DSM_TRY(DSM_ALLOC(r->batch * r->m, &r->noise));
  DSM_TRY(DSM_ALLOC(r->batch, &r->times));
  DSM_TRY(DSM_ALLOC(r->batch, &r->needed));
  DSM_TRY(DSM_ALLOC(layout->columns, &r->raw));
  DSM_TRY(DSM_ALLOC(r->batch * layout->width, &r->u));
  DSM_TRY(DSM_ALLOC(r->group * r->m, &r->seen));
  DSM_TRY(DSM_ALLOC(r->group * r->d, &r->truth));
  DSM_TRY(DSM_ALLOC(r->group * draws * r->d, &r->drawn)); /* a batch or several */
  return DSM_OK;
}

void dsm__restoring_free_room(dsm__restoring *r) {
  void *const owned[] = {r->x, r->y,    r->noise, r->times, r->raw,
                         r->u, r->seen, r->truth, r->drawn, r->needed};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

/* ---- one block ----------------------------------------------------------------------------------------- */

static dsm_status read_block(dsm__restoring *r, uint64_t first) {
  const dsm_restore_options *o = r->options;
  if (o->degrade) {
    DSM_TRY(dsm__given_read(&r->data, first, r->group, r->truth));
    dsm__observing_degrade(&r->observing, (uint64_t)r->trained.session.config.sampler.seed, first, r->group,
                           r->truth, r->seen);
  } else {
    DSM_TRY(dsm__given_read(&r->data, first, r->group, r->seen));
  }
  for (size_t j = 0; j < r->group * r->m; j++)
    if (isinf(r->seen[j]))
      DSM_FAIL(DSM_BAD_DATA, "observation %llu of '%s' has the value %g; missing numbers are NaN",
               (unsigned long long)(first + j / r->m), o->data.file, (double)r->seen[j]);
  DSM_TRY(dsm__mask_apply(&r->mask, first, r->group, r->seen));
  return DSM_OK;
}

/* Sample i of the batch belongs to observation `which` of the block that starts at `first`. */
static void show(dsm__restoring *r, uint64_t first, size_t i, size_t which) {
  const dsm_conditions *layout = &r->conditions.layout;
  dsm__observing_to_model(&r->observing, r->seen + which * r->m, r->y + i * r->m, r->noise + i * r->m);
  if (r->conditions.rows > 0)
    dsm__condition_table_encode(&r->conditions, &r->trained.header.conditions, first + which, 1, r->raw,
                                r->u + i * layout->width);
}

/* Denoising: the batch's y as x_t. */
static void start_from_observations(dsm__restoring *r) {
  const double alpha = dsm_process_alpha(r->trained.session.process, r->start);
  for (size_t j = 0; j < r->batch * r->d; j++) r->x[j] = (float)(alpha * r->y[j]);
}

static void to_physical(const dsm__restoring *r, float *x) {
  const dsm_normalization *n = &r->trained.header.normalization;
  dsm_denormalize_values(n, x, r->batch * (r->d / n->channels));
}

/* What was seen without noise is known. */
static void keep_known(const dsm__restoring *r, const float *seen, float *x) {
  if (r->options->task != DSM_RESTORE_INPAINT || r->options->noise > 0) return;
  for (size_t j = 0; j < r->d; j++)
    if (!isnan(seen[j])) x[j] = seen[j];
}

/* The batches of a block as one way. */
typedef struct way {
  const dsm__block *block;
  int64_t done, all; /* batches */
} way;

static bool show_way(void *context, int64_t done, int64_t all) {
  const way *w = context;
  return w->block->progress(w->block->context, w->done * all + done, w->all * all);
}

/* Batch `chunk` of the draws. */
static dsm_status draw_chunk(dsm__restoring *r, const dsm__block *block, size_t chunk) {
  const size_t draws = (size_t)r->options->draws, from = chunk * r->batch;
  way w = {.block = block, .done = (int64_t)chunk, .all = (int64_t)r->chunks};
  dsm_sampling one = dsm__restoring_sampling(r, block->first * draws + from);
  for (size_t i = 0; i < r->batch; i++) show(r, block->first, i, (from + i) / draws);
  if (r->conditions.rows > 0) dsm_network_condition(r->network, r->u);
  one.progress = show_way;
  one.context = &w;
  one.evaluations = block->evaluated;
  one.needed = r->needed;
  if (r->guidance) {
    dsm_guidance_observe(r->guidance, r->y, r->noise);
    DSM_TRY(dsm_sampler_draw(dsm__restoring_sampler(r), &one, r->x));
  } else {
    start_from_observations(r);
    DSM_TRY(dsm_sampler_continue(dsm__restoring_sampler(r), &one, r->x));
  }
  to_physical(r, r->x);
  for (size_t i = 0; i < r->batch; i++) {
    const size_t which = (from + i) / draws;
    keep_known(r, r->seen + which * r->m, r->x + i * r->d);
    block->evaluations[which] += r->needed[i];
  }
  memcpy(r->drawn + from * r->d, r->x, r->batch * r->d * sizeof *r->x);
  return DSM_OK;
}

/* E[x | y] of the observations of a block, one evaluation. */
static void expect(dsm__restoring *r, const dsm__block *block) {
  const int each = r->prior.evaluations > 1 ? r->prior.evaluations : 1;
  float *out = block->field[r->denoised];
  for (size_t i = 0; i < r->batch; i++) {
    show(r, block->first, i, i < r->group ? i : r->group - 1);
    r->times[i] = r->start;
  }
  if (r->conditions.rows > 0) dsm_network_condition(r->network, r->u);
  start_from_observations(r);
  r->prior.estimate(r->prior.self, r->x, r->times, &(dsm_estimate){.x0 = r->drawn});
  to_physical(r, r->drawn);
  memcpy(out, r->drawn, r->group * r->d * sizeof *out);
  *block->evaluated += each;
  for (size_t i = 0; i < r->group; i++) block->evaluations[i] += each;
}

/* Mean and deviation over the draws of one observation. */
static void summarize(const dsm__restoring *r, size_t which, float *mean, float *std) {
  const size_t draws = (size_t)r->options->draws;
  const float *x = r->drawn + which * draws * r->d;
  for (size_t j = 0; j < r->d; j++) {
    double sum = 0, square = 0;
    for (size_t k = 0; k < draws; k++) sum += (double)x[k * r->d + j];
    for (size_t k = 0; k < draws; k++) square += pow((double)x[k * r->d + j] - sum / (double)draws, 2);
    mean[which * r->d + j] = (float)(sum / (double)draws);
    std[which * r->d + j] = (float)sqrt(square / (double)(draws - 1));
  }
}

dsm_status dsm__restoring_compute(void *self, const dsm__block *block) {
  dsm__restoring *r = self;
  const size_t draws = (size_t)r->options->draws;
  DSM_TRY(read_block(r, block->first));
  memset(block->evaluations, 0, r->group * sizeof *block->evaluations);
  if (r->denoised >= 0) expect(r, block);
  for (size_t c = 0; c < r->chunks && c * r->batch < block->n * draws; c++) DSM_TRY(draw_chunk(r, block, c));
  if (draws > 0)
    memcpy(r->several >= 0 ? (float *)block->field[r->several] : block->x, r->drawn,
           r->group * draws * r->d * sizeof *r->drawn);
  for (size_t i = 0; r->mean >= 0 && i < block->n; i++)
    summarize(r, i, block->field[r->mean], block->field[r->std]);
  memcpy(block->field[r->observation], r->seen, r->group * r->m * sizeof *r->seen);
  if (r->clean >= 0) memcpy(block->field[r->clean], r->truth, r->group * r->d * sizeof *r->truth);
  return DSM_OK;
}
