/** @file random.h
 *  Random numbers as pure functions: dsm_random_*(seed, stream, step, sample) with no state anywhere, so
 *  that the same sample gets the same noise on any rank, in any order, after any restart.
 *
 *  Generator: Philox4x32-10 of Random123 (Salmon et al. 2011, doi:10.1145/2063384.2063405). The key is the
 *  seed. The 128-bit counter holds, from the low word up:  block (element / 4),  sample bits 0-31,  step
 *  bits 0-31, and, from its high bit down,  stream (8 bits) | sample bits 32-47 | step bits 32-39.
 *  Element i of a row is word i % 4 of block i / 4. The arithmetic uses no fused multiply-add, so the bits
 *  do not depend on the instruction set either. */
#ifndef DSMPI_RANDOM_H
#define DSMPI_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** One stream for each use, so that no two uses share numbers. Values are part of the format: never
 *  renumber. */
typedef enum dsm_stream {
  DSM_STREAM_ORDER = 1,       /* order of the data */
  DSM_STREAM_NOISE = 2,       /* epsilon of the forward process */
  DSM_STREAM_TIME = 3,        /* time or noise level of a training sample */
  DSM_STREAM_DROPOUT = 4,     /* dropout masks */
  DSM_STREAM_CONDITION = 5,   /* dropping of conditions */
  DSM_STREAM_AUGMENT = 6,     /* augmentation */
  DSM_STREAM_SAMPLER = 7,     /* noise inside samplers; step is the sampler's step, 0 the start */
  DSM_STREAM_INIT = 8,        /* initial parameters */
  DSM_STREAM_DATA = 9,        /* generated data sets */
  DSM_STREAM_PROJECTION = 10, /* random projections of metrics and of sliced score matching */
  DSM_STREAM_PROBE = 11,      /* probes of the divergence in likelihoods; step is the probe */
  DSM_STREAM_BOUND = 12,      /* variational bound: step 0 the times, t the noise of x_t */
  DSM_STREAM_DEQUANTIZE = 13, /* what quantised data have lost */
  DSM_STREAM_EVALUATION = 14, /* rows and groups of metrics: step 0, 1 groups of samples, reference; 2, 3 subsamples */
  DSM_STREAM_HELD_OUT = 15    /* held-out losses: step 0 the order of the times, 1 the noise */
} dsm_stream;

/** Where in the random space a row starts. step < 2^40, sample < 2^48. */
typedef struct dsm_random_key {
  uint64_t seed;
  dsm_stream stream;
  uint64_t step;
  uint64_t sample; /* global index of the sample, never the index on this rank */
} dsm_random_key;

/** out[i] = element first + i of the row, 32 random bits each. */
void dsm_random_bits(dsm_random_key key, uint64_t first, size_t n, uint32_t *out);
/** Uniform in the open interval (0, 1), 23 bits, each value exact in float32: ((bits >> 9) + 1/2) / 2^23. */
void dsm_random_uniform(dsm_random_key key, uint64_t first, size_t n, float *out);
/** One uniform double in (0, 1) from elements 2 `index` and 2 `index` + 1: 52 bits plus a half. */
double dsm_random_uniform_double(dsm_random_key key, uint64_t index);
/** Standard normals by Box-Muller on pairs of elements (2j, 2j+1); `first` must be even. Vectorised. Largest
 *  error of a value against float64 arithmetic on the same bits: 1e-6 absolute or 4e-7 relative, whichever
 *  is larger. */
void dsm_random_normal(dsm_random_key key, uint64_t first, size_t n, float *out);
/** out (rows, n): element j of row key.sample + i, the numbers of dsm_random_normal for each of the rows. Short rows are
 *  as fast as long ones. */
void dsm_random_normal_rows(dsm_random_key key, size_t rows, size_t n, float *out);
/** out (rows): the first uniform double of each of the rows key.sample, key.sample + 1, ... */
void dsm_random_uniform_rows(dsm_random_key key, size_t rows, double *out);
/** Uniform integer in [0, bound), bound >= 1, without bias (rejection inside the row of element `index`:
 *  words 4 index ... ). */
uint64_t dsm_random_below(dsm_random_key key, uint64_t index, uint64_t bound);
/** Random permutation of 0 ... n-1 (Fisher-Yates on dsm_random_below). */
void dsm_random_permutation(dsm_random_key key, uint64_t n, uint64_t *out);

#endif
