/* The five transforms of the Winograd convolution F(4x4, 3x3), a vector of channels at a time: both passes
 * over the 6 x 6 numbers of a tile stay in registers and the stack. The matrices and their source stand in
 * conv_winograd.c; here they are multiplied out for the points 0, +-a, +-b, infinity, whose pairs share their
 * even and odd halves. */
#include "simd_winograd_products.h"

enum { TILE = DSM__TILE, WINDOW = DSM__WINDOW };

/* a b = 1, which saves operations */
#define POINT_A               (2.0f / 3)
#define POINT_B               (3.0f / 2)
#define A2                    (4.0f / 9)
#define B2                    (9.0f / 4)
#define A3                    (8.0f / 27)
#define B3                    (27.0f / 8)
#define A2_PLUS_B2            (97.0f / 36)
#define HALF_OVER_B2_MINUS_A2 (18.0f / 65)

/* ---- along one axis ------------------------------------------------------------------------------------ */

/* B^T d: 6 to 6 */
INLINE void window_points(vec *to, const vec *d) {
  const vec even_a = madd_vec(-B2, d[2], d[4]), odd_a = madd_vec(-B2, d[1], d[3]);
  const vec even_b = madd_vec(-A2, d[2], d[4]), odd_b = madd_vec(-A2, d[1], d[3]);
  to[0] = madd_vec(-A2_PLUS_B2, d[2], d[0] + d[4]);
  to[1] = madd_vec(POINT_A, odd_a, even_a);
  to[2] = madd_vec(-POINT_A, odd_a, even_a);
  to[3] = madd_vec(POINT_B, odd_b, even_b);
  to[4] = madd_vec(-POINT_B, odd_b, even_b);
  to[5] = madd_vec(-A2_PLUS_B2, d[3], d[1] + d[5]);
}

/* A^T m: 6 to 4 */
INLINE void points_output(vec *to, const vec *m) {
  const vec sum_a = m[1] + m[2], sum_b = m[3] + m[4], difference_a = m[1] - m[2], difference_b = m[3] - m[4];
  to[0] = (m[0] + sum_a) + sum_b;
  to[1] = madd_vec(POINT_A, difference_a, POINT_B * difference_b);
  to[2] = madd_vec(A2, sum_a, B2 * sum_b);
  to[3] = madd_vec(A3, difference_a, madd_vec(B3, difference_b, m[5]));
}

/* A d: 4 to 6 */
INLINE void output_points(vec *to, const vec *d) {
  const vec even_a = madd_vec(A2, d[2], d[0]), odd_a = madd_vec(A2, d[3], d[1]);
  const vec even_b = madd_vec(B2, d[2], d[0]), odd_b = madd_vec(B2, d[3], d[1]);
  to[0] = d[0];
  to[1] = madd_vec(POINT_A, odd_a, even_a);
  to[2] = madd_vec(-POINT_A, odd_a, even_a);
  to[3] = madd_vec(POINT_B, odd_b, even_b);
  to[4] = madd_vec(-POINT_B, odd_b, even_b);
  to[5] = d[3];
}

/* G g: 3 to 6 */
INLINE void weight_points(vec *to, const vec *g) {
  const vec even_a = -HALF_OVER_B2_MINUS_A2 * madd_vec(B2, g[0], g[2]), odd_a = g[1] * HALF_OVER_B2_MINUS_A2;
  const vec even_b = HALF_OVER_B2_MINUS_A2 * madd_vec(A2, g[0], g[2]);
  to[0] = g[0];
  to[1] = madd_vec(-POINT_B, odd_a, even_a);
  to[2] = madd_vec(POINT_B, odd_a, even_a);
  to[3] = madd_vec(POINT_A, odd_a, even_b);
  to[4] = madd_vec(-POINT_A, odd_a, even_b);
  to[5] = g[2];
}

