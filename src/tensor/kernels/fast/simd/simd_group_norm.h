/* Group normalisation. All loops run over channels (folded when they are few), whatever the width of a group:
 * sums are taken by channel and joined by group afterwards, in double. */
#include <math.h>
#include "lanes.h"

/* A tile: some channels of one sample, all positions; whole groups, or a piece of one group that is very
 * wide. */
typedef struct norm_tile {
  size_t start;   /* offset of its first element in x */
  size_t channel; /* first channel */
  size_t group;   /* of the sample */
  folded f;
} norm_tile;

/* A run of whole groups of one sample, at least one, and more as long as they fit into one tile. Runs are the
 * parts. */
typedef struct norm_cut {
  size_t group_width, groups, runs; /* channels of a group; groups of a run; runs of a sample */
} norm_cut;

static norm_cut cut_groups(const dsm_group_norm *p) {
  DSM_ASSERT(p->groups > 0 && p->channels % p->groups == 0);
  const size_t width = p->channels / p->groups;
  const size_t groups = dsm__max(1, dsm__min(p->groups, MAX_WIDTH / width));
  return (norm_cut){width, groups, (p->groups + groups - 1) / groups};
}

/* First group and number of groups of run r of a sample. */
INLINE size_t first_group(const norm_cut *cut, size_t run) {
  return run * cut->groups;
}
INLINE size_t group_count(const norm_cut *cut, const dsm_group_norm *p, size_t run) {
  return dsm__min(cut->groups, p->groups - first_group(cut, run));
}

/* The tile of a run that begins at channel `channel` of the sample; positions first ... first + count - 1. */
static norm_tile tile_at(const norm_cut *cut, const dsm_group_norm *p, size_t n, size_t run, size_t channel,
                         size_t first, size_t count) {
  const size_t end = (first_group(cut, run) + group_count(cut, p, run)) * cut->group_width;
  norm_tile tile = {.start = (n * p->positions + first) * p->channels + channel, .channel = channel};
  tile.group = channel / cut->group_width;
  tile.f = fold_rows(count, dsm__min(MAX_WIDTH, end - channel), p->channels);
  return tile;
}

/* ---- sums by channel ----------------------------------------------------------------------------------- */

enum { NORM_ROWS = 32 /* added up in float before going on in double */ };

/* first[c] = sum (x - shift_c), second[c] = sum (x - shift_c)^2 over positions */
static void shifted_sums(double *first, double *second, const float *x, const float *shift, const folded *f) {
  float wide_shift[MAX_WIDTH], s1[MAX_WIDTH], s2[MAX_WIDTH];
  double d1[MAX_WIDTH], d2[MAX_WIDTH];
  widen(wide_shift, shift, f);
  for (size_t j = 0; j < f->width; j++) d1[j] = d2[j] = 0;
  for (size_t row = 0; row <= f->rows; row += NORM_ROWS) {
    for (size_t j = 0; j < f->width; j++) s1[j] = s2[j] = 0;
    size_t r = row;
    const size_t end = dsm__min(f->rows, row + NORM_ROWS);
    for (; r + 2 <= end; r += 2) {
      const float *x0 = x + r * f->pitch, *x1 = x0 + f->pitch;
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) {
        const float u = x0[j] - wide_shift[j], v = x1[j] - wide_shift[j];
        s1[j] += u + v;
        s2[j] = madd(u, u, madd(v, v, s2[j]));
      }
    }
    if (r < end) {
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) {
        const float u = x[r * f->pitch + j] - wide_shift[j];
        s1[j] += u;
        s2[j] = madd(u, u, s2[j]);
      }
    }
    PRAGMA(omp simd)
    for (size_t j = 0; j < f->width; j++) {
      d1[j] += (double)s1[j];
      d2[j] += (double)s2[j];
    }
  }
  for (size_t j = 0; j < f->tail; j++) {
    const double u = (double)(x[f->rows * f->pitch + j] - wide_shift[j]);
    d1[j] += u;
    d2[j] += u * u;
  }
  for (size_t c = 0; c < f->columns; c++) first[c] = second[c] = 0;
  narrow(first, d1, f);
  narrow(second, d2, f);
}

