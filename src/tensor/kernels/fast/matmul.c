/* Batched matrix products by our own loops, those of large matrices by OpenBLAS: cut by batch and rows; by
 * columns when there are few rows; and, when the result is small and the sum long (gradients of weights), by
 * segments of the sum, whose partial results are added in order. */
#include <omp.h>
#include "products.h"
#include "dsmpi/memory.h"

enum {
  ROWS = 240,             /* at least, in a part: each part may bring all of b into panels again */
  COLUMNS = 512,          /* likewise */
  SEGMENT = 1024,         /* at least, terms of a sum in a segment */
  MAX_SEGMENTS = 16,      /* bounds scratch memory and the time to join */
  WORK = 4 * 1024 * 1024, /* multiply-adds worth a part of their own (about 0.05 ms) */
};

typedef struct matmul_cuts {
  dsm__cut rows, columns, terms;
} matmul_cuts;

static size_t part_size(size_t least, size_t total, size_t work_of_one) {
  return dsm__round_up(dsm__max(dsm__max(least, WORK / dsm__max(1, work_of_one)), total / 64), 48);
}

static matmul_cuts cuts_of(const dsm_matmul *p) {
  matmul_cuts cuts = {.rows = dsm__cut_by(p->m, part_size(ROWS, p->m, p->n * p->k)),
                      .columns = dsm__cut_by(p->n, p->n + 16),
                      .terms = dsm__cut_by(p->k, p->k + 16)};
  if (p->batch * cuts.rows.parts >= 8) return cuts;
  if (p->k >= 2 * SEGMENT && p->k >= p->m && p->k >= p->n) {
    const size_t segment = dsm__max(part_size(SEGMENT, 0, p->m * p->n), p->k / MAX_SEGMENTS);
    cuts.terms = dsm__cut_by(p->k, dsm__round_up(segment, 16));
  } else if (cuts.rows.parts == 1) {
    cuts.columns = dsm__cut_by(p->n, part_size(COLUMNS, p->n, p->m * p->k));
  }
  return cuts;
}

/* Floats of all partial results; of one thread's panels, rounded up to whole cache lines. */
static size_t partial_size(const dsm_matmul *p, const matmul_cuts *cuts) {
  const size_t line = DSM_ALIGNMENT / sizeof(float);
  return cuts->terms.parts == 1 ? 0 : dsm__round_up(p->batch * cuts->terms.parts * p->m * p->n, line);
}
static size_t packed_size(const dsm_kernels *k, const dsm_matmul *p) {
  return dsm__round_up(dsm__packed_size(dsm__products_of(k), p->m, p->n, p->k),
                       DSM_ALIGNMENT / sizeof(float));
}

static size_t matmul_scratch(const dsm_kernels *k, const dsm_matmul *p) {
  const matmul_cuts cuts = cuts_of(p);
  return (partial_size(p, &cuts) + (size_t)k->threads * packed_size(k, p)) * sizeof(float);
}

/* OpenBLAS packs a as well, and wins by up to a third where b fills more than some blocks and c is large. */
static bool is_large(const dsm_matmul *p) {
  return p->m >= 512 && p->n >= 512 && p->k >= 256 && (p->n > 512 || p->k > 512);
}

