/* Rows at random, as functions of (seed, side, row): the same on any number of ranks. */
#include <stdlib.h>
#include "dsmpi/memory.h"
#include "dsmpi/random.h"
#include "internal.h"

enum {
  BLOCK = 4096,         /* random numbers made at a time */
  READ_BYTES = 1 << 22, /* of rows read at a time */
  STEP_GROUPS = 0,      /* of the random stream; the side is added */
  STEP_ROWS = 2
};
#define PAIR_ELEMENTS ((size_t)1 << 24) /* of float64 vectors kept for pairs of rows, each side: 128 MiB */
#define LINE_ELEMENTS ((size_t)1 << 22) /* the same for lines */

void dsm__draw_groups(uint64_t seed, const dsm__view *v, uint64_t first, size_t n, uint8_t *group) {
  double u[BLOCK];
  for (size_t done = 0; done < n; done += BLOCK) {
    const size_t count = n - done < BLOCK ? n - done : BLOCK;
    const dsm_random_key key = {seed, DSM_STREAM_EVALUATION, (uint64_t)(STEP_GROUPS + v->side), first + done};
    dsm_random_uniform_rows(key, count, u);
    for (size_t i = 0; i < count; i++) {
      const bool within = u[i] < v->part;
      const double share = within ? u[i] / v->part : (u[i] - v->part) / (1 - v->part);
      const int g = (int)(share * DSM_EVAL_GROUPS);
      group[done + i] =
          (uint8_t)((within ? 0 : DSM_EVAL_GROUPS) + (g < DSM_EVAL_GROUPS ? g : DSM_EVAL_GROUPS - 1));
    }
  }
}

/* ---- some rows ------------------------------------------------------------------------------------------- */

typedef struct ticket {
  double u;
  uint64_t row;
} ticket;

static int later(const ticket *a, const ticket *b) {
  return a->u != b->u ? a->u > b->u : a->row > b->row;
}

static int by_ticket(const void *a, const void *b) {
  return later(a, b) - later(b, a);
}

/* The latest of the first n tickets is at the top of a heap; it is let down from place i. */
static void sink(ticket *heap, size_t n, size_t i) {
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && later(&heap[child + 1], &heap[child])) child++;
    if (!later(&heap[child], &heap[i])) return;
    const ticket swap = heap[i];
    heap[i] = heap[child];
    heap[child] = swap;
  }
}

/* Each row draws a number; those with the smallest are taken. */
dsm_status dsm__draw_rows(uint64_t seed, int side, uint64_t rows, size_t wanted, uint64_t *row) {
  ticket *heap = NULL;
  double u[BLOCK];
  DSM_ASSERT(wanted <= rows);
  DSM_TRY(DSM_ALLOC(wanted, &heap));
  for (uint64_t first = 0; first < rows; first += BLOCK) {
    const size_t n = rows - first < BLOCK ? (size_t)(rows - first) : BLOCK;
    dsm_random_uniform_rows(
        (dsm_random_key){seed, DSM_STREAM_EVALUATION, (uint64_t)(STEP_ROWS + side), first}, n, u);
    for (size_t i = 0; i < n; i++) {
      const ticket t = {u[i], first + i};
      if (t.row < wanted) {
        heap[t.row] = t;
        if (t.row + 1 == wanted)
          for (size_t k = wanted; k-- > 0;) sink(heap, wanted, k);
      } else if (wanted > 0 && later(&heap[0], &t)) {
        heap[0] = t;
        sink(heap, wanted, 0);
      }
    }
  }
  qsort(heap, wanted, sizeof *heap, by_ticket);
  for (size_t k = 0; k < wanted; k++) row[k] = heap[k].row;
  free(heap);
  return DSM_OK;
}

/* ---- their vectors --------------------------------------------------------------------------------------- */

static int by_row(const void *a, const void *b) {
  const uint64_t x = ((const ticket *)a)->row, y = ((const ticket *)b)->row;
  return (x > y) - (x < y);
}

