/* Sums over any set of axes. */
#include "ref.h"

static size_t reduce_scratch(const dsm_kernels *k, const dsm_reduce *p) {
  (void)k, (void)p;
  return 0;
}

/* Number of index tuples over the axes with keep == kept. */
static size_t count(const dsm_reduce *p, bool kept) {
  size_t product = 1;
  for (int axis = 0; axis < p->rank; axis++) product *= p->keep[axis] == kept ? p->n[axis] : 1;
  return product;
}

/* Offset in x of the `i`-th index tuple over the axes with keep == kept. */
static size_t offset(const dsm_reduce *p, bool kept, size_t i) {
  size_t sum = 0, stride = 1;
  for (int axis = p->rank - 1; axis >= 0; axis--) {
    if (p->keep[axis] == kept) {
      sum += i % p->n[axis] * stride;
      i /= p->n[axis];
    }
    stride *= p->n[axis];
  }
  return sum;
}

static void reduce(const dsm_kernels *k, float *y, const float *x, const dsm_reduce *p, void *scratch) {
  (void)k, (void)scratch;
  const size_t outputs = count(p, true), terms = count(p, false);
  for (size_t i = 0; i < outputs; i++) {
    const float *from = x + offset(p, true, i);
    double sum = 0;
    for (size_t j = 0; j < terms; j++) sum += from[offset(p, false, j)];
    y[i] = (float)sum;
  }
}

void dsm__ref_reduce(dsm_kernels *k) {
  k->reduce_scratch = reduce_scratch;
  k->reduce = reduce;
}
