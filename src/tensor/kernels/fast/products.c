/* A product of matrices on one thread, by one of three ways that the shape decides:
 *
 *   panels        tiles of c, from a as it lies and panels of columns of b, which stay in the cache. Where b
 *                 is not transposed and its columns fill vectors, it is read where it lies, else packed.
 *   turned        where c has few columns and a lies transposed: c^T = op(b)^T op(a)^T, by panels of a
 *   dot products  where c has few columns or few rows, and a and b both lie along k */
#include "products.h"

/* Largest block of b: a panel of TERMS rows fits the L1 cache, all of it the L2 cache. */
enum { TERMS = 256, COLUMNS = 512 };

static dsm__cut cut_evenly(size_t total, size_t most, size_t unit) {
  const size_t parts = (total + most - 1) / most;
  if (parts <= 1) return (dsm__cut){total, total, 1};
  return (dsm__cut){total, dsm__round_up((total + parts - 1) / parts, unit), parts};
}

/* ---- panels -------------------------------------------------------------------------------------------- */

static size_t panels_size(const dsm__products *loops, size_t n, size_t k) {
  return dsm__min(k, TERMS) * dsm__round_up(dsm__min(n, COLUMNS), loops->lanes);
}

size_t dsm__packed_size(const dsm__products *loops, size_t m, size_t n, size_t k) {
  return dsm__max(panels_size(loops, n, k), panels_size(loops, m, k)); /* m columns where it is turned */
}

/* Packing costs more than it gains, unless the rows lie a multiple of 4096 bytes apart, where they contend for
 * the same few places in the cache, or on many pages. */
static bool in_place(const dsm__products *loops, const dsm__product *p) {
  return !p->b.transpose && p->n % loops->lanes == 0 && p->n <= 3 * COLUMNS && p->b.pitch % 1024 != 0;
}

static void multiply_by_panels(const dsm__products *loops, const dsm__product *p, bool turned, float *packed,
                               bool keep) {
  const dsm__cut terms = cut_evenly(p->k, TERMS, 1), columns = cut_evenly(p->n, COLUMNS, loops->panel);
  const bool stays = in_place(loops, p);
  keep = keep && terms.parts == 1 && columns.parts == 1;
  for (size_t term = 0; term < terms.parts; term++) {
    for (size_t column = 0; column < columns.parts; column++) {
      const size_t l = dsm__cut_begin(terms, term), j = dsm__cut_begin(columns, column);
      const size_t n = dsm__cut_length(columns, column), k = dsm__cut_length(terms, term);
      dsm__operand a = p->a, b = p->b;
      a.at += a.transpose ? l * a.pitch : l;
      b.at += b.transpose ? j * b.pitch + l : l * b.pitch + j;
      if (!stays && !keep) loops->pack(packed, b, k, n);
      const bool last = term + 1 == terms.parts;
      const size_t b_rows = b.transpose ? n : k;
      const bool next_b = columns.parts == 1 && (last ? p->next_b : !b.transpose);
      loops->multiply(&(dsm__block_product){.m = p->m,
                                            .n = n,
                                            .k = k,
                                            .alpha = p->alpha,
                                            .a = a,
                                            .b = stays ? b.at : packed,
                                            .row_step = stays ? b.pitch : 0,
                                            .panel_step = loops->panel * (stays ? 1 : k),
                                            .add = p->add || term > 0,
                                            .turned = turned,
                                            .c = p->c + j * (turned ? p->c_pitch : 1),
                                            .c_pitch = p->c_pitch,
                                            .next_a = p->next_a || (a.transpose && !last),
                                            .next_b = b.at + b_rows * b.pitch,
                                            .next_b_size = next_b ? b_rows * b.pitch : 0});
    }
  }
}

static dsm__operand flipped(dsm__operand x) {
  return (dsm__operand){x.at, x.pitch, !x.transpose};
}

static void multiply_turned(const dsm__products *loops, const dsm__product *p, float *packed) {
  dsm__product turned = *p;
  turned.m = p->n, turned.a = flipped(p->b);
  turned.n = p->m, turned.b = flipped(p->a);
  turned.next_a = p->next_b, turned.next_b = p->next_a;
  multiply_by_panels(loops, &turned, true, packed, false);
}

/* ---- dot products -------------------------------------------------------------------------------------- */

static void multiply_by_dots(const dsm__products *loops, const dsm__product *p, bool few_rows) {
  dsm__dots d = {.m = p->m,
                 .n = p->n,
                 .k = p->k,
                 .alpha = p->alpha,
                 .a = p->a.at,
                 .b = p->b.at,
                 .a_pitch = p->a.pitch,
                 .b_pitch = p->b.pitch,
                 .add = p->add,
                 .c = p->c,
                 .c_row = p->c_pitch,
                 .c_column = 1};
  if (few_rows) {
    d.m = p->n, d.a = p->b.at, d.a_pitch = p->b.pitch, d.c_row = 1;
    d.n = p->m, d.b = p->a.at, d.b_pitch = p->a.pitch, d.c_column = p->c_pitch;
  }
  loops->dots(&d);
}

/* ---- the choice ---------------------------------------------------------------------------------------- */

/* By times on AVX-512: adding up the lanes of a dot product costs as much as 5 more vectors of its terms;
 * panels waste the rest of a vector of columns, and packing them costs as much as 10 rows. */
void dsm__multiply(const dsm__products *loops, const dsm__product *p, float *packed, bool keep) {
  const size_t lanes = loops->lanes;
  const bool along_k = !p->a.transpose && p->b.transpose;
  const bool few_columns = p->n * (p->k + 5 * lanes) < lanes * p->k, few_rows = 512 * p->m <= lanes * p->k;
  if (along_k && (few_columns || few_rows)) {
    multiply_by_dots(loops, p, !few_columns || p->m < p->n);
  } else if (p->a.transpose && p->n < lanes && p->n < p->m) {
    multiply_turned(loops, p, packed);
  } else {
    multiply_by_panels(loops, p, false, packed, keep);
  }
}
