/* Pairs of broadcast operands, broadcast copies, strided copies.
 *
 * Axes of size 1 are dropped and neighbours that step alike are merged, so that equal shapes become one axis,
 * a scalar per sample becomes (N, M) with (N, 1), a bias (M, C) with (1, C), and (N, 1, 1, C) becomes (N, S,
 * C) with (N, 1, C). */
#include "lanes.h"

typedef struct merged {
  int rank;
  size_t n[DSM_MAX_RANK], a[DSM_MAX_RANK], b[DSM_MAX_RANK]; /* sizes; strides of the operands */
} merged;

static merged merge_axes(const dsm_broadcast *p, bool two_operands) {
  merged m = {0};
  for (int axis = 0; axis < p->rank; axis++) {
    const size_t n = p->n[axis], a = p->stride_a[axis], b = two_operands ? p->stride_b[axis] : a;
    if (n == 1) continue;
    const int last = m.rank - 1;
    if (m.rank > 0 && m.a[last] == n * a && m.b[last] == n * b) {
      m.n[last] *= n;
    } else {
      m.n[m.rank++] = n;
    }
    m.a[m.rank - 1] = a;
    m.b[m.rank - 1] = b;
  }
  if (m.rank == 0) m = (merged){.rank = 1, .n = {1}, .a = {1}, .b = {1}};
  return m;
}

/* The result as `lines` runs along the last axis, of which `rows` in a row belong to the last axis but one.
 */
typedef struct lines {
  size_t count, rows, length;
} lines;

static lines lines_of(const merged *m) {
  lines l = {1, m->rank > 1 ? m->n[m->rank - 2] : 1, m->n[m->rank - 1]};
  for (int axis = 0; axis < m->rank - 1; axis++) l.count *= m->n[axis];
  return l;
}

/* Offset of line `line` in an operand with these strides. */
static size_t line_offset(const merged *m, const size_t *stride, size_t line) {
  size_t offset = 0;
  for (int axis = m->rank - 2; axis >= 0; axis--) {
    offset += line % m->n[axis] * stride[axis];
    line /= m->n[axis];
  }
  return offset;
}

/* ---- binary -------------------------------------------------------------------------------------------- */

/* One run: each operand steps by 0 or 1. */
#define BINARY_LOOP(name, op)                                                                                \
  static void name##_loop(float *y, const float *a, size_t step_a, const float *b, size_t step_b,            \
                          size_t n) {                                                                        \
    if (step_a == 0) {                                                                                       \
      const float u = *a;                                                                                    \
      PRAGMA(omp simd)                                                                                       \
      for (size_t i = 0; i < n; i++) y[i] = u op b[i];                                                       \
    } else if (step_b == 0) {                                                                                \
      const float v = *b;                                                                                    \
      PRAGMA(omp simd)                                                                                       \
      for (size_t i = 0; i < n; i++) y[i] = a[i] op v;                                                       \
    } else {                                                                                                 \
      PRAGMA(omp simd)                                                                                       \
      for (size_t i = 0; i < n; i++) y[i] = a[i] op b[i];                                                    \
    }                                                                                                        \
  }
BINARY_LOOP(add, +)
BINARY_LOOP(sub, -)
BINARY_LOOP(mul, *)
BINARY_LOOP(div, /)
typedef void binary_loop(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n);

/* `rows` short runs in which one operand is the same in all of them (a bias): it is repeated to the width of
 * many runs. */
static void repeated_rows(binary_loop *loop, float *y, const float *a, bool repeat_a, const float *b,
                          bool repeat_b, size_t rows, size_t length) {
  const folded f = fold_rows(rows, length, length);
  float wide[MAX_WIDTH];
  widen(wide, repeat_a ? a : b, &f);
  for (size_t r = 0; r <= f.rows; r++) {
    const size_t at = r * f.width, n = r < f.rows ? f.width : f.tail;
    loop(y + at, repeat_a ? wide : a + at, 1, repeat_b ? wide : b + at, 1, n);
  }
}

/* What the parts of one call share. */
typedef struct binary_work {
  binary_loop *loop;
  float *y;
  const float *a, *b;
  merged m;
  lines l;
} binary_work;

