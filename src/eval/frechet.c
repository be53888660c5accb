/* Frechet distance between all samples and all of the reference. The moments of a group stay with the rank that summed
 * them: a covariance of 2,048 features takes 34 MB. They are sent round once, and every rank adds up the wholes; each
 * estimate that leaves out a share is then computed by the rank on whose turn it is. */
#include "frechet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "catalogue.h"
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "internal.h"

enum {
  SHARES = DSM_EVAL_GROUPS,
  LIMIT_ROWS = 3 /* for each dimension: with fewer the bias is not of order 1/n, and its limit is off */
};

/* Sums over the rows of a group or a whole, of y = x - shift: y (d), then y y^T, lower triangle row by row. */
typedef struct frechet {
  dsm__eval *e;
  dsm__pair *pair;
  bool shrunk;
  size_t d, width;
  double *shift; /* (d): the means of the first rows of the reference, so that nothing cancels */
  double *state[DSM__SIDES][DSM__GROUPS]; /* of this rank's groups; NULL: another's */
  uint64_t count[DSM__SIDES][DSM__GROUPS];
  double *total[DSM__WHOLES], rows[DSM__WHOLES];
  double *mean[DSM__WHOLES], *covariance[DSM__WHOLES], *root[DSM__WHOLES];
  double shrinkage[DSM__WHOLES];
  double *y, *outer, *left, *mean_left, *covariance_left; /* room */
  size_t room;                                            /* rows in y */
} frechet;

/* ---- sums ------------------------------------------------------------------------------------------------ */

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  const frechet *f = self;
  const size_t d = f->d;
  double *at = state + d;
  (void)row;
  for (size_t done = 0; done < n; done += f->room) {
    const size_t rows = n - done < f->room ? n - done : f->room;
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < d; j++) {
        f->y[i * d + j] = (double)x[(done + i) * d + j] - f->shift[j];
        state[j] += f->y[i * d + j];
      }
    dsm_matrix_outer_sum(f->y, rows, d, f->outer);
    at = state + d;
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j <= i; j++) *at++ += f->outer[i * d + j];
  }
}

static dsm_status find_shift(frechet *f) {
  enum { ROWS = 256 };
  dsm__view *v = &f->pair->view[DSM__REFERENCE];
  uint64_t row[ROWS];
  const size_t n = v->rows < ROWS ? (size_t)v->rows : ROWS;
  float *x = NULL;
  DSM_TRY(DSM_ALLOC(n * f->d, &x));
  for (size_t i = 0; i < n; i++) row[i] = i;
  const dsm_status status = dsm__view_read(v, row, n, x);
  for (size_t i = 0; status == DSM_OK && i < n; i++)
    for (size_t j = 0; j < f->d; j++) f->shift[j] += (double)x[i * f->d + j] / (double)n;
  free(x);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status make_room(frechet *f) {
  const size_t d = f->d;
  f->room = ((size_t)1 << 23) / (d * sizeof(double)) + 1;
  DSM_TRY(DSM_ALLOC(d, &f->shift));
  DSM_TRY(DSM_ALLOC(f->room * d, &f->y));
  DSM_TRY(DSM_ALLOC(d * d, &f->outer));
  DSM_TRY(DSM_ALLOC(f->width, &f->left));
  DSM_TRY(DSM_ALLOC(d, &f->mean_left));
  DSM_TRY(DSM_ALLOC(d * d, &f->covariance_left));
  for (int side = 0; side < DSM__SIDES; side++)
    for (int g = 0; g < DSM__GROUPS; g++)
      if (dsm__group_owner(f->e, side, g) == dsm_comm_rank(f->e->comm))
        DSM_TRY(DSM_ALLOC(f->width, &f->state[side][g]));
  for (int w = 0; w < DSM__WHOLES; w++) {
    DSM_TRY(DSM_ALLOC(f->width, &f->total[w]));
    DSM_TRY(DSM_ALLOC(d, &f->mean[w]));
    DSM_TRY(DSM_ALLOC(d * d, &f->covariance[w]));
    DSM_TRY(DSM_ALLOC(d * d, &f->root[w]));
  }
  DSM_TRY(find_shift(f));
  return DSM_OK;
}

/* Mean and covariance from sums over n rows; returns the shrinkage. */
static double moments(const frechet *f, const double *total, double n, double *mean, double *covariance) {
  const size_t d = f->d;
  const double *at = total + d, by = f->shrunk ? n : n - 1;
  for (size_t i = 0; i < d; i++) mean[i] = total[i] / n;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++, at++)
      covariance[i * d + j] = covariance[j * d + i] = (*at - total[i] * mean[j]) / by;
  return f->shrunk ? dsm_shrink_covariance(covariance, d, n) : 0;
}