/* first[c] = sum dy, second[c] = sum dy (x - mean_c) over positions; `mean` is already folded */
static void gradient_sums(double *first, double *second, const float *dy, const float *x,
                          const float *wide_mean, const folded *f) {
  float s1[MAX_WIDTH], s2[MAX_WIDTH];
  double d1[MAX_WIDTH], d2[MAX_WIDTH];
  for (size_t j = 0; j < f->width; j++) d1[j] = d2[j] = 0;
  for (size_t row = 0; row <= f->rows; row += NORM_ROWS) {
    for (size_t j = 0; j < f->width; j++) s1[j] = s2[j] = 0;
    size_t r = row;
    const size_t end = dsm__min(f->rows, row + NORM_ROWS);
    for (; r + 2 <= end; r += 2) {
      const float *x0 = x + r * f->pitch, *x1 = x0 + f->pitch, *dy0 = dy + r * f->pitch,
                  *dy1 = dy0 + f->pitch;
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) {
        s1[j] += dy0[j] + dy1[j];
        s2[j] = madd(dy0[j], x0[j] - wide_mean[j], madd(dy1[j], x1[j] - wide_mean[j], s2[j]));
      }
    }
    if (r < end) {
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) {
        s1[j] += dy[r * f->pitch + j];
        s2[j] = madd(dy[r * f->pitch + j], x[r * f->pitch + j] - wide_mean[j], s2[j]);
      }
    }
    PRAGMA(omp simd)
    for (size_t j = 0; j < f->width; j++) {
      d1[j] += (double)s1[j];
      d2[j] += (double)s2[j];
    }
  }
  for (size_t j = 0; j < f->tail; j++) {
    const size_t i = f->rows * f->pitch + j;
    d1[j] += (double)dy[i];
    d2[j] += (double)dy[i] * (double)(x[i] - wide_mean[j]);
  }
  for (size_t c = 0; c < f->columns; c++) first[c] = second[c] = 0;
  narrow(first, d1, f);
  narrow(second, d2, f);
}

/* ---- statistics ---------------------------------------------------------------------------------------- */

/* Sums are taken about the first value of each channel, which removes most of a large mean before it can
 * cancel. */
static void group_norm_statistics(const dsm_kernels *k, float *statistics, const float *x,
                                  const dsm_group_norm *p) {
  const norm_cut cut = cut_groups(p);
  const double positions = (double)p->positions;
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs; part++) {
    const size_t n = part / cut.runs, run = part % cut.runs, groups = group_count(&cut, p, run);
    const size_t begin = first_group(&cut, run) * cut.group_width, end = begin + groups * cut.group_width;
    const float *start = x + n * p->positions * p->channels; /* position 0: the shifts */
    double first[MAX_WIDTH], second[MAX_WIDTH];
    double mean[MAX_WIDTH], squares[MAX_WIDTH]; /* by group of the run */
    for (size_t g = 0; g < groups; g++) mean[g] = squares[g] = 0;
    if (groups > 1 || cut.group_width <= MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, begin, 0, p->positions);
      shifted_sums(first, second, x + tile.start, start + begin, &tile.f);
      for (size_t c = begin; c < end; c++) {
        mean[(c - begin) / cut.group_width] += (double)start[c] + first[c - begin] / positions;
      }
      for (size_t g = 0; g < groups; g++) mean[g] /= (double)cut.group_width;
      for (size_t c = begin; c < end; c++) {
        const size_t g = (c - begin) / cut.group_width;
        const double shift = mean[g] - (double)start[c];
        squares[g] += second[c - begin] + shift * (positions * shift - 2 * first[c - begin]);
      }
    } else { /* one group, of several tiles: all about the very first value */
      float shift[MAX_WIDTH];
      double total = 0, total_squares = 0;
      for (size_t c = 0; c < MAX_WIDTH; c++) shift[c] = start[begin];
      for (size_t c = begin; c < end; c += MAX_WIDTH) {
        const norm_tile tile = tile_at(&cut, p, n, run, c, 0, p->positions);
        shifted_sums(first, second, x + tile.start, shift, &tile.f);
        for (size_t j = 0; j < tile.f.columns; j++) {
          total += first[j];
          total_squares += second[j];
        }
      }
      const double size = positions * (double)cut.group_width;
      mean[0] = total / size + (double)shift[0];
      squares[0] = total_squares - total * total / size;
    }
    float *to = statistics + 2 * (n * p->groups + first_group(&cut, run));
    for (size_t g = 0; g < groups; g++) {
      const double variance = squares[g] / (positions * (double)cut.group_width);
      to[2 * g] = (float)mean[g];
      to[2 * g + 1] = (float)(1 / sqrt((variance > 0 ? variance : 0) + (double)p->eps));
    }
  }
}

