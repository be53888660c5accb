/* Sums over axes. All the sums that training needs are, after merging neighbours, of the form (outer, summed,
 * inner) with outer and inner kept: a bias gradient is (1, M, C), a sum per sample (N, M, 1), a sum over
 * positions (N, S, C), a total (1, M, 1). Any other goes to ref. */
#include "lanes.h"

typedef struct middle_sum {
  size_t outer, summed, inner;
} middle_sum;

/* False if the axes do not have that form. */
static bool as_middle_sum(const dsm_reduce *p, middle_sum *m) {
  enum { OUTER, SUMMED, INNER } at = OUTER;
  *m = (middle_sum){1, 1, 1};
  for (int axis = 0; axis < p->rank; axis++) {
    if (p->n[axis] == 1) continue;
    if (p->keep[axis]) {
      if (at == SUMMED) at = INNER;
      *(at == OUTER ? &m->outer : &m->inner) *= p->n[axis];
    } else {
      if (at == INNER) return false;
      at = SUMMED;
      m->summed *= p->n[axis];
    }
  }
  return true;
}

/* Tiles of columns and, where these are too few to share out, segments of the summed axis. */
typedef struct reduce_cuts {
  dsm__cut columns, segments;
} reduce_cuts;

static reduce_cuts cuts_of_sum(const middle_sum *m) {
  enum { SEGMENT = 1 << 16 /* elements */, MAX_SEGMENTS = 64 };
  reduce_cuts cuts = {.columns = dsm__cut_by(m->inner, MAX_WIDTH / 2),
                      .segments = dsm__cut_by(m->summed, m->summed)};
  if (m->inner <= MAX_WIDTH) cuts.columns = dsm__cut_by(m->inner, MAX_WIDTH);
  if (m->outer * cuts.columns.parts < 16) {
    const size_t rows = dsm__max(SEGMENT / dsm__min(m->inner, SEGMENT), m->summed / MAX_SEGMENTS + 1);
    cuts.segments = dsm__cut_by(m->summed, rows);
  }
  return cuts;
}

static size_t reduce_scratch(const dsm_kernels *k, const dsm_reduce *p) {
  middle_sum m;
  if (!as_middle_sum(p, &m)) {
    dsm_kernels ref;
    dsm_kernels_ref(&ref, k->threads);
    return ref.reduce_scratch(&ref, p);
  }
  const size_t segments = cuts_of_sum(&m).segments.parts;
  return segments == 1 ? 0 : m.outer * segments * m.inner * sizeof(double);
}

/* wide[j] += sum over rows; floats are added up over at most 32 rows at a time, then in double. */
static void add_rows(double *wide, const float *x, const folded *f) {
  enum { ROWS = 32 };
  float sum[MAX_WIDTH];
  for (size_t first = 0; first < f->rows; first += ROWS) {
    const size_t end = dsm__min(f->rows, first + ROWS);
    size_t r = first;
    for (size_t j = 0; j < f->width; j++) sum[j] = 0;
    for (; r + 4 <= end; r += 4) {
      const float *x0 = x + r * f->pitch, *x1 = x0 + f->pitch, *x2 = x1 + f->pitch, *x3 = x2 + f->pitch;
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) sum[j] += (x0[j] + x1[j]) + (x2[j] + x3[j]);
    }
    for (; r < end; r++) {
      PRAGMA(omp simd)
      for (size_t j = 0; j < f->width; j++) sum[j] += x[r * f->pitch + j];
    }
    PRAGMA(omp simd)
    for (size_t j = 0; j < f->width; j++) wide[j] += (double)sum[j];
  }
  for (size_t j = 0; j < f->tail; j++) wide[j] += (double)x[f->rows * f->pitch + j];
}

/* Sums of `columns` columns over `rows` rows. */
static void column_sums(double *sum, const float *x, size_t rows, size_t columns, size_t pitch) {
  for (size_t c = 0; c < columns; c++) sum[c] = 0;
  if (pitch == 1) {
    *sum = sum_of(x, rows);
    return;
  }
  const folded f = fold_rows(rows, columns, pitch);
  double wide[MAX_WIDTH];
  for (size_t j = 0; j < f.width; j++) wide[j] = 0;
  add_rows(wide, x, &f);
  narrow(sum, wide, &f);
}

/* Sums of rows shorter than a vector, term by term as sum_of does with such rows. */
static void short_row_sums(float *y, const float *x, size_t rows, size_t length) {
  for (size_t r = 0; r < rows; r++, x += length) {
    float sum = 0;
    for (size_t i = 0; i < length; i++) sum += x[i];
    y[r] = sum;
  }
}

/* One tile of columns over one segment, into y if that is all of the sum, else into partial (outer)(segments)(inner). */
static void reduce_part(float *y, double *partial, const float *x, const middle_sum *m,
                        const reduce_cuts *cuts, size_t part) {
  const dsm__cut columns = cuts->columns, segments = cuts->segments;
  const size_t segment = part % segments.parts, tile = part / segments.parts % columns.parts;
  const size_t outer = part / segments.parts / columns.parts;
  const size_t row = outer * m->summed + dsm__cut_begin(segments, segment);
  const size_t column = dsm__cut_begin(columns, tile), width = dsm__cut_length(columns, tile);
  double sum[MAX_WIDTH];
  column_sums(sum, x + row * m->inner + column, dsm__cut_length(segments, segment), width, m->inner);
  for (size_t c = 0; c < width; c++) {
    if (segments.parts == 1) {
      y[outer * m->inner + column + c] = (float)sum[c];
    } else {
      partial[(outer * segments.parts + segment) * m->inner + column + c] = sum[c];
    }
  }
}

static void reduce(const dsm_kernels *k, float *y, const float *x, const dsm_reduce *p, void *scratch) {
  middle_sum m;
  if (!as_middle_sum(p, &m)) {
    dsm_kernels ref;
    dsm_kernels_ref(&ref, k->threads);
    ref.reduce(&ref, y, x, p, scratch);
    return;
  }
  const reduce_cuts cuts = cuts_of_sum(&m);
  const size_t segments = cuts.segments.parts, parts = m.outer * cuts.columns.parts * segments;
  const size_t elements = m.outer * m.summed * m.inner;
  double *partial = scratch;
  if (m.inner == 1 && m.summed < LANES && alone(k, elements)) {
    short_row_sums(y, x, m.outer, m.summed);
  } else if (alone(k, elements)) {
    for (size_t part = 0; part < parts; part++) reduce_part(y, partial, x, &m, &cuts, part);
  } else {
    PARALLEL_FOR(k, elements)
    for (size_t part = 0; part < parts; part++) reduce_part(y, partial, x, &m, &cuts, part);
  }
  for (size_t i = 0; segments > 1 && i < m.outer * m.inner; i++) {
    const double *from = partial + i / m.inner * segments * m.inner + i % m.inner;
    double sum = 0;
    for (size_t segment = 0; segment < segments; segment++) sum += from[segment * m.inner];
    y[i] = (float)sum;
  }
}

static void fill_reduce(dsm_kernels *k) {
  k->reduce_scratch = reduce_scratch;
  k->reduce = reduce;
}