/* Sends every group round; each rank adds it to the wholes it is part of. */
static dsm_status add_up(frechet *f) {
  dsm_comm *comm = f->e->comm;
  for (int side = 0; side < DSM__SIDES; side++)
    for (int g = 0; g < DSM__GROUPS; g++) {
      const int owner = dsm__group_owner(f->e, side, g);
      double *group = f->state[side][g] ? f->state[side][g] : f->left;
      DSM_TRY(dsm_comm_broadcast(comm, group, f->width * sizeof(double), owner));
      for (int w = 0; w < DSM__WHOLES; w++) {
        if (!dsm__in_whole((dsm__whole)w, -1, side, g)) continue;
        f->rows[w] += (double)f->count[side][g];
        for (size_t i = 0; i < f->width; i++) f->total[w][i] += group[i];
      }
    }
  for (int w = 0; w < DSM__WHOLES; w++)
    f->shrinkage[w] = moments(f, f->total[w], f->rows[w], f->mean[w], f->covariance[w]);
  return DSM_OK;
}

/* ---- distances ------------------------------------------------------------------------------------------- */

static dsm_status roots(frechet *f) {
  dsm_status status = DSM_OK;
  const size_t bytes = f->d * f->d * sizeof(double);
  const int size = dsm_comm_size(f->e->comm);
  for (int w = 0; w < DSM__WHOLES; w++) {
    if (w % size != dsm_comm_rank(f->e->comm) || f->rows[w] < 2) continue;
    memcpy(f->root[w], f->covariance[w], bytes);
    status = dsm_symmetric_root(f->root[w], f->d);
    if (status != DSM_OK) break;
  }
  DSM_AGREE(f->e->comm, status);
  for (int w = 0; w < DSM__WHOLES; w++) DSM_TRY(dsm_comm_broadcast(f->e->comm, f->root[w], bytes, w % size));
  return DSM_OK;
}

typedef struct comparison {
  dsm__whole a, b;
  bool possible;
  double all, without[2][SHARES], share[2][SHARES];
} comparison;

static double rows_without(const frechet *f, dsm__whole whole, int without) {
  double rows = 0;
  for (int side = 0; side < DSM__SIDES; side++)
    for (int g = 0; g < DSM__GROUPS; g++)
      if (dsm__in_whole(whole, without, side, g)) rows += (double)f->count[side][g];
  return rows;
}

static bool enough(const frechet *f, double rows) {
  return f->shrunk ? rows >= 2 : rows > (double)f->d;
}

/* Rows behind a covariance without a share of `whole`, from the groups that are this rank's own or sent to it. */
static dsm_status leave(frechet *f, dsm__whole whole, dsm__whole other, int share, double *distance) {
  const int side = whole == DSM__ALL_SAMPLES ? DSM__SAMPLES : DSM__REFERENCE;
  memcpy(f->left, f->total[whole], f->width * sizeof(double));
  for (int g = 0; g < DSM__GROUPS; g++) {
    if (!dsm__in_whole(whole, -1, side, g) || dsm__in_whole(whole, share, side, g)) continue;
    DSM_ASSERT(f->state[side][g]);
    for (size_t i = 0; i < f->width; i++) f->left[i] -= f->state[side][g][i];
  }
  moments(f, f->left, rows_without(f, whole, share), f->mean_left, f->covariance_left);
  DSM_TRY(dsm__frechet_by_root(f->mean_left, f->covariance_left, f->mean[other], f->covariance[other],
                               f->root[other], f->d, distance));
  return DSM_OK;
}

/* The groups of one share of the whole reference are two; they are brought together on the owner of the first. */
static dsm_status gather_halves(frechet *f) {
  for (int g = SHARES; g < DSM__GROUPS; g++) {
    const int from = dsm__group_owner(f->e, DSM__REFERENCE, g),
              to = dsm__group_owner(f->e, DSM__REFERENCE, g - SHARES);
    if (from == to) continue;
    const bool receives = dsm_comm_rank(f->e->comm) == to;
    DSM_AGREE(f->e->comm, receives ? DSM_ALLOC(f->width, &f->state[DSM__REFERENCE][g]) : DSM_OK);
    double *group = f->state[DSM__REFERENCE][g] ? f->state[DSM__REFERENCE][g] : f->left;
    DSM_TRY(dsm_comm_broadcast(f->e->comm, group, f->width * sizeof(double), from));
  }
  return DSM_OK;
}

/* Task t of a comparison: 0 the whole, then those without each share of a, then of b. */
enum { TASKS = 1 + 2 * SHARES };

