/* Convolution of any shape as matrix products with the matrix of patches: row q holds the kernel_h * kernel_w
 * * channels inputs that output position q sees. It is never built whole, but in blocks of positions that
 * stay in the L2 cache.
 *
 *   forward          y  = patches(x) w^T
 *   input gradient   stride 1: dx = patches(dy) w', with w' turned by 180 degrees; else dpatches = dy w,
 * added into dx weight gradient  dw = dy^T patches(x), over segments of positions, whose partial results are
 * added in order
 *
 * Channels come last, so a patch is kernel_h contiguous runs of kernel_w * channels floats. */
#include <omp.h>
#include <string.h>
#include "dsmpi/memory.h"
#include "products.h"

enum {
  BLOCK_BYTES = 512 * 1024, /* of patches: half of a common L2 cache */
  MAX_BLOCK = 1024, /* positions: enough rows to pay for packing the weights, and parts for the threads */
  MIN_BLOCK = 32,
  MAX_SEGMENTS = 16,
  MIN_SEGMENT = 1024,                   /* positions */
  MAX_PARTIAL_BYTES = 32 * 1024 * 1024, /* all partial weight gradients together */
};

/* Which inputs an output position sees. */
typedef struct patches {
  size_t batch, height, width, channels; /* input */
  size_t rows, columns;                  /* output positions of one sample */
  size_t kernel_h, kernel_w, stride;
  ptrdiff_t top, left; /* padding; below zero when the borders of the input are not looked at */
} patches;

static patches patches_of_input(const dsm_conv2d *c) {
  return (patches){c->batch,
                   c->height,
                   c->width,
                   c->in,
                   c->out_height,
                   c->out_width,
                   c->kernel_h,
                   c->kernel_w,
                   c->stride,
                   (ptrdiff_t)c->pad_top,
                   (ptrdiff_t)c->pad_left};
}

/* The patches of dy that an input position (stride 1) acts on. */
static patches patches_of_output(const dsm_conv2d *c) {
  return (patches){c->batch,
                   c->out_height,
                   c->out_width,
                   c->out,
                   c->height,
                   c->width,
                   c->kernel_h,
                   c->kernel_w,
                   1,
                   (ptrdiff_t)c->kernel_h - 1 - (ptrdiff_t)c->pad_top,
                   (ptrdiff_t)c->kernel_w - 1 - (ptrdiff_t)c->pad_left};
}

static size_t patch_size(const patches *p) {
  return p->kernel_h * p->kernel_w * p->channels;
}

static size_t block_size(const patches *p) {
  const size_t block = BLOCK_BYTES / sizeof(float) / patch_size(p) / 16 * 16;
  return dsm__max(MIN_BLOCK, dsm__min(MAX_BLOCK, block));
}

static size_t aligned(size_t floats) {
  return dsm__round_up(floats, DSM_ALIGNMENT / sizeof(float));
}

/* Positions of the longest block, out of at most `positions`: the last one may be a quarter longer. */
static size_t longest_block(const patches *p, size_t positions) {
  return dsm__min(positions, block_size(p) + block_size(p) / 4);
}

/* What a thread needs for its products: a block of patches and the panels of a matrix. In floats. */
typedef struct buffers {
  size_t patches, size;
} buffers;

static buffers buffers_of(const dsm_kernels *k, const patches *p, size_t positions, size_t channels) {
  const dsm__products *loops = dsm__products_of(k);
  const size_t block = longest_block(p, positions), size = patch_size(p);
  const size_t panels = dsm__max(dsm__packed_size(loops, block, channels, size),
                                 dsm__max(dsm__packed_size(loops, block, size, channels),
                                          dsm__packed_size(loops, channels, size, block)));
  buffers b = {.patches = aligned(block * size)};
  b.size = b.patches + aligned(panels);
  return b;
}

/* ---- between images and patches ------------------------------------------------------------------------ */

/* One of the kernel_h runs of a patch: which of its kernel_w pixels lie inside the image, and where the run
 * starts. */
typedef struct patch_run {
  size_t before, inside, after; /* floats: padding, image, padding */
  size_t start;                 /* offset in x of the first float inside */
} patch_run;

static patch_run run_at(const patches *p, size_t n, size_t i, size_t j, size_t kernel_row) {
  const size_t length = p->kernel_w * p->channels;
  const ptrdiff_t row = (ptrdiff_t)(i * p->stride + kernel_row) - p->top;
  const ptrdiff_t first = (ptrdiff_t)(j * p->stride) - p->left, last = first + (ptrdiff_t)p->kernel_w;
  const ptrdiff_t from = first < 0 ? 0 : first, to = last > (ptrdiff_t)p->width ? (ptrdiff_t)p->width : last;
  if (row < 0 || row >= (ptrdiff_t)p->height || from >= to) return (patch_run){length, 0, 0, 0};
  const size_t before = (size_t)(from - first) * p->channels, inside = (size_t)(to - from) * p->channels;
  return (patch_run){before, inside, length - before - inside,
                     ((n * p->height + (size_t)row) * p->width + (size_t)from) * p->channels};
}

