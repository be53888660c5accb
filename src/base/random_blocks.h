/** @file random_blocks.h
 *  Philox blocks, many at a time: a block of one row beside its neighbours, or blocks of several rows side by side,
 *  so that the rows of short samples are as fast as one long row. */
#ifndef DSMPI_BASE_RANDOM_BLOCKS_H
#define DSMPI_BASE_RANDOM_BLOCKS_H

#include "dsmpi/random.h"

enum { DSM__WORDS = 4 /* of a block */, DSM__BLOCKS = 128 /* at a time: 2 KiB */ };

typedef struct dsm__blocks {
  uint32_t word[DSM__WORDS][DSM__BLOCKS]; /* word w of block l */
} dsm__blocks;

/** The counter of random.h without its lowest word, the block. */
typedef struct dsm__counter {
  uint32_t sample, step, top;
} dsm__counter;
dsm__counter dsm__random_counter(dsm_random_key key);

/** Blocks [first, first + per_row) of each of the rows key.sample, key.sample + 1, ...; per_row * rows is at most
 *  DSM__BLOCKS, and block l is number first + l % per_row of row l / per_row. */
void dsm__random_blocks(dsm_random_key key, uint64_t first, size_t per_row, size_t rows, dsm__blocks *blocks);

/* Loops in functions that are marked with it are compiled for several instruction sets, one of which is chosen when the
 * program starts. There is no fused multiply-add in any of them (-ffp-contract=off): the bits are the same. */
#if defined(__x86_64__) && defined(__GLIBC__)
#  define DSM__EVERY_INSTRUCTION_SET __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#  define DSM__EVERY_INSTRUCTION_SET
#endif

#endif
