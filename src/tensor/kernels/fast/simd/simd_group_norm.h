/* Group normalisation. All loops run over channels (folded when they are few), whatever the width of a group:
 * sums are taken by channel and joined by group afterwards, in double. */
#include <math.h>
#include "vector_math.h"

/* A tile: some channels of one sample, all positions; whole groups, or a piece of one group that is very
 * wide. */
typedef struct norm_tile {
  size_t start;   /* offset of its first element in x */
  size_t channel; /* first channel */
  folded f;
} norm_tile;

/* A run of whole groups of one sample, at least one, and more as long as they fit into one tile. Runs are the
 * parts. Narrower ones, whose data would stay in the cache for large pictures too, are slower: their rows are
 * short and far apart. */
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

/* The tile of a run that begins at channel `channel` of the sample. */
static norm_tile tile_at(const norm_cut *cut, const dsm_group_norm *p, size_t n, size_t run, size_t channel) {
  const size_t end = (first_group(cut, run) + group_count(cut, p, run)) * cut->group_width;
  norm_tile tile = {.start = n * p->positions * p->channels + channel, .channel = channel};
  tile.f = fold_rows(p->positions, dsm__min(MAX_WIDTH, end - channel), p->channels);
  return tile;
}

/* The column of a tile where group g of the sample ends. */
INLINE size_t group_end(size_t g, size_t group_width, const norm_tile *tile) {
  return dsm__min(tile->f.columns, (g + 1) * group_width - tile->channel);
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

/* ---- forward ------------------------------------------------------------------------------------------- */

/* Mean and rstd of the groups of a run. Sums are taken about the first value of each channel, which removes
 * most of a large mean before it can cancel. */
static void run_statistics(float *statistics, const float *x, const norm_cut *cut, const dsm_group_norm *p,
                           size_t n, size_t run) {
  const double positions = (double)p->positions;
  const size_t groups = group_count(cut, p, run);
  const size_t begin = first_group(cut, run) * cut->group_width, end = begin + groups * cut->group_width;
  const float *start = x + n * p->positions * p->channels; /* position 0: the shifts */
  double first[MAX_WIDTH], second[MAX_WIDTH];
  double mean[MAX_WIDTH], squares[MAX_WIDTH]; /* by group of the run */
  if (groups > 1 || cut->group_width <= MAX_WIDTH) {
    const norm_tile tile = tile_at(cut, p, n, run, begin);
    const double width = (double)cut->group_width;
    start += begin;
    shifted_sums(first, second, x + tile.start, start, &tile.f);
    for (size_t g = 0, c = 0; g < groups; g++, c += cut->group_width) {
      double shifts = 0, sum = 0;
      for (size_t j = c; j < c + cut->group_width; j++) {
        shifts += (double)start[j];
        sum += first[j];
      }
      mean[g] = (shifts + sum / positions) / width;
      squares[g] = 0;
      for (size_t j = c; j < c + cut->group_width; j++) {
        const double shift = mean[g] - (double)start[j];
        squares[g] += second[j] + shift * (positions * shift - 2 * first[j]);
      }
    }
  } else { /* one group, of several tiles: all about the very first value */
    float shift[MAX_WIDTH];
    double total = 0, total_squares = 0;
    for (size_t c = 0; c < MAX_WIDTH; c++) shift[c] = start[begin];
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(cut, p, n, run, c);
      shifted_sums(first, second, x + tile.start, shift, &tile.f);
      for (size_t j = 0; j < tile.f.columns; j++) {
        total += first[j];
        total_squares += second[j];
      }
    }
    const double size = positions * (double)cut->group_width;
    mean[0] = total / size + (double)shift[0];
    squares[0] = total_squares - total * total / size;
  }
  for (size_t g = 0; g < groups; g++) {
    const double variance = squares[g] / (positions * (double)cut->group_width);
    statistics[2 * g] = (float)mean[g];
    statistics[2 * g + 1] = (float)(1 / sqrt((variance > 0 ? variance : 0) + (double)p->eps));
  }
}

/* Fills a folded row from its first columns. */
INLINE void repeat(float *wide, const folded *f) {
  for (size_t j = f->columns; j < f->width; j++) wide[j] = wide[j - f->columns];
}

/* u = (x - mean) scale + shift, by channel of a tile, folded. */
typedef struct norm_map {
  float mean[MAX_WIDTH], scale[MAX_WIDTH], shift[MAX_WIDTH];
} norm_map;

