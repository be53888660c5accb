/* From one sample to another through their latents. A block of the file is some whole pairs: their ends
 * are encoded together, then what lies between is decoded, sampler.block samples at a time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

typedef struct interpolating {
  dsm__latents latents;
  const dsm_interpolate_options *options;
  dsm__condition_table ends,
      frames;                       /* end e of pair p is row 2 p + e; frame k of pair p is row p steps + k */
  float *z, *x;                     /* (sampler.block, d) latents of ends; a batch of frames */
  uint64_t *row;                    /* (sampler.block) of the ends in the data */
  int32_t *needed_up, *needed_down; /* (sampler.block) */
} interpolating;

static size_t batch_of(const interpolating *v) {
  return (size_t)v->latents.trained.session.config.sampler.block;
}

static double weight_of(const interpolating *v, uint64_t k) {
  return (double)k / (double)(v->options->steps - 1);
}

/* ---- conditions ---------------------------------------------------------------------------------------- */

static void blend(const dsm_conditions *layout, const float *from, const float *to, double w, float *raw) {
  for (size_t c = 0; c < layout->count; c++) {
    const dsm_condition *one = &layout->each[c];
    for (size_t j = one->column; j < one->column + one->columns; j++)
      raw[j] = one->classes ? w < 0.5 ? from[j] : to[j]
               : w == 1 ? to[j]
                            : (float)((1 - w) * (double)from[j] + w * (double)to[j]);
  }
}

/* Those of the ends, and of the frames between them. */
static dsm_status make_tables(interpolating *v) {
  const dsm__condition_table *all = &v->latents.conditions;
  const dsm_interpolate_options *o = v->options;
  const size_t columns = all->layout.columns;
  v->ends.layout = v->frames.layout = all->layout;
  if (all->rows == 0) return DSM_OK;
  v->ends.rows = 2 * o->pairs;
  v->frames.rows = o->pairs * o->steps;
  DSM_TRY(DSM_ALLOC(v->ends.rows * columns, &v->ends.raw));
  DSM_TRY(DSM_ALLOC(v->frames.rows * columns, &v->frames.raw));
  for (size_t p = 0; p < o->pairs; p++) {
    float *from = v->ends.raw + 2 * p * columns, *to = from + columns;
    memcpy(from, all->raw + o->pair[p].from % all->rows * columns, columns * sizeof *from);
    memcpy(to, all->raw + o->pair[p].to % all->rows * columns, columns * sizeof *to);
    for (uint64_t k = 0; k < o->steps; k++)
      blend(&all->layout, from, to, weight_of(v, k), v->frames.raw + (p * o->steps + k) * columns);
  }
  return DSM_OK;
}

/* ---- one block ----------------------------------------------------------------------------------------- */

/* Progress of one of several walks of a block. */
typedef struct part {
  const dsm__block *block;
  int64_t index, parts;
} part;

static bool show_part(void *context, int64_t done, int64_t all) {
  enum { PER_MILLE = 1000 };
  const part *p = context;
  return p->block->progress(p->block->context, (PER_MILLE * p->index + PER_MILLE * done / all) / p->parts,
                            PER_MILLE);
}

/* The latents of the ends of the pairs first ... first + pairs - 1 to v->z; the rest of the batch repeats
 * the last. */
static dsm_status encode_ends(interpolating *v, uint64_t first, uint64_t pairs, const dsm__block *block) {
  const dsm_row_pair *pair = v->options->pair + first;
  for (size_t i = 0; i < batch_of(v); i++) {
    const uint64_t end = i < 2 * pairs ? i : 2 * pairs - 1;
    v->row[i] = end % 2 ? pair[end / 2].to : pair[end / 2].from;
  }
  DSM_TRY(dsm__given_read_rows(&v->latents.given, v->row, batch_of(v), v->z));
  DSM_TRY(dsm__latents_encode(&v->latents, &v->ends, 2 * first, v->z, block, v->needed_up));
  return DSM_OK;
}

/* Frames first ... of the block to block->x, as many as fit into a batch. */
static dsm_status decode_frames(interpolating *v, size_t first, const dsm__block *told,
                                const dsm__block *block) {
  const size_t d = v->latents.given.d, steps = (size_t)v->options->steps;
  for (size_t i = 0; i < batch_of(v); i++) {
    const size_t frame = first + i < block->n ? first + i : block->n - 1, ends = 2 * (frame / steps);
    dsm_slerp(v->z + ends * d, v->z + (ends + 1) * d, d, weight_of(v, frame % steps), v->x + i * d);
  }
  DSM_TRY(dsm__latents_decode(&v->latents, &v->frames, block->first + first, v->x, told, v->needed_down));
  const size_t n = block->n - first < batch_of(v) ? block->n - first : batch_of(v);
  memcpy(block->x + first * d, v->x, n * d * sizeof *v->x);
  for (size_t i = 0; i < n; i++) {
    const size_t ends = 2 * ((first + i) / steps);
    block->evaluations[first + i] = v->needed_up[ends] + v->needed_up[ends + 1] + v->needed_down[i];
  }
  return DSM_OK;
}