/* Vectors (n, d) of rows, read in the order of the file; `u` of a ticket is used for the place. */
static dsm_status read_vectors(const dsm__eval *e, dsm__view *v, const uint64_t *row, size_t n,
                               double *vectors) {
  dsm_status status = DSM_OK;
  const size_t d = v->space->d, widest = d > v->space->elements ? d : v->space->elements;
  const size_t most = READ_BYTES / (widest * sizeof(float)) + 1;
  ticket *sorted = NULL;
  uint64_t *part = NULL;
  float *y = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n, &sorted));
  DSM_TRY_DONE(DSM_ALLOC(most, &part));
  DSM_TRY_DONE(DSM_ALLOC(most * d, &y));
  for (size_t k = 0; k < n; k++) sorted[k] = (ticket){(double)k, row[k]};
  qsort(sorted, n, sizeof *sorted, by_row);
  for (size_t done = 0; done < n; done += most) {
    const size_t count = n - done < most ? n - done : most;
    for (size_t i = 0; i < count; i++) part[i] = sorted[done + i].row;
    DSM_TRY_DONE(dsm__view_read(v, part, count, y));
    dsm__alive(e);
    for (size_t i = 0; i < count; i++) {
      double *place = vectors + (size_t)sorted[done + i].u * d;
      for (size_t j = 0; j < d; j++) place[j] = (double)y[i * d + j];
    }
  }
done:
  free(sorted);
  free(part);
  free(y);
  return status;
}

dsm_status dsm__draw_vectors(const dsm__eval *e, dsm__view *v, size_t n, double **vectors) {
  dsm_status status = DSM_OK;
  uint64_t *row = NULL;
  DSM_TRY_DONE(DSM_ALLOC(n, &row));
  DSM_TRY_DONE(DSM_ALLOC(n * v->space->d, vectors));
  DSM_TRY_DONE(dsm__draw_rows(e->options->seed, v->side, v->rows, n, row));
  DSM_TRY_DONE(read_vectors(e, v, row, n, *vectors));
done:
  free(row);
  return status;
}

static size_t least(uint64_t a, uint64_t b) {
  return (size_t)(a < b ? a : b);
}

dsm_status dsm__draw_pair(dsm__eval *e, dsm__pair *pair, uint64_t wanted, bool even, dsm__drawn *drawn) {
  dsm__view *samples = &pair->view[DSM__SAMPLES], *reference = &pair->view[DSM__REFERENCE];
  const size_t d = pair->space.d, na = least(samples->rows, wanted), nb = least(reference->rows, wanted),
               all = least(reference->rows, nb + na);
  *drawn = (dsm__drawn){0};
  DSM_AGREE(e->comm, dsm__draw_vectors(e, samples, na, &drawn->vectors[DSM__SAMPLES]));
  DSM_AGREE(e->comm, dsm__draw_vectors(e, reference, all, &drawn->vectors[DSM__REFERENCE]));
  const double *s = drawn->vectors[DSM__SAMPLES], *r = drawn->vectors[DSM__REFERENCE];
  const size_t fresh = least(na, all / 2), rest = least(nb, all - fresh);
  drawn->value = (dsm__two){s, r, even ? fresh : na, even ? rest : nb, d};
  drawn->floor = (dsm__two){r + rest * d, r, fresh, rest, d};
  return DSM_OK;
}

void dsm__drawn_destroy(dsm__drawn *drawn) {
  free(drawn->vectors[DSM__SAMPLES]);
  free(drawn->vectors[DSM__REFERENCE]);
  *drawn = (dsm__drawn){0};
}

uint64_t dsm__rows_of_pairs(const dsm__eval *e, size_t d) {
  return least(e->options->subsample, PAIR_ELEMENTS / d + 1);
}

uint64_t dsm__rows_of_lines(const dsm__eval *e, size_t d) {
  return least(10 * e->options->subsample, LINE_ELEMENTS / d + 1);
}