/* Runs along the last axis, [start, start + n) of each of the lines [first, end). */
static void binary_part(const binary_work *w, size_t start, size_t n, size_t first, size_t end) {
  const merged *m = &w->m;
  const lines *l = &w->l;
  const size_t step_a = m->a[m->rank - 1], step_b = m->b[m->rank - 1];
  const size_t row_a = m->rank > 1 ? m->a[m->rank - 2] : 0, row_b = m->rank > 1 ? m->b[m->rank - 2] : 0;
  const bool short_rows = l->length < 64 && l->rows > 1 && step_a == 1 && step_b == 1;
  const bool repeat_a = short_rows && row_a == 0 && row_b == l->length;
  const bool repeat_b = short_rows && row_b == 0 && row_a == l->length;
  for (size_t line = first; line < end;) {
    const size_t rows = dsm__min(l->rows - line % l->rows, end - line); /* of the same plane */
    float *to = w->y + line * l->length + start;
    const float *from_a = w->a + line_offset(m, m->a, line) + start * step_a;
    const float *from_b = w->b + line_offset(m, m->b, line) + start * step_b;
    if (repeat_a || repeat_b) {
      repeated_rows(w->loop, to, from_a, repeat_a, from_b, repeat_b, rows, l->length);
    } else {
      for (size_t r = 0; r < rows; r++) {
        w->loop(to + r * l->length, from_a + r * row_a, step_a, from_b + r * row_b, step_b, n);
      }
    }
    line += rows;
  }
}

static void binary(const dsm_kernels *k, dsm_binary f, float *y, const float *a, const float *b,
                   const dsm_broadcast *p) {
  static binary_loop *const loops[DSM_BINARY_COUNT] = {
      [DSM_BINARY_ADD] = add_loop,
      [DSM_BINARY_SUB] = sub_loop,
      [DSM_BINARY_MUL] = mul_loop,
      [DSM_BINARY_DIV] = div_loop,
  };
  DSM_ASSERT(f >= 0 && f < DSM_BINARY_COUNT);
  binary_work w = {loops[f], y, a, b, merge_axes(p, true), {0}};
  w.l = lines_of(&w.m);
  const lines *l = &w.l;
  if (alone(k, l->count * l->length)) {
    binary_part(&w, 0, l->length, 0, l->count);
    return;
  }
  const dsm__cut along = dsm__cut_by(l->length, 2 * PART);
  const dsm__cut across = dsm__cut_by(l->count, dsm__max(1, 2 * PART / dsm__max(1, l->length)));
  PARALLEL_FOR(k, l->count * l->length)
  for (size_t part = 0; part < along.parts * across.parts; part++) {
    const size_t first = dsm__cut_begin(across, part / along.parts);
    binary_part(&w, dsm__cut_begin(along, part % along.parts), dsm__cut_length(along, part % along.parts),
                first, first + dsm__cut_length(across, part / along.parts));
  }
}

/* ---- copies -------------------------------------------------------------------------------------------- */

INLINE void copy_run(float *to, const float *from, size_t n) {
  if (n < 16) {
    for (size_t i = 0; i < n; i++) to[i] = from[i];
  } else {
    memcpy(to, from, n * sizeof *to);
  }
}

/* Elements [start, start + n) of the lines [first, end). */
static void broadcast_part(float *y, const float *a, const merged *m, const lines *l, size_t start, size_t n,
                           size_t first, size_t end) {
  for (size_t line = first; line < end; line++) {
    float *to = y + line * l->length + start;
    const float *from = a + line_offset(m, m->a, line);
    if (m->a[m->rank - 1] != 0) {
      copy_run(to, from + start, n);
    } else {
      for (size_t i = 0; i < n; i++) to[i] = *from;
    }
  }
}

static void broadcast(const dsm_kernels *k, float *y, const float *a, const dsm_broadcast *p) {
  const merged m = merge_axes(p, false);
  const lines l = lines_of(&m);
  if (alone(k, l.count * l.length)) {
    broadcast_part(y, a, &m, &l, 0, l.length, 0, l.count);
    return;
  }
  const dsm__cut along = dsm__cut_by(l.length, 2 * PART);
  const dsm__cut across = dsm__cut_by(l.count, dsm__max(1, 2 * PART / dsm__max(1, l.length)));
  PARALLEL_FOR(k, l.count * l.length)
  for (size_t part = 0; part < along.parts * across.parts; part++) {
    const size_t first = dsm__cut_begin(across, part / along.parts);
    broadcast_part(y, a, &m, &l, dsm__cut_begin(along, part % along.parts),
                   dsm__cut_length(along, part % along.parts), first,
                   first + dsm__cut_length(across, part / along.parts));
  }
}

static void copy(const dsm_kernels *k, float *dst, size_t dst_stride, const float *src, size_t src_stride,
                 size_t rows, size_t width) {
  if (alone(k, rows * width)) {
    for (size_t r = 0; r < rows; r++) copy_run(dst + r * dst_stride, src + r * src_stride, width);
    return;
  }
  const dsm__cut cut = dsm__cut_by(rows, dsm__max(1, PART / dsm__max(1, width)));
  PARALLEL_FOR(k, rows * width)
  for (size_t part = 0; part < cut.parts; part++) {
    const size_t first = dsm__cut_begin(cut, part);
    for (size_t r = first; r < first + dsm__cut_length(cut, part); r++) {
      copy_run(dst + r * dst_stride, src + r * src_stride, width);
    }
  }
}

static void fill_binary(dsm_kernels *k) {
  k->binary = binary;
  k->broadcast = broadcast;
  k->copy = copy;
}
