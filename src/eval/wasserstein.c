/* Wasserstein-1 distance of the numbers of each channel, whatever their position. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "line.h"

typedef struct channels {
  const dsm__two *two;
  size_t channels, positions;
  double *room;
  dsm__number *a, *b;
} channels;

static void collect(const channels *s, const double *x, size_t n, size_t channel, dsm__number *out) {
  for (size_t i = 0; i < n; i++)
    for (size_t p = 0; p < s->positions; p++)
      *out++ = (dsm__number){x[i * s->two->d + p * s->channels + channel], (uint32_t)DSM__GROUP_OF(i)};
}

static dsm_status of_channel(void *self, size_t channel, double *out) {
  channels *s = self;
  collect(s, s->two->a, s->two->na, channel, s->a);
  collect(s, s->two->b, s->two->nb, channel, s->b);
  dsm__line_compare(s->a, s->two->na * s->positions, s->b, s->two->nb * s->positions, 1, s->room, out);
  return DSM_OK;
}

static dsm_status make_room(channels *s) {
  const size_t na = s->two->na * s->positions, nb = s->two->nb * s->positions;
  DSM_TRY(DSM_ALLOC(na + nb, &s->room));
  DSM_TRY(DSM_ALLOC(na, &s->a));
  DSM_TRY(DSM_ALLOC(nb, &s->b));
  return DSM_OK;
}

/* each (channels, DSM__LINE); the figure is of the mean over the channels. */
static dsm_status distances(dsm__eval *e, const dsm__space *space, const dsm__two *two, double *each,
                            dsm_figure *figure) {
  dsm_status status = DSM_OK;
  channels s = {.two = two, .channels = space->channels, .positions = space->d / space->channels};
  double mean[DSM__LINE] = {0};
  DSM_TRY_DONE(dsm_agree(e->comm, make_room(&s)));
  DSM_TRY_DONE(dsm__tasks(e, s.channels, DSM__LINE, of_channel, &s, each));
  for (size_t c = 0; c < s.channels; c++)
    for (size_t i = 0; i < DSM__LINE; i++) mean[i] += each[c * DSM__LINE + i] / (double)s.channels;
  *figure = dsm__line_figure(two, mean);
done:
  free(s.room);
  free(s.a);
  free(s.b);
  return status;
}

static dsm_status report(dsm__eval *e, const dsm__pair *pair, const dsm__drawn *drawn, const double *each,
                         const double *beside, dsm_figure value, dsm_figure floor) {
  dsm_status status = DSM_OK;
  const size_t n = pair->space.channels;
  double *error = NULL;
  dsm_eval_row *row = dsm__row(e, "wasserstein", pair, value, floor);
  row->unit = "x";
  row->ideal = 0;
  snprintf(row->protocol, sizeof row->protocol,
           "Wasserstein-1 distance of the values of each %s of rows drawn at random, mean over %zu. Error: "
           "jackknife over "
           "%d shares of the rows",
           pair->space.d > n ? "channel, all positions together," : "feature", n, DSM_EVAL_GROUPS);
  DSM_TRY_DONE(DSM_ALLOC(n, &error));
  DSM_TRY_DONE(dsm__row_column(row, "each_value", each, DSM__LINE, n));
  for (size_t c = 0; c < n; c++) error[c] = dsm__line_figure(&drawn->value, each + c * DSM__LINE).error;
  DSM_TRY_DONE(dsm__row_column(row, "each_error", error, 1, n));
  DSM_TRY_DONE(dsm__row_column(row, "each_floor", beside, DSM__LINE, n));
done:
  free(error);
  return status;
}

dsm_status dsm__wasserstein(dsm__eval *e, dsm__pair *pair) {
  dsm_status status = DSM_OK;
  const size_t n = pair->space.channels;
  double *each = NULL, *beside = NULL;
  dsm__drawn drawn = {0};
  dsm_figure value, floor;
  status = DSM_ALLOC(n * DSM__LINE, &each);
  if (status == DSM_OK) status = DSM_ALLOC(n * DSM__LINE, &beside);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(dsm__draw_pair(e, pair, dsm__rows_of_lines(e, pair->space.d), true, &drawn));
  DSM_TRY_DONE(distances(e, &pair->space, &drawn.value, each, &value));
  DSM_TRY_DONE(distances(e, &pair->space, &drawn.floor, beside, &floor));
  DSM_TRY_DONE(dsm_agree(e->comm, report(e, pair, &drawn, each, beside, value, floor)));
done:
  dsm__drawn_destroy(&drawn);
  free(each);
  free(beside);
  return status;
}
