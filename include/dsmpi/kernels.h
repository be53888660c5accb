/** @file kernels.h
 *  The table of computing kernels. `ref` is plain C, the truth; `fast` starts from ref and overwrites
 *  entries with SIMD loops for the instruction set found at run time; OpenBLAS multiplies large matrices.
 *
 *  Rules for every kernel:
 *  - tensors are contiguous float32, last axis fastest, aligned to DSM_ALIGNMENT where they come from the
 *    graph (a kernel must also be right for unaligned ones);
 *  - outputs first, then inputs, then sizes; `dx` is the gradient by `x`;
 *  - a gradient kernel overwrites its outputs (accumulation is a node of the graph);
 *  - outputs do not overlap inputs unless the entry says so;
 *  - the bits of the result depend on shapes and values alone, never on the number of threads: work is cut
 *    into parts of fixed size, and sums over parts are taken in a fixed order. OpenBLAS
 *    runs single-threaded inside our own partition;
 *  - scratch memory is given by the caller, sized by the entry's *_scratch function (bytes, may be 0).
 *  Kernels cannot fail. Misuse is caught by DSM_ASSERT. */
#ifndef DSMPI_KERNELS_H
#define DSMPI_KERNELS_H

#include <stdint.h>
#include "dsmpi/tensor.h"

typedef struct dsm_kernels dsm_kernels;

/* ---- matrix products ----------------------------------------------------------------------------------- */

/** c[b] = alpha * op(a[b]) op(b[b])  for b = 0 ... batch-1, with op(a) of m x k, op(b) of k x n, c of m x n,
 *  row major. Batched operands follow each other without gaps. */
typedef struct dsm_matmul {
  size_t batch, m, n, k;
  bool transpose_a; /* a is stored k x m */
  bool transpose_b; /* b is stored n x k */
  float alpha;
} dsm_matmul;

/* ---- convolution --------------------------------------------------------------------------------------- */

/** y = x * w over (N, H, W, C) with weights (out, kernel_h, kernel_w, in):
 *  y[n,i,j,o] = sum_{p,q,c} w[o,p,q,c] x[n, i stride + p - pad_top, j stride + q - pad_left, c], zero
 *  outside. */
typedef struct dsm_conv2d {
  size_t batch, height, width, in;   /* input */
  size_t out, out_height, out_width; /* output */
  size_t kernel_h, kernel_w, stride;
  size_t pad_top, pad_left, pad_bottom,
      pad_right; /* out_height = (height + pad_top + pad_bottom - kernel_h) / stride + 1 */
} dsm_conv2d;

/** What is added to a convolution while its result is written, before it leaves the cache: with r the result,
 *  y = ((r + bias) + sample) + residual, in this order and each sum rounded, so that the bits are those of
 *  three additions one after the other. NULL = nothing. */
typedef struct dsm_conv2d_addends {
  const float *bias;     /* (C): one number a channel */
  const float *sample;   /* (N, C): one a sample and channel */
  const float *residual; /* (N, H, W, C): the shape of the result */
} dsm_conv2d_addends;

/** An algorithm with its weights made ready beforehand, for weights that stay the same over many calls; the bits
 *  of the results do not change. Made ready for forward, or (turned) for input_gradient. */
typedef struct dsm_conv2d_prepared {
  size_t (*size)(const dsm_kernels *k, const dsm_conv2d *c, bool turned); /* bytes */
  void (*prepare)(const dsm_kernels *k, const dsm_conv2d *c, bool turned, void *prepared, const float *w);
  void (*forward)(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const void *prepared,
                  const dsm_conv2d_addends *add, void *scratch);
  void (*input_gradient)(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                         const void *prepared, const dsm_conv2d_addends *add, void *scratch);
} dsm_conv2d_prepared;

/** One way to compute a convolution; which one is used is chosen by shape alone when the plan is made, so
 *  all ranks choose alike. */
typedef struct dsm_conv2d_algorithm {
  const char *name; /* "direct", "im2col", "1x1", ... */
  bool (*suits)(const dsm_conv2d *c);
  size_t (*scratch)(const dsm_kernels *k, const dsm_conv2d *c); /* bytes, enough for each of the three */
  /* `add` may be NULL: nothing */
  void (*forward)(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const float *w,
                  const dsm_conv2d_addends *add, void *scratch);
  /* dx = gradient by x given dy: the transposed convolution; `add` has the sizes of dx */
  void (*input_gradient)(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                         const float *w, const dsm_conv2d_addends *add, void *scratch);
  /* dw = gradient by w given dy, summed over batch and positions */
  void (*weight_gradient)(const dsm_kernels *k, const dsm_conv2d *c, float *dw, const float *dy,
                          const float *x, void *scratch);
  const dsm_conv2d_prepared *prepared; /* NULL: the weights are used as they are */
} dsm_conv2d_algorithm;

