/* Normals by Box-Muller: z = sqrt(-2 ln u) (cos, sin)(2 pi v) with u = (bits + 1/2) / 2^32 and v = bits / 2^32.
 * All 32 bits of u count at both of its ends, so |z| reaches 6.8 and small |z| keep their relative accuracy.
 * Everything is free of branches and of calls, so that compilers make SIMD code of the loop in
 * normals_from_words. Polynomials: Chebyshev interpolation on the interval named. */
#include <math.h>
#include <string.h>

#include "dsmpi/status.h"
#include "random_blocks.h"

typedef struct normals {
  float z[DSM__WORDS][DSM__BLOCKS]; /* element w of block l */
} normals;

static inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* ln((bits + 1/2) / 2^32) */
static inline float log_of_fraction(uint32_t bits) {
  /* f is the distance of u from its nearer end, 0 or 1: a float holds it to full relative accuracy. */
  const int32_t sign = (int32_t)bits >> 31; /* -1 in the upper half */
  const float f = ((float)(int32_t)(bits ^ (uint32_t)sign) + 0.5f) * 0x1p-32f;

  /* Lower half, u = f: split off the exponent so that 1 + r is in [sqrt(1/2), sqrt(2)). */
  const uint32_t offset = bits_of(f) - UINT32_C(0x3f3504f3); /* sqrt(1/2) */
  const int32_t low_exponent = (int32_t)offset >> 23;
  const float low_r = float_of(bits_of(f) - ((uint32_t)low_exponent << 23)) - 1.0f;

  /* Upper half, u = 1 - f: either r = -f, or 1 + r = 2 u. */
  const int32_t far = f > 0.29289322f; /* 1 - sqrt(1/2) */
  const float high_r = far ? 1.0f - 2.0f * f : -f;

  const float r = sign ? high_r : low_r;
  const float exponent = (float)(sign ? -far : low_exponent);

  /* ln(1 + r) = r - r^2/2 + r^3 p(r) on [-0.2932, 0.4143], error 2e-9 */
  float p = 6.979708941e-2f;
  p = p * r - 1.1486055830e-1f;
  p = p * r + 1.1685564062e-1f;
  p = p * r - 1.2424905451e-1f;
  p = p * r + 1.4248962677e-1f;
  p = p * r - 1.6667829232e-1f;
  p = p * r + 2.0000718976e-1f;
  p = p * r - 2.4999996732e-1f;
  p = p * r + 3.3333331167e-1f;
  /* ln 2 in two parts; the first has so few bits that its product with the exponent is exact */
  const float rest = exponent * -2.12194440e-4f - 0.5f * (r * r) + r * r * r * p;
  return exponent * 0.693359375f + (r + rest);
}

/* cos and sin of 2 pi bits / 2^32 */
static inline void cos_sin_of_turn(uint32_t bits, float *cosine, float *sine) {
  const uint32_t quadrant = (bits + UINT32_C(0x20000000)) >> 30; /* nearest; 4 is 0 again by overflow */
  const int32_t offset = (int32_t)(bits - (quadrant << 30));
  const float t = (float)offset * 1.46291807926715968e-9f; /* 2 pi / 2^32, so |t| <= pi/4 */
  const float z = t * t;
  /* sin t = t + t^3 s(t^2), error 1e-8;  cos t = 1 - t^2/2 + t^4 c(t^2), error 1e-9 */
  const float s = t + t * z * ((-1.9587890881e-4f * z + 8.3327482706e-3f) * z - 1.6666664662e-1f);
  const float c =
      1.0f - 0.5f * z + z * z * ((2.4547942085e-5f * z - 1.3888303036e-3f) * z + 4.1666664660e-2f);

  const uint32_t swap = 0u - (quadrant & 1); /* all ones in quadrants 1 and 3 */
  const uint32_t cos_bits = (bits_of(c) & ~swap) | (bits_of(s) & swap);
  const uint32_t sin_bits = (bits_of(s) & ~swap) | (bits_of(c) & swap);
  *cosine = float_of(cos_bits ^ ((quadrant + 1) & 2) << 30); /* negative in quadrants 1 and 2 */
  *sine = float_of(sin_bits ^ (quadrant & 2) << 30);         /* negative in quadrants 2 and 3 */
}

/* words 2 p and 2 p + 1 of blocks to elements 2 p and 2 p + 1 */
DSM__EVERY_INSTRUCTION_SET
static void normals_from_words(const dsm__blocks *restrict blocks, int pair, size_t count,
                               normals *restrict n) {
  const uint32_t *distance = blocks->word[2 * pair], *angle = blocks->word[2 * pair + 1];
  float *even = n->z[2 * pair], *odd = n->z[2 * pair + 1];
  for (size_t l = 0; l < count; l++) {
    float cosine, sine;
    cos_sin_of_turn(angle[l], &cosine, &sine);
    const float radius = sqrtf(-2.0f * log_of_fraction(distance[l]));
    even[l] = radius * cosine;
    odd[l] = radius * sine;
  }
}

/* Elements of rows as in dsm_random_normal_rows, from block `first` on; n > 0 is at most what DSM__BLOCKS blocks hold. */
static void short_rows(dsm_random_key key, uint64_t first, size_t skip, size_t rows, size_t n, float *out) {
  dsm__blocks blocks;
  normals z;
  const size_t per_row = (skip + n + DSM__WORDS - 1) / DSM__WORDS, rows_at_once = DSM__BLOCKS / per_row;
  for (size_t done = 0, count; done < rows; done += count, key.sample += count) {
    count = rows - done < rows_at_once ? rows - done : rows_at_once;
    dsm__random_blocks(key, first, per_row, count, &blocks);
    normals_from_words(&blocks, 0, count * per_row, &z);
    if (skip + n > 2) normals_from_words(&blocks, 1, count * per_row, &z);
    if (skip == 0 && n == 2) { /* points in the plane, most often */
      for (size_t row = 0; row < count; row++) *out++ = z.z[0][row], *out++ = z.z[1][row];
      continue;
    }
    for (size_t row = 0; row < count; row++) {
      size_t block = row * per_row, j = 0;
      for (; skip == 0 && j + DSM__WORDS <= n; j += DSM__WORDS, block++)
        for (size_t word = 0; word < DSM__WORDS; word++) *out++ = z.z[word][block];
      for (; j < n; j++) *out++ = z.z[(skip + j) % DSM__WORDS][row * per_row + (skip + j) / DSM__WORDS];
    }
  }
}

void dsm_random_normal(dsm_random_key key, uint64_t first, size_t n, float *out) {
  DSM_ASSERT(first % 2 == 0);
  while (n > 0) {
    const size_t skip = first % DSM__WORDS, most = DSM__WORDS * DSM__BLOCKS - skip,
                 count = n < most ? n : most;
    short_rows(key, first / DSM__WORDS, skip, 1, count, out);
    first += count;
    out += count;
    n -= count;
  }
}

void dsm_random_normal_rows(dsm_random_key key, size_t rows, size_t n, float *out) {
  if (n == 0) return;
  if (n <= DSM__WORDS * DSM__BLOCKS / 2) {
    short_rows(key, 0, 0, rows, n, out);
    return;
  }
  for (size_t row = 0; row < rows; row++, key.sample++) dsm_random_normal(key, 0, n, out + row * n);
}
