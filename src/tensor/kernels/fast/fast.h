/* Inside of the fast kernels: loops that the compiler vectorises or that are written with vectors, and OpenBLAS
 * for products of large matrices.
 *
 * Work is cut into parts by shape alone, parts are shared among the threads, and sums over parts are joined
 * in order; that is why the number of threads never changes a bit. OpenBLAS always runs on one thread, inside
 * a part. */
#ifndef DSM_TENSOR_FAST_H
#define DSM_TENSOR_FAST_H

#include "dsmpi/kernels.h"

static inline size_t dsm__min(size_t a, size_t b) {
  return a < b ? a : b;
}
static inline size_t dsm__max(size_t a, size_t b) {
  return a > b ? a : b;
}
static inline size_t dsm__round_up(size_t n, size_t unit) {
  return (n + unit - 1) / unit * unit;
}

/* ---- cutting work -------------------------------------------------------------------------------------- */

/* `total` items cut into parts of `size`; a tail shorter than size/4 is merged into the last part, which is
 * then the longest one. With size >= 16 no part has fewer than 4 items unless the total has: OpenBLAS
 * computes products of 1 to 3 rows by other kernels, with other roundings. */
typedef struct dsm__cut {
  size_t total, size, parts;
} dsm__cut;

static inline dsm__cut dsm__cut_by(size_t total, size_t size) {
  size = dsm__max(1, size);
  return (dsm__cut){total, size, dsm__max(1, (total + size - dsm__max(1, size / 4)) / size)};
}
static inline size_t dsm__cut_begin(dsm__cut cut, size_t part) {
  return part * cut.size;
}
static inline size_t dsm__cut_length(dsm__cut cut, size_t part) {
  return part + 1 == cut.parts ? cut.total - part * cut.size : cut.size;
}

/* ---- OpenBLAS (blas.c) --------------------------------------------------------------------------------- */

/* Before the first product: the best kernels of OpenBLAS for this processor, one thread. Any number of times.
 */
void dsm__blas_start(void);
/* Makes sure that the calling thread's products run on one thread. A kernel that may call dsm__sgemm begins with
 * it, since OpenMP keeps this setting by thread. */
void dsm__blas_one_thread(void);

/* sum = partial[0] + partial[1] + ... (count arrays of n, one after the other), from the left. */
void dsm__add_in_order(const dsm_kernels *k, float *sum, const float *partial, size_t count, size_t n);

/* The addends of a convolution (dsmpi/kernels.h) to the positions first ... first + count - 1 of y, counted
 * through the batch, of `positions` in each sample; for what cannot add while it multiplies. conv_addends.c */
void dsm__add_to_positions(float *y, const dsm_conv2d_addends *add, size_t first, size_t count,
                           size_t positions, size_t channels);

/* ---- the families -------------------------------------------------------------------------------------- */

void dsm__fast_matmul(dsm_kernels *k);
extern const dsm_conv2d_algorithm dsm__conv2d_1x1, dsm__conv2d_im2col;

/* The entries that are loops as a whole, one copy for each instruction set: the sources in simd/, compiled several
 * times. */
void dsm__simd_sse2(dsm_kernels *k);
void dsm__simd_avx2(dsm_kernels *k);
void dsm__simd_avx512(dsm_kernels *k);
void dsm__simd_neon(dsm_kernels *k);

#endif
