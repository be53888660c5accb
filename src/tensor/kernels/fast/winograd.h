/* Between the Winograd convolution (conv_winograd.c, where the mathematics stand) and its inner loops, which
 * are compiled once for each instruction set (simd/simd_winograd.h, simd/simd_winograd_products.h).
 *
 * Four arrays live between the loops, always for all POINTS products of a tile. L is the number of lanes
 * of a vector of that instruction set; channels are rounded up to L, with zeros.
 *
 *   windows v    [point][chunk of L channels][tile][L]     of a block of tiles; dy's m' likewise
 *   weights u    [panel of 2 L outputs][point][input][2 L] so that a product reads them in one stream
 *   products m   [tile][point][2 L]                        of a block of tiles and one panel
 *   sums du      [point][output][input]                    for the weight gradient */
#ifndef DSM_TENSOR_WINOGRAD_H
#define DSM_TENSOR_WINOGRAD_H

#include "fast.h"

enum {
  DSM__TILE = 4,    /* outputs of a tile, along each axis */
  DSM__WINDOW = 6,  /* inputs that they see: TILE + 3 - 1 */
  DSM__POINTS = 36, /* products of a tile, for each pair of channels: WINDOW^2 instead of 9 TILE^2 = 144 */
};

/* Pictures (batch, height, width, channels) cut into rows x columns tiles of 4 x 4. Where 4 does not divide the
 * height or the width, a row or a column of narrow tiles follows, with one in the corner when both:
 *
 *      whole  whole  right
 *      whole  whole  right
 *      bottom bottom corner
 *
 * Tiles of a kind are counted through the batch. Tile (i, j) begins at pixel (4 i - top, 4 j - left); what lies
 * outside of the picture is zero when read and left out when written. */
typedef struct dsm__tiles {
  size_t height, width, channels;
  size_t rows, columns; /* of whole tiles */
  int narrow;           /* outputs of narrow tiles along their narrow axes: 2 or 3; 0 when all are whole */
  ptrdiff_t top, left;
} dsm__tiles;

typedef enum dsm__tile_kind { DSM__RIGHT, DSM__WHOLE, DSM__BOTTOM, DSM__CORNER, DSM__KINDS } dsm__tile_kind;

/* Points along an axis of a tile with 4 outputs: 0, a, -a, b, -b, infinity; with 3: without -b; with 2: without b
 * and -b. */
static inline bool dsm__has_point(int outputs, int point) {
  return outputs == 4 || (outputs == 3 && point != 4) || point < 3 || point == 5;
}

/* Some tiles: of each kind those from `first` on. In arrays over a block they stand kind by kind, those of a kind
 * from `begin` to `end`; in this order of kinds the ones that have a given point follow each other. In a share of a
 * block there are gaps between the kinds; it is for the transforms alone. */
typedef struct dsm__block {
  size_t first[DSM__KINDS], begin[DSM__KINDS], end[DSM__KINDS];
} dsm__block;

static inline size_t dsm__tiles_of(const dsm__block *block, dsm__tile_kind kind) {
  return block->end[kind] - block->begin[kind];
}

typedef struct dsm__range {
  size_t begin, end;
} dsm__range;

/* Part `part` of `parts` of a range. */
static inline dsm__range dsm__range_part(dsm__range all, size_t part, size_t parts) {
  const size_t n = all.end - all.begin;
  return (dsm__range){all.begin + n * part / parts, all.begin + n * (part + 1) / parts};
}

/* Which tiles of a block have a point. */
static inline dsm__range dsm__tiles_with(const dsm__tiles *t, const dsm__block *block, int point) {
  const bool bottom = dsm__has_point(t->narrow, point / DSM__WINDOW),
             right = dsm__has_point(t->narrow, point % DSM__WINDOW);
  return (dsm__range){block->begin[right ? DSM__RIGHT : DSM__WHOLE], block->end[!bottom ? DSM__WHOLE
                                                                                : right ? DSM__CORNER
                                                                                        : DSM__BOTTOM]};
}

/* Distances in floats, from one chunk of channels and from one point to the next. */
typedef struct dsm__planes {
  size_t chunk, point;
} dsm__planes;

/* Kernels (out, 3, 3, in) as seen by a product with `inputs` x `outputs`: w itself, or (turned) w rotated by
 * 180 degrees with in and out exchanged, which is what carries dy back to dx. */
typedef struct dsm__winograd_weights {
  size_t out, in;
  bool turned;
} dsm__winograd_weights;

typedef struct dsm__winograd {
  size_t lanes;
  /* v = B^T d B of the windows d of a block; `zeros` holds as many zeros as there are channels */
  void (*windows)(float *v, const float *x, const float *zeros, const dsm__tiles *t, const dsm__block *block,
                  dsm__planes p);
  /* m' = A d A^T of the tiles d of dy */
  void (*gradients)(float *m, const float *dy, const float *zeros, const dsm__tiles *t,
                    const dsm__block *block, dsm__planes p);
  /* u = G g G^T of one panel of outputs */
  void (*weights)(float *u, const float *w, const dsm__winograd_weights *s, size_t panel);
  /* m = v u for one panel of the outputs, whose tiles t are */
  void (*multiply)(float *m, const float *v, const float *u, size_t inputs, const dsm__tiles *t,
                   const dsm__block *block, size_t panel, dsm__planes p);
  /* tiles of y = A^T m A + addends: the channels of one panel */
  void (*outputs)(float *y, const float *m, const dsm__tiles *t, const dsm_conv2d_addends *add,
                  const dsm__block *block, size_t panel);
  /* du = m'^T v (start), du += m'^T v (else), at some of the points; in du, inputs and outputs, whose tiles t are,
   * fill whole vectors */
  void (*correlate)(float *du, const float *m, const float *v, size_t inputs, const dsm__tiles *t,
                    const dsm__block *block, dsm__planes m_planes, dsm__planes v_planes, dsm__range points,
                    bool start);
  /* dw = G^T du G (start), dw += G^T du G (else), of some of the outputs */
  void (*weight_gradients)(float *dw, const float *du, size_t out, size_t in, dsm__range outputs, bool start);
} dsm__winograd;

extern const dsm__winograd dsm__winograd_sse2, dsm__winograd_avx2, dsm__winograd_avx512, dsm__winograd_neon;
/* The loops for k->instructions (fast_table.c). */
const dsm__winograd *dsm__winograd_of(const dsm_kernels *k);

extern const dsm_conv2d_algorithm dsm__conv2d_winograd;

#endif