static void copy_floats(float *to, const float *from, size_t n) {
  if (n < 16) {
    for (size_t i = 0; i < n; i++) to[i] = from[i];
  } else {
    memcpy(to, from, n * sizeof *to);
  }
}

/* The position after (n, i, j). */
static void advance(const patches *p, size_t *n, size_t *i, size_t *j) {
  if (++*j < p->columns) return;
  *j = 0;
  if (++*i < p->rows) return;
  *i = 0;
  ++*n;
}

/* Patches of `count` positions from `first` on. */
static void gather(const patches *p, float *to, const float *x, size_t first, size_t count) {
  size_t n = first / (p->rows * p->columns), i = first / p->columns % p->rows, j = first % p->columns;
  for (size_t q = 0; q < count; q++, advance(p, &n, &i, &j)) {
    for (size_t kernel_row = 0; kernel_row < p->kernel_h; kernel_row++) {
      const patch_run run = run_at(p, n, i, j, kernel_row);
      if (run.before > 0) memset(to, 0, run.before * sizeof *to);
      copy_floats(to + run.before, x + run.start, run.inside);
      if (run.after > 0) memset(to + run.before + run.inside, 0, run.after * sizeof *to);
      to += p->kernel_w * p->channels;
    }
  }
}

/* The transpose of gather: adds each patch where it came from. */
static void scatter_add(const patches *p, float *x, const float *from, size_t first, size_t count) {
  size_t n = first / (p->rows * p->columns), i = first / p->columns % p->rows, j = first % p->columns;
  for (size_t q = 0; q < count; q++, advance(p, &n, &i, &j)) {
    for (size_t kernel_row = 0; kernel_row < p->kernel_h; kernel_row++) {
      const patch_run run = run_at(p, n, i, j, kernel_row);
      float *to = x + run.start;
      const float *inside = from + run.before;
      for (size_t l = 0; l < run.inside; l++) to[l] += inside[l];
      from += p->kernel_w * p->channels;
    }
  }
}

/* ---- the three products -------------------------------------------------------------------------------- */

/* c (m x n) = op(a) op(b), or c += that */
static void multiply(const dsm_kernels *k, size_t m, size_t n, size_t terms, dsm__operand a, dsm__operand b,
                     bool add, float *c, size_t c_pitch, float *packed) {
  const dsm__product p = {
      .m = m, .n = n, .k = terms, .alpha = 1, .a = a, .b = b, .add = add, .c = c, .c_pitch = c_pitch};
  dsm__multiply(dsm__products_of(k), &p, packed, false);
}

/* y (positions x out) = patches(x) op(w); `buffers` holds one block of patches for each thread. */
static void product(const dsm_kernels *k, const patches *p, float *y, const float *x, dsm__operand w,
                    size_t out, const dsm_conv2d_addends *add, float *scratch) {
  const size_t positions = p->batch * p->rows * p->columns;
  const dsm__cut blocks = dsm__cut_by(positions, block_size(p));
  const size_t size = patch_size(p);
  const buffers buffer = buffers_of(k, p, positions, out);
#pragma omp parallel for num_threads(k->threads) schedule(dynamic) if (k->threads > 1 && blocks.parts > 1)
  for (size_t block = 0; block < blocks.parts; block++) {
    const size_t first = dsm__cut_begin(blocks, block), count = dsm__cut_length(blocks, block);
    float *patch = scratch + (size_t)omp_get_thread_num() * buffer.size;
    gather(p, patch, x, first, count);
    multiply(k, count, out, size, (dsm__operand){patch, size, false}, w, false, y + first * out, out,
             patch + buffer.patches);
    dsm__add_to_positions(y, add, first, count, p->rows * p->columns, out);
  }
}

static void forward(const dsm_kernels *k, const dsm_conv2d *c, float *y, const float *x, const float *w,
                    const dsm_conv2d_addends *add, void *scratch) {
  const patches p = patches_of_input(c);
  product(k, &p, y, x, (dsm__operand){w, patch_size(&p), true}, c->out, add, scratch);
}

/* turned[p,q,o,l] = w[o, kernel_h-1-p, kernel_w-1-q, l] */
static void turn(const dsm_conv2d *c, float *turned, const float *w) {
  for (size_t p = 0; p < c->kernel_h; p++) {
    for (size_t q = 0; q < c->kernel_w; q++) {
      for (size_t o = 0; o < c->out; o++, turned += c->in) {
        const size_t from = (o * c->kernel_h + c->kernel_h - 1 - p) * c->kernel_w + c->kernel_w - 1 - q;
        copy_floats(turned, w + from * c->in, c->in);
      }
    }
  }
}