/* ---- normalisation ------------------------------------------------------------------------------------- */

static void normalize_rows(float *y, const float *x, const float *mean, const float *scale,
                           const float *shift, const folded *f) {
  for (size_t r = 0; r <= f->rows; r++) {
    const size_t n = r < f->rows ? f->width : f->tail;
    float *to = y + r * f->pitch;
    const float *from = x + r * f->pitch;
    PRAGMA(omp simd)
    for (size_t j = 0; j < n; j++) to[j] = madd(from[j] - mean[j], scale[j], shift[j]);
  }
}

static void group_norm(const dsm_kernels *k, float *y, const float *x, const float *statistics,
                       const float *gamma, const float *beta, const dsm_group_norm *p) {
  const norm_cut cut = cut_groups(p);
  const dsm__cut positions = dsm__cut_by(p->positions, dsm__max(1, 4 * PART / p->channels));
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs * positions.parts; part++) {
    const size_t block = part % positions.parts, run = part / positions.parts % cut.runs;
    const size_t n = part / positions.parts / cut.runs;
    const size_t begin = first_group(&cut, run) * cut.group_width;
    const size_t end = begin + group_count(&cut, p, run) * cut.group_width;
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile =
          tile_at(&cut, p, n, run, c, dsm__cut_begin(positions, block), dsm__cut_length(positions, block));
      float mean[MAX_WIDTH], scale[MAX_WIDTH], shift[MAX_WIDTH];
      for (size_t j = 0; j < tile.f.width; j++) {
        const size_t channel = tile.channel + j % tile.f.columns;
        const float *of_group = statistics + 2 * (n * p->groups + channel / cut.group_width);
        mean[j] = of_group[0];
        scale[j] = gamma[channel] * of_group[1];
        shift[j] = beta[channel];
      }
      normalize_rows(y + tile.start, x + tile.start, mean, scale, shift, &tile.f);
    }
  }
}

/* ---- gradients ----------------------------------------------------------------------------------------- */

static void gradient_rows(float *dx, const float *dy, const float *x, const float *mean, const float *of_dy,
                          const float *of_x, const float *constant, const folded *f) {
  for (size_t r = 0; r <= f->rows; r++) {
    const size_t at = r * f->pitch, n = r < f->rows ? f->width : f->tail;
    PRAGMA(omp simd)
    for (size_t j = 0; j < n; j++) {
      dx[at + j] = madd(dy[at + j], of_dy[j], madd(x[at + j] - mean[j], of_x[j], constant[j]));
    }
  }
}

INLINE void wide_means(float *mean, const float *statistics, size_t group_width, const norm_tile *tile) {
  for (size_t j = 0; j < tile->f.width; j++) {
    mean[j] = statistics[2 * ((tile->channel + j % tile->f.columns) / group_width)];
  }
}

/* With h = (x - mean) rstd, e = gamma dy and means over the group,  dx = rstd (e - mean(e) - h mean(e h)),
 * written as dx = dy of_dy + (x - mean) of_x + constant. */
