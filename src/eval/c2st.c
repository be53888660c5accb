/* Classifier two-sample test: can a network that has seen half of both sets tell the other halves apart? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "catalogue.h"
#include "classifier.h"
#include "dsmpi/memory.h"
#include "internal.h"

enum { FOLDS = 2, ROWS_MIN = 20 /* of either side */ };

typedef struct test {
  const dsm__two *two;
  const dsm_eval_options *options;
} test;

/* Out: area under the curve, its error. */
static dsm_status fold(void *self, size_t number, double *out) {
  dsm_status status = DSM_OK;
  const test *t = self;
  const dsm__two *two = t->two;
  const size_t na = dsm__fold_rows(two->na, number), nb = dsm__fold_rows(two->nb, number);
  const dsm__classifier_task task = {two->a, two->b, two->na,          two->nb,
                                     two->d, number, t->options->seed, t->options->steps};
  double *score = NULL;
  DSM_TRY_DONE(DSM_ALLOC(na + nb, &score));
  DSM_TRY_DONE(dsm__classify(&task, score, score + na));
  out[0] = dsm_area_under_curve(score, na, score + na, nb, &out[1]);
done:
  free(score);
  return status;
}

static dsm_status area(dsm__eval *e, const dsm__two *two, dsm_figure *figure) {
  test t = {two, e->options};
  double each[FOLDS][2];
  *figure = (dsm_figure){(double)NAN, (double)NAN, two->na, two->nb};
  if (two->na < ROWS_MIN || two->nb < ROWS_MIN) return DSM_OK;
  DSM_TRY(dsm__tasks(e, FOLDS, 2, fold, &t, &each[0][0]));
  figure->value = (each[0][0] + each[1][0]) / FOLDS;
  /* Both folds err alike: what one half has by chance, and the network learns, is told apart in the other half exactly as
   * far as the other half has it too, and that is the same both ways. So their mean is no surer than one of them. */
  figure->error = (each[0][1] + each[1][1]) / FOLDS;
  return DSM_OK;
}

dsm_status dsm__c2st(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  dsm__drawn drawn;
  dsm_figure value, floor;
  DSM_TRY_DONE(dsm__draw_pair(e, pair, dsm__rows_of_pairs(e, pair->space.d), true, &drawn));
  DSM_TRY_DONE(area(e, &drawn.value, &value));
  DSM_TRY_DONE(area(e, &drawn.floor, &floor));
  if (isnan(value.value) || isnan(floor.value)) {
    const dsm_figure *few = isnan(value.value) ? &value : &floor;
    DSM_TRY_DONE(dsm_agree(
        e->comm,
        dsm__note(e->out,
                  "c2st%s: %llu against %llu rows are too few, as it takes %d or more of either side, and "
                  "rows of the reference stand in for the samples: give more rows",
                  isnan(value.value) ? "" : ", floor", (unsigned long long)few->samples,
                  (unsigned long long)few->reference, (int)ROWS_MIN)));
  }
  dsm_eval_row *row = dsm__row(e, "c2st", pair, value, floor);
  row->ideal = 0.5;
  dsm__row_number(row, "steps", (double)e->options->steps);
  snprintf(
      row->protocol, sizeof row->protocol,
      "Classifier two-sample test: area under the ROC curve of an MLP (2 x 128, AdamW, %llu steps of 256, "
      "inputs "
      "standardised) trained on half of the rows drawn, samples against reference, and tested on the other "
      "half, both ways, "
      "mean. 0.5: told apart no better than by chance; 1: always. Error: DeLong, over the rows of the test, "
      "mean of both ways, which err alike",
      (unsigned long long)e->options->steps);
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
