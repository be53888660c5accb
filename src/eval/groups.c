/* One pass over the rows of a side, dealt into groups; each group is summed by its owner, chunk after chunk of its own
 * rows in their order, so that the bits of its sums do not depend on who else is there. */
#include <math.h>
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "internal.h"

enum { GROUPS = DSM__GROUPS, BLOCK = 4096 /* rows dealt out at a time */ };
#define CHUNK_BYTES                                                                                          \
  ((size_t)1 << 20) /* of the rows given to `add` at a time; fixed, as it decides the order of sums */

int dsm__group_owner(const dsm__eval *e, int side, int group) {
  return (side * DSM_EVAL_GROUPS + group) % dsm_comm_size(e->comm);
}

/* ---- one side -------------------------------------------------------------------------------------------- */

typedef struct pass {
  dsm__view *view;
  dsm__add add;
  void *self;
  double *const *state;
  size_t chunk;          /* rows */
  uint64_t *row[GROUPS]; /* (chunk) rows waiting; NULL: another rank's group */
  size_t waiting[GROUPS];
  float *x; /* (chunk, d) */
} pass;

static dsm_status flush(pass *p, int g) {
  if (p->waiting[g] == 0) return DSM_OK;
  DSM_TRY(dsm__view_read(p->view, p->row[g], p->waiting[g], p->x));
  p->add(p->self, p->row[g], p->x, p->waiting[g], p->state[g]);
  p->waiting[g] = 0;
  return DSM_OK;
}

static dsm_status walk(const dsm__eval *e, pass *p, uint64_t *count) {
  uint8_t group[BLOCK];
  for (uint64_t first = 0; first < p->view->rows; first += BLOCK) {
    const size_t n = p->view->rows - first < BLOCK ? (size_t)(p->view->rows - first) : BLOCK;
    dsm__draw_groups(e->options->seed, p->view, first, n, group);
    for (size_t i = 0; i < n; i++) {
      const int g = group[i];
      count[g]++;
      if (!p->row[g]) continue;
      p->row[g][p->waiting[g]++] = first + i;
      if (p->waiting[g] == p->chunk) DSM_TRY(flush(p, g));
    }
    dsm__alive(e);
  }
  for (int g = 0; g < GROUPS; g++) {
    DSM_TRY(flush(p, g));
    dsm__alive(e);
  }
  return DSM_OK;
}

static dsm_status sum(const dsm__eval *e, pass *p, uint64_t *count) {
  const size_t d = p->view->space->d;
  p->chunk = CHUNK_BYTES / (d * sizeof(float)) + 1;
  if (p->chunk > 65536) p->chunk = 65536;
  for (int g = 0; g < GROUPS; g++) count[g] = 0;
  DSM_TRY(DSM_ALLOC(p->chunk * d, &p->x));
  for (int g = 0; g < GROUPS; g++)
    if (dsm__group_owner(e, p->view->side, g) == dsm_comm_rank(e->comm))
      DSM_TRY(DSM_ALLOC(p->chunk, &p->row[g]));
  DSM_TRY(walk(e, p, count));
  return DSM_OK;
}

dsm_status dsm__groups_sum(dsm__eval *e, dsm__view *v, dsm__add add, void *self, double *const *state,
                           uint64_t *count) {
  pass p = {.view = v, .add = add, .self = self, .state = state};
  const dsm_status status = dsm_agree(e->comm, sum(e, &p, count));
  for (int g = 0; g < GROUPS; g++) free(p.row[g]);
  free(p.x);
  DSM_TRY(status);
  return DSM_OK;
}

bool dsm__in_whole(dsm__whole whole, int without, int side, int g) {
  const bool part = g < DSM_EVAL_GROUPS;
  if (side != (whole == DSM__ALL_SAMPLES ? DSM__SAMPLES : DSM__REFERENCE)) return false;
  if ((whole == DSM__ALL_SAMPLES || whole == DSM__FLOOR_PART) && !part) return false;
  if (whole == DSM__FLOOR_REST && part) return false;
  return g % DSM_EVAL_GROUPS != without;
}

/* ---- functions of sums ----------------------------------------------------------------------------------- */

/* Sums of either side, group by group, on all ranks. */
typedef struct sums {
  const dsm__summed *s;
  double *memory[DSM__SIDES], *state[DSM__SIDES][GROUPS];
  uint64_t count[DSM__SIDES][GROUPS];
  double *a, *b, *out, *variance; /* room: (width), (width), (1 + DSM_EVAL_GROUPS, outputs), (outputs) */
} sums;

