/* The transforms of the Winograd convolution for whole tiles, a vector of channels at a time: both passes over
 * the numbers of a tile stay in registers and the stack. simd_winograd_axis.h has one axis of them. */
#include "simd_winograd_axis.h"

/* ---- along both axes ----------------------------------------------------------------------------------- */

/* A tile of `tall` x `wide` outputs; both are known when compiling. */
INLINE void window_vector(float *v, size_t point_step, const float *const *pixel, size_t at, size_t lanes,
                          int tall, int wide) {
  _Alignas(DSM_ALIGNMENT) vec rows[WINDOW][WINDOW];
  vec line[WINDOW], column[WINDOW];
  for (int i = 0; i < tall + 2; i++) {
    for (int j = 0; j < wide + 2; j++) line[j] = load(pixel[i * (wide + 2) + j] + at, lanes);
    window_points(rows[i], line, wide);
  }
  for (int j = 0; j < WINDOW; j++) {
    if (!dsm__has_point(wide, j)) continue;
    for (int i = 0; i < tall + 2; i++) column[i] = rows[i][j];
    window_points(line, column, tall);
    for (int i = 0; i < WINDOW; i++)
      if (dsm__has_point(tall, i)) *(vec *)(v + (size_t)(i * WINDOW + j) * point_step) = line[i];
  }
}

INLINE void gradient_vector(float *m, size_t point_step, const float *const *pixel, size_t at, size_t lanes,
                            int tall, int wide) {
  _Alignas(DSM_ALIGNMENT) vec rows[TILE][WINDOW];
  vec line[WINDOW], column[TILE];
  for (int i = 0; i < tall; i++) {
    for (int j = 0; j < wide; j++) line[j] = load(pixel[i * wide + j] + at, lanes);
    output_points(rows[i], line, wide);
  }
  for (int j = 0; j < WINDOW; j++) {
    if (!dsm__has_point(wide, j)) continue;
    for (int i = 0; i < tall; i++) column[i] = rows[i][j];
    output_points(line, column, tall);
    for (int i = 0; i < WINDOW; i++)
      if (dsm__has_point(tall, i)) *(vec *)(m + (size_t)(i * WINDOW + j) * point_step) = line[i];
  }
}

/* What is added to one vector of channels of one tile. The neutral element of addition is -0: 0 would turn the
 * sign of -0. */
typedef struct addends {
  bool rows;             /* bias and sample */
  vec bias, sample;      /* -0 where there is none */
  const float *residual; /* at the tile's first pixel, or NULL; rows and pixels as in y */
} addends;

/* Writes the first `height` x `width` outputs of the tile at y, whose rows are `row` floats apart. */
INLINE void output_vector(float *y, size_t row, size_t pixel, size_t height, size_t width, const float *m,
                          addends add, size_t lanes, int tall, int wide) {
  _Alignas(DSM_ALIGNMENT) vec columns[WINDOW][TILE];
  vec line[WINDOW], out[TILE];
  for (int j = 0; j < WINDOW; j++) {
    if (!dsm__has_point(wide, j)) continue;
    for (int i = 0; i < WINDOW; i++)
      if (dsm__has_point(tall, i)) line[i] = *(const vec *)(m + (i * WINDOW + j) * PANEL);
    points_output(columns[j], line, tall);
  }
  for (size_t i = 0; i < height; i++) {
    for (int j = 0; j < WINDOW; j++)
      if (dsm__has_point(wide, j)) line[j] = columns[j][i];
    points_output(out, line, wide);
    for (size_t j = 0; j < width; j++) {
      const size_t at = i * row + j * pixel;
      if (add.rows) out[j] = (out[j] + add.bias) + add.sample;
      if (add.residual != NULL) out[j] += load(add.residual + at, lanes);
      store(y + at, out[j], lanes);
    }
  }
}

/* ---- tiles of pictures --------------------------------------------------------------------------------- */

/* Where a tile lies. */
typedef struct place {
  size_t picture;
  ptrdiff_t row, column; /* first pixel; may lie outside */
} place;