/* G^T u: 6 to 3 */
INLINE void points_weight(vec *to, const vec *u) {
  const vec sum_a = u[1] + u[2], sum_b = u[3] + u[4], difference_a = u[1] - u[2], difference_b = u[3] - u[4];
  to[0] = madd_vec(HALF_OVER_B2_MINUS_A2, madd_vec(A2, sum_b, -B2 * sum_a), u[0]);
  to[1] = HALF_OVER_B2_MINUS_A2 * madd_vec(POINT_A, difference_b, -POINT_B * difference_a);
  to[2] = madd_vec(HALF_OVER_B2_MINUS_A2, sum_b - sum_a, u[5]);
}

/* ---- along both ---------------------------------------------------------------------------------------- */

INLINE void window_vector(float *v, size_t point_step, const float *const *pixel, size_t at, size_t lanes) {
  _Alignas(DSM_ALIGNMENT) vec rows[WINDOW][WINDOW];
  vec line[WINDOW], column[WINDOW];
  for (int i = 0; i < WINDOW; i++) {
    for (int j = 0; j < WINDOW; j++) line[j] = load(pixel[i * WINDOW + j] + at, lanes);
    window_points(rows[i], line);
  }
  for (int j = 0; j < WINDOW; j++) {
    for (int i = 0; i < WINDOW; i++) column[i] = rows[i][j];
    window_points(line, column);
    for (int i = 0; i < WINDOW; i++) *(vec *)(v + (size_t)(i * WINDOW + j) * point_step) = line[i];
  }
}

INLINE void gradient_vector(float *m, size_t point_step, const float *const *pixel, size_t at, size_t lanes) {
  _Alignas(DSM_ALIGNMENT) vec rows[TILE][WINDOW];
  vec line[WINDOW], column[TILE];
  for (int i = 0; i < TILE; i++) {
    for (int j = 0; j < TILE; j++) line[j] = load(pixel[i * TILE + j] + at, lanes);
    output_points(rows[i], line);
  }
  for (int j = 0; j < WINDOW; j++) {
    for (int i = 0; i < TILE; i++) column[i] = rows[i][j];
    output_points(line, column);
    for (int i = 0; i < WINDOW; i++) *(vec *)(m + (size_t)(i * WINDOW + j) * point_step) = line[i];
  }
}

/* What is added to one vector of channels of one tile. The neutral element of addition is -0: 0 would turn the
 * sign of -0. */
typedef struct addends {
  bool rows;             /* bias and sample */
  vec bias, sample;      /* -0 where there is none */
  const float *residual; /* at the tile's first pixel, or NULL; rows and pixels as in y */
} addends;

