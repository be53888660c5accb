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

/* The score depends on the rows of a split, so those of both sides are cut alike: split k holds the places rows k / count up
 * to rows (k + 1) / count of the samples, in the order of the file, and as many rows of the reference, drawn at random. */
typedef struct splits {
  dsm_dataset *data;
  const float *kept; /* (rows, classes) in memory; NULL: they are in `data` */
  const dsm_eval_input *input;
  const uint64_t *drawn; /* row at each place; NULL: the place itself */
  uint64_t rows;         /* of the samples */
  size_t classes, count; /* count: splits of the samples */
} splits;

static uint64_t first_place(const splits *s, size_t number) {
  return s->rows * number / s->count;
}

static dsm_status read_probabilities(const splits *s, uint64_t first, size_t n, double *p) {
  dsm_status status = DSM_OK;
  uint64_t *row = NULL;
  float *x = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n, &row));
  for (size_t i = 0; i < n; i++) row[i] = s->drawn ? s->drawn[first + i] : first + i;
  if (s->kept) {
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < s->classes; j++)
        p[i * s->classes + j] = (double)s->kept[row[i] * s->classes + j];
    goto done;
  }
  DSM_TRY_DONE(DSM_ALLOC(n * s->classes, &x));
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
                    (unsigned long long)(dsm_dataset_info_of(s->data)->first + row[i]), sum, least);
  }
done:
  free(row);
  free(x);
  return status;
}

static dsm_status split(void *self, size_t number, double *out) {
  dsm_status status = DSM_OK;
  const splits *s = self;
  const uint64_t first = first_place(s, number), end = first_place(s, number + 1);
  double *p = NULL;
  DSM_TRY_DONE(DSM_ALLOC((end - first) * s->classes, &p));
  DSM_TRY_DONE(read_probabilities(s, first, (size_t)(end - first), p));
  *out = dsm_inception_score(p, (size_t)(end - first), s->classes);
done:
  free(p);
  return status;
}

/* Mean over the first `used` splits with its standard error, and their standard deviation, which is what papers report. */
static dsm_status score(dsm__eval *e, splits *s, size_t used, dsm_figure *figure, double *deviation,
                        double *each) {
  double mean = 0, square = 0;
  const double count = (double)used;
  DSM_TRY(dsm__tasks(e, used, 1, split, s, each));
  for (size_t k = 0; k < used; k++) mean += each[k] / count;
  for (size_t k = 0; k < used; k++) square += (each[k] - mean) * (each[k] - mean);
  figure->value = mean;
  figure->error = used > 1 ? sqrt(square / (count * (count - 1))) : (double)NAN;
  *deviation = used > 1 ? sqrt(square / count) : (double)NAN;
  return DSM_OK;
}

/* ---- the sides ------------------------------------------------------------------------------------------- */

static dsm_status open_given(const dsm__eval *e, int side, splits *s, uint64_t *rows) {
  const dsm_eval_options *o = e->options;
  const dsm_eval_input *input = side == DSM__SAMPLES ? &o->probabilities : &o->reference_probabilities;
  const dsm_dataset_info *info = dsm_dataset_info_of(e->probabilities[side]);
  *s = (splits){.data = e->probabilities[side],
                .input = input,
                .classes = dsm_shape_count(info->sample),
                .count = (size_t)o->splits};
  *rows = info->rows;
  if (info->sample.rank != 1 || s->classes < 2)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' is %s; class probabilities are (N, classes)", input->dataset,
             input->file, info->file_shape);
  return DSM_OK;
}

static void open_judged(const dsm__eval *e, int side, splits *s, uint64_t *rows) {
  const dsm_eval_options *o = e->options;
  *s = (splits){.kept = e->judged.probabilities[side],
                .input = side == DSM__SAMPLES ? &o->samples : &o->reference,
                .classes = o->classifier->classes,
                .count = (size_t)o->splits};
  *rows = dsm_dataset_info_of(e->data[side])->rows;
}

static dsm_status score_samples(dsm__eval *e, splits *s, uint64_t rows, dsm_figure *figure, double *deviation,
                                double *each) {
  if (rows < s->count)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has %llu rows, too few for %zu splits; see --splits",
             s->input->dataset, s->input->file, (unsigned long long)rows, s->count);
  s->rows = figure->samples = rows;
  DSM_TRY(score(e, s, s->count, figure, deviation, each));
  return DSM_OK;
}

