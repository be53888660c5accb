/* What a classifier makes of all rows, once, and kept: metrics @classifier and the inception score would otherwise run it
 * over the same rows again, and those that draw rows would do so on every rank. The convnet of configs/classifier.yaml takes
 * 0.25 ms a row on one core, 18 s for Fashion-MNIST and its test set, of which 64 features and 10 probabilities are 21 MB.
 * Blocks are consecutive rows of a side, dealt out to the ranks in runs: which rows stand beside each other does not depend on
 * how many ranks there are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "catalogue.h"
#include "dsmpi/log.h"
#include "dsmpi/memory.h"
#include "internal.h"

#define NUMBERS_MAX ((uint64_t)1 << 28) /* kept of both sides, on every rank: 1 GiB */

typedef struct room {
  uint64_t *row;                       /* (block) */
  float *x, *features, *probabilities; /* of a block */
} room;

static dsm_status make_room(const dsm_eval_classifier *c, room *r) {
  DSM_TRY(DSM_ALLOC(c->block, &r->row));
  DSM_TRY(DSM_ALLOC(c->block * dsm_shape_count(c->sample), &r->x));
  DSM_TRY(DSM_ALLOC(c->block * c->features, &r->features));
  DSM_TRY(DSM_ALLOC(c->block * c->classes, &r->probabilities));
  return DSM_OK;
}

static bool all_finite(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

/* Keeps what was made of the first n rows of a block. */
static dsm_status keep(const dsm__eval *e, const dsm__view *v, const room *r, size_t n) {
  const dsm_eval_classifier *c = e->options->classifier;
  float *features = e->judged.features[v->side] + r->row[0] * c->features,
        *probabilities = e->judged.probabilities[v->side] + r->row[0] * c->classes;
  for (size_t i = 0; i < n; i++)
    if (!all_finite(r->features + i * c->features, c->features) ||
        !all_finite(r->probabilities + i * c->classes, c->classes))
      DSM_FAIL(
          DSM_BAD_DATA,
          "'%s' in '%s', row %llu: what the classifier %s makes of it is not finite; is the row in the range "
          "of the training?",
          v->input->dataset, v->input->file,
          (unsigned long long)(dsm_dataset_info_of(v->data)->first + r->row[i]), c->text);
  for (size_t i = 0; i < n * c->features; i++) features[i] = r->features[i];
  for (size_t i = 0; i < n * c->classes; i++) probabilities[i] = r->probabilities[i];
  return DSM_OK;
}

/* Rows from `first` on; the last one is repeated until the block is full. */
static dsm_status judge_block(const dsm__eval *e, dsm__view *v, uint64_t first, room *r) {
  const dsm_eval_classifier *c = e->options->classifier;
  const size_t n = v->rows - first < c->block ? (size_t)(v->rows - first) : c->block;
  for (size_t i = 0; i < c->block; i++) r->row[i] = first + (i < n ? i : n - 1);
  DSM_TRY(dsm__view_read(v, r->row, c->block, r->x));
  c->run(c->self, r->x, r->features, r->probabilities);
  DSM_TRY(keep(e, v, r, n));
  return DSM_OK;
}

/* First row of the run of blocks of a rank; of rank `size`: the end. */
static uint64_t run_of(const dsm__eval *e, const dsm__view *v, int rank) {
  const uint64_t block = e->options->classifier->block, blocks = (v->rows + block - 1) / block,
                 first = blocks * (uint64_t)rank / (uint64_t)dsm_comm_size(e->comm) * block;
  return first < v->rows ? first : v->rows;
}

static dsm_status judge_mine(const dsm__eval *e, dsm__view *v, room *r) {
  const int rank = dsm_comm_rank(e->comm);
  const uint64_t first = run_of(e, v, rank), end = run_of(e, v, rank + 1);
  char text[96];
  for (uint64_t row = first; row < end; row += e->options->classifier->block) {
    snprintf(text, sizeof text, "classifier, %s: %.0f %% ...",
             v->side == DSM__SAMPLES ? "samples" : "reference",
             100 * (double)(row - first) / (double)(end - first));
    dsm_log_transient(text);
    DSM_TRY(judge_block(e, v, row, r));
    dsm__alive(e);
  }
  return DSM_OK;
}

/* Every rank gets the rows of all. */
static dsm_status share(const dsm__eval *e, const dsm__view *v) {
  const dsm_eval_classifier *c = e->options->classifier;
  float *features = e->judged.features[v->side], *probabilities = e->judged.probabilities[v->side];
  for (int rank = 0; rank < dsm_comm_size(e->comm); rank++) {
    const uint64_t first = run_of(e, v, rank), n = run_of(e, v, rank + 1) - first;
    DSM_TRY(
        dsm_comm_broadcast(e->comm, features + first * c->features, n * c->features * sizeof(float), rank));
    DSM_TRY(dsm_comm_broadcast(e->comm, probabilities + first * c->classes, n * c->classes * sizeof(float),
                               rank));
  }
  return DSM_OK;
}

static dsm_status make_tables(dsm__eval *e) {
  const dsm_eval_classifier *c = e->options->classifier;
  const dsm__view *v = e->pair[DSM__RAW]->view;
  const uint64_t rows = v[DSM__SAMPLES].rows + v[DSM__REFERENCE].rows, width = c->features + c->classes;
  if (rows > NUMBERS_MAX / width)
    DSM_FAIL(
        DSM_BAD_CONFIG,
        "--classifier: %llu features and probabilities of %llu rows do not fit into the %d MiB kept for "
        "them; take "
        "fewer rows, --rows and --reference-rows, or write files with 'dsmpi classify', for --features and "
        "--probabilities",
        (unsigned long long)width, (unsigned long long)rows, (int)(NUMBERS_MAX * sizeof(float) >> 20));
  for (int side = 0; side < DSM__SIDES; side++) {
    DSM_TRY(DSM_ALLOC(v[side].rows * c->features, &e->judged.features[side]));
    DSM_TRY(DSM_ALLOC(v[side].rows * c->classes, &e->judged.probabilities[side]));
  }
  return DSM_OK;
}

dsm_status dsm__judge_all(dsm__eval *e) {
  dsm_status status = DSM_OK;
  room r = {0};
  if (e->judged.features[DSM__SAMPLES]) return DSM_OK;
  DSM_AGREE(e->comm, make_tables(e));
  DSM_TRY_DONE(dsm_agree(e->comm, make_room(e->options->classifier, &r)));
  for (int side = 0; side < DSM__SIDES; side++) {
    dsm__view *v = &e->pair[DSM__RAW]->view[side];
    DSM_TRY_DONE(dsm_agree(e->comm, judge_mine(e, v, &r)));
    DSM_TRY_DONE(share(e, v));
  }
done:
  free(r.row);
  free(r.x);
  free(r.features);
  free(r.probabilities);
  return status;
}

void dsm__judged_destroy(dsm__judged *judged) {
  for (int side = 0; side < DSM__SIDES; side++) {
    free(judged->features[side]);
    free(judged->probabilities[side]);
  }
  *judged = (dsm__judged){0};
}