static dsm_status run_task(frechet *f, const comparison *c, int task, double *distance) {
  const int share = (task - 1) % SHARES;
  const bool of_a = task <= SHARES;
  const dsm__whole whole = of_a ? c->a : c->b, other = of_a ? c->b : c->a;
  if (task == 0) {
    DSM_TRY(dsm__frechet_by_root(f->mean[c->a], f->covariance[c->a], f->mean[c->b], f->covariance[c->b],
                                 f->root[c->b], f->d, distance));
  } else {
    DSM_TRY(leave(f, whole, other, share, distance));
  }
  return DSM_OK;
}

/* The rank that has what the task needs. */
static int task_owner(const frechet *f, const comparison *c, int task) {
  const dsm__whole whole = task <= SHARES ? c->a : c->b;
  const int share = (task - 1) % SHARES;
  if (task == 0) return (int)c->a % dsm_comm_size(f->e->comm);
  if (whole == DSM__ALL_SAMPLES) return dsm__group_owner(f->e, DSM__SAMPLES, share);
  return dsm__group_owner(f->e, DSM__REFERENCE, share + (whole == DSM__FLOOR_REST ? SHARES : 0));
}

static dsm_status compare(frechet *f, comparison *c) {
  double value[TASKS] = {0};
  dsm_status status = DSM_OK;
  c->possible = enough(f, f->rows[c->a]) && enough(f, f->rows[c->b]);
  for (int task = 0; c->possible && task < TASKS; task++) {
    if (task_owner(f, c, task) != dsm_comm_rank(f->e->comm) || status != DSM_OK) continue;
    const int share = (task - 1) % SHARES;
    const dsm__whole whole = task <= SHARES ? c->a : c->b;
    if (task > 0 && !enough(f, rows_without(f, whole, share))) continue;
    status = run_task(f, c, task, &value[task]);
  }
  DSM_AGREE(f->e->comm, status);
  for (int task = 0; task < TASKS; task++)
    DSM_TRY(dsm_comm_broadcast(f->e->comm, &value[task], sizeof(double), task_owner(f, c, task)));
  c->all = c->possible ? value[0] : (double)NAN;
  for (int k = 0; k < 2; k++)
    for (int s = 0; s < SHARES; s++) {
      const dsm__whole whole = k == 0 ? c->a : c->b;
      const double left = rows_without(f, whole, s);
      c->without[k][s] = value[1 + k * SHARES + s];
      c->share[k][s] = enough(f, left) ? 1 - left / f->rows[whole] : 0; /* 0: passed over */
    }
  return DSM_OK;
}

/* `shift` takes off the bias that goes as 1/n, of both sides. */
static dsm_figure figure_of(const frechet *f, const comparison *c, double *shift) {
  double variance = 0, one;
  *shift = 0;
  for (int k = 0; k < 2; k++) {
    variance += dsm_jackknife(c->all, c->without[k], c->share[k], SHARES, &one);
    *shift += one;
  }
  return (dsm_figure){c->all, sqrt(variance), (uint64_t)f->rows[c->a], (uint64_t)f->rows[c->b]};
}

/* ---- the metric ------------------------------------------------------------------------------------------ */

static dsm_status check_rows(const frechet *f) {
  static const char *const names[] = {"samples", "rows of the reference"};
  for (int side = 0; side < DSM__SIDES; side++) {
    const uint64_t rows = f->pair->view[side].rows;
    if (enough(f, (double)rows)) continue;
    if (f->shrunk)
      DSM_FAIL(DSM_BAD_DATA, "frechet_shrunk: %llu %s have no covariance; give 2 or more",
               (unsigned long long)rows, names[side]);
    DSM_FAIL(DSM_BAD_DATA,
             "frechet: %llu %s are too few for a covariance of %zu numbers, which needs more than %zu; give "
             "more, or "
             "use --metrics frechet_shrunk (a shrunk covariance) or frechet@pca (a few principal axes, "
             "--components)",
             (unsigned long long)rows, names[side], f->d, f->d);
  }
  return DSM_OK;
}

/* The figure without its bias; NAN where that is not of order 1/n. */
static void take_off(const frechet *f, dsm_figure *figure, double shift) {
  const uint64_t rows = figure->samples < figure->reference ? figure->samples : figure->reference;
  if (rows >= LIMIT_ROWS * f->d)
    figure->value += shift;
  else
    figure->value = figure->error = (double)NAN;
}

