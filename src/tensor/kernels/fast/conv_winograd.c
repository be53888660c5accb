/* Convolution 3 x 3 with stride 1 by minimal filtering F(4x4, 3x3): Winograd 1980, Arithmetic Complexity of
 * Computations; Lavin & Gray 2016 (arXiv:1509.09308). A tile of 4 x 4 outputs sees a window of 6 x 6 inputs
 * and costs 36 multiplications for each pair of channels, where the definition has 144.
 *
 *   forward          y  = A^T [ sum_c (G w G^T) . (B^T x B) ] A   for each tile; . at each of the 36 points
 *   input gradient   the forward of dy, weights turned by 180 degrees, in and out exchanged, padding 2 - pad
 *   weight gradient  dw = G^T [ sum_tiles (A dy A^T) . (B^T x B) ] G,  the exact adjoint of the first line
 *
 * One axis is a product of polynomials, computed from its values at the points 0, +-a, +-b and infinity
 * (S = a^2 + b^2, h = 1 / 2(b^2 - a^2), a b = 1):
 *
 *         | 1    0   -S    0   1  0 |         |     1     0    0 |         | 1   1    1    1    1   0 |
 *         | 0   -b  -b^2   a   1  0 |         | -b^2 h  -b h  -h |   A^T = | 0   a   -a    b   -b   0 |
 *   B^T = | 0    b  -b^2  -a   1  0 |     G = | -b^2 h   b h  -h |         | 0  a^2  a^2  b^2  b^2  0 |
 *         | 0   -a  -a^2   b   1  0 |         |  a^2 h   a h   h |         | 0  a^3 -a^3  b^3 -b^3  1 |
 *         | 0    a  -a^2  -b   1  0 |         |  a^2 h  -a h   h |
 *         | 0    1    0   -S   0  1 |         |     0     0    1 |
 *
 * The usual a = 1, b = 2 enlarges roundings about 25 times. Of 25 pairs tried (dyadic, thirds, square roots),
 * a = 2/3 and b = 3/2 has the least error, less than half of that in the mean and a quarter at the largest,
 * for sums over channels and over tiles alike; and a b = 1 saves two multiplications a line.
 *
 * Where 4 does not divide a picture, its last row and column of tiles are narrow: 3 or 2 outputs along an axis
 * need but 5 or 4 of the points. Scaled so that G stays as it is, and the weights with it,
 *
 *   3 outputs, 0 a -a b infinity                  2 outputs, 0 a -a infinity
 *
 *         |  1     -a    -b^2    b    0 |               |  1     0    -b^2   0 |
 *         |  0   -a-b   a^2-b^2 a+b   0 |         B^T = |  0    r a    r     0 |    r = a^2 - b^2
 *   B^T = |  0    b-a   a^2-b^2 b-a   0 |               |  0   -r a    r     0 |
 *         |  0   -2 a     0     2 b   0 |               |  0   -a^2    0     1 |
 *         |  0     a    -a^2    -b    1 |
 *                                                       | 1  1   1  0 |
 *         | 1   1    1    1   0 |                 A^T = | 0  a  -a  1 |
 *   A^T = | 0   a   -a    b   0 |
 *         | 0  a^2  a^2  b^2  1 |
 *
 * which saves 16 % of the multiplications on 14 x 14 and 7 x 7. Each point multiplies the tiles that have it.
 *
 * Work goes by blocks of tiles whose transformed windows stay in the L2 cache. Sums over channels are taken
 * in one order whatever the block; sums over tiles by segments that the shape decides, whose results are
 * added in order. So threads do not change a bit.
 * Nor does it matter where the transformed weights come from: a sampler, whose w stay the same, keeps them (dsm_conv2d_prepared).
 * They are 4 times as large as w and cost as much as a few tiles. */
#include <omp.h>
#include <string.h>
#include "winograd.h"
#include "dsmpi/memory.h"