/* ---- element-wise -------------------------------------------------------------------------------------- */

typedef enum dsm_unary {
  DSM_UNARY_EXP,
  DSM_UNARY_LOG,
  DSM_UNARY_SQRT,
  DSM_UNARY_RECIPROCAL, /* 1 / x */
  DSM_UNARY_SIN,
  DSM_UNARY_COS,
  DSM_UNARY_TANH,
  DSM_UNARY_SIGMOID, /* s(x) = 1 / (1 + e^-x) */
  DSM_UNARY_SILU,    /* x s(x) */
  DSM_UNARY_SILU_D1, /* first derivative:  s (1 + x (1 - s)) */
  DSM_UNARY_SILU_D2, /* second derivative: s (1 - s) (2 + x (1 - 2 s)) */
  DSM_UNARY_COUNT
} dsm_unary;

typedef enum dsm_binary {
  DSM_BINARY_ADD,
  DSM_BINARY_SUB,
  DSM_BINARY_MUL,
  DSM_BINARY_DIV,
  DSM_BINARY_COUNT
} dsm_binary;

/** Sizes of a broadcast: y has shape n; operand a (b) has size 1 on the axes where its stride is 0. Strides
 *  in elements. */
typedef struct dsm_broadcast {
  int rank;
  size_t n[DSM_MAX_RANK], stride_a[DSM_MAX_RANK], stride_b[DSM_MAX_RANK];
} dsm_broadcast;

/** x has shape n; the axes with keep[i] stay, the others are summed (size 1 in y). */
typedef struct dsm_reduce {
  int rank;
  size_t n[DSM_MAX_RANK];
  bool keep[DSM_MAX_RANK];
} dsm_reduce;

/* ---- normalisation ------------------------------------------------------------------------------------- */

/** What a fused kernel applies to its result. */
typedef enum dsm_activation {
  DSM_ACTIVATION_NONE, /* f(u) = u */
  DSM_ACTIVATION_SILU  /* f(u) = u s(u) */
} dsm_activation;

/** Group normalisation of x (N, S, C), S positions, C channels in `groups` equal runs:
 *  y = f(u),  u = gamma_c h + beta_c,  h = (x - mean_ng) rstd_ng,  rstd = 1 / sqrt(var + eps),  var with
 *  1/count.  Wu & He 2018 (arXiv:1803.08494). */
typedef struct dsm_group_norm {
  size_t batch, positions, channels, groups;
  float eps;
  dsm_activation activation; /* f */
} dsm_group_norm;

/* ---- optimizer ----------------------------------------------------------------------------------------- */

/** Parameters from the end of the span before, 0 for the first, up to `end`; those without `decays` have decay 0. */
typedef struct dsm_adamw_span {
  size_t end;
  bool decays;
} dsm_adamw_span;

/** One AdamW step (Loshchilov & Hutter 2019, arXiv:1711.05101), g = scale * gradient:
 *  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
 *  w = w - lr * decay * w - lr * (m / correction1) / (sqrt(v / correction2) + eps),   correction_i = 1 -
 *  b_i^step;
 *  and with the new w, in float64, average_a += (1 - average_decay_a) (w - average_a)  for each average. */
typedef struct dsm_adamw_step {
  float lr, beta1, beta2, eps, decay, scale;
  double correction1, correction2;
  const dsm_adamw_span *span; /* in order, up to the last parameter; NULL: all decay */
  size_t averages;
  double *const *average; /* (averages)(n) */
  const double *average_decay;
} dsm_adamw_step;

/* ---- the table ----------------------------------------------------------------------------------------- */

struct dsm_kernels {
  const char *name;         /* "ref", "fast", "im2col" */
  const char *instructions; /* "plain", "sse2", "avx2", "avx512", "neon" */
  int threads;              /* threads each kernel may use, >= 1 */

  size_t (*matmul_scratch)(const dsm_kernels *k, const dsm_matmul *p);
  void (*matmul)(const dsm_kernels *k, const dsm_matmul *p, float *c, const float *a, const float *b,
                 void *scratch);

  /* NULL-terminated, best first; the last one suits every shape */
  const dsm_conv2d_algorithm *const *conv2d;

