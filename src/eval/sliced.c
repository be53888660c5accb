/* Sliced Wasserstein-2 distance (Rabin et al. 2011, doi:10.1007/978-3-642-24785-9_37): root of the mean, over random
 * directions, of the squared distance of the projections. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/linear_algebra.h"
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "line.h"

typedef struct sliced {
  const dsm__two *two;
  uint64_t seed;
  float *normal;
  double *direction, *along, *room;
  dsm__number *a, *b;
} sliced;

static dsm_status make_room(sliced *s) {
  const size_t n = s->two->na + s->two->nb, d = s->two->d;
  DSM_TRY(DSM_ALLOC(d, &s->normal));
  DSM_TRY(DSM_ALLOC(d, &s->direction));
  DSM_TRY(DSM_ALLOC(n, &s->along));
  DSM_TRY(DSM_ALLOC(n, &s->room));
  DSM_TRY(DSM_ALLOC(s->two->na, &s->a));
  DSM_TRY(DSM_ALLOC(s->two->nb, &s->b));
  return DSM_OK;
}

/* Uniform on the sphere: a normal vector of length 1. */
static void choose_direction(sliced *s, size_t number) {
  const size_t d = s->two->d;
  double square = 0;
  dsm_random_normal((dsm_random_key){s->seed, DSM_STREAM_PROJECTION, 0, number}, 0, d, s->normal);
  for (size_t j = 0; j < d; j++) square += (double)s->normal[j] * (double)s->normal[j];
  for (size_t j = 0; j < d; j++) s->direction[j] = (double)s->normal[j] / sqrt(square);
}

static void project(const sliced *s, const double *x, size_t n, dsm__number *out) {
  dsm_matrix_rows_product(x, s->direction, n, 1, s->two->d, s->along);
  for (size_t i = 0; i < n; i++) out[i] = (dsm__number){s->along[i], (uint32_t)DSM__GROUP_OF(i)};
}

static dsm_status slice(void *self, size_t number, double *out) {
  sliced *s = self;
  choose_direction(s, number);
  project(s, s->two->a, s->two->na, s->a);
  project(s, s->two->b, s->two->nb, s->b);
  dsm__line_compare(s->a, s->two->na, s->b, s->two->nb, 2, s->room, out);
  return DSM_OK;
}

static dsm_status distance(dsm__eval *e, const dsm__two *two, dsm_figure *figure) {
  dsm_status status = DSM_OK;
  const size_t directions = e->options->directions;
  sliced s = {.two = two, .seed = e->options->seed};
  double *each = NULL, mean[DSM__LINE] = {0};
  status = make_room(&s);
  if (status == DSM_OK) status = DSM_ALLOC(directions * DSM__LINE, &each);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__tasks(e, directions, DSM__LINE, slice, &s, each));
  for (size_t k = 0; k < directions; k++)
    for (size_t i = 0; i < DSM__LINE; i++) mean[i] += each[k * DSM__LINE + i] / (double)directions;
  for (size_t i = 0; i < DSM__LINE; i++) mean[i] = sqrt(mean[i]);
  *figure = dsm__line_figure(two, mean);
done:
  free(s.normal);
  free(s.direction);
  free(s.along);
  free(s.room);
  free(s.a);
  free(s.b);
  free(each);
  return status;
}

dsm_status dsm__sliced(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  dsm__drawn drawn;
  dsm_figure value, floor;
  DSM_TRY_DONE(dsm__draw_pair(e, pair, dsm__rows_of_lines(e, pair->space.d), true, &drawn));
  DSM_TRY_DONE(distance(e, &drawn.value, &value));
  DSM_TRY_DONE(distance(e, &drawn.floor, &floor));
  dsm_eval_row *row = dsm__row(e, "sliced", pair, value, floor);
  row->unit = "x";
  row->ideal = 0;
  dsm__row_number(row, "directions", (double)e->options->directions);
  snprintf(row->protocol, sizeof row->protocol,
           "Sliced Wasserstein-2 distance: root of the mean square over %llu random directions (seeded) of "
           "rows drawn at "
           "random. Error: jackknife over %d shares of the rows; the directions are the same throughout",
           (unsigned long long)e->options->directions, DSM_EVAL_GROUPS);
done:
  dsm__drawn_destroy(&drawn);
  return status;
}