/* In tiles, measured best on 28 x 28 x 64 to 7 x 7 x 256. */
enum {
  BLOCK = 36,         /* three times the rows that fit the registers; 0.7 MB of windows for 128 channels */
  MIN_SUM_BLOCK = 36, /* for the weight gradient, see sum_block() */
  MAX_SUM_BLOCK = 144,
  RUN = 1024,         /* added up in one float, before the next sum is begun */
  SEGMENT_BLOCKS = 4, /* in a share of work of the weight gradient: its transform back costs some 3 % then */
  MAX_SEGMENTS = 16,
  MAX_PARTIAL_BYTES = 32 * 1024 * 1024, /* all partial weight gradients together */
};

static size_t aligned(size_t floats) {
  return dsm__round_up(floats, DSM_ALIGNMENT / sizeof(float));
}

static size_t tiles_along(size_t n) {
  return (n + DSM__TILE - 1) / DSM__TILE;
}

/* A convolution cut into tiles of its output. */
typedef struct tiling {
  const dsm__winograd *loops;
  dsm__tiles in, out;
  size_t tiles, of_kind[DSM__KINDS];
} tiling;

static tiling tiling_of(const dsm_kernels *k, size_t batch, dsm__tiles in, dsm__tiles out) {
  const size_t rows = out.height / DSM__TILE, columns = out.width / DSM__TILE;
  const size_t below = out.height % DSM__TILE, beside = out.width % DSM__TILE;
  in.rows = out.rows = rows;
  in.columns = out.columns = columns;
  in.narrow = out.narrow = below + beside == 0 ? 0 : dsm__max(below, beside) == 3 ? 3 : 2;
  return (tiling){.loops = dsm__winograd_of(k),
                  .in = in,
                  .out = out,
                  .tiles = batch * tiles_along(out.height) * tiles_along(out.width),
                  .of_kind = {[DSM__RIGHT] = beside ? batch * rows : 0,
                              [DSM__WHOLE] = batch * rows * columns,
                              [DSM__BOTTOM] = below ? batch * columns : 0,
                              [DSM__CORNER] = below && beside ? batch : 0}};
}

/* Block `block` of `blocks`: its share of each kind of tiles. */
static dsm__block block_of(const tiling *g, size_t block, size_t blocks) {
  dsm__block b;
  size_t begin = 0;
  for (int kind = 0; kind < DSM__KINDS; kind++) {
    b.first[kind] = g->of_kind[kind] * block / blocks;
    b.begin[kind] = begin;
    begin = b.end[kind] = begin + g->of_kind[kind] * (block + 1) / blocks - b.first[kind];
  }
  return b;
}

static size_t count_of(const dsm__block *block) {
  return block->end[DSM__KINDS - 1];
}

/* What several threads share: each has part `part` of `parts`. */
typedef struct share {
  size_t part, parts;
} share;

static dsm__block share_of_block(const dsm__block *block, share s) {
  dsm__block b;
  for (int kind = 0; kind < DSM__KINDS; kind++) {
    const dsm__range tiles =
        dsm__range_part((dsm__range){block->begin[kind], block->end[kind]}, s.part, s.parts);
    b.first[kind] = block->first[kind] + tiles.begin - block->begin[kind];
    b.begin[kind] = tiles.begin;
    b.end[kind] = tiles.end;
  }
  return b;
}

/* No block has more tiles: each kind may round up. */
static size_t most_tiles(const tiling *g, size_t blocks) {
  return blocks == 1 ? g->tiles : dsm__min(g->tiles, g->tiles / blocks + DSM__KINDS);
}

static tiling forward_tiling(const dsm_kernels *k, const dsm_conv2d *c) {
  const dsm__tiles in = {.height = c->height,
                         .width = c->width,
                         .channels = c->in,
                         .top = (ptrdiff_t)c->pad_top,
                         .left = (ptrdiff_t)c->pad_left};
  const dsm__tiles out = {.height = c->out_height, .width = c->out_width, .channels = c->out};
  return tiling_of(k, c->batch, in, out);
}

static tiling input_tiling(const dsm_kernels *k, const dsm_conv2d *c) {
  const dsm__tiles in = {.height = c->out_height,
                         .width = c->out_width,
                         .channels = c->out,
                         .top = 2 - (ptrdiff_t)c->pad_top,
                         .left = 2 - (ptrdiff_t)c->pad_left};
  const dsm__tiles out = {.height = c->height, .width = c->width, .channels = c->in};
  return tiling_of(k, c->batch, in, out);
}

