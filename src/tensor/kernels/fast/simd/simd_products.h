/* Products of a block of rows with panels of columns, and how the panels are packed. */
#include "simd_tiles.h"
#include "simd_dots.h"

/* ---- memory ahead -------------------------------------------------------------------------------------- */

/* What the next rows and the next block will read and write, fetched evenly over the tiles of these rows:
 * in a network operands come from memory, and waiting for them took a third of the time. */
typedef struct stream {
  struct {
    const char *at;
    size_t bytes;
  } of_a, of_b, of_c;
  size_t step; /* bytes with each term of a tile */
} stream;

enum { WORTH_FETCHING = 1 << 16 /* bytes; less is left to the processor */ };

static size_t tiles_of(size_t rows, size_t columns) {
  size_t count = 0;
  for (size_t column = 0; column < columns; column += PANEL_WIDTH) {
    const size_t vectors = (dsm__min(PANEL_WIDTH, columns - column) + LANES - 1) / LANES;
    count += (rows + most_rows[vectors - 1] - 1) / most_rows[vectors - 1];
  }
  return count;
}

static stream stream_after(const dsm__block_product *p, size_t first, size_t rows) {
  const size_t end = first + rows;
  const bool last = end == p->m;
  stream s = {.of_c.at = (const char *)p->c};
  if (last && !p->next_a && p->next_b_size == 0) return s;
  if (!last || p->next_a) {
    const size_t skipped = p->a.transpose ? p->k : end, read = !p->a.transpose ? rows : last ? p->k : 0;
    s.of_a.at = (const char *)(p->a.at + skipped * p->a.pitch);
    s.of_a.bytes = read * p->a.pitch * sizeof(float);
    if (!p->turned && p->c_pitch == p->n) {
      s.of_c.at = (const char *)(p->c + end * p->c_pitch);
      s.of_c.bytes = rows * p->c_pitch * sizeof(float);
    }
  }
  if (last) {
    s.of_b.at = (const char *)p->next_b;
    s.of_b.bytes = p->next_b_size * sizeof(float);
  }
  const size_t bytes = s.of_a.bytes + s.of_b.bytes + s.of_c.bytes;
  if (bytes > WORTH_FETCHING) s.step = bytes / dsm__max(1, tiles_of(rows, p->n) * p->k) + 1;
  return s;
}

/* The share of one tile. */
static void take_from_stream(stream *s, tile *t) {
  const char **at = s->of_a.bytes > 0 ? &s->of_a.at : s->of_b.bytes > 0 ? &s->of_b.at : &s->of_c.at;
  size_t *bytes = s->of_a.bytes > 0 ? &s->of_a.bytes : s->of_b.bytes > 0 ? &s->of_b.bytes : &s->of_c.bytes;
  const size_t share = dsm__min(*bytes, s->step * t->k);
  t->ahead = *at;
  t->ahead_step = s->step;
  *at += share;
  *bytes -= share;
}

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

typedef struct panel {
  const float *b;
  size_t row_step, first, columns;
} panel;

/* Rows are dealt out evenly, as tiles of one or two rows would wait for their own sums. */
static void multiply_panel(const dsm__block_product *p, const panel *of, size_t first, size_t count,
                           stream *ahead) {
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
    take_from_stream(ahead, &t);
    tiles[vectors - 1][in_strip - 1](&t);
    if (!whole) put_tile(p, c, kept, in_strip, of->columns);
    t.a += in_strip * a_row;
    c += in_strip * c_row;
  }
}

/* Rows of a that stay in the L2 cache while all panels of b pass, each of which stays in the L1 cache while
 * the rows pass. */
enum { ROWS_AT_ONCE = 144 };

static void multiply_block(const dsm__block_product *p) {
  const dsm__cut cut = dsm__cut_by(p->m, ROWS_AT_ONCE);
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part), rows = dsm__cut_length(cut, part);
    stream ahead = stream_after(p, first, rows);
    for (size_t column = 0; column < p->n; column += PANEL_WIDTH) {
      const size_t columns = dsm__min(PANEL_WIDTH, p->n - column);
      panel of = {p->b + column / PANEL_WIDTH * p->panel_step, p->row_step, column, columns};
      if (of.row_step == 0) of.row_step = dsm__round_up(columns, LANES);
      multiply_panel(p, &of, first, rows, &ahead);
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
