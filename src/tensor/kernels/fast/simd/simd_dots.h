/* Products of matrices as dot products: LANES rows at a time, whose sums are added up across the lanes at the
 * end. And the shuffles that this takes, which transpose matrices too. */
#include "lanes.h"
#include "../products.h"

/* The numbers of the lower (upper) halves of a and b in turns */
#if defined(__AVX512F__)
#  define LOWER(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#  define UPPER(a, b)                                                                                        \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX__)
#  define LOWER(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#  define UPPER(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#  define LOWER(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#  define UPPER(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/* Lane r is the sum of v[r]. Each round halves the vectors, and the lanes that one sum is spread over. */
INLINE vec sums_of_lanes(vec *v) {
  UNROLLED
  for (int half = LANES / 2; half > 0; half /= 2) {
    UNROLLED
    for (int i = 0; i < half; i++) v[i] = LOWER(v[i], v[i + half]) + UPPER(v[i], v[i + half]);
  }
  return v[0];
}

/* Lane r is the product of row r, which begins at a + at[r], with b. */
INLINE vec dots_of_rows(const float *a, const size_t *at, const float *b, size_t k) {
  vec sum[LANES];
  UNROLLED
  for (int r = 0; r < LANES; r++) sum[r] = (vec){0};
  for (; k >= LANES; k -= LANES, a += LANES, b += LANES) {
    const vec of_b = *(const vec *)b;
    UNROLLED
    for (int r = 0; r < LANES; r++) sum[r] = madd_lanes(*(const vec *)(a + at[r]), of_b, sum[r]);
  }
  if (k > 0) {
    const vec of_b = load(b, k);
    UNROLLED
    for (int r = 0; r < LANES; r++) sum[r] = madd_lanes(load(a + at[r], k), of_b, sum[r]);
  }
  return sums_of_lanes(sum);
}

static void dots(const dsm__dots *p) {
  for (size_t i = 0; i < p->m; i += LANES) {
    const size_t rows = dsm__min(LANES, p->m - i);
    size_t at[LANES]; /* rows beyond the last one are read as that one */
    for (size_t r = 0; r < LANES; r++) at[r] = dsm__min(r, rows - 1) * p->a_pitch;
    for (size_t j = 0; j < p->n; j++) {
      const vec sum = dots_of_rows(p->a + i * p->a_pitch, at, p->b + j * p->b_pitch, p->k);
      float *c = p->c + i * p->c_row + j * p->c_column;
      for (size_t r = 0; r < rows; r++, c += p->c_row) {
        *c = p->add ? *c + p->alpha * sum[r] : p->alpha * sum[r];
      }
    }
  }
}