static void describe_frames(const interpolating *v, const dsm__block *block) {
  const uint64_t steps = v->options->steps;
  double *weight = block->field[0];
  int32_t *rows = block->field[1];
  for (size_t i = 0; i < block->n; i++) {
    const dsm_row_pair *pair = &v->options->pair[(block->first + i) / steps];
    weight[i] = weight_of(v, (block->first + i) % steps);
    rows[2 * i] = (int32_t)pair->from;
    rows[2 * i + 1] = (int32_t)pair->to;
  }
}

static dsm_status interpolate_block(void *self, const dsm__block *block) {
  interpolating *v = self;
  const dsm_normalization *n = &v->latents.trained.header.normalization;
  const size_t batch = batch_of(v);
  part shown = {block, 0, 1 + (int64_t)((block->n - 1) / batch + 1)};
  dsm__block told = *block;
  told.progress = show_part;
  told.context = &shown;
  DSM_TRY(encode_ends(v, block->first / v->options->steps, block->n / v->options->steps, &told));
  for (size_t first = 0; first < block->n; first += batch) {
    shown.index++;
    DSM_TRY(decode_frames(v, first, &told, block));
  }
  dsm_denormalize_values(n, block->x, block->n * (v->latents.given.d / n->channels));
  describe_frames(v, block);
  return DSM_OK;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static dsm_status check(const dsm_interpolate_options *o, const dsm__given *given) {
  const uint64_t most = given->count < INT32_MAX ? given->count : INT32_MAX;
  if (o->pairs == 0 || o->steps < 2)
    DSM_FAIL(DSM_USAGE, "nothing to interpolate: need a pair and 2 steps or more; received %zu and %" PRIu64,
             o->pairs, o->steps);
  for (size_t p = 0; p < o->pairs; p++)
    if (o->pair[p].from >= most || o->pair[p].to >= most)
      DSM_FAIL(DSM_USAGE,
               "the pair %" PRIu64 ":%" PRIu64 " lies outside the %" PRIu64 " rows of '%s', 0 to %" PRIu64,
               o->pair[p].from, o->pair[p].to, given->count, given->source->file, most - 1);
  return DSM_OK;
}

static dsm_status prepare(interpolating *v) {
  const size_t batch = batch_of(v), d = v->latents.given.d;
  DSM_TRY(make_tables(v));
  DSM_TRY(DSM_ALLOC(batch * d, &v->z));
  DSM_TRY(DSM_ALLOC(batch * d, &v->x));
  DSM_TRY(DSM_ALLOC(batch, &v->row));
  DSM_TRY(DSM_ALLOC(batch, &v->needed_up));
  DSM_TRY(DSM_ALLOC(batch, &v->needed_down));
  return DSM_OK;
}

static dsm_status run(interpolating *v, dsm_comm *comm) {
  const dsm_interpolate_options *o = v->options;
  dsm__latents *l = &v->latents;
  static const dsm_samples_field fields[] = {
      {.name = "weight", .type = DSM_FIELD_FLOAT64, .sentence = "share of the second sample of the pair"},
      {.name = "rows",
       .type = DSM_FIELD_INT32,
       .row = {1, {2, 1, 1, 1, 1}},
       .sentence = "the pair: rows of the input, counted from 0 in the range given"}};
  DSM_TRY(dsm__latents_open(comm, &o->of, true, l));
  DSM_AGREE(comm, check(o, &l->given));
  DSM_AGREE(comm, prepare(v));
  const uint64_t together = batch_of(v) / o->steps;
  dsm_samples_info info = dsm__trained_info(&l->trained, o->pairs * o->steps);
  info.input = l->input;
  info.block = (together > 0 ? together : 1) * o->steps;
  info.evaluations = 2 * l->evaluations_up + l->evaluations;
  info.fields = sizeof fields / sizeof *fields;
  info.field = fields;
  dsm__blocks blocks = {
      .output = o->of.output, .verb = "made", .noun = "samples", .compute = interpolate_block, .self = v};
  DSM_TRY(dsm__results_run(&l->trained, &v->frames, &info, &blocks));
  char columns[40] = "";
  if (info.sample.rank > 1) snprintf(columns, sizeof columns, " --columns %" PRIu64, o->steps);
  dsm_info("next     dsmpi view %s -o between.png -n %" PRIu64 "%s", o->of.output, info.count, columns);
  dsm_info("dsmpi: finished %" PRIu64 " samples of %zu pair%s", info.count, o->pairs,
           o->pairs == 1 ? "" : "s");
  return DSM_OK;
}

dsm_status dsm_interpolate(dsm_comm *comm, const dsm_interpolate_options *options) {
  interpolating v = {.options = options};
  const dsm_status status = run(&v, comm);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm__condition_table_destroy(&v.ends);
  dsm__condition_table_destroy(&v.frames);
  free(v.z);
  free(v.x);
  free(v.row);
  free(v.needed_up);
  free(v.needed_down);
  dsm__latents_close(&v.latents);
  return status;
}