/* Chunks follow each other; points are one cache line further apart, since 36 streams at a distance of a
 * power of two would fall into the same few sets of the cache. */
static dsm__planes planes_of(const tiling *g, size_t channels, size_t count) {
  const size_t lanes = g->loops->lanes, chunk = count * lanes;
  return (dsm__planes){chunk,
                       aligned((channels + lanes - 1) / lanes * chunk) + DSM_ALIGNMENT / sizeof(float)};
}

/* Floats of 36 matrices of channels, rounded up to whole vectors and panels. */
static size_t weights_size(const tiling *g) {
  const size_t panel = 2 * g->loops->lanes;
  return aligned(DSM__POINTS * dsm__round_up(g->in.channels, panel) * dsm__round_up(g->out.channels, panel));
}

static size_t zeros_size(const tiling *g) {
  return aligned(dsm__max(g->in.channels, g->out.channels));
}

/* ---- y and dx ------------------------------------------------------------------------------------------ */

/* Scratch: zeros, weights u (unless they are given), then v and m for each thread. */
typedef struct product_plan {
  size_t blocks, panels, v_size, m_size, size; /* sizes in floats */
} product_plan;

static product_plan plan_product(const dsm_kernels *k, const tiling *g) {
  const size_t panel = 2 * g->loops->lanes;
  product_plan p = {.blocks = dsm__cut_by(g->tiles, BLOCK).parts,
                    .panels = (g->out.channels + panel - 1) / panel};
  const size_t most = most_tiles(g, p.blocks);
  p.v_size = DSM__POINTS * planes_of(g, g->in.channels, most).point;
  p.m_size = DSM__POINTS * most * panel;
  p.size = zeros_size(g) + weights_size(g) + (size_t)k->threads * (p.v_size + p.m_size);
  return p;
}

/* u of all panels */
static void transform_weights(const dsm_kernels *k, const tiling *g, float *u, const float *w,
                              const dsm__winograd_weights *shape) {
  const size_t panels = plan_product(k, g).panels;
#pragma omp parallel for num_threads(k->threads) schedule(static) if (k->threads > 1 && panels > 1)
  for (size_t panel = 0; panel < panels; panel++) g->loops->weights(u, w, shape, panel);
}

static const dsm_conv2d_addends nothing;

static void product(const dsm_kernels *k, const tiling *g, float *y, const float *x, const float *u,
                    const dsm_conv2d_addends *add, float *zeros) {
  const product_plan p = plan_product(k, g);
  const size_t in = g->in.channels;
  float *buffers = zeros + zeros_size(g) + weights_size(g);
  memset(zeros, 0, in * sizeof *zeros);
  if (add == NULL) add = &nothing;
#pragma omp parallel num_threads(k->threads) if (k->threads > 1 && p.blocks > 1)
  {
    float *v = buffers + (size_t)omp_get_thread_num() * (p.v_size + p.m_size), *m = v + p.v_size;
#pragma omp for schedule(dynamic)
    for (size_t block = 0; block < p.blocks; block++) {
      const dsm__block b = block_of(g, block, p.blocks);
      const dsm__planes planes = planes_of(g, in, count_of(&b));
      g->loops->windows(v, x, zeros, &g->in, &b, planes);
      for (size_t panel = 0; panel < p.panels; panel++) {
        g->loops->multiply(m, v, u, in, &g->out, &b, panel, planes);
        g->loops->outputs(y, m, &g->out, add, &b, panel);
      }
    }
  }
}

static tiling product_tiling(const dsm_kernels *k, const dsm_conv2d *c, bool turned) {
  return turned ? input_tiling(k, c) : forward_tiling(k, c);
}

static size_t prepared_size(const dsm_kernels *k, const dsm_conv2d *c, bool turned) {
  const tiling g = product_tiling(k, c, turned);
  return weights_size(&g) * sizeof(float);
}

static void prepare(const dsm_kernels *k, const dsm_conv2d *c, bool turned, void *prepared, const float *w) {
  const tiling g = product_tiling(k, c, turned);
  transform_weights(k, &g, prepared, w, &(dsm__winograd_weights){c->out, c->in, turned});
}