/* Parts are counted by rows first: neighbours share the panels of b. */
static void product_of_part(const dsm__products *loops, const dsm_matmul *p, const matmul_cuts *cuts,
                            size_t part, float *c, const float *a, const float *b, float *partial,
                            float *packed, bool first, bool more) {
  const size_t row = part % cuts->rows.parts, of_b = part / cuts->rows.parts;
  const size_t term = of_b % cuts->terms.parts, column = of_b / cuts->terms.parts % cuts->columns.parts;
  const size_t batch = of_b / cuts->terms.parts / cuts->columns.parts;
  const size_t i = dsm__cut_begin(cuts->rows, row), j = dsm__cut_begin(cuts->columns, column);
  const size_t l = dsm__cut_begin(cuts->terms, term);
  a += batch * p->m * p->k + (p->transpose_a ? l * p->m + i : i * p->k + l);
  b += batch * p->k * p->n + (p->transpose_b ? j * p->k + l : l * p->n + j);
  c = partial == NULL ? c + batch * p->m * p->n : partial + (batch * cuts->terms.parts + term) * p->m * p->n;
  const bool next_b = row + 1 == cuts->rows.parts && more;
  const dsm__product product = {.m = dsm__cut_length(cuts->rows, row),
                                .n = dsm__cut_length(cuts->columns, column),
                                .k = dsm__cut_length(cuts->terms, term),
                                .alpha = p->alpha,
                                .a = {a, p->transpose_a ? p->m : p->k, p->transpose_a},
                                .b = {b, p->transpose_b ? p->k : p->n, p->transpose_b},
                                .c = c + i * p->n + j,
                                .c_pitch = p->n,
                                .next_a = more && (next_b || !p->transpose_a),
                                .next_b = next_b};
  if (is_large(p)) {
    dsm__sgemm(&product);
  } else {
    dsm__multiply(loops, &product, packed, row > 0 && !first);
  }
}

static void matmul(const dsm_kernels *k, const dsm_matmul *p, float *c, const float *a, const float *b,
                   void *scratch) {
  if (p->batch * p->m * p->n == 0) return;
  const dsm__products *loops = dsm__products_of(k);
  dsm__blas_one_thread();
  const matmul_cuts cuts = cuts_of(p);
  const size_t parts = p->batch * cuts.rows.parts * cuts.columns.parts * cuts.terms.parts;
  float *partial = cuts.terms.parts == 1 ? NULL : scratch;
  float *packed = (float *)scratch + partial_size(p, &cuts);
  if (k->threads == 1 || parts == 1) {
    for (size_t part = 0; part < parts; part++) {
      product_of_part(loops, p, &cuts, part, c, a, b, partial, packed, part == 0, part + 1 < parts);
    }
  } else {
    /* many small products share a turn, so that taking turns costs little */
    const size_t parts_a_turn = dsm__max(1, WORK / 4 / dsm__max(1, p->batch * p->m * p->n * p->k / parts));
    const dsm__cut turns = dsm__cut_by(parts, parts_a_turn);
    const size_t size = packed_size(k, p);
#pragma omp parallel for num_threads(k->threads) schedule(dynamic) if (turns.parts > 1)
    for (size_t turn = 0; turn < turns.parts; turn++) {
      const size_t first = dsm__cut_begin(turns, turn), count = dsm__cut_length(turns, turn);
      float *of_thread = packed + (size_t)omp_get_thread_num() * size;
      for (size_t part = first; part < first + count; part++) {
        product_of_part(loops, p, &cuts, part, c, a, b, partial, of_thread, part == first,
                        part + 1 < first + count);
      }
    }
  }
  if (partial == NULL) return;
  for (size_t batch = 0; batch < p->batch; batch++) {
    dsm__add_in_order(k, c + batch * p->m * p->n, partial + batch * cuts.terms.parts * p->m * p->n,
                      cuts.terms.parts, p->m * p->n);
  }
}

void dsm__fast_matmul(dsm_kernels *k) {
  k->matmul_scratch = matmul_scratch;
  k->matmul = matmul;
}
/* ---- sums of partial results --------------------------------------------------------------------------- */

void dsm__add_in_order(const dsm_kernels *k, float *sum, const float *partial, size_t count, size_t n) {
  const dsm__cut cut = dsm__cut_by(n, 4096);
#pragma omp parallel for num_threads(k->threads) schedule(static) if (k->threads > 1 && count * n > 1 << 17)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part), length = dsm__cut_length(cut, part);
    float *to = sum + first;
    for (size_t p = 0; p < count; p++) {
      const float *from = partial + p * n + first;
      if (p == 0) {
        for (size_t i = 0; i < length; i++) to[i] = from[i];
      } else {
        for (size_t i = 0; i < length; i++) to[i] += from[i];
      }
    }
  }
}
