/* Matrix products by their definition. */
#include "ref.h"

static size_t matmul_scratch(const dsm_kernels *k, const dsm_matmul *p) {
  (void)k, (void)p;
  return 0;
}

static void matmul(const dsm_kernels *k, const dsm_matmul *p, float *c, const float *a, const float *b,
                   void *scratch) {
  (void)k, (void)scratch;
  /* steps of op(a) along m and k, of op(b) along k and n */
  const size_t a_m = p->transpose_a ? 1 : p->k, a_k = p->transpose_a ? p->m : 1;
  const size_t b_k = p->transpose_b ? 1 : p->n, b_n = p->transpose_b ? p->k : 1;
  for (size_t batch = 0; batch < p->batch; batch++) {
    for (size_t i = 0; i < p->m; i++) {
      for (size_t j = 0; j < p->n; j++) {
        double sum = 0;
        for (size_t l = 0; l < p->k; l++) sum += (double)a[i * a_m + l * a_k] * b[l * b_k + j * b_n];
        c[i * p->n + j] = (float)(p->alpha * sum);
      }
    }
    a += p->m * p->k;
    b += p->k * p->n;
    c += p->m * p->n;
  }
}

void dsm__ref_products(dsm_kernels *k) {
  k->matmul_scratch = matmul_scratch;
  k->matmul = matmul;
}