static dsm_status make_room(sums *r) {
  for (int side = 0; side < DSM__SIDES; side++) {
    DSM_TRY(DSM_ALLOC(r->s->width * GROUPS, &r->memory[side]));
    for (int g = 0; g < GROUPS; g++) r->state[side][g] = r->memory[side] + (size_t)g * r->s->width;
  }
  DSM_TRY(DSM_ALLOC(r->s->width, &r->a));
  DSM_TRY(DSM_ALLOC(r->s->width, &r->b));
  DSM_TRY(DSM_ALLOC(r->s->outputs * (1 + DSM_EVAL_GROUPS), &r->out));
  DSM_TRY(DSM_ALLOC(r->s->outputs, &r->variance));
  return DSM_OK;
}

static dsm_status fill(dsm__eval *e, dsm__pair *pair, sums *r) {
  for (int side = 0; side < DSM__SIDES; side++) {
    DSM_TRY(dsm__groups_sum(e, &pair->view[side], r->s->add, r->s->self, r->state[side], r->count[side]));
    for (int g = 0; g < GROUPS; g++)
      DSM_TRY(dsm_comm_broadcast(e->comm, r->state[side][g], r->s->width * sizeof(double),
                                 dsm__group_owner(e, side, g)));
  }
  return DSM_OK;
}

/* Sums over those groups; returns their rows. */
static double add_up(const sums *r, dsm__whole whole, int without, double *total) {
  const int side = whole == DSM__ALL_SAMPLES ? DSM__SAMPLES : DSM__REFERENCE;
  double rows = 0;
  for (size_t i = 0; i < r->s->width; i++) total[i] = 0;
  for (int g = 0; g < GROUPS; g++) {
    if (!dsm__in_whole(whole, without, side, g)) continue;
    rows += (double)r->count[side][g];
    for (size_t i = 0; i < r->s->width; i++) total[i] += r->state[side][g][i];
  }
  return rows;
}

/* Out of sums of `a` without one share of it and of `b` without one; returns the rows of `a`. */
static double figures_without(sums *r, dsm__whole a, int without_a, dsm__whole b, int without_b,
                              double *out) {
  const double na = add_up(r, a, without_a, r->a), nb = add_up(r, b, without_b, r->b);
  r->s->figures(r->s->self, r->a, na, r->b, nb, out);
  return na;
}

/* Adds the variances that come from the rows of `a`. */
static double jackknife(sums *r, dsm__whole a, dsm__whole b, bool exchanged, const double *all,
                        double *variance) {
  enum { SHARES = DSM_EVAL_GROUPS };
  const size_t n = r->s->outputs;
  double share[SHARES], without[SHARES], *leave = r->out + n;
  const double rows = add_up(r, a, -1, r->a);
  for (int g = 0; g < SHARES; g++) {
    const double left = add_up(r, a, g, r->a);
    share[g] = 1 - left / rows;
    if (!(share[g] > 0 && share[g] < 1)) continue;
    if (exchanged)
      figures_without(r, b, -1, a, g, leave + (size_t)g * n);
    else
      figures_without(r, a, g, b, -1, leave + (size_t)g * n);
  }
  for (size_t i = 0; i < n; i++) {
    for (int g = 0; g < SHARES; g++) without[g] = leave[(size_t)g * n + i];
    variance[i] += dsm_jackknife(all[i], without, share, SHARES, NULL);
  }
  return rows;
}

static void compare(sums *r, dsm__whole a, dsm__whole b, dsm_figure *figure) {
  const size_t n = r->s->outputs;
  double *all = r->out, *variance = r->variance;
  figures_without(r, a, -1, b, -1, all);
  for (size_t i = 0; i < n; i++) variance[i] = 0;
  const double na = jackknife(r, a, b, false, all, variance), nb = jackknife(r, b, a, true, all, variance);
  for (size_t i = 0; i < n; i++)
    figure[i] = (dsm_figure){all[i], sqrt(variance[i]), (uint64_t)na, (uint64_t)nb};
}

dsm_status dsm__summed_run(dsm__eval *e, dsm__pair *pair, const dsm__summed *s, dsm_figure **value,
                           dsm_figure **floor) {
  dsm_status status = DSM_OK;
  sums r = {.s = s};
  status = make_room(&r);
  if (status == DSM_OK) status = DSM_ALLOC(s->outputs, value);
  if (status == DSM_OK) status = DSM_ALLOC(s->outputs, floor);
  DSM_TRY_DONE(dsm_agree(e->comm, status));
  DSM_TRY_DONE(fill(e, pair, &r));
  compare(&r, DSM__ALL_SAMPLES, DSM__ALL_REFERENCE, *value);
  compare(&r, DSM__FLOOR_PART, DSM__FLOOR_REST, *floor);
done:
  free(r.memory[DSM__SAMPLES]);
  free(r.memory[DSM__REFERENCE]);
  free(r.a);
  free(r.b);
  free(r.out);
  free(r.variance);
  return status;
}