static void input_gradient_by_scatter(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                                      const float *w, const dsm_conv2d_addends *add, float *scratch) {
  const patches p = patches_of_input(c);
  const size_t positions = c->out_height * c->out_width, pixels = c->height * c->width * c->in;
  const dsm__cut blocks = dsm__cut_by(positions, block_size(&p));
  const size_t size = patch_size(&p);
  const buffers buffer = buffers_of(k, &p, positions, c->out);
  /* patches of one sample overlap, those of different samples do not */
#pragma omp parallel for num_threads(k->threads) schedule(dynamic) if (k->threads > 1 && c->batch > 1)
  for (size_t n = 0; n < c->batch; n++) {
    float *patch = scratch + (size_t)omp_get_thread_num() * buffer.size;
    memset(dx + n * pixels, 0, pixels * sizeof *dx);
    for (size_t block = 0; block < blocks.parts; block++) {
      const size_t first = n * positions + dsm__cut_begin(blocks, block),
                   count = dsm__cut_length(blocks, block);
      multiply(k, count, size, c->out, (dsm__operand){dy + first * c->out, c->out, false},
               (dsm__operand){w, size, false}, false, patch, size, patch + buffer.patches);
      scatter_add(&p, dx, patch, first, count);
    }
    dsm__add_to_positions(dx, add, n * c->height * c->width, c->height * c->width, c->height * c->width,
                          c->in);
  }
}

static void input_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dx, const float *dy,
                           const float *w, const dsm_conv2d_addends *add, void *scratch) {
  if (c->stride == 1) {
    const patches p = patches_of_output(c);
    float *turned = scratch;
    turn(c, turned, w);
    product(k, &p, dx, dy, (dsm__operand){turned, c->in, false}, c->in, add,
            turned + aligned(patch_size(&p) * c->in));
  } else {
    input_gradient_by_scatter(k, c, dx, dy, w, add, scratch);
  }
}

/* Positions that make one partial weight gradient. */
static dsm__cut segments_of(const patches *p, size_t out) {
  const size_t positions = p->batch * p->rows * p->columns;
  const size_t bytes = out * patch_size(p) * sizeof(float);
  const size_t most = dsm__max(1, dsm__min(MAX_SEGMENTS, MAX_PARTIAL_BYTES / bytes));
  return dsm__cut_by(positions, dsm__max(MIN_SEGMENT, dsm__round_up(positions, most) / most));
}

static void weight_gradient(const dsm_kernels *k, const dsm_conv2d *c, float *dw, const float *dy,
                            const float *x, void *scratch) {
  const patches p = patches_of_input(c);
  const size_t size = patch_size(&p), run = c->kernel_w * c->in, weights = c->out * size;
  const dsm__cut segments = segments_of(&p, c->out);
  const buffers buffer = buffers_of(k, &p, segments.total, c->out);
  float *partial = segments.parts == 1 ? dw : scratch;
  float *of_threads = (float *)scratch + (segments.parts == 1 ? 0 : aligned(segments.parts * weights));
#pragma omp parallel for num_threads(k->threads) schedule(dynamic) if (k->threads > 1 && segments.parts > 1)
  for (size_t segment = 0; segment < segments.parts; segment++) {
    float *patch = of_threads + (size_t)omp_get_thread_num() * buffer.size;
    const dsm__cut blocks = dsm__cut_by(dsm__cut_length(segments, segment), block_size(&p));
    for (size_t block = 0; block < blocks.parts; block++) {
      const size_t first = dsm__cut_begin(segments, segment) + dsm__cut_begin(blocks, block);
      const size_t count = dsm__cut_length(blocks, block);
      gather(&p, patch, x, first, count);
      for (size_t row = 0; row < c->kernel_h; row++) { /* few columns at a time are read where they lie */
        multiply(k, c->out, run, count, (dsm__operand){dy + first * c->out, c->out, true},
                 (dsm__operand){patch + row * run, size, false}, block > 0,
                 partial + segment * weights + row * run, size, patch + buffer.patches);
      }
    }
  }
  if (segments.parts > 1) dsm__add_in_order(k, dw, partial, segments.parts, weights);
}

/* ---- the entry ----------------------------------------------------------------------------------------- */

static bool suits(const dsm_conv2d *c) {
  (void)c;
  return true;
}

static size_t scratch_size(const dsm_kernels *k, const dsm_conv2d *c) {
  const patches in = patches_of_input(c), out = patches_of_output(c);
  const size_t positions = c->batch * c->out_height * c->out_width, pixels = c->batch * c->height * c->width;
  const size_t threads = (size_t)k->threads, segments = segments_of(&in, c->out).parts;
  const size_t for_output = threads * buffers_of(k, &in, positions, c->out).size;
  const size_t for_dx =
      c->stride > 1 ? 0
                    : aligned(patch_size(&out) * c->in) + threads * buffers_of(k, &out, pixels, c->in).size;
  const size_t partial = segments == 1 ? 0 : aligned(segments * c->out * patch_size(&in));
  return dsm__max(for_dx, for_output + partial) * sizeof(float);
}

const dsm_conv2d_algorithm dsm__conv2d_im2col = {
    .name = "im2col",
    .suits = suits,
    .scratch = scratch_size,
    .forward = forward,
    .input_gradient = input_gradient,
    .weight_gradient = weight_gradient,
};
