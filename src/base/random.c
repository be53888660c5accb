#include "dsmpi/random.h"

#include <math.h>
#include <string.h>
#include <Random123/philox.h>

#include "dsmpi/status.h"

enum {
  WORDS = 4 /* of a Philox block */,
  CHUNK = 512 /* elements made at a time, in the first-level cache */
};

static philox4x32_key_t philox_key(dsm_random_key key) {
  return (philox4x32_key_t){{(uint32_t)key.seed, (uint32_t)(key.seed >> 32)}};
}

/* The counter as laid out in random.h; word 0, the block, is left 0. */
static philox4x32_ctr_t philox_counter(dsm_random_key key) {
  DSM_ASSERT(key.step >> 40 == 0);
  DSM_ASSERT(key.sample >> 48 == 0);
  DSM_ASSERT((uint64_t)key.stream >> 8 == 0);
  uint32_t sample_high = (uint32_t)(key.sample >> 32), step_high = (uint32_t)(key.step >> 32);
  uint32_t top = (uint32_t)key.stream << 24 | sample_high << 8 | step_high;
  return (philox4x32_ctr_t){{0, (uint32_t)key.sample, (uint32_t)key.step, top}};
}

void dsm_random_bits(dsm_random_key key, uint64_t first, size_t n, uint32_t *out) {
  if (n == 0) return;
  DSM_ASSERT((first + n - 1) / WORDS <= UINT32_MAX);
  const philox4x32_key_t philox = philox_key(key);
  philox4x32_ctr_t counter = philox_counter(key);
  size_t skip = first % WORDS;
  uint32_t block = (uint32_t)(first / WORDS);
  if (skip != 0) {
    counter.v[0] = block++;
    philox4x32_ctr_t words = philox4x32(counter, philox);
    for (; skip < WORDS && n > 0; skip++, n--) *out++ = words.v[skip];
  }
  for (; n >= WORDS; n -= WORDS, out += WORDS) {
    counter.v[0] = block++;
    philox4x32_ctr_t words = philox4x32(counter, philox);
    memcpy(out, words.v, sizeof words.v);
  }
  if (n > 0) {
    counter.v[0] = block;
    philox4x32_ctr_t words = philox4x32(counter, philox);
    memcpy(out, words.v, n * sizeof *out);
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

double dsm_random_uniform_double(dsm_random_key key, uint64_t index) {
  uint32_t bits[2];
  dsm_random_bits(key, 2 * index, 2, bits);
  uint64_t k = (uint64_t)bits[0] << 20 | bits[1] >> 12;
  return ((double)k + 0.5) * 0x1p-52;
}

/* ---- normals
 * ------------------------------------------------------------------------------------------------------
 * Box-Muller: z = sqrt(-2 ln u) (cos, sin)(2 pi v) with u = (bits + 1/2) / 2^32 and v = bits / 2^32. All 32
 * bits of u count at both of its ends, so |z| reaches 6.8 and small |z| keep their relative accuracy.
 * Everything below is free of branches and of calls, so that compilers make SIMD code of the loop in
 * normals_from_bits. Polynomials: Chebyshev interpolation on the interval named. */

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

/* pairs of bits to pairs of normals */
static void normals_from_bits(size_t pairs, const uint32_t *restrict bits, float *restrict out) {
  for (size_t j = 0; j < pairs; j++) {
    float cosine, sine;
    cos_sin_of_turn(bits[2 * j + 1], &cosine, &sine);
    const float radius = sqrtf(-2.0f * log_of_fraction(bits[2 * j]));
    out[2 * j] = radius * cosine;
    out[2 * j + 1] = radius * sine;
  }
}

void dsm_random_normal(dsm_random_key key, uint64_t first, size_t n, float *out) {
  DSM_ASSERT(first % 2 == 0);
  uint32_t bits[CHUNK];
  for (size_t done = 0; done < n; done += CHUNK) {
    size_t count = n - done < CHUNK ? n - done : CHUNK;
    dsm_random_bits(key, first + done, count + count % 2, bits);
    normals_from_bits(count / 2, bits, out + done);
    if (count % 2) { /* the first half of a pair */
      float pair[2];
      normals_from_bits(1, bits + count - 1, pair);
      out[done + count - 1] = pair[0];
    }
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
  const philox4x32_key_t philox = philox_key(key);
  philox4x32_ctr_t block = philox_counter(key);
  block.v[0] = (uint32_t)index;
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
