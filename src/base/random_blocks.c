#include "random_blocks.h"

#include "dsmpi/status.h"

/* The constants of Salmon et al. 2011, table 2: multipliers, and what the key grows by from round to round. */
static const uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
static const uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;
enum { ROUNDS = 10 };

/* Counters become words. As loops over blocks the compiler makes SIMD code of it. */
DSM__EVERY_INSTRUCTION_SET
static void philox(dsm__blocks *blocks, size_t count, uint32_t seed_low, uint32_t seed_high) {
  for (size_t l = 0; l < count; l++) {
    uint32_t x0 = blocks->word[0][l], x1 = blocks->word[1][l], x2 = blocks->word[2][l],
             x3 = blocks->word[3][l];
    uint32_t key_0 = seed_low, key_1 = seed_high;
    for (int round = 0; round < ROUNDS; round++) {
      const uint64_t a = (uint64_t)multiplier_0 * x0, b = (uint64_t)multiplier_1 * x2;
      x0 = (uint32_t)(b >> 32) ^ x1 ^ key_0;
      x1 = (uint32_t)b;
      x2 = (uint32_t)(a >> 32) ^ x3 ^ key_1;
      x3 = (uint32_t)a;
      key_0 += weyl_0;
      key_1 += weyl_1;
    }
    blocks->word[0][l] = x0;
    blocks->word[1][l] = x1;
    blocks->word[2][l] = x2;
    blocks->word[3][l] = x3;
  }
}

dsm__counter dsm__random_counter(dsm_random_key key) {
  DSM_ASSERT(key.step >> 40 == 0);
  DSM_ASSERT(key.sample >> 48 == 0);
  DSM_ASSERT((uint64_t)key.stream >> 8 == 0);
  const uint32_t sample_high = (uint32_t)(key.sample >> 32), step_high = (uint32_t)(key.step >> 32);
  const uint32_t top = (uint32_t)key.stream << 24 | sample_high << 8 | step_high;
  return (dsm__counter){(uint32_t)key.sample, (uint32_t)key.step, top};
}

/* Rows whose numbers share their high bits: as simple loops, since filling would else take as long as the rounds. */
static void fill_counters(dsm__counter counter, uint32_t first, size_t per_row, size_t rows,
                          uint32_t *word[]) {
  for (size_t l = 0; l < per_row * rows; l++) {
    word[0][l] = first;
    word[1][l] = counter.sample;
    word[2][l] = counter.step;
    word[3][l] = counter.top;
  }
  if (per_row == 1) {
    for (size_t row = 0; row < rows; row++) word[1][row] += (uint32_t)row;
    return;
  }
  for (size_t row = 0, l = 0; row < rows; row++, l += per_row)
    for (size_t block = 0; block < per_row; block++) {
      word[0][l + block] += (uint32_t)block;
      word[1][l + block] += (uint32_t)row;
    }
}

void dsm__random_blocks(dsm_random_key key, uint64_t first, size_t per_row, size_t rows,
                        dsm__blocks *blocks) {
  DSM_ASSERT(per_row * rows <= DSM__BLOCKS && first + per_row <= UINT64_C(1) << 32);
  for (size_t row = 0, count; row < rows; row += count, key.sample += count) {
    const uint64_t left = (UINT64_C(1) << 32) - (uint32_t)key.sample; /* until the high bits change */
    uint32_t *word[DSM__WORDS];
    count = rows - row < left ? rows - row : (size_t)left;
    for (int w = 0; w < DSM__WORDS; w++) word[w] = blocks->word[w] + row * per_row;
    fill_counters(dsm__random_counter(key), (uint32_t)first, per_row, count, word);
  }
  philox(blocks, per_row * rows, (uint32_t)key.seed, (uint32_t)(key.seed >> 32));
}
