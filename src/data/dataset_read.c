/* Reading rows: contiguous data by pread, without HDF5 and its lock; the rest in slabs of whole chunks
 * through a cache. Short rows of contiguous data come out of slabs too once a loader has said how many it goes
 * through at random, if those fit: a system call costs more than a network of a few hundred inputs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset_private.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"

enum {
  RUN_BYTES = 1 << 20,     /* rows that follow each other are read together up to this size */
  STRIDED_BYTES = 4 << 20, /* slab of contiguous data whose N axis is not the first */
  SHORT_ROW = 512,         /* bytes; a longer one is worth a system call */
  SHORT_SLAB = 64 << 10,   /* bytes of a slab of short rows */
  SHORT_CACHE = 32 << 20   /* bytes that every rank can spare for them */
};

static uint64_t clamp(uint64_t v, uint64_t low, uint64_t high) {
  return v < low ? low : v > high ? high : v;
}

/* ---- slabs --------------------------------------------------------------------------------------------- */

void dsm__dataset_plan_slabs(dsm_dataset *d) {
  uint64_t fitting = clamp(d->cache_bytes / d->row_bytes, 1, d->info.rows_in_file);
  dsm__slab_cache_destroy(&d->cache);
  if (d->source == DSM__SOURCE_HDF5) {
    /* Chunks too long for the cache are taken in parts: unpacked more than once, but in bounded memory. */
    d->slab_rows = d->info.chunk_rows <= fitting ? d->info.chunk_rows : clamp(fitting / 3, 1, fitting);
  } else {
    uint64_t rows = (d->source == DSM__SOURCE_ROWS ? SHORT_SLAB : STRIDED_BYTES) / d->row_bytes;
    d->slab_rows = clamp(rows, 1, fitting);
  }
}

void dsm_dataset_set_cache(dsm_dataset *d, size_t bytes) {
  d->cache_bytes = bytes;
  dsm__dataset_plan_slabs(d);
}

/* Slabs that blocks of rows meet, a slab more at either end of each. */
static void reserve_short_rows(dsm_dataset *d, uint64_t rows, uint64_t block) {
  if (d->row_bytes > SHORT_ROW) return;
  uint64_t all = (d->info.rows_in_file - 1) / d->slab_rows + 1;
  uint64_t slabs = clamp((rows / block + 1) * (block / d->slab_rows + 2), 1, all);
  uint64_t needed = slabs * (d->slab_rows * d->row_bytes + DSM__SLAB_OVERHEAD);
  d->short_rows = needed <= SHORT_CACHE;
  if (d->short_rows) dsm_dataset_set_cache(d, needed);
}

void dsm__dataset_reserve(dsm_dataset *d, uint64_t rows, uint64_t block) {
  if (d->source == DSM__SOURCE_ROWS) {
    reserve_short_rows(d, rows, block);
    return;
  }
  /* A slab more at either end of a block that does not begin where a slab does. */
  uint64_t chunk = clamp(d->info.chunk_rows, 1, block), slabs = rows / chunk + 1 + 2;
  uint64_t needed = slabs * (chunk * d->row_bytes + DSM__SLAB_OVERHEAD);
  if (needed > d->cache_bytes) dsm_dataset_set_cache(d, needed);
}