/* `statistics` are those of the run whose first group is `g0`. */
static void make_map(norm_map *m, const float *statistics, size_t g0, const float *gamma, const float *beta,
                     size_t group_width, const norm_tile *tile) {
  for (size_t j = 0, g = tile->channel / group_width - g0; j < tile->f.columns; g++) {
    for (const size_t end = group_end(g0 + g, group_width, tile); j < end; j++) {
      m->mean[j] = statistics[2 * g];
      m->scale[j] = gamma[tile->channel + j] * statistics[2 * g + 1];
      m->shift[j] = beta[tile->channel + j];
    }
  }
  repeat(m->mean, &tile->f);
  repeat(m->scale, &tile->f);
  repeat(m->shift, &tile->f);
}

INLINE void normalize_rows(float *y, const float *x, const norm_map *m, const folded *f,
                           dsm_activation activation) {
  for (size_t r = 0; r <= f->rows; r++) {
    const size_t n = r < f->rows ? f->width : f->tail;
    float *to = y + r * f->pitch;
    const float *from = x + r * f->pitch;
    PRAGMA(omp simd)
    for (size_t j = 0; j < n; j++) {
      const float u = madd(from[j] - m->mean[j], m->scale[j], m->shift[j]);
      to[j] = activation == DSM_ACTIVATION_SILU ? near_silu(u) : u;
    }
  }
}

/* A part is a run of groups: the statistics, then the output while the input is still in the cache. */
static void group_norm(const dsm_kernels *k, float *y, float *statistics, const float *x, const float *gamma,
                       const float *beta, const dsm_group_norm *p) {
  const norm_cut cut = cut_groups(p);
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs; part++) {
    const size_t n = part / cut.runs, run = part % cut.runs;
    const size_t g0 = first_group(&cut, run), groups = group_count(&cut, p, run);
    float of_run[2 * MAX_WIDTH];
    run_statistics(of_run, x, &cut, p, n, run);
    if (statistics) memcpy(statistics + 2 * (n * p->groups + g0), of_run, 2 * groups * sizeof *of_run);
    for (size_t c = g0 * cut.group_width; c < (g0 + groups) * cut.group_width; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c);
      norm_map map;
      make_map(&map, of_run, g0, gamma, beta, cut.group_width, &tile);
      if (p->activation == DSM_ACTIVATION_SILU) {
        normalize_rows(y + tile.start, x + tile.start, &map, &tile.f, DSM_ACTIVATION_SILU);
      } else {
        normalize_rows(y + tile.start, x + tile.start, &map, &tile.f, DSM_ACTIVATION_NONE);
      }
    }
  }
}

/* ---- gradient ------------------------------------------------------------------------------------------ */

/* g = dy f'(u), kept if it differs from dy; first[c] = sum g, second[c] = sum g (x - mean_c) over positions
 */
INLINE void gradient_sums(double *first, double *second, float *g, const float *dy, const float *x,
                          const norm_map *m, const folded *f, dsm_activation activation) {
  float s1[MAX_WIDTH], s2[MAX_WIDTH];
  double d1[MAX_WIDTH], d2[MAX_WIDTH];
  for (size_t j = 0; j < f->width; j++) d1[j] = d2[j] = 0;
  for (size_t row = 0; row <= f->rows; row += NORM_ROWS) {
    for (size_t j = 0; j < f->width; j++) s1[j] = s2[j] = 0;
    for (size_t r = row; r <= f->rows && r < row + NORM_ROWS; r++) {
      const size_t at = r * f->pitch, n = r < f->rows ? f->width : f->tail;
      PRAGMA(omp simd)
      for (size_t j = 0; j < n; j++) {
        const float centred = x[at + j] - m->mean[j];
        float of_u = dy[at + j];
        if (activation == DSM_ACTIVATION_SILU) {
          of_u *= near_silu_d1(madd(centred, m->scale[j], m->shift[j]));
          g[at + j] = of_u;
        }
        s1[j] += of_u;
        s2[j] = madd(of_u, centred, s2[j]);
      }
    }
    PRAGMA(omp simd)
    for (size_t j = 0; j < f->width; j++) {
      d1[j] += (double)s1[j];
      d2[j] += (double)s2[j];
    }
  }
  for (size_t c = 0; c < f->columns; c++) first[c] = second[c] = 0;
  narrow(first, d1, f);
  narrow(second, d2, f);
}

