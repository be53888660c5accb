/* The products of the Winograd convolution: for each of its points a matrix product of a block of tiles with
 * a panel of weights. They are far too small for a general routine, which would pack and copy as much as it
 * multiplies; here the operands are stored in the order in which they are read, and the sums stay in
 * registers. */
#include "lanes.h"
#include "dsmpi/memory.h"
#include "../winograd.h"

enum { POINTS = DSM__POINTS, PANEL = 2 * LANES };
/* Registers hold ROWS x 2 sums (tiles x outputs), or SUM_ROWS x 2 (outputs x inputs) of the weight gradient.
 * There are 32 of them, but 16 on x86 before AVX-512. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { ROWS = 12 };
#else
enum { ROWS = 6 };
#endif
enum { SUM_ROWS = LANES == 16 ? 8 : 4 };

/* ---- tiles times weights ------------------------------------------------------------------------------- */

/* m (rows x vectors) = v (rows x inputs) u */
INLINE void multiply_rows(float *m, const float *v, const float *u, size_t chunks, size_t chunk_step,
                          int rows, int vectors) {
  vec sum[ROWS][2];
  for (int r = 0; r < rows; r++) {
    for (int n = 0; n < vectors; n++) sum[r][n] = (vec){0};
  }
  for (size_t chunk = 0; chunk < chunks; chunk++, v += chunk_step) {
    for (int l = 0; l < LANES; l++, u += vectors * LANES) {
      vec weight[2];
      for (int n = 0; n < vectors; n++) weight[n] = *(const vec *)(u + n * LANES);
      for (int r = 0; r < rows; r++) {
        for (int n = 0; n < vectors; n++) sum[r][n] = madd_vec(v[r * LANES + l], weight[n], sum[r][n]);
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int n = 0; n < vectors; n++) *(vec *)(m + r * POINTS * PANEL + n * LANES) = sum[r][n];
  }
}

static void multiply_some(float *m, const float *v, const float *u, size_t chunks, size_t chunk_step,
                          size_t rows, int vectors) {
#define ROWS_CASE(n)                                                                                         \
  case n:                                                                                                    \
    multiply_rows(m, v, u, chunks, chunk_step, n, vectors);                                                  \
    break
  switch (rows) {
    ROWS_CASE(1);
    ROWS_CASE(2);
    ROWS_CASE(3);
    ROWS_CASE(4);
    ROWS_CASE(5);
    ROWS_CASE(6);
#if defined(__AVX512F__) || defined(__aarch64__)
    ROWS_CASE(7);
    ROWS_CASE(8);
    ROWS_CASE(9);
    ROWS_CASE(10);
    ROWS_CASE(11);
    ROWS_CASE(12);
#endif
  }
#undef ROWS_CASE
}

INLINE void multiply_points(float *m, const float *v, const float *u, size_t chunks, const dsm__tiles *t,
                            const dsm__block *block, dsm__planes p, int vectors) {
  for (int point = 0; point < POINTS; point++) {
    const dsm__range tiles = dsm__tiles_with(t, block, point);
    const size_t turns = (tiles.end - tiles.begin + ROWS - 1) / ROWS; /* of as many tiles each as can be */
    for (size_t turn = 0, from = tiles.begin; turn < turns; turn++) {
      const size_t rows = (tiles.end - from + turns - turn - 1) / (turns - turn);
      multiply_some(m + from * POINTS * PANEL, v + from * LANES, u, chunks, p.chunk, rows, vectors);
      from += rows;
    }
    m += PANEL;
    v += p.point;
    u += chunks * LANES * (size_t)vectors * LANES;
  }
}

static void multiply(float *m, const float *v, const float *u, size_t inputs, const dsm__tiles *t,
                     const dsm__block *block, size_t panel, dsm__planes p) {
  const size_t chunks = (inputs + LANES - 1) / LANES;
  u += panel * POINTS * chunks * LANES * PANEL;
  if (t->channels - panel * PANEL > LANES) {
    multiply_points(m, v, u, chunks, t, block, p, 2);
  } else {
    multiply_points(m, v, u, chunks, t, block, p, 1);
  }
}

/* ---- tiles times tiles --------------------------------------------------------------------------------- */

/* du (rows x vectors) += m'^T v, over the tiles */
INLINE void correlate_rows(float *du, size_t pitch, const float *m, const float *v, size_t chunk_step,
                           size_t count, bool start, int vectors) {
  vec sum[SUM_ROWS][2];
  for (int r = 0; r < SUM_ROWS; r++) {
    for (int n = 0; n < vectors; n++) {
      sum[r][n] = (vec){0};
      if (!start) sum[r][n] = *(const vec *)(du + (size_t)r * pitch + n * LANES);
    }
  }
  for (size_t t = 0; t < count; t++, m += LANES, v += LANES) {
    vec input[2];
    for (int n = 0; n < vectors; n++) input[n] = *(const vec *)(v + (size_t)n * chunk_step);
    for (int r = 0; r < SUM_ROWS; r++) {
      for (int n = 0; n < vectors; n++) sum[r][n] = madd_vec(m[r], input[n], sum[r][n]);
    }
  }
  for (int r = 0; r < SUM_ROWS; r++) {
    for (int n = 0; n < vectors; n++) *(vec *)(du + (size_t)r * pitch + n * LANES) = sum[r][n];
  }
}

static void correlate(float *du, const float *m, const float *v, size_t inputs, const dsm__tiles *t,
                      const dsm__block *block, dsm__planes m_planes, dsm__planes v_planes, dsm__range points,
                      bool start) {
  const size_t in = dsm__round_up(inputs, LANES), out = dsm__round_up(t->channels, LANES);
  du += points.begin * out * in;
  m += points.begin * m_planes.point;
  v += points.begin * v_planes.point;
  for (size_t point = points.begin; point < points.end; point++) {
    const dsm__range tiles = dsm__tiles_with(t, block, (int)point);
    const size_t count = tiles.end - tiles.begin;
    const float *from = v + tiles.begin * LANES;
    for (size_t o = 0; o < out; o += SUM_ROWS, du += SUM_ROWS * in) {
      const float *rows = m + o / LANES * m_planes.chunk + o % LANES + tiles.begin * LANES;
      size_t c = 0;
      for (; c + PANEL <= in; c += PANEL) {
        correlate_rows(du + c, in, rows, from + c / LANES * v_planes.chunk, v_planes.chunk, count, start, 2);
      }
      if (c < in) {
        correlate_rows(du + c, in, rows, from + c / LANES * v_planes.chunk, v_planes.chunk, count, start, 1);
      }
    }
    m += m_planes.point;
    v += v_planes.point;
  }
}