static void forward_prepared(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x,
                             const void *prepared, const dsm_conv2d_addends *add, void *scratch) {
  const tiling g = forward_tiling(k, c);
  product(k, &g, y, x, prepared, add, scratch);
}

static void input_gradient_prepared(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                                    const void *prepared, const dsm_conv2d_addends *add, void *scratch) {
  const tiling g = input_tiling(k, c);
  product(k, &g, dx, dy, prepared, add, scratch);
}

static void forward(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const float *w,
                    const dsm_conv2d_addends *add, void *scratch) {
  const tiling g = forward_tiling(k, c);
  float *u = (float *)scratch + zeros_size(&g);
  prepare(k, c, false, u, w);
  forward_prepared(k, c, y, x, u, add, scratch);
}

static void input_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                           const float *w, const dsm_conv2d_addends *add, void *scratch) {
  const tiling g = input_tiling(k, c);
  float *u = (float *)scratch + zeros_size(&g);
  prepare(k, c, true, u, w);
  input_gradient_prepared(k, c, dx, dy, u, add, scratch);
}

/* ---- dw ------------------------------------------------------------------------------------------------ */

/* Scratch: zeros, partial dw of each segment (unless there is but one), then for each thread sums du at the
 * points, v and m' of a block. */
typedef struct sum_plan {
  size_t blocks, run;                                /* all blocks; those that are added up in one float */
  dsm__cut segments;                                 /* of blocks */
  size_t partial_size, u_size, v_size, m_size, size; /* in floats */
} sum_plan;

/* A block passes by 36 in out sums and 36 (in + out) numbers a tile: as many of the one as of the other. */
static size_t sum_block(size_t in, size_t out) {
  return dsm__max(MIN_SUM_BLOCK, dsm__min(MAX_SUM_BLOCK, dsm__round_up(in * out / (in + out), 12)));
}

static sum_plan plan_sum(const dsm_kernels *k, const tiling *g) {
  const size_t in = g->in.channels, out = g->out.channels, bytes = 9 * in * out * sizeof(float);
  const size_t most_segments = dsm__max(1, dsm__min(MAX_SEGMENTS, MAX_PARTIAL_BYTES / bytes));
  const size_t block = sum_block(in, out);
  sum_plan p = {.blocks = dsm__cut_by(g->tiles, block).parts, .run = RUN / block};
  p.segments =
      dsm__cut_by(p.blocks, dsm__max(SEGMENT_BLOCKS, (p.blocks + most_segments - 1) / most_segments));
  const size_t most = most_tiles(g, p.blocks);
  p.partial_size = p.segments.parts == 1 ? 0 : aligned(p.segments.parts * 9 * in * out);
  p.u_size = weights_size(g);
  p.v_size = DSM__POINTS * planes_of(g, in, most).point;
  p.m_size = DSM__POINTS * planes_of(g, out, most).point;
  p.size = zeros_size(g) + p.partial_size + (size_t)k->threads * (p.u_size + p.v_size + p.m_size);
  return p;
}

/* Until all that share have come here. */
static void wait_for_others(share s) {
  if (s.parts == 1) return;
#pragma omp barrier
}

/* du = sum over the tiles of blocks first ... first + count - 1. Those who share it transform some of the tiles each,
 * and multiply at some of the points. */
static void sum_blocks(const tiling *g, const sum_plan *p, float *du, const float *dy, const float *x,
                       const float *zeros, size_t first, size_t count, share s) {
  const size_t in = g->in.channels;
  const dsm__range points = dsm__range_part((dsm__range){0, DSM__POINTS}, s.part, s.parts);
  float *v = du + p->u_size, *m = v + p->v_size;
  for (size_t block = first; block < first + count; block++) {
    const dsm__block b = block_of(g, block, p->blocks), mine = share_of_block(&b, s);
    const dsm__planes v_planes = planes_of(g, in, count_of(&b)),
                      m_planes = planes_of(g, g->out.channels, count_of(&b));
    g->loops->windows(v, x, zeros, &g->in, &mine, v_planes);
    g->loops->gradients(m, dy, zeros, &g->out, &mine, m_planes);
    wait_for_others(s);
    g->loops->correlate(du, m, v, in, &g->out, &b, m_planes, v_planes, points, block == first);
    wait_for_others(s);
  }
}