/* The value that the estimates from fewer and fewer rows tend to, backwards. */
static dsm_status report_limit(frechet *f, dsm_figure figure, double shift, dsm_figure floor,
                               double floor_shift) {
  take_off(f, &figure, shift);
  take_off(f, &floor, floor_shift);
  if (isnan(figure.value) || isnan(floor.value))
    DSM_TRY(dsm__note(
        f->e->out,
        "frechet_limit%s%s: fewer than %d rows for each of the %zu dimensions (%llu and %llu%s) have no "
        "limit by the jackknife; give more, or fewer dimensions, as by frechet@pca",
        strcmp(f->pair->space.name, "raw") ? "@" : "",
        strcmp(f->pair->space.name, "raw") ? f->pair->space.name : "", LIMIT_ROWS, f->d,
        (unsigned long long)(isnan(figure.value) ? figure : floor).samples,
        (unsigned long long)(isnan(figure.value) ? figure : floor).reference,
        isnan(figure.value) ? "" : ", of the floor"));
  dsm_eval_row *row = dsm__row(f->e, "frechet_limit", f->pair, figure, floor);
  row->unit = "x^2";
  row->ideal = 0;
  snprintf(row->protocol, sizeof row->protocol,
           "The Frechet distance without the bias of order 1/n, which the jackknife takes off: comparable at "
           "unequal n. It "
           "may be negative");
  return DSM_OK;
}

static dsm_status report(frechet *f, const comparison *value, const comparison *floor) {
  double shift, floor_shift;
  const dsm_figure figure = figure_of(f, value, &shift), beside = figure_of(f, floor, &floor_shift);
  dsm_eval_row *row = dsm__row(f->e, f->shrunk ? "frechet_shrunk" : "frechet", f->pair, figure, beside);
  row->unit = "x^2";
  row->ideal = 0;
  dsm__row_number(row, "dimensions", (double)f->d);
  if (f->shrunk) {
    dsm__row_number(row, "shrinkage_samples", f->shrinkage[DSM__ALL_SAMPLES]);
    dsm__row_number(row, "shrinkage_reference", f->shrinkage[DSM__ALL_REFERENCE]);
  }
  snprintf(
      row->protocol, sizeof row->protocol,
      "Frechet distance (squared) between normals with the mean and the %s of all rows, in %zu dimensions. "
      "One "
      "evaluation; biased upwards as 1/n, so compare at equal n. Error: jackknife over %d groups of rows",
      f->shrunk ? "covariance (1/n, shrunk by OAS)" : "covariance (1/(n-1))", f->d, SHARES);
  if (!f->shrunk) DSM_TRY(report_limit(f, figure, shift, beside, floor_shift));
  return DSM_OK;
}

static void destroy(frechet *f) {
  double *const room[] = {f->shift, f->y, f->outer, f->left, f->mean_left, f->covariance_left};
  for (size_t i = 0; i < sizeof room / sizeof *room; i++) free(room[i]);
  for (int side = 0; side < DSM__SIDES; side++)
    for (int g = 0; g < DSM__GROUPS; g++) free(f->state[side][g]);
  for (int w = 0; w < DSM__WHOLES; w++) {
    free(f->total[w]);
    free(f->mean[w]);
    free(f->covariance[w]);
    free(f->root[w]);
  }
}

static dsm_status run(dsm__eval *e, dsm__pair *pair, bool shrunk) {
  dsm_status status = DSM_OK;
  const size_t d = pair->space.d;
  frechet f = {.e = e, .pair = pair, .shrunk = shrunk, .d = d, .width = d + d * (d + 1) / 2};
  comparison value = {.a = DSM__ALL_SAMPLES, .b = DSM__ALL_REFERENCE},
             floor = {.a = DSM__FLOOR_PART, .b = DSM__FLOOR_REST};
  DSM_TRY(check_rows(&f));
  DSM_TRY_DONE(dsm_agree(e->comm, make_room(&f)));
  for (int side = 0; side < DSM__SIDES; side++)
    DSM_TRY_DONE(dsm__groups_sum(e, &pair->view[side], add, &f, f.state[side], f.count[side]));
  DSM_TRY_DONE(add_up(&f));
  DSM_TRY_DONE(roots(&f));
  DSM_TRY_DONE(gather_halves(&f));
  DSM_TRY_DONE(compare(&f, &value));
  DSM_TRY_DONE(compare(&f, &floor));
  DSM_TRY_DONE(dsm_agree(e->comm, report(&f, &value, &floor)));
done:
  destroy(&f);
  return status;
}

dsm_status dsm__frechet(dsm__eval *e, dsm__pair *pair) {
  return run(e, pair, false);
}

dsm_status dsm__frechet_shrunk(dsm__eval *e, dsm__pair *pair) {
  return run(e, pair, true);
}