INLINE place place_of(const dsm__tiles *t, dsm__tile_kind kind, size_t tile) {
  const bool low = kind == DSM__BOTTOM || kind == DSM__CORNER,
             right = kind == DSM__RIGHT || kind == DSM__CORNER;
  const size_t columns = right ? 1 : t->columns, rows = low ? 1 : t->rows;
  const size_t j = right ? t->columns : tile % columns, i = low ? t->rows : tile / columns % rows;
  return (place){tile / columns / rows, (ptrdiff_t)(i * TILE) - t->top, (ptrdiff_t)(j * TILE) - t->left};
}

/* Addresses of the `height` x `width` pixels of a tile; those outside of the picture are zeros. */
INLINE void pixels_of(const float **pixel, int height, int width, const float *x, const float *zeros,
                      const dsm__tiles *t, place p) {
  const float *picture = x + p.picture * t->height * t->width * t->channels;
  for (int i = 0; i < height; i++) {
    const ptrdiff_t row = p.row + i;
    const bool inside = row >= 0 && row < (ptrdiff_t)t->height;
    const float *first = picture + (inside ? (size_t)row * t->width * t->channels : 0);
    for (int j = 0; j < width; j++) {
      const ptrdiff_t column = p.column + j;
      pixel[i * width + j] = inside && column >= 0 && column < (ptrdiff_t)t->width
                                 ? first + (size_t)column * t->channels
                                 : zeros;
    }
  }
}

/* The tiles of a block that are of one kind, `tall` x `wide`. */
INLINE void windows_of(float *v, const float *x, const float *zeros, const dsm__tiles *t,
                       const dsm__block *block, dsm__planes p, dsm__tile_kind kind, int tall, int wide) {
  v += block->begin[kind] * LANES;
  for (size_t n = 0; n < dsm__tiles_of(block, kind); n++, v += LANES) {
    const float *pixel[WINDOW * WINDOW];
    float *to = v;
    size_t at = 0;
    pixels_of(pixel, tall + 2, wide + 2, x, zeros, t, place_of(t, kind, block->first[kind] + n));
    for (; at + LANES <= t->channels; at += LANES, to += p.chunk)
      window_vector(to, p.point, pixel, at, LANES, tall, wide);
    if (at < t->channels) window_vector(to, p.point, pixel, at, t->channels - at, tall, wide);
  }
}

INLINE void narrow_windows(float *v, const float *x, const float *zeros, const dsm__tiles *t,
                           const dsm__block *block, dsm__planes p, int narrow) {
  windows_of(v, x, zeros, t, block, p, DSM__RIGHT, TILE, narrow);
  windows_of(v, x, zeros, t, block, p, DSM__BOTTOM, narrow, TILE);
  windows_of(v, x, zeros, t, block, p, DSM__CORNER, narrow, narrow);
}

static void windows(float *v, const float *x, const float *zeros, const dsm__tiles *t,
                    const dsm__block *block, dsm__planes p) {
  windows_of(v, x, zeros, t, block, p, DSM__WHOLE, TILE, TILE);
  if (t->narrow == 3) narrow_windows(v, x, zeros, t, block, p, 3);
  if (t->narrow == 2) narrow_windows(v, x, zeros, t, block, p, 2);
}

INLINE void gradients_of(float *m, const float *dy, const float *zeros, const dsm__tiles *t,
                         const dsm__block *block, dsm__planes p, dsm__tile_kind kind, int tall, int wide) {
  m += block->begin[kind] * LANES;
  for (size_t n = 0; n < dsm__tiles_of(block, kind); n++, m += LANES) {
    const float *pixel[TILE * TILE];
    float *to = m;
    size_t at = 0;
    pixels_of(pixel, tall, wide, dy, zeros, t, place_of(t, kind, block->first[kind] + n));
    for (; at + LANES <= t->channels; at += LANES, to += p.chunk)
      gradient_vector(to, p.point, pixel, at, LANES, tall, wide);
    if (at < t->channels) gradient_vector(to, p.point, pixel, at, t->channels - at, tall, wide);
  }
}

INLINE void narrow_gradients(float *m, const float *dy, const float *zeros, const dsm__tiles *t,
                             const dsm__block *block, dsm__planes p, int narrow) {
  gradients_of(m, dy, zeros, t, block, p, DSM__RIGHT, TILE, narrow);
  gradients_of(m, dy, zeros, t, block, p, DSM__BOTTOM, narrow, TILE);
  gradients_of(m, dy, zeros, t, block, p, DSM__CORNER, narrow, narrow);
}

