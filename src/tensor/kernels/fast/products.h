/* Products of matrices on one thread (products.c), and between them and their inner loops, which are compiled
 * once for each instruction set (simd/simd_products.h). */
#ifndef DSM_TENSOR_PRODUCTS_H
#define DSM_TENSOR_PRODUCTS_H

#include "fast.h"

/* A matrix in row major order, or its transpose. */
typedef struct dsm__operand {
  const float *at;
  size_t pitch; /* distance between stored rows */
  bool transpose;
} dsm__operand;

/* c = alpha op(a) op(b), or c += that (add); op(a) is m x k, op(b) is k x n. Sums are taken in an order that
 * depends on the shape alone. */
typedef struct dsm__product {
  size_t m, n, k;
  float alpha;
  dsm__operand a, b;
  bool add;
  float *c;
  size_t c_pitch;
  bool next_a, next_b; /* the next product reads what follows a (and writes what follows c); what follows b */
} dsm__product;

/* ---- the loops ----------------------------------------------------------------------------------------- */

/* b stands in panels of some columns, panel_step floats apart; within a panel its rows are row_step apart, or
 * follow each other (0, as pack() leaves them). Where c is turned, its (i, j) stands at [j c_pitch + i]. */
typedef struct dsm__block_product {
  size_t m, n, k;
  float alpha;
  dsm__operand a;
  const float *b;
  size_t row_step, panel_step;
  bool add, turned;
  float *c;
  size_t c_pitch;
  bool next_a;
  const float *next_b; /* so many floats that the next block will read */
  size_t next_b_size;
} dsm__block_product;

/* c = alpha a b^T, or c += that, where the rows of a and b lie along k; the steps of c along its rows and
 * columns are free. Meant for few rows of b. */
typedef struct dsm__dots {
  size_t m, n, k;
  float alpha;
  const float *a, *b;
  size_t a_pitch, b_pitch;
  bool add;
  float *c;
  size_t c_row, c_column;
} dsm__dots;

typedef struct dsm__products {
  size_t lanes, panel; /* columns */
  /* op(b), k x n, in panels one behind the other, the last one filled up with zeros to whole vectors */
  void (*pack)(float *packed, dsm__operand b, size_t k, size_t n);
  void (*multiply)(const dsm__block_product *p);
  void (*dots)(const dsm__dots *p);
} dsm__products;

extern const dsm__products dsm__products_sse2, dsm__products_avx2, dsm__products_avx512, dsm__products_neon;
/* The loops for k->instructions (fast_table.c). */
const dsm__products *dsm__products_of(const dsm_kernels *k);

/* ---- one thread ---------------------------------------------------------------------------------------- */

/* Floats of scratch for the panels of b, at most. */
size_t dsm__packed_size(const dsm__products *loops, size_t m, size_t n, size_t k);
/* `keep`: the product before had the same op(b), and its panels still stand in `packed`. */
void dsm__multiply(const dsm__products *loops, const dsm__product *p, float *packed, bool keep);
/* The same by OpenBLAS. blas.c */
void dsm__sgemm(const dsm__product *p);

#endif
