/* Inception score of class probabilities: those given, which any classifier may have made, or else those of --classifier. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

#define SUM_SLACK 1e-3 /* of a row of probabilities: those of float16 add up no better */

/* mean KL(p || q) = H(q) - mean H(p) */
double dsm_inception_score(double *p, size_t n, size_t k) {
  double within = 0, marginal = 0;
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < k; j++) sum += p[i * k + j];
    for (size_t j = 0; j < k; j++) {
      const double q = p[i * k + j] /= sum;
      if (q > 0) within -= q * log(q) / (double)n;
    }
  }
  for (size_t j = 0; j < k; j++) {
    double q = 0;
    for (size_t i = 0; i < n; i++) q += p[i * k + j] / (double)n;
    if (q > 0) marginal -= q * log(q);
  }
  return exp(marginal - within);
}

typedef struct splits {
  dsm_dataset *data;
  const float *kept; /* (rows, classes) in memory; NULL: they are in `data` */
  const dsm_eval_input *input;
  uint64_t rows;
  size_t classes, count;
} splits;

static dsm_status read_probabilities(const splits *s, uint64_t first, size_t n, double *p) {
  dsm_status status = DSM_OK;
  if (s->kept) {
    for (size_t i = 0; i < n * s->classes; i++) p[i] = (double)s->kept[first * s->classes + i];
    return DSM_OK;
  }
  uint64_t *row = NULL;
  float *x = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n, &row));
  DSM_TRY_DONE(DSM_ALLOC(n * s->classes, &x));
  for (size_t i = 0; i < n; i++) row[i] = first + i;
  DSM_TRY_DONE(dsm_dataset_read(s->data, row, n, x));
  for (size_t i = 0; i < n; i++) {
    double sum = 0, least = 0;
    for (size_t j = 0; j < s->classes; j++) {
      p[i * s->classes + j] = (double)x[i * s->classes + j];
      sum += p[i * s->classes + j];
      least = fmin(least, p[i * s->classes + j]);
    }
    if (!(fabs(sum - 1) <= SUM_SLACK) || least < 0)
      DSM_FAIL_DONE(DSM_BAD_DATA,
                    "'%s' in '%s': row %llu holds no probabilities: they add up to %g, the least is %g; give "
                    "the output of a "
                    "softmax, (N, classes)",
                    s->input->dataset, s->input->file,
                    (unsigned long long)(dsm_dataset_info_of(s->data)->first + first + i), sum, least);
  }
done:
  free(row);
  free(x);
  return status;
}

static dsm_status split(void *self, size_t number, double *out) {
  dsm_status status = DSM_OK;
  const splits *s = self;
  const uint64_t first = s->rows * number / s->count, end = s->rows * (number + 1) / s->count;
  double *p = NULL;
  DSM_TRY_DONE(DSM_ALLOC((end - first) * s->classes, &p));
  DSM_TRY_DONE(read_probabilities(s, first, (size_t)(end - first), p));
  *out = dsm_inception_score(p, (size_t)(end - first), s->classes);
done:
  free(p);
  return status;
}

/* Mean over the splits, and their standard deviation, which is what the protocol reports. */
static dsm_status score(dsm__eval *e, splits *s, dsm_figure *figure, double *each) {
  double mean = 0, square = 0;
  if (s->rows < s->count)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %llu rows, too few for %zu splits; see --splits",
             s->input->dataset, s->input->file, (unsigned long long)s->rows, s->count);
  DSM_TRY(dsm__tasks(e, s->count, 1, split, s, each));
  for (size_t k = 0; k < s->count; k++) mean += each[k] / (double)s->count;
  for (size_t k = 0; k < s->count; k++) square += (each[k] - mean) * (each[k] - mean);
  *figure = (dsm_figure){mean, s->count > 1 ? sqrt(square / (double)s->count) : (double)NAN, s->rows, 0};
  return DSM_OK;
}

static dsm_status score_given(dsm__eval *e, int side, dsm_figure *figure, double *each) {
  const dsm_eval_options *o = e->options;
  const dsm_eval_input *input = side == DSM__SAMPLES ? &o->probabilities : &o->reference_probabilities;
  const dsm_dataset_info *info = dsm_dataset_info_of(e->probabilities[side]);
  splits s = {.data = e->probabilities[side],
              .input = input,
              .rows = info->rows,
              .classes = dsm_shape_count(info->sample),
              .count = (size_t)o->splits};
  if (info->sample.rank != 1 || s.classes < 2)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is %s; class probabilities are (N, classes)", input->dataset,
             input->file, info->file_shape);
  DSM_TRY(score(e, &s, figure, each));
  return DSM_OK;
}

static dsm_status score_judged(dsm__eval *e, int side, dsm_figure *figure, double *each) {
  const dsm_eval_options *o = e->options;
  splits s = {.kept = e->judged.probabilities[side],
              .input = side == DSM__SAMPLES ? &o->samples : &o->reference,
              .rows = dsm_dataset_info_of(e->data[side])->rows,
              .classes = o->classifier->classes,
              .count = (size_t)o->splits};
  DSM_TRY(score(e, &s, figure, each));
  return DSM_OK;
}

dsm_status dsm__inception(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  const dsm_eval_options *o = e->options;
  /* files that are given are meant, of both sides: two classifiers are not mixed */
  const bool given = e->probabilities[DSM__SAMPLES] != NULL;
  double *each = NULL;
  dsm_figure value, floor = {(double)NAN, (double)NAN, 0, 0};
  (void)pair;
  DSM_TRY_DONE(dsm_agree(e->comm, DSM_ALLOC(o->splits, &each)));
  if (!given) DSM_TRY_DONE(dsm__judge_all(e));
  if (!given || e->probabilities[DSM__REFERENCE]) {
    DSM_TRY_DONE((given ? score_given : score_judged)(e, DSM__REFERENCE, &floor, each));
    floor.reference = floor.samples;
    floor.samples = 0;
  }
  DSM_TRY_DONE((given ? score_given : score_judged)(e, DSM__SAMPLES, &value, each));
  dsm_eval_row *row = dsm__row(e, "inception", NULL, value, floor);
  dsm__row_number(row, "splits", (double)o->splits);
  snprintf(
      row->protocol, sizeof row->protocol,
      "Inception score exp E KL(p(y|x) || p(y)) from the probabilities %s%s, mean over %llu splits in the "
      "order "
      "of the file; higher is better. Floor: the same of the reference's own probabilities. Error: standard "
      "deviation over the splits, as the protocol has it",
      given ? "given" : "of the classifier ", given ? "" : o->classifier->text,
      (unsigned long long)o->splits);
  DSM_TRY_DONE(dsm__row_column(row, "split", each, 1, o->splits));
done:
  free(each);
  return status;
}