static void gradients(float *m, const float *dy, const float *zeros, const dsm__tiles *t,
                      const dsm__block *block, dsm__planes p) {
  gradients_of(m, dy, zeros, t, block, p, DSM__WHOLE, TILE, TILE);
  if (t->narrow == 3) narrow_gradients(m, dy, zeros, t, block, p, 3);
  if (t->narrow == 2) narrow_gradients(m, dy, zeros, t, block, p, 2);
}

/* For whole tiles, `rows` and `residual` are known when compiling, so that the loops carry nothing which is not
 * there. */
INLINE void outputs_of(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                       const dsm__block *block, size_t panel, bool rows, bool residual, dsm__tile_kind kind,
                       int tall, int wide) {
  const size_t row = t->width * t->channels, begin = panel * PANEL;
  const size_t channels = dsm__min(PANEL, t->channels - begin);
  const vec none = -(vec){0};
  m += block->begin[kind] * POINTS * PANEL;
  for (size_t n = 0; n < dsm__tiles_of(block, kind); n++, m += POINTS * PANEL) {
    const place p = place_of(t, kind, block->first[kind] + n);
    const bool whole = kind == DSM__WHOLE; /* what is narrow may be cut still more */
    const size_t height = whole ? TILE : dsm__min((size_t)tall, t->height - (size_t)p.row);
    const size_t width = whole ? TILE : dsm__min((size_t)wide, t->width - (size_t)p.column);
    const size_t tile = (p.picture * t->height + (size_t)p.row) * row + (size_t)p.column * t->channels;
    for (size_t at = 0; at < channels; at += LANES) {
      const size_t channel = begin + at, to = tile + channel, lanes = dsm__min(LANES, channels - at);
      addends a = {rows, none, none, residual ? add->residual + to : NULL};
      if (rows && add->bias != NULL) a.bias = load(add->bias + channel, lanes);
      if (rows && add->sample != NULL)
        a.sample = load(add->sample + p.picture * t->channels + channel, lanes);
      if (lanes < LANES || !whole) {
        output_vector(y + to, row, t->channels, height, width, m + at, a, lanes, tall, wide);
      } else {
        output_vector(y + to, row, t->channels, TILE, TILE, m + at, a, LANES, TILE, TILE);
      }
    }
  }
}

INLINE void narrow_outputs(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                           const dsm__block *block, size_t panel, int narrow) {
  const bool residual = add->residual != NULL;
  outputs_of(y, m, t, add, block, panel, true, residual, DSM__RIGHT, TILE, narrow);
  outputs_of(y, m, t, add, block, panel, true, residual, DSM__BOTTOM, narrow, TILE);
  outputs_of(y, m, t, add, block, panel, true, residual, DSM__CORNER, narrow, narrow);
}

static void outputs(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                    const dsm__block *block, size_t panel) {
  const bool rows = add->bias != NULL || add->sample != NULL;
  if (rows && add->residual != NULL) {
    outputs_of(y, m, t, add, block, panel, true, true, DSM__WHOLE, TILE, TILE);
  } else if (rows) {
    outputs_of(y, m, t, add, block, panel, true, false, DSM__WHOLE, TILE, TILE);
  } else if (add->residual != NULL) {
    outputs_of(y, m, t, add, block, panel, false, true, DSM__WHOLE, TILE, TILE);
  } else {
    outputs_of(y, m, t, add, block, panel, false, false, DSM__WHOLE, TILE, TILE);
  }
  if (t->narrow == 3) narrow_outputs(y, m, t, add, block, panel, 3);
  if (t->narrow == 2) narrow_outputs(y, m, t, add, block, panel, 2);
}

/* ---- weights ------------------------------------------------------------------------------------------- */

/* The kernels of one input and `vectors` vectors of outputs. */
INLINE void weight_vector(float *u, size_t point_step, const vec *kernel) {
  vec rows[3][WINDOW], line[WINDOW];
  for (int p = 0; p < 3; p++) weight_points(rows[p], kernel + 3 * p);
  for (int j = 0; j < WINDOW; j++) {
    const vec column[3] = {rows[0][j], rows[1][j], rows[2][j]};
    weight_points(line, column);
    for (int i = 0; i < WINDOW; i++) *(vec *)(u + (size_t)(i * WINDOW + j) * point_step) = line[i];
  }
}