/* Writes the first `height` x `width` pixels of the tile at y, whose rows are `row` floats apart. */
INLINE void output_vector(float *y, size_t row, size_t pixel, size_t height, size_t width, const float *m,
                          addends add, size_t lanes) {
  _Alignas(DSM_ALIGNMENT) vec columns[WINDOW][TILE];
  vec line[WINDOW], out[TILE];
  for (int j = 0; j < WINDOW; j++) {
    for (int i = 0; i < WINDOW; i++) line[i] = *(const vec *)(m + (i * WINDOW + j) * PANEL);
    points_output(columns[j], line);
  }
  for (size_t i = 0; i < height; i++) {
    for (int j = 0; j < WINDOW; j++) line[j] = columns[j][i];
    points_output(out, line);
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

INLINE place place_of(const dsm__tiles *t, size_t tile) {
  const size_t j = tile % t->columns, i = tile / t->columns % t->rows;
  return (place){tile / t->columns / t->rows, (ptrdiff_t)(i * TILE) - t->top,
                 (ptrdiff_t)(j * TILE) - t->left};
}

/* Addresses of the `size` x `size` pixels of a tile; those outside of the picture are zeros. */
INLINE void pixels_of(const float **pixel, int size, const float *x, const float *zeros, const dsm__tiles *t,
                      size_t tile) {
  const place p = place_of(t, tile);
  const float *picture = x + p.picture * t->height * t->width * t->channels;
  for (int i = 0; i < size; i++) {
    const ptrdiff_t row = p.row + i;
    const bool inside = row >= 0 && row < (ptrdiff_t)t->height;
    const float *first = picture + (inside ? (size_t)row * t->width * t->channels : 0);
    for (int j = 0; j < size; j++) {
      const ptrdiff_t column = p.column + j;
      pixel[i * size + j] = inside && column >= 0 && column < (ptrdiff_t)t->width
                                ? first + (size_t)column * t->channels
                                : zeros;
    }
  }
}

static void windows(float *v, const float *x, const float *zeros, const dsm__tiles *t, size_t first,
                    size_t count, dsm__planes p) {
  for (size_t n = 0; n < count; n++, v += LANES) {
    const float *pixel[WINDOW * WINDOW];
    float *to = v;
    size_t at = 0;
    pixels_of(pixel, WINDOW, x, zeros, t, first + n);
    for (; at + LANES <= t->channels; at += LANES, to += p.chunk)
      window_vector(to, p.point, pixel, at, LANES);
    if (at < t->channels) window_vector(to, p.point, pixel, at, t->channels - at);
  }
}

static void gradients(float *m, const float *dy, const float *zeros, const dsm__tiles *t, size_t first,
                      size_t count, dsm__planes p) {
  for (size_t n = 0; n < count; n++, m += LANES) {
    const float *pixel[TILE * TILE];
    float *to = m;
    size_t at = 0;
    pixels_of(pixel, TILE, dy, zeros, t, first + n);
    for (; at + LANES <= t->channels; at += LANES, to += p.chunk)
      gradient_vector(to, p.point, pixel, at, LANES);
    if (at < t->channels) gradient_vector(to, p.point, pixel, at, t->channels - at);
  }
}

/* `rows` and `residual` are known when compiling, so that the loops carry nothing which is not there. */
INLINE void output_tiles(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                         size_t first, size_t count, size_t panel, bool rows, bool residual) {
  const size_t row = t->width * t->channels, begin = panel * PANEL;
  const size_t channels = dsm__min(PANEL, t->channels - begin);
  const vec none = -(vec){0};
  for (size_t n = 0; n < count; n++, m += POINTS * PANEL) {
    const place p = place_of(t, first + n);
    const size_t height = dsm__min(TILE, t->height - (size_t)p.row);
    const size_t width = dsm__min(TILE, t->width - (size_t)p.column);
    const size_t tile = (p.picture * t->height + (size_t)p.row) * row + (size_t)p.column * t->channels;
    for (size_t at = 0; at < channels; at += LANES) {
      const size_t channel = begin + at, to = tile + channel, lanes = dsm__min(LANES, channels - at);
      addends a = {rows, none, none, residual ? add->residual + to : NULL};
      if (rows && add->bias != NULL) a.bias = load(add->bias + channel, lanes);
      if (rows && add->sample != NULL)
        a.sample = load(add->sample + p.picture * t->channels + channel, lanes);
      if (lanes < LANES) {
        output_vector(y + to, row, t->channels, height, width, m + at, a, lanes);
      } else if (height < TILE || width < TILE) {
        output_vector(y + to, row, t->channels, height, width, m + at, a, LANES);
      } else {
        output_vector(y + to, row, t->channels, TILE, TILE, m + at, a, LANES);
      }
    }
  }
}

static void outputs(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                    size_t first, size_t count, size_t panel) {
  const bool rows = add->bias != NULL || add->sample != NULL;
  if (rows && add->residual != NULL) {
    output_tiles(y, m, t, add, first, count, panel, true, true);
  } else if (rows) {
    output_tiles(y, m, t, add, first, count, panel, true, false);
  } else if (add->residual != NULL) {
    output_tiles(y, m, t, add, first, count, panel, false, true);
  } else {
    output_tiles(y, m, t, add, first, count, panel, false, false);
  }
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

static void weight_gradients(float *dw, const float *du, size_t out, size_t in, bool start) {
  const size_t pitch = dsm__round_up(in, LANES), point_step = dsm__round_up(out, LANES) * pitch;
  for (size_t o = 0; o < out; o++, dw += 9 * in, du += pitch) {
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