/* dw of a segment, by way of du */
static void sum_segment(const tiling *g, const sum_plan *p, float *dw, float *du, const float *dy,
                        const float *x, const float *zeros, size_t segment, share s) {
  const size_t in = g->in.channels, out = g->out.channels;
  const dsm__range outputs = dsm__range_part((dsm__range){0, out}, s.part, s.parts);
  const dsm__cut runs = dsm__cut_by(dsm__cut_length(p->segments, segment), p->run);
  for (size_t run = 0; run < runs.parts; run++) {
    const size_t first = dsm__cut_begin(p->segments, segment) + dsm__cut_begin(runs, run);
    sum_blocks(g, p, du, dy, x, zeros, first, dsm__cut_length(runs, run), s);
    g->loops->weight_gradients(dw, du, out, in, outputs, run == 0);
    wait_for_others(s);
  }
}

static void weight_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dw, const float *dy,
                            const float *x, void *scratch) {
  const tiling g = forward_tiling(k, c);
  const sum_plan p = plan_sum(k, &g);
  const size_t segments = p.segments.parts, weights = 9 * c->in * c->out;
  float *zeros = scratch, *partial = zeros + zeros_size(&g), *buffers = partial + p.partial_size;
  memset(zeros, 0, zeros_size(&g) * sizeof *zeros);
  if (segments < (size_t)k->threads) { /* all threads for each of them */
#pragma omp parallel num_threads(k->threads)
    for (size_t segment = 0; segment < segments; segment++)
      sum_segment(&g, &p, segments == 1 ? dw : partial + segment * weights, buffers, dy, x, zeros, segment,
                  (share){(size_t)omp_get_thread_num(), (size_t)omp_get_num_threads()});
  } else {
#pragma omp parallel for num_threads(k->threads) schedule(dynamic) if (k->threads > 1)
    for (size_t segment = 0; segment < segments; segment++)
      sum_segment(&g, &p, segments == 1 ? dw : partial + segment * weights,
                  buffers + (size_t)omp_get_thread_num() * (p.u_size + p.v_size + p.m_size), dy, x, zeros,
                  segment, (share){0, 1});
  }
  if (segments > 1) dsm__add_in_order(k, dw, partial, segments, weights);
}

/* ---- the entry ----------------------------------------------------------------------------------------- */

/* Measured against im2col: fewer than 16 tiles do not pay for transforming the weights; fewer than 3 channels
 * leave the vectors empty; pictures so small or narrow that the products, were all tiles whole, are more than
 * two thirds of those of the definition are not worth it. */
static bool suits(const dsm_conv2d *c) {
  if (c->kernel_h != 3 || c->kernel_w != 3 || c->stride != 1) return false;
  if (c->pad_top > 2 || c->pad_left > 2 || c->pad_bottom > 2 || c->pad_right > 2) return false;
  const size_t tiles = c->batch * tiles_along(c->out_height) * tiles_along(c->out_width);
  const size_t positions = c->batch * c->out_height * c->out_width;
  return tiles >= 16 && dsm__min(c->in, c->out) >= 3 && 3 * DSM__POINTS * tiles <= 2 * 9 * positions;
}

static size_t scratch_size(const dsm_kernels *k, const dsm_conv2d *c) {
  const tiling of_y = forward_tiling(k, c), of_dx = input_tiling(k, c);
  const size_t for_products = dsm__max(plan_product(k, &of_y).size, plan_product(k, &of_dx).size);
  return dsm__max(for_products, plan_sum(k, &of_y).size) * sizeof(float);
}

static const dsm_conv2d_prepared with_weights_ready = {
    .size = prepared_size,
    .prepare = prepare,
    .forward = forward_prepared,
    .input_gradient = input_gradient_prepared,
};

const dsm_conv2d_algorithm dsm__conv2d_winograd = {
    .name = "winograd",
    .suits = suits,
    .scratch = scratch_size,
    .forward = forward,
    .input_gradient = input_gradient,
    .weight_gradient = weight_gradient,
    .prepared = &with_weights_ready,
};