/* One vector of outputs, `lanes` of them real. Turned, the outputs are the `in` of w and lie side by side. */
static void turned_weights(float *u, size_t pitch, const float *w, const dsm__winograd_weights *s,
                           size_t lanes) {
  const size_t inputs = dsm__round_up(s->out, LANES);
  for (size_t o = 0; o < inputs; o++, u += pitch) {
    vec kernel[9];
    for (size_t q = 0; q < 9; q++)
      kernel[q] = o < s->out ? load(w + (o * 9 + 8 - q) * s->in, lanes) : (vec){0};
    weight_vector(u, inputs * pitch, kernel);
  }
}

/* Else they lie 9 in floats apart: LANES of them are read for LANES inputs at a time, and transposed. */
static void straight_weights(float *u, size_t pitch, const float *w, const dsm__winograd_weights *s,
                             size_t lanes) {
  const size_t inputs = dsm__round_up(s->in, LANES);
  for (size_t c = 0; c < inputs; c += LANES, u += LANES * pitch) {
    float block[9][LANES][LANES];
    const size_t real = dsm__min(LANES, s->in - c);
    if (real < LANES || lanes < LANES) memset(block, 0, sizeof block);
    for (size_t o = 0; o < lanes; o++) {
      for (size_t q = 0; q < 9; q++) {
        const float *from = w + (o * 9 + q) * s->in + c;
        for (size_t l = 0; l < real; l++) block[q][l][o] = from[l];
      }
    }
    for (size_t l = 0; l < LANES; l++) {
      vec kernel[9];
      for (size_t q = 0; q < 9; q++) kernel[q] = *(const vec *)block[q][l];
      weight_vector(u + l * pitch, inputs * pitch, kernel);
    }
  }
}

static void weights(float *u, const float *w, const dsm__winograd_weights *s, size_t panel) {
  const size_t inputs = s->turned ? s->out : s->in, outputs = s->turned ? s->in : s->out;
  const size_t first = panel * PANEL, count = dsm__min(PANEL, outputs - first);
  const size_t pitch = count > LANES ? PANEL : LANES;
  u += panel * POINTS * dsm__round_up(inputs, LANES) * PANEL;
  for (size_t at = 0; at < count; at += LANES) {
    const size_t lanes = dsm__min(LANES, count - at);
    if (s->turned) {
      turned_weights(u + at, pitch, w + first + at, s, lanes);
    } else {
      straight_weights(u + at, pitch, w + (first + at) * 9 * s->in, s, lanes);
    }
  }
}

INLINE void weight_gradient_vector(float *dw, size_t in, const float *du, size_t point_step, bool start,
                                   size_t lanes) {
  vec columns[WINDOW][3], line[WINDOW], weight[3];
  for (int j = 0; j < WINDOW; j++) {
    for (int i = 0; i < WINDOW; i++) line[i] = *(const vec *)(du + (size_t)(i * WINDOW + j) * point_step);
    points_weight(columns[j], line);
  }
  for (size_t p = 0; p < 3; p++) {
    for (int j = 0; j < WINDOW; j++) line[j] = columns[j][p];
    points_weight(weight, line);
    for (size_t q = 0; q < 3; q++) {
      float *to = dw + (p * 3 + q) * in;
      if (!start) weight[q] += load(to, lanes);
      store(to, weight[q], lanes);
    }
  }
}

static void weight_gradients(float *dw, const float *du, size_t out, size_t in, dsm__range outputs,
                             bool start) {
  const size_t pitch = dsm__round_up(in, LANES), point_step = dsm__round_up(out, LANES) * pitch;
  dw += outputs.begin * 9 * in;
  du += outputs.begin * pitch;
  for (size_t o = outputs.begin; o < outputs.end; o++, dw += 9 * in, du += pitch) {
    size_t at = 0;
    for (; at + LANES <= in; at += LANES) {
      weight_gradient_vector(dw + at, in, du + at, point_step, start, LANES);
    }
    if (at < in) weight_gradient_vector(dw + at, in, du + at, point_step, start, in - at);
  }
}

const dsm__winograd DSM_SIMD_WINOGRAD = {
    .lanes = LANES,
    .windows = windows,
    .gradients = gradients,
    .weights = weights,
    .multiply = multiply,
    .outputs = outputs,
    .correlate = correlate,
    .weight_gradients = weight_gradients,
};
