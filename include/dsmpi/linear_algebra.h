/** @file linear_algebra.h
 *  Matrices in float64, row major: products, sums of outer products, symmetric eigenproblems, for statistics of data.
 *  One thread; the bits depend on shapes and values alone. Not collective. */
#ifndef DSMPI_LINEAR_ALGEBRA_H
#define DSMPI_LINEAR_ALGEBRA_H

#include "dsmpi/status.h"

/** c (m, n) = a (m, k) b (k, n). c overlaps neither. */
void dsm_matrix_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c);
/** c (m, n) = a b^T: the scalar products of the rows of a (m, k) with those of b (n, k). */
void dsm_matrix_rows_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c);
/** Lower triangle of c (d, d) = x^T x, the sum over the n rows of x (n, d) of x_i x_i^T; what is above the diagonal stays
 *  as it was. */
void dsm_matrix_outer_sum(const double *x, size_t n, size_t d, double *c);

/** Eigenvalues w (n), ascending, of the symmetric a (n, n), of which the lower triangle is read. a is overwritten: by
 *  the eigenvectors, one a row, in the order of w, or, without `vectors`, by nothing of use.
 *  @return DSM_OK; DSM_BAD_DATA: not finite; DSM_NO_MEMORY; DSM_INTERNAL: no convergence. */
dsm_status dsm_symmetric_eigen(double *a, size_t n, bool vectors, double *w);
/** Replaces a positive semidefinite a (n, n), lower triangle read, by its symmetric root, both triangles; eigenvalues
 *  that rounding has made negative count as 0. @return as dsm_symmetric_eigen. */
dsm_status dsm_symmetric_root(double *a, size_t n);
/** tr (r a r)^(1/2) with r symmetric, both triangles, and a positive semidefinite, both triangles: with r = b^(1/2) it
 *  is tr (a b)^(1/2), without complex roots. @return as dsm_symmetric_eigen. */
dsm_status dsm_trace_of_root(const double *r, const double *a, size_t n, double *trace);

#endif