static void group_norm_input_gradient(const dsm_kernels *k, float *dx, const float *dy, const float *x,
                                      const float *statistics, const float *gamma, const dsm_group_norm *p) {
  const norm_cut cut = cut_groups(p);
  const double size = (double)(p->positions * cut.group_width);
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs; part++) {
    const size_t n = part / cut.runs, run = part % cut.runs, groups = group_count(&cut, p, run);
    const size_t g0 = first_group(&cut, run), begin = g0 * cut.group_width,
                 end = begin + groups * cut.group_width;
    const float *of_sample = statistics + 2 * n * p->groups;
    float mean[MAX_WIDTH];
    double sum_e[MAX_WIDTH], sum_eh[MAX_WIDTH]; /* by group of the run; h without rstd */
    for (size_t g = 0; g < groups; g++) sum_e[g] = sum_eh[g] = 0;
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c, 0, p->positions);
      double first[MAX_WIDTH], second[MAX_WIDTH];
      wide_means(mean, of_sample, cut.group_width, &tile);
      gradient_sums(first, second, dy + tile.start, x + tile.start, mean, &tile.f);
      for (size_t j = 0; j < tile.f.columns; j++) {
        const size_t g = (c + j) / cut.group_width - g0;
        sum_e[g] += (double)gamma[c + j] * first[j];
        sum_eh[g] += (double)gamma[c + j] * second[j];
      }
    }
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c, 0, p->positions);
      float of_dy[MAX_WIDTH], of_x[MAX_WIDTH], constant[MAX_WIDTH];
      wide_means(mean, of_sample, cut.group_width, &tile);
      for (size_t j = 0; j < tile.f.width; j++) {
        const size_t channel = tile.channel + j % tile.f.columns, g = channel / cut.group_width;
        const double rstd = (double)of_sample[2 * g + 1];
        of_dy[j] = (float)(rstd * (double)gamma[channel]);
        of_x[j] = (float)(-rstd * rstd * rstd * sum_eh[g - g0] / size);
        constant[j] = (float)(-rstd * sum_e[g - g0] / size);
      }
      gradient_rows(dx + tile.start, dy + tile.start, x + tile.start, mean, of_dy, of_x, constant, &tile.f);
    }
  }
}

static size_t group_norm_gamma_gradient_scratch(const dsm_kernels *k, const dsm_group_norm *p) {
  (void)k;
  return p->batch * p->channels * sizeof(double);
}

static void group_norm_gamma_gradient(const dsm_kernels *k, float *dgamma, const float *dy, const float *x,
                                      const float *statistics, const dsm_group_norm *p, void *scratch) {
  const norm_cut cut = cut_groups(p);
  double *of_samples = scratch; /* (N, C) */
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs; part++) {
    const size_t n = part / cut.runs, run = part % cut.runs;
    const size_t begin = first_group(&cut, run) * cut.group_width;
    const size_t end = begin + group_count(&cut, p, run) * cut.group_width;
    const float *of_sample = statistics + 2 * n * p->groups;
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c, 0, p->positions);
      float mean[MAX_WIDTH];
      double first[MAX_WIDTH], second[MAX_WIDTH];
      wide_means(mean, of_sample, cut.group_width, &tile);
      gradient_sums(first, second, dy + tile.start, x + tile.start, mean, &tile.f);
      for (size_t j = 0; j < tile.f.columns; j++) {
        of_samples[n * p->channels + c + j] =
            second[j] * (double)of_sample[2 * ((c + j) / cut.group_width) + 1];
      }
    }
  }
  for (size_t c = 0; c < p->channels; c++) {
    double sum = 0;
    for (size_t n = 0; n < p->batch; n++) sum += of_samples[n * p->channels + c];
    dgamma[c] = (float)sum;
  }
}

static void fill_group_norm(dsm_kernels *k) {
  k->group_norm_statistics = group_norm_statistics;
  k->group_norm = group_norm;
  k->group_norm_input_gradient = group_norm_input_gradient;
  k->group_norm_gamma_gradient_scratch = group_norm_gamma_gradient_scratch;
  k->group_norm_gamma_gradient = group_norm_gamma_gradient;
}
