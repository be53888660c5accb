/* Functions of one element, pairs of broadcast operands, strided copies. */
#include <math.h>
#include "ref.h"

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

static double silu_d1(double x) {
  const double s = sigmoid(x), c = sigmoid(-x); /* c = 1 - s, without its rounding */
  return s * (1 + x * c);
}

static double silu_d2(double x) {
  const double s = sigmoid(x), c = sigmoid(-x);
  return s * c * (2 + x * (c - s));
}

static double value(dsm_unary f, double x) {
  switch (f) {
  case DSM_UNARY_EXP:
    return exp(x);
  case DSM_UNARY_LOG:
    return log(x);
  case DSM_UNARY_SQRT:
    return sqrt(x);
  case DSM_UNARY_RECIPROCAL:
    return 1 / x;
  case DSM_UNARY_SIN:
    return sin(x);
  case DSM_UNARY_COS:
    return cos(x);
  case DSM_UNARY_TANH:
    return tanh(x);
  case DSM_UNARY_SIGMOID:
    return sigmoid(x);
  case DSM_UNARY_SILU:
    return x * sigmoid(x);
  case DSM_UNARY_SILU_D1:
    return silu_d1(x);
  case DSM_UNARY_SILU_D2:
    return silu_d2(x);
  case DSM_UNARY_COUNT:
    break;
  }
  DSM_ASSERT(!"a known function");
}

static void unary(const dsm_kernels *k, dsm_unary f, float *y, const float *x, size_t n) {
  (void)k;
  for (size_t i = 0; i < n; i++) y[i] = (float)value(f, x[i]);
}

static void silu_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *x, size_t n) {
  (void)k;
  for (size_t i = 0; i < n; i++) dx[i] = (float)(dy[i] * silu_d1(x[i]));
}

static void affine(const dsm_kernels *k, float *y, const float *x, float scale, float shift, size_t n) {
  (void)k;
  for (size_t i = 0; i < n; i++) y[i] = (float)((double)scale * x[i] + shift);
}

/* Offset, with strides, of the element that comes `i`-th in row-major order. */
static size_t offset(const dsm_broadcast *p, const size_t *stride, size_t i) {
  size_t sum = 0;
  for (int axis = p->rank - 1; axis >= 0; axis--) {
    sum += i % p->n[axis] * stride[axis];
    i /= p->n[axis];
  }
  return sum;
}

static size_t count(const dsm_broadcast *p) {
  size_t product = 1;
  for (int axis = 0; axis < p->rank; axis++) product *= p->n[axis];
  return product;
}

static void binary(const dsm_kernels *k, dsm_binary f, float *y, const float *a, const float *b,
                   const dsm_broadcast *p) {
  (void)k;
  const size_t n = count(p);
  for (size_t i = 0; i < n; i++) {
    const float u = a[offset(p, p->stride_a, i)], v = b[offset(p, p->stride_b, i)];
    switch (f) {
    case DSM_BINARY_ADD:
      y[i] = u + v;
      break;
    case DSM_BINARY_SUB:
      y[i] = u - v;
      break;
    case DSM_BINARY_MUL:
      y[i] = u * v;
      break;
    case DSM_BINARY_DIV:
      y[i] = u / v;
      break;
    default:
      DSM_ASSERT(!"a known operation");
    }
  }
}

static void broadcast(const dsm_kernels *k, float *y, const float *a, const dsm_broadcast *p) {
  (void)k;
  const size_t n = count(p);
  for (size_t i = 0; i < n; i++) y[i] = a[offset(p, p->stride_a, i)];
}

static void copy(const dsm_kernels *k, float *dst, size_t dst_stride, const float *src, size_t src_stride,
                 size_t rows, size_t width) {
  (void)k;
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < width; i++) dst[r * dst_stride + i] = src[r * src_stride + i];
  }
}

void dsm__ref_elementwise(dsm_kernels *k) {
  k->unary = unary;
  k->silu_gradient = silu_gradient;
  k->affine = affine;
  k->binary = binary;
  k->broadcast = broadcast;
  k->copy = copy;
}
