#include "dsmpi/random.h"

#include <string.h>
#include <Random123/philox.h>

#include "dsmpi/status.h"
#include "random_blocks.h"

enum {
  WORDS = DSM__WORDS,
  CHUNK = 512 /* elements made at a time, in the first-level cache */
};

void dsm_random_bits(dsm_random_key key, uint64_t first, size_t n, uint32_t *out) {
  dsm__blocks blocks;
  uint32_t words[WORDS * DSM__BLOCKS];
  DSM_ASSERT(n == 0 || (first + n - 1) / WORDS <= UINT32_MAX);
  while (n > 0) {
    const size_t skip = first % WORDS, needed = (skip + n + WORDS - 1) / WORDS;
    const size_t count = needed < DSM__BLOCKS ? needed : DSM__BLOCKS;
    const size_t got = count * WORDS - skip < n ? count * WORDS - skip : n;
    dsm__random_blocks(key, first / WORDS, count, 1, &blocks);
    for (size_t l = 0; l < count; l++)
      for (size_t w = 0; w < WORDS; w++) words[WORDS * l + w] = blocks.word[w][l];
    memcpy(out, words + skip, got * sizeof *out);
    first += got;
    out += got;
    n -= got;
  }
}

void dsm_random_uniform(dsm_random_key key, uint64_t first, size_t n, float *out) {
  uint32_t bits[CHUNK];
  for (size_t done = 0; done < n; done += CHUNK) {
    size_t count = n - done < CHUNK ? n - done : CHUNK;
    dsm_random_bits(key, first + done, count, bits);
    for (size_t i = 0; i < count; i++) out[done + i] = ((float)(int32_t)(bits[i] >> 9) + 0.5f) * 0x1p-23f;
  }
}

static double uniform_double(uint32_t high, uint32_t low) {
  const uint64_t k = (uint64_t)high << 20 | low >> 12;
  return ((double)k + 0.5) * 0x1p-52;
}

double dsm_random_uniform_double(dsm_random_key key, uint64_t index) {
  uint32_t bits[2];
  dsm_random_bits(key, 2 * index, 2, bits);
  return uniform_double(bits[0], bits[1]);
}

/* ---- one number from each of many rows ----------------------------------------------------------------- */

void dsm_random_uniform_rows(dsm_random_key key, size_t rows, double *out) {
  dsm__blocks blocks;
  for (size_t done = 0, count; done < rows; done += count, key.sample += count) {
    count = rows - done < DSM__BLOCKS ? rows - done : DSM__BLOCKS;
    dsm__random_blocks(key, 0, 1, count, &blocks);
    for (size_t l = 0; l < count; l++) out[done + l] = uniform_double(blocks.word[0][l], blocks.word[1][l]);
  }
}

/* ---- integers ------------------------------------------------------------------------------------------ */

__extension__ typedef unsigned __int128 uint128;

/* Lemire 2019 (arXiv:1805.10941): the high word of x * bound is uniform once the few x that would make some
 * values more likely than others are drawn again. A block has two x; should both fail, the block itself is
 * the next counter. */
uint64_t dsm_random_below(dsm_random_key key, uint64_t index, uint64_t bound) {
  DSM_ASSERT(bound >= 1);
  DSM_ASSERT(index <= UINT32_MAX);
  const philox4x32_key_t philox = {{(uint32_t)key.seed, (uint32_t)(key.seed >> 32)}};
  const dsm__counter counter = dsm__random_counter(key);
  philox4x32_ctr_t block = {{(uint32_t)index, counter.sample, counter.step, counter.top}};
  for (;;) {
    block = philox4x32(block, philox);
    for (int half = 0; half < 2; half++) {
      uint64_t x = (uint64_t)block.v[2 * half + 1] << 32 | block.v[2 * half];
      uint128 product = (uint128)x * bound;
      uint64_t low = (uint64_t)product;
      if (low >= bound || low >= (0 - bound) % bound) return (uint64_t)(product >> 64);
    }
  }
}

void dsm_random_permutation(dsm_random_key key, uint64_t n, uint64_t *out) {
  for (uint64_t i = 0; i < n; i++) out[i] = i;
  for (uint64_t i = n; i-- > 1;) {
    uint64_t j = dsm_random_below(key, i, i + 1), swapped = out[i];
    out[i] = out[j];
    out[j] = swapped;
  }
}
