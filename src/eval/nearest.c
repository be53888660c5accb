/* Nearest training rows of samples: is the model remembering? Among all rows of the reference, whose own rows, looked up
 * among the others, stand beside as the floor. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "distances.h"
#include "dsmpi/memory.h"
#include "internal.h"

enum { QUERIES = 1000 /* of each side */ };
#define COPY_RATIO (1.0 / 3.0) /* of the two nearest distances */

/* State of a group: of each query the squared distances to the nearest row and to the one after it. */
typedef struct nearest {
  size_t d, count[DSM__SIDES], queries;
  double *query; /* (queries, d): samples, then rows of the reference */
  uint64_t *own; /* (queries) which row of the reference it is itself; UINT64_MAX: none */
  double *y, *room;
  size_t room_rows;
} nearest;

static void note(double *two, double distance) {
  if (distance < two[0]) {
    two[1] = two[0];
    two[0] = distance;
  } else if (distance < two[1]) {
    two[1] = distance;
  }
}

static void add_block(const nearest *s, const uint64_t *row, size_t n, double *state) {
  dsm__squared_distances(s->y, n, s->query, s->queries, s->d, s->room);
  for (size_t i = 0; i < n; i++)
    for (size_t q = 0; q < s->queries; q++)
      if (row[i] != s->own[q]) note(state + 2 * q, s->room[i * s->queries + q]);
}

static void add(void *self, const uint64_t *row, const float *x, size_t n, double *state) {
  const nearest *s = self;
  for (size_t done = 0; done < n; done += DSM__BLOCK) {
    const size_t rows = n - done < DSM__BLOCK ? n - done : DSM__BLOCK;
    for (size_t i = 0; i < rows * s->d; i++) s->y[i] = (double)x[done * s->d + i];
    add_block(s, row + done, rows, state);
  }
}

/* ---- the queries ----------------------------------------------------------------------------------------- */

static dsm_status draw(dsm__eval *e, dsm__pair *pair, nearest *s) {
  const uint64_t seed = e->options->seed;
  size_t at = 0;
  for (int side = 0; side < DSM__SIDES; side++) {
    dsm__view *v = &pair->view[side];
    double *vectors = NULL;
    DSM_TRY(dsm__draw_rows(seed, side, v->rows, s->count[side], s->own + at));
    DSM_TRY(dsm__draw_vectors(e, v, s->count[side], &vectors)); /* the same rows */
    for (size_t i = 0; i < s->count[side] * s->d; i++) s->query[at * s->d + i] = vectors[i];
    free(vectors);
    if (side == DSM__SAMPLES)
      for (size_t q = 0; q < s->count[side]; q++) s->own[at + q] = UINT64_MAX;
    at += s->count[side];
  }
  return DSM_OK;
}

static dsm_status make_room(dsm__eval *e, dsm__pair *pair, nearest *s) {
  s->d = pair->space.d;
  for (int side = 0; side < DSM__SIDES; side++)
    s->count[side] = pair->view[side].rows < QUERIES ? (size_t)pair->view[side].rows : QUERIES;
  s->queries = s->count[0] + s->count[1];
  DSM_TRY(DSM_ALLOC(s->queries * s->d, &s->query));
  DSM_TRY(DSM_ALLOC(s->queries, &s->own));
  DSM_TRY(DSM_ALLOC(DSM__BLOCK * s->d, &s->y));
  DSM_TRY(DSM_ALLOC(DSM__BLOCK * s->queries, &s->room));
  DSM_TRY(draw(e, pair, s));
  return DSM_OK;
}

/* Nearest two of each query among all rows, into `all` (queries, 2). */
static dsm_status look_up(dsm__eval *e, dsm__pair *pair, nearest *s, double *groups, double *all) {
  double *state[DSM__GROUPS];
  uint64_t count[DSM__GROUPS];
  const size_t width = 2 * s->queries;
  for (size_t i = 0; i < DSM__GROUPS * width; i++) groups[i] = (double)INFINITY;
  for (size_t i = 0; i < width; i++) all[i] = (double)INFINITY;
  for (int g = 0; g < DSM__GROUPS; g++) state[g] = groups + (size_t)g * width;
  DSM_TRY(dsm__groups_sum(e, &pair->view[DSM__REFERENCE], add, s, state, count));
  for (int g = 0; g < DSM__GROUPS; g++) {
    DSM_TRY(dsm_comm_broadcast(e->comm, state[g], width * sizeof(double),
                               dsm__group_owner(e, DSM__REFERENCE, g)));
    for (size_t i = 0; i < width; i++) note(all + i / 2 * 2, state[g][i]);
  }
  return DSM_OK;
}

/* ---- figures --------------------------------------------------------------------------------------------- */

static int ascending(const void *x, const void *y) {
  const double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

/* Median of the nearest distances; error from the order statistics one binomial deviation to either side. */
static dsm_figure median(const double *two, size_t n, double *room, uint64_t among) {
  for (size_t q = 0; q < n; q++) room[q] = sqrt(two[2 * q]);
  qsort(room, n, sizeof *room, ascending);
  const double half = (double)(n - 1) / 2, off = sqrt((double)n) / 2;
  const size_t low = (size_t)fmax(half - off, 0), high = (size_t)fmin(half + off + 0.5, (double)(n - 1));
  return (dsm_figure){(room[(n - 1) / 2] + room[n / 2]) / 2, (room[high] - room[low]) / 2, n, among};
}

/* Share of those whose nearest row is less than a third as far as the next one, or no distance away at all. */
static dsm_figure copies(const double *two, size_t n, uint64_t among) {
  double count = 0;
  for (size_t q = 0; q < n; q++)
    count += two[2 * q] == 0 || sqrt(two[2 * q]) < COPY_RATIO * sqrt(two[2 * q + 1]);
  const double p = count / (double)n;
  return (dsm_figure){p, n > 1 ? sqrt(p * (1 - p) / (double)(n - 1)) : (double)NAN, n, among};
}

static void report(dsm__eval *e, const dsm__pair *pair, const nearest *s, const double *all, double *room) {
  const double *of_reference = all + 2 * s->count[DSM__SAMPLES];
  const uint64_t rows = pair->view[DSM__REFERENCE].rows;
  const size_t n = s->count[DSM__SAMPLES], m = s->count[DSM__REFERENCE];
  dsm_eval_row *row =
      dsm__row(e, "nearest", pair, median(all, n, room, rows), median(of_reference, m, room, rows - 1));
  row->unit = "x";
  snprintf(row->protocol, sizeof row->protocol,
           "Nearest: median distance of %zu samples, drawn at random, to their nearest among all rows of the "
           "reference; floor: of "
           "rows of the reference to their nearest other row. Well below the floor: samples are copies of "
           "the data. Error: from "
           "neighbouring order statistics. Copies: share of them less than a third as far from the nearest "
           "row as from the next (Yoon et al. 2023). Error: binomial",
           n);
  dsm__row(e, "copies", pair, copies(all, n, rows), copies(of_reference, m, rows - 1));
}

dsm_status dsm__nearest(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  nearest s = {0};
  double *groups = NULL, *all = NULL;
  status = make_room(e, pair, &s);
  if (status == DSM_OK) status = DSM_ALLOC(DSM__GROUPS * 2 * s.queries, &groups);
  if (status == DSM_OK) status = DSM_ALLOC(2 * s.queries, &all);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(look_up(e, pair, &s, groups, all));
  report(e, pair, &s, all, groups);
done:
  free(s.query);
  free(s.own);
  free(s.y);
  free(s.room);
  free(groups);
  free(all);
  return status;
}
