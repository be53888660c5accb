/* Products of matrices: a tile of the result at a time, whose sums stay in registers. Each row of b's panel
 * is loaded once for all rows of the tile, each number of a is broadcast once for all of its columns. */
#include "lanes.h"

/* Rows of a tile by the number of its vectors, at most: its sums, the vectors of b and one number of a fill
 * the registers, of which there are 32, but 16 on x86 before AVX-512. Wide tiles need the fewest loads. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { MOST_VECTORS = 4, MOST_ROWS = 12 };
static const size_t most_rows[MOST_VECTORS] = {12, 12, 8, 6};
#else
enum { MOST_VECTORS = 2, MOST_ROWS = 6 };
static const size_t most_rows[MOST_VECTORS] = {6, 6};
#endif
enum { PANEL_WIDTH = MOST_VECTORS * LANES };

/* ---- tiles --------------------------------------------------------------------------------------------- */

typedef struct tile {
  const float *a, *b;
  size_t a_row;  /* step of op(a) along its rows */
  size_t a_term; /* along k, in bytes: gcc makes a second loop for steps of one float, and both worse */
  size_t b_term, k;
  const char *ahead; /* memory to be fetched into the L2 cache meanwhile, */
  size_t ahead_step; /* so many bytes with each term */
  float *c;
  size_t c_pitch;
  float alpha;
  bool add;
} tile;

/* c = alpha op(a) b, or c += that */
INLINE void multiply_tile(const tile *t, int rows, int vectors) {
  vec sum[MOST_ROWS][MOST_VECTORS];
  size_t at[MOST_ROWS];
  UNROLLED
  for (int r = 0; r < rows; r++) {
    at[r] = (size_t)r * t->a_row;
    UNROLLED
    for (int n = 0; n < vectors; n++) sum[r][n] = (vec){0};
  }
  const float *a = t->a, *b = t->b;
  const char *ahead = t->ahead;
  for (size_t l = t->k; l > 0; l--) {
    vec column[MOST_VECTORS];
    UNROLLED
    for (int n = 0; n < vectors; n++) column[n] = *(const vec *)(b + n * LANES);
    UNROLLED
    for (int r = 0; r < rows; r++) {
      UNROLLED
      for (int n = 0; n < vectors; n++) sum[r][n] = madd_vec(a[at[r]], column[n], sum[r][n]);
    }
    __builtin_prefetch(ahead, 0, 2);
    ahead += t->ahead_step;
    a = (const float *)((const char *)a + t->a_term);
    b += t->b_term;
  }
  const vec alpha = t->alpha - (vec){0};
  const size_t c_pitch = t->c_pitch;
  float *c = t->c;
  if (!t->add) {
    UNROLLED
    for (int r = 0; r < rows; r++, c += c_pitch) {
      UNROLLED
      for (int n = 0; n < vectors; n++) *(vec *)(c + n * LANES) = sum[r][n] * alpha;
    }
  } else {
    UNROLLED
    for (int r = 0; r < rows; r++, c += c_pitch) {
      UNROLLED
      for (int n = 0; n < vectors; n++) *(vec *)(c + n * LANES) += sum[r][n] * alpha;
    }
  }
}

#define TILE(rows, vectors)                                                                                  \
  static void tile_##rows##_##vectors(const tile *t) {                                                       \
    multiply_tile(t, rows, vectors);                                                                         \
  }
#define TILES_1_TO_6(vectors)                                                                                \
  TILE(1, vectors)                                                                                           \
  TILE(2, vectors)                                                                                           \
  TILE(3, vectors)                                                                                           \
  TILE(4, vectors)                                                                                           \
  TILE(5, vectors)                                                                                           \
  TILE(6, vectors)
#define TILES_7_AND_8(vectors)                                                                               \
  TILE(7, vectors)                                                                                           \
  TILE(8, vectors)
#define TILES_9_TO_12(vectors)                                                                               \
  TILE(9, vectors)                                                                                           \
  TILE(10, vectors)                                                                                          \
  TILE(11, vectors)                                                                                          \
  TILE(12, vectors)
#define NAMES_1_TO_6(vectors)                                                                                \
  tile_1_##vectors, tile_2_##vectors, tile_3_##vectors, tile_4_##vectors, tile_5_##vectors, tile_6_##vectors
#define NAMES_7_AND_8(vectors) tile_7_##vectors, tile_8_##vectors
#define NAMES_9_TO_12(vectors) tile_9_##vectors, tile_10_##vectors, tile_11_##vectors, tile_12_##vectors

#if defined(__AVX512F__) || defined(__aarch64__)
TILES_1_TO_6(1)
TILES_7_AND_8(1)
TILES_9_TO_12(1)
TILES_1_TO_6(2)
TILES_7_AND_8(2)
TILES_9_TO_12(2)
TILES_1_TO_6(3)
TILES_7_AND_8(3)
TILES_1_TO_6(4)
static void (*const tiles[MOST_VECTORS][MOST_ROWS])(const tile *t) = {
    {NAMES_1_TO_6(1), NAMES_7_AND_8(1), NAMES_9_TO_12(1)},
    {NAMES_1_TO_6(2), NAMES_7_AND_8(2), NAMES_9_TO_12(2)},
    {NAMES_1_TO_6(3), NAMES_7_AND_8(3)},
    {NAMES_1_TO_6(4)},
};
#else
TILES_1_TO_6(1)
TILES_1_TO_6(2)
static void (*const tiles[MOST_VECTORS][MOST_ROWS])(const tile *t) = {{NAMES_1_TO_6(1)}, {NAMES_1_TO_6(2)}};
#endif
