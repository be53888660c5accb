/* A trained classifier on the samples of a file: probabilities, features, and, where the file has labels, how many are
 * right. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

enum { PROBABILITIES, FEATURES, CLASS, FIELDS };

typedef struct classifying {
  dsm_judge *judge;
  dsm__given given;
  dsm_condition_data *labels; /* beside the samples; NULL: there are none */
  size_t n, classes;          /* of the judge */
  float *x, *raw;             /* (n, d) of a block; (n) its labels */
  uint64_t *row;              /* (n) */
  double *right, *of;         /* (classes) of this rank, by label: samples found right, samples */
  double loss;                /* their cross-entropy */
  char input[3 * DSM_TEXT_MAX];
} classifying;

/* Labels of the names of the training, if the file has them; a file without is no mistake. */
static dsm_status open_labels(classifying *c) {
  dsm_config config = c->judge->trained.session.config;
  const dsm_given *source = c->given.source;
  const dsm_status status =
      dsm_condition_data_open(source->file, source->rows ? source->rows : "",
                              dsm_dataset_info_of(c->given.dataset), &config, &c->labels);
  if (status == DSM_NOT_FOUND) {
    dsm_trail_clear();
    return DSM_OK;
  }
  if (status != DSM_OK) return dsm__forward(status, __FILE__, __LINE__);
  return DSM_OK;
}

static dsm_status prepare(classifying *c, const dsm_given *data) {
  c->n = c->judge->n;
  c->classes = c->judge->classes;
  DSM_TRY(dsm__given_open(data, c->judge->trained.header.sample, NULL, &c->given));
  DSM_TRY(open_labels(c));
  DSM_TRY(DSM_ALLOC(c->n * c->given.d, &c->x));
  DSM_TRY(DSM_ALLOC(c->n, &c->raw));
  DSM_TRY(DSM_ALLOC(c->n, &c->row));
  DSM_TRY(DSM_ALLOC(c->classes, &c->right));
  DSM_TRY(DSM_ALLOC(c->classes, &c->of));
  DSM_TRY(dsm__given_text(&c->given, c->input, sizeof c->input));
  return DSM_OK;
}

static int32_t most_probable(const float *p, size_t classes) {
  size_t best = 0;
  for (size_t k = 1; k < classes; k++)
    if (p[k] > p[best]) best = k;
  return (int32_t)best;
}

/* A block's part of the sums. */
static dsm_status count_right(classifying *c, const dsm__block *block) {
  const float *p = block->field[PROBABILITIES];
  const int32_t *found = block->field[CLASS];
  if (!c->labels) return DSM_OK;
  for (size_t i = 0; i < block->n; i++) c->row[i] = block->first + i;
  DSM_TRY(dsm_condition_data_read(c->labels, c->row, block->n, c->raw));
  for (size_t i = 0; i < block->n; i++) {
    const size_t label = (size_t)c->raw[i];
    c->of[label]++;
    c->right[label] += (size_t)found[i] == label;
    c->loss -= log(fmax((double)p[i * c->classes + label], 1e-30));
  }
  return DSM_OK;
}

static dsm_status classify_block(void *self, const dsm__block *block) {
  classifying *c = self;
  float *p = block->field[PROBABILITIES];
  int32_t *found = block->field[CLASS];
  DSM_TRY(dsm__given_read(&c->given, block->first, c->n, c->x));
  dsm__judge_run(c->judge, c->x, block->field[FEATURES], p);
  for (size_t i = 0; i < c->n; i++) {
    found[i] = most_probable(p + i * c->classes, c->classes);
    block->evaluations[i] = 1;
  }
  (*block->evaluated)++;
  DSM_TRY(count_right(c, block));
  return DSM_OK;
}

/* Accuracy over all and of the worst class; of the samples that this job has seen. */
static dsm_status report(const classifying *c) {
  dsm_status status = DSM_OK;
  dsm_comm *comm = c->judge->trained.session.comm;
  const double ranks = dsm_comm_size(comm);
  double *mine = NULL, *sum = NULL, right = 0, of = 0, worst = 2;
  size_t which = 0;
  if (!c->labels) {
    dsm_info("labels   none in %s: nothing to compare with", c->given.source->file);
    return DSM_OK;
  }
  DSM_AGREE(comm, DSM_ALLOC(4 * c->classes + 2, &mine));
  sum = mine + 2 * c->classes + 1;
  memcpy(mine, c->right, c->classes * sizeof *mine);
  memcpy(mine + c->classes, c->of, c->classes * sizeof *mine);
  mine[2 * c->classes] = c->loss;
  DSM_TRY_DONE(dsm_comm_statistics(comm, mine, 2 * c->classes + 1, NULL, sum, NULL, NULL));
  for (size_t k = 0; k < c->classes; k++) {
    const double share = sum[k] / sum[c->classes + k];
    right += sum[k] * ranks;
    of += sum[c->classes + k] * ranks;
    if (share < worst) worst = share, which = k;
  }
  if (of > 0)
    dsm_info("accuracy %.2f %% +- %.2f of %.0f labels; cross-entropy %.4f; least in class %zu, %.1f %%",
             100 * right / of, 100 * sqrt(right / of * (1 - right / of) / of), of,
             sum[2 * c->classes] * ranks / of, which, 100 * worst);
done:
  free(mine);
  return status;
}

static dsm_status classify(classifying *c, dsm_comm *comm, const dsm_on_data_options *o) {
  DSM_TRY(dsm_judge_create(comm, o->source, o->overrides, o->override_count, &c->judge));
  const dsm__trained *trained = &c->judge->trained;
  DSM_AGREE(comm, prepare(c, &o->data));
  dsm__trained_banner(trained);
  const dsm_samples_field fields[FIELDS] = {
      [PROBABILITIES] = {.name = "probabilities",
                         .type = DSM_FIELD_FLOAT32,
                         .row = DSM_SHAPE(c->classes),
                         .sentence = "p(k | x) of each class"},
      [FEATURES] = {.name = "features",
                    .type = DSM_FIELD_FLOAT32,
                    .row = DSM_SHAPE(c->judge->features),
                    .sentence = "what the last layer of the classifier sees"},
      [CLASS] = {.name = "class", .type = DSM_FIELD_INT32, .sentence = "the most probable class"}};
  dsm_samples_info info = dsm__trained_info(trained, c->given.count);
  info.input = c->input;
  info.sample = (dsm_shape){0};
  info.evaluations = 1;
  info.fields = FIELDS;
  info.field = fields;
  snprintf(info.sampler, sizeof info.sampler, "classifier, %s", trained->average);
  const dsm__condition_table none = {0};
  dsm__blocks blocks = {
      .output = o->output, .verb = "judged", .noun = "samples", .compute = classify_block, .self = c};
  DSM_TRY(dsm__results_run(trained, &none, &info, &blocks));
  DSM_TRY(report(c));
  dsm_info("dsmpi: finished %llu samples", (unsigned long long)info.count);
  return DSM_OK;
}

dsm_status dsm_classify(dsm_comm *comm, const dsm_on_data_options *options) {
  classifying c = {0};
  const dsm_status status = classify(&c, comm, options);
  if (status != DSM_OK) dsm__forward(status, __FILE__, __LINE__);
  dsm_condition_data_close(&c.labels);
  dsm__given_close(&c.given);
  dsm_judge_destroy(&c.judge);
  free(c.x);
  free(c.raw);
  free(c.row);
  free(c.right);
  free(c.of);
  return status;
}