/* As many splits of the samples' size as the reference fills, at most as many as there are of the samples. */
static dsm_status score_reference(dsm__eval *e, splits *s, uint64_t rows, uint64_t samples,
                                  dsm_figure *figure, double *deviation, double *each) {
  dsm_status status = DSM_OK;
  uint64_t *drawn = NULL;
  size_t used = s->count;
  s->rows = samples;
  while (first_place(s, used) > rows) used--;
  if (used == 0) return DSM_OK;
  figure->reference = first_place(s, used);
  status = DSM_ALLOC(figure->reference, &drawn);
  if (status == DSM_OK)
    status = dsm__draw_rows(e->options->seed, DSM__REFERENCE, rows, figure->reference, drawn);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  s->drawn = drawn;
  DSM_TRY_DONE(score(e, s, used, figure, deviation, each));
done:
  free(drawn);
  return status;
}

static void report(dsm__eval *e, dsm_figure value, dsm_figure floor, const double deviation[DSM__SIDES]) {
  const dsm_eval_options *o = e->options;
  const bool given = e->probabilities[DSM__SAMPLES] != NULL;
  char beside[48] = "";
  if (isfinite(deviation[DSM__REFERENCE]))
    snprintf(beside, sizeof beside, ", of the floor %.3g", deviation[DSM__REFERENCE]);
  dsm_eval_row *row = dsm__row(e, "inception", NULL, value, floor);
  dsm__row_number(row, "splits", (double)o->splits);
  dsm__row_number(row, "deviation", deviation[DSM__SAMPLES]);
  dsm__row_number(row, "floor_deviation", deviation[DSM__REFERENCE]);
  snprintf(
      row->protocol, sizeof row->protocol,
      "Inception score exp E KL(p(y|x) || p(y)) from the probabilities %s%s, mean over %llu splits in "
      "the order of the file; higher is better, and more rows in a split give more. Floor: the same of "
      "the reference's own probabilities, rows drawn at random, splits of the same size. Error: standard "
      "error of that mean; papers report the standard deviation over the splits, which is %.3g%s",
      given ? "given" : "of the classifier ", given ? "" : o->classifier->text, (unsigned long long)o->splits,
      deviation[DSM__SAMPLES], beside);
}

dsm_status dsm__inception(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  const dsm_eval_options *o = e->options;
  /* files that are given are meant, of both sides: two classifiers are not mixed */
  const bool given = e->probabilities[DSM__SAMPLES] != NULL;
  const int sides = given && !e->probabilities[DSM__REFERENCE] ? 1 : DSM__SIDES;
  double *each = NULL, *beside, deviation[DSM__SIDES] = {(double)NAN, (double)NAN};
  splits s[DSM__SIDES];
  uint64_t rows[DSM__SIDES];
  dsm_figure value = {0}, floor = {(double)NAN, (double)NAN, 0, 0};
  (void)pair;
  DSM_TRY_DONE(dsm_agree(e->comm, DSM_ALLOC(2 * o->splits, &each)));
  beside = each + o->splits;
  if (!given) DSM_TRY_DONE(dsm__judge_all(e));
  for (int side = 0; side < sides; side++) {
    if (given)
      DSM_TRY_DONE(open_given(e, side, &s[side], &rows[side]));
    else
      open_judged(e, side, &s[side], &rows[side]);
  }
  DSM_TRY_DONE(
      score_samples(e, &s[DSM__SAMPLES], rows[DSM__SAMPLES], &value, &deviation[DSM__SAMPLES], each));
  if (sides == DSM__SIDES)
    DSM_TRY_DONE(score_reference(e, &s[DSM__REFERENCE], rows[DSM__REFERENCE], rows[DSM__SAMPLES], &floor,
                                 &deviation[DSM__REFERENCE], beside));
  report(e, value, floor, deviation);
  DSM_TRY_DONE(
      dsm_agree(e->comm, dsm__row_column(&e->out->row[e->out->rows - 1], "split", each, 1, o->splits)));
done:
  free(each);
  return status;
}
