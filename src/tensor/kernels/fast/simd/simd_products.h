/* Products of matrices: a tile of the result at a time, whose sums stay in registers. Each row of b's panel
 * is loaded once for all rows of the tile, each number of a is broadcast once for all of its columns. */
#include "simd_dots.h"

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
  for (size_t l = t->k; l > 0; l--) {
    vec column[MOST_VECTORS];
    UNROLLED
    for (int n = 0; n < vectors; n++) column[n] = *(const vec *)(b + n * LANES);
    UNROLLED
    for (int r = 0; r < rows; r++) {
      UNROLLED
      for (int n = 0; n < vectors; n++) sum[r][n] = madd_vec(a[at[r]], column[n], sum[r][n]);
    }
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

/* ---- blocks -------------------------------------------------------------------------------------------- */

/* Brings a tile into c that could not be written there: ragged or turned. */
static void put_tile(const dsm__block_product *p, float *c, const float *from, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, from += PANEL_WIDTH) {
    if (p->turned) {
      float *to = c + r;
      for (size_t j = 0; j < columns; j++, to += p->c_pitch) *to = p->add ? *to + from[j] : from[j];
    } else {
      float *to = c + r * p->c_pitch;
      for (size_t j = 0; j < columns; j += LANES) {
        const size_t lanes = dsm__min(LANES, columns - j);
        vec value = *(const vec *)(from + j);
        if (p->add) value += load(to + j, lanes);
        store(to + j, value, lanes);
      }
    }
  }
}

/* Rows of a that stay in the L2 cache while all panels of b pass, each of which stays in the L1 cache while
 * the rows pass. */
enum { ROWS_AT_ONCE = 144 };

typedef struct panel {
  const float *b;
  size_t row_step, first, columns;
} panel;

/* Rows are dealt out evenly, as tiles of one or two rows would wait for their own sums. */
static void multiply_panel(const dsm__block_product *p, const panel *of, size_t first, size_t count) {
  const size_t vectors = (of->columns + LANES - 1) / LANES, most = most_rows[vectors - 1];
  const size_t strips = (count + most - 1) / most, rows = count / strips, longer = count % strips;
  const bool whole = of->columns == vectors * LANES && !p->turned;
  const size_t a_row = p->a.transpose ? 1 : p->a.pitch, a_term = p->a.transpose ? p->a.pitch : 1;
  const size_t c_row = p->turned ? 1 : p->c_pitch, c_column = p->turned ? p->c_pitch : 1;
  float kept[MOST_ROWS * PANEL_WIDTH], *c = p->c + first * c_row + of->first * c_column;
  tile t = {.a = p->a.at + first * a_row,
            .a_row = a_row,
            .a_term = a_term * sizeof(float),
            .b = of->b,
            .b_term = of->row_step,
            .k = p->k,
            .c_pitch = whole ? p->c_pitch : PANEL_WIDTH,
            .alpha = p->alpha,
            .add = p->add && whole};
  for (size_t strip = 0; strip < strips; strip++) {
    const size_t in_strip = rows + (strip < longer);
    t.c = whole ? c : kept;
    tiles[vectors - 1][in_strip - 1](&t);
    if (!whole) put_tile(p, c, kept, in_strip, of->columns);
    t.a += in_strip * a_row;
    c += in_strip * c_row;
  }
}

static void multiply_block(const dsm__block_product *p) {
  const dsm__cut cut = dsm__cut_by(p->m, ROWS_AT_ONCE);
  for (size_t part = 0; part < cut.parts; part++) {
    for (size_t column = 0; column < p->n; column += PANEL_WIDTH) {
      const size_t columns = dsm__min(PANEL_WIDTH, p->n - column);
      panel of = {p->b + column / PANEL_WIDTH * p->panel_step, p->row_step, column, columns};
      if (of.row_step == 0) of.row_step = dsm__round_up(columns, LANES);
      multiply_panel(p, &of, dsm__cut_begin(cut, part), dsm__cut_length(cut, part));
    }
  }
}

/* ---- packing ------------------------------------------------------------------------------------------- */

/* LANES vectors as a matrix: rows to columns. Each round brings rows that are LANES / 2 apart together. */
INLINE void transpose(vec *v) {
  for (int round = 1; round < LANES; round *= 2) {
    vec next[LANES];
    for (int i = 0; i < LANES / 2; i++) {
      next[2 * i] = LOWER(v[i], v[i + LANES / 2]);
      next[2 * i + 1] = UPPER(v[i], v[i + LANES / 2]);
    }
    for (int i = 0; i < LANES; i++) v[i] = next[i];
  }
}

/* One vector of columns of op(b), `lanes` of them real, where b lies transposed */
static void pack_transposed(float *to, size_t to_pitch, const float *b, size_t pitch, size_t k,
                            size_t lanes) {
  for (size_t l = 0; l < k; l += LANES) {
    const size_t terms = dsm__min(LANES, k - l);
    vec block[LANES];
    if (terms == LANES && lanes == LANES) {
      for (size_t i = 0; i < LANES; i++) block[i] = *(const vec *)(b + i * pitch + l);
    } else {
      for (size_t i = 0; i < LANES; i++) block[i] = i < lanes ? load(b + i * pitch + l, terms) : (vec){0};
    }
    transpose(block);
    if (terms == LANES) {
      for (size_t i = 0; i < LANES; i++, to += to_pitch) *(vec *)to = block[i];
    } else {
      for (size_t i = 0; i < terms; i++, to += to_pitch) *(vec *)to = block[i];
    }
  }
}

static void pack(float *packed, dsm__operand b, size_t k, size_t n) {
  for (size_t column = 0; column < n; column += PANEL_WIDTH) {
    const size_t columns = dsm__min(PANEL_WIDTH, n - column), pitch = dsm__round_up(columns, LANES);
    for (size_t at = 0; at < columns; at += LANES) {
      const size_t lanes = dsm__min(LANES, columns - at);
      float *to = packed + at;
      if (b.transpose) {
        pack_transposed(to, pitch, b.at + (column + at) * b.pitch, b.pitch, k, lanes);
      } else {
        const float *from = b.at + column + at;
        for (size_t l = 0; l < k; l++, to += pitch, from += b.pitch) *(vec *)to = load(from, lanes);
      }
    }
    packed += k * pitch;
  }
}

const dsm__products DSM_SIMD_PRODUCTS = {
    .lanes = LANES, .panel = PANEL_WIDTH, .pack = pack, .multiply = multiply_block, .dots = dots};