/* Up to `bytes` at `offset`, or a failure that names the file. */
static dsm_status read_at(const dsm_dataset *d, unsigned char *to, size_t bytes, uint64_t offset) {
  while (bytes > 0) {
    ssize_t n = pread(d->fd, to, bytes, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      DSM_FAIL(DSM_IO, "reading '%s' at byte %llu failed: %s", d->path, (unsigned long long)offset,
               strerror(errno));
    if (n == 0)
      DSM_FAIL(DSM_IO, "'%s' ends at byte %llu, inside '%s': it was cut off while in use", d->path,
               (unsigned long long)offset, d->name);
    to += n;
    bytes -= (size_t)n;
    offset += (uint64_t)n;
  }
  return DSM_OK;
}

static dsm_status read_slab_strided(const dsm_dataset *d, uint64_t first, uint64_t rows, unsigned char *to) {
  size_t bytes = rows * d->after * d->element.size;
  for (size_t a = 0; a < d->before; a++, to += bytes) {
    uint64_t at = (a * d->info.rows_in_file + first) * d->after * d->element.size;
    DSM_TRY(read_at(d, to, bytes, d->offset + at));
  }
  return DSM_OK;
}

static dsm_status read_slab_hdf5(const dsm_dataset *d, uint64_t first, uint64_t rows, unsigned char *to) {
  hsize_t start[DSM_MAX_RANK] = {0}, count[DSM_MAX_RANK];
  char why[256] = "";
  for (int a = 0; a < d->rank; a++) count[a] = d->dims[a];
  start[d->n_axis] = first;
  count[d->n_axis] = rows;
  dsm_hdf5_lock();
  hid_t space = H5Dget_space(d->dataset), memory = H5Screate_simple(d->rank, count, NULL);
  bool ok = space >= 0 && memory >= 0 &&
            H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
            H5Dread(d->dataset, d->element.type, memory, space, H5P_DEFAULT, to) >= 0;
  if (!ok) dsm_hdf5_message(why, sizeof why);
  if (space >= 0) H5Sclose(space);
  if (memory >= 0) H5Sclose(memory);
  dsm_hdf5_unlock();
  if (!ok)
    DSM_FAIL(DSM_BAD_DATA, "rows %llu to %llu of '%s' in '%s' cannot be read: HDF5 says '%s'",
             (unsigned long long)first, (unsigned long long)(first + rows - 1), d->name, d->path, why);
  return DSM_OK;
}

typedef struct slab {
  unsigned char *bytes;
  uint64_t first, rows;
} slab;

/* The slab with a row of the file, from the cache or the file. */
static dsm_status slab_of(dsm_dataset *d, uint64_t row, slab *s) {
  uint64_t index = row / d->slab_rows;
  bool filled;
  if (!d->cache)
    DSM_TRY(dsm__slab_cache_create(d->slab_rows * d->row_bytes, d->cache_bytes,
                                   (d->info.rows_in_file - 1) / d->slab_rows + 1, &d->cache));
  s->first = index * d->slab_rows;
  s->rows = clamp(d->info.rows_in_file - s->first, 1, d->slab_rows);
  DSM_TRY(dsm__slab_cache_get(d->cache, index, &filled, &s->bytes));
  if (filled) return DSM_OK;
  dsm_status status = d->source == DSM__SOURCE_HDF5 ? read_slab_hdf5(d, s->first, s->rows, s->bytes)
                                                    : read_slab_strided(d, s->first, s->rows, s->bytes);
  d->slabs_read++;
  if (status != DSM_OK) dsm__slab_cache_forget(d->cache);
  DSM_TRY(status);
  return DSM_OK;
}

/* ---- from a row's bytes to a sample -------------------------------------------------------------------- */

static dsm_status need_working_memory(dsm_dataset *d, size_t raw_bytes, size_t picks) {
  if (raw_bytes > d->raw_bytes) {
    free(d->raw);
    d->raw = NULL;
    d->raw_bytes = 0;
    DSM_TRY(DSM_ALLOC(raw_bytes, &d->raw));
    d->raw_bytes = raw_bytes;
  }
  if (picks > d->picks) {
    free(d->pick);
    d->pick = NULL;
    d->picks = 0;
    DSM_TRY(DSM_ALLOC(picks, &d->pick));
    d->picks = picks;
  }
  if (!d->values) DSM_TRY(DSM_ALLOC(d->row_elements, &d->values));
  return DSM_OK;
}

/* Decodes `raw` (which may be overwritten) and puts channels last. */
static dsm_status emit(dsm_dataset *d, unsigned char *raw, float *x) {
  if (d->channels == 1 || d->inner == 1) return dsm__element_decode(&d->element, raw, d->row_elements, x);
  DSM_TRY(dsm__element_decode(&d->element, raw, d->row_elements, d->values));
  const float *v = d->values;
  for (size_t o = 0; o < d->outer; o++, x += d->inner * d->channels)
    for (size_t c = 0; c < d->channels; c++, v += d->inner)
      for (size_t i = 0; i < d->inner; i++) x[i * d->channels + c] = v[i];
  return DSM_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Rows read together; HDF5's conversion grows a row in place, so that such rows stay alone. */
static size_t longest_run(const dsm_dataset *d, size_t n) {
  bool alone = d->source != DSM__SOURCE_ROWS || d->element.number == DSM__OTHER || n == 0;
  return alone ? 1 : clamp(RUN_BYTES / d->row_bytes, 1, n);
}

/* n picks, one by one, out of slabs. */
static dsm_status read_slabs(dsm_dataset *d, const dsm__pick *pick, size_t n, float *x) {
  size_t piece = d->after * d->element.size;
  bool in_place = d->before == 1 && dsm__element_decodes_from_const(&d->element);
  for (size_t i = 0; i < n; i++) {
    slab s = {0};
    DSM_TRY(slab_of(d, pick[i].row, &s));
    unsigned char *from = s.bytes + (pick[i].row - s.first) * piece;
    if (!in_place) {
      for (size_t a = 0; a < d->before; a++) memcpy(d->raw + a * piece, from + a * s.rows * piece, piece);
      from = d->raw;
    }
    DSM_TRY(emit(d, from, x + pick[i].place * d->row_elements));
  }
  return DSM_OK;
}

static dsm_status read_rows(dsm_dataset *d, size_t n, float *x) {
  size_t most = longest_run(d, n);
  for (size_t i = 0, run; i < n; i += run) {
    const dsm__pick *p = d->pick + i;
    for (run = 1; i + run < n && run < most && p[run].row == p[0].row + run;) run++;
    if (d->short_rows && run * d->row_bytes <= SHORT_ROW) {
      DSM_TRY(read_slabs(d, p, run, x));
      continue;
    }
    DSM_TRY(read_at(d, d->raw, run * d->row_bytes, d->offset + p[0].row * d->row_bytes));
    for (size_t j = 0; j < run; j++)
      DSM_TRY(emit(d, d->raw + j * d->row_bytes, x + p[j].place * d->row_elements));
  }
  return DSM_OK;
}

static int by_row(const void *a, const void *b) {
  const dsm__pick *p = a, *q = b;
  return (p->row > q->row) - (p->row < q->row);
}

dsm_status dsm_dataset_read(dsm_dataset *d, const uint64_t *row, size_t n, float *x) {
  bool sorted = true;
  size_t row_room =
      d->row_elements * (d->element.number == DSM__OTHER && d->element.size < 4 ? 4 : d->element.size);
  DSM_TRY(need_working_memory(d, (longest_run(d, n) - 1) * d->row_bytes + row_room, n));
  for (size_t i = 0; i < n; i++) {
    if (row[i] >= d->info.rows)
      DSM_FAIL(DSM_INTERNAL, "row %llu was asked of %llu in '%s'", (unsigned long long)row[i],
               (unsigned long long)d->info.rows, d->path);
    d->pick[i] = (dsm__pick){d->info.first + row[i], i};
    if (i && row[i] < row[i - 1]) sorted = false;
  }
  /* In the order of the file: a slab is then needed once a call, however small the cache, and the disk goes
   * forward. Short rows' slabs all stay. */
  if (!sorted && !d->short_rows) qsort(d->pick, n, sizeof *d->pick, by_row);
  return d->source == DSM__SOURCE_ROWS ? read_rows(d, n, x) : read_slabs(d, d->pick, n, x);
}