  /* y may be x */
  void (*unary)(const dsm_kernels *k, dsm_unary f, float *y, const float *x, size_t n);
  /* dx = dy silu'(x); dx may be dy or x */
  void (*silu_gradient)(const dsm_kernels *k, float *dx, const float *dy, const float *x, size_t n);
  /* y = scale x + shift; y may be x */
  void (*affine)(const dsm_kernels *k, float *y, const float *x, float scale, float shift, size_t n);
  /* y = a (op) b; y may be an operand that has the shape of y */
  void (*binary)(const dsm_kernels *k, dsm_binary f, float *y, const float *a, const float *b,
                 const dsm_broadcast *p);
  /* y = a broadcast to p (stride_b unused) */
  void (*broadcast)(const dsm_kernels *k, float *y, const float *a, const dsm_broadcast *p);
  /* sums; partial sums over runs of fixed length, joined in order */
  size_t (*reduce_scratch)(const dsm_kernels *k, const dsm_reduce *p);
  void (*reduce)(const dsm_kernels *k, float *y, const float *x, const dsm_reduce *p, void *scratch);
  /* rows x width elements: dst[r * dst_stride + i] = src[r * src_stride + i] */
  void (*copy)(const dsm_kernels *k, float *dst, size_t dst_stride, const float *src, size_t src_stride,
               size_t rows, size_t width);

  /* y = softmax of each of `rows` rows of `width`; y may be x */
  void (*softmax)(const dsm_kernels *k, float *y, const float *x, size_t rows, size_t width);
  /* dx = y (dy - sum_row(dy y)); dx may be dy */
  void (*softmax_gradient)(const dsm_kernels *k, float *dx, const float *dy, const float *y, size_t rows,
                           size_t width);

  /* y, and the statistics (N, G, 2): mean and rstd of each group, unless that is NULL; y may be x */
  void (*group_norm)(const dsm_kernels *k, float *y, float *statistics, const float *x, const float *gamma,
                     const float *beta, const dsm_group_norm *p);
  /* With g = dy f'(u): dx, the full gradient, through the statistics too; and of each sample alone dgamma
   * (N, C) = sum_s g h and dbeta (N, C) = sum_s g, each unless NULL. u is computed again. dx may be dy */
  void (*group_norm_gradient)(const dsm_kernels *k, float *dx, float *dgamma, float *dbeta, const float *dy,
                              const float *x, const float *statistics, const float *gamma, const float *beta,
                              const dsm_group_norm *p);

  /* nearest-neighbour upsampling by 2: x (N, H, W, C) -> y (N, 2H, 2W, C); and its transpose: sums of 2 x 2,
   * y (N,2H,2W,C) -> x */
  void (*upsample2)(const dsm_kernels *k, float *y, const float *x, size_t batch, size_t height, size_t width,
                    size_t channels);
  void (*downsample2_sum)(const dsm_kernels *k, float *x, const float *y, size_t batch, size_t height,
                          size_t width, size_t channels);

  /* flat arrays of parameters, in one pass */
  void (*adamw)(const dsm_kernels *k, float *w, float *m, float *v, const float *gradient,
                const dsm_adamw_step *step, size_t n);
  /* sum of squares in float64: runs of 4096 elements, run sums joined pairwise */
  double (*sum_squares)(const dsm_kernels *k, const float *x, size_t n);
  /* y += x */
  void (*accumulate)(const dsm_kernels *k, float *y, const float *x, size_t n);
};

/** Fills `k` with the plain C kernels. */
void dsm_kernels_ref(dsm_kernels *k, int threads);
/** Fills `k` with ref, then overwrites with the kernels for the best instruction set of this
 *  processor, or for the one named by `instructions` ("sse2", "avx2", "avx512", "neon"; NULL = that of the environment
 *  variable DSMPI_INSTRUCTIONS, else the best).
 *  @return DSM_OK; DSM_USAGE if that set is unknown or this processor does not have it, naming those that
 *  work here. */
dsm_status dsm_kernels_fast(dsm_kernels *k, int threads, const char *instructions);
/** Takes Winograd's method out of the list of convolutions of a fast table, so that they are sums of the
 *  products of their definition: to see what it does to one's numbers. The name becomes "im2col". */
void dsm_kernels_no_winograd(dsm_kernels *k);
/** First algorithm of the table that suits the shape; never NULL. */
const dsm_conv2d_algorithm *dsm_kernels_conv2d(const dsm_kernels *k, const dsm_conv2d *c);
/** Name, version, core type and threading of the BLAS in use, e.g. "OpenBLAS 0.3.21 (SkylakeX)". */
const char *dsm_kernels_blas(void);

#endif