static void gradient_rows(float *dx, const float *g, const float *x, const float *mean, const float *of_g,
                          const float *of_x, const float *constant, const folded *f) {
  for (size_t r = 0; r <= f->rows; r++) {
    const size_t at = r * f->pitch, n = r < f->rows ? f->width : f->tail;
    PRAGMA(omp simd)
    for (size_t j = 0; j < n; j++) {
      dx[at + j] = madd(g[at + j], of_g[j], madd(x[at + j] - mean[j], of_x[j], constant[j]));
    }
  }
}

/* With e = gamma g and means over the group,  dx = rstd (e - mean(e) - h mean(e h)),  written as
 * dx = g of_g + (x - mean) of_x + constant. A part is a run of groups; g waits in dx for the second half,
 * which finds it and x in the cache. */
static void group_norm_gradient(const dsm_kernels *k, float *dx, float *dgamma, float *dbeta, const float *dy,
                                const float *x, const float *statistics, const float *gamma,
                                const float *beta, const dsm_group_norm *p) {
  const norm_cut cut = cut_groups(p);
  const double size = (double)(p->positions * cut.group_width);
  const bool silu = p->activation == DSM_ACTIVATION_SILU;
  PARALLEL_FOR(k, p->batch * p->positions * p->channels)
  for (size_t part = 0; part < p->batch * cut.runs; part++) {
    const size_t n = part / cut.runs, run = part % cut.runs, groups = group_count(&cut, p, run);
    const size_t g0 = first_group(&cut, run), begin = g0 * cut.group_width,
                 end = begin + groups * cut.group_width;
    const float *of_run = statistics + 2 * (n * p->groups + g0);
    norm_map map;
    double sum_e[MAX_WIDTH], sum_eh[MAX_WIDTH]; /* by group of the run; h without rstd */
    for (size_t g = 0; g < groups; g++) sum_e[g] = sum_eh[g] = 0;
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c);
      const size_t at = tile.start;
      double first[MAX_WIDTH], second[MAX_WIDTH];
      make_map(&map, of_run, g0, gamma, beta, cut.group_width, &tile);
      if (silu) {
        gradient_sums(first, second, dx + at, dy + at, x + at, &map, &tile.f, DSM_ACTIVATION_SILU);
      } else {
        gradient_sums(first, second, NULL, dy + at, x + at, &map, &tile.f, DSM_ACTIVATION_NONE);
      }
      for (size_t j = 0, g = c / cut.group_width - g0; j < tile.f.columns; g++) {
        for (const size_t to = group_end(g0 + g, cut.group_width, &tile); j < to; j++) {
          sum_e[g] += (double)gamma[c + j] * first[j];
          sum_eh[g] += (double)gamma[c + j] * second[j];
          if (dgamma) dgamma[n * p->channels + c + j] = (float)(second[j] * (double)of_run[2 * g + 1]);
          if (dbeta) dbeta[n * p->channels + c + j] = (float)first[j];
        }
      }
    }
    for (size_t c = begin; c < end; c += MAX_WIDTH) {
      const norm_tile tile = tile_at(&cut, p, n, run, c);
      float of_x[MAX_WIDTH], constant[MAX_WIDTH];
      make_map(&map, of_run, g0, gamma, beta, cut.group_width, &tile);
      for (size_t j = 0, g = c / cut.group_width - g0; j < tile.f.columns; g++) {
        const double rstd = (double)of_run[2 * g + 1];
        const float of_x_here = (float)(-rstd * rstd * rstd * sum_eh[g] / size);
        const float constant_here = (float)(-rstd * sum_e[g] / size);
        for (const size_t to = group_end(g0 + g, cut.group_width, &tile); j < to; j++) {
          of_x[j] = of_x_here;
          constant[j] = constant_here;
        }
      }
      repeat(of_x, &tile.f);
      repeat(constant, &tile.f);
      gradient_rows(dx + tile.start, (silu ? dx : dy) + tile.start, x + tile.start, map.mean, map.scale, of_x,
                    constant, &tile.f);
    }
  }
}

static void fill_group_norm(dsm_kernels *k) {
  k->group_norm = group_norm;
  k->group_norm_gradient = group_norm_gradient;
}
