/** @file dataset_private.h
 *  What the files dataset_*.c share.
 *
 *  A file's array is seen as (before, rows, after): the axes in front of N, N itself, the axes behind it. A
 * *row* is the (before, after) part of one sample, in the file's type and order. A *slab* is a run of rows
 * read in one go, (before, rows of the slab, after). Channels last asks for at most one exchange of axes: a
 * row is (outer, channels, inner) and leaves as (outer, inner, channels). */
#ifndef DSMPI_DATASET_PRIVATE_H
#define DSMPI_DATASET_PRIVATE_H

#include <hdf5.h>

#include "dsmpi/data.h"
#include "slab_cache.h"

/** How the bytes of rows are got. */
typedef enum dsm__source {
  DSM__SOURCE_ROWS,    /* contiguous, N first: pread of just the rows */
  DSM__SOURCE_STRIDED, /* contiguous, N elsewhere: pread of slabs, one piece for each index before N */
  DSM__SOURCE_HDF5     /* chunked or compact: slabs through HDF5, under its lock */
} dsm__source;

typedef enum dsm__number {
  DSM__U8,
  DSM__I8,
  DSM__U16,
  DSM__I16,
  DSM__U32,
  DSM__I32,
  DSM__U64,
  DSM__I64,
  DSM__F16,
  DSM__F32,
  DSM__F64,
  DSM__OTHER /* 3-byte integers, bfloat16 and the like: converted by HDF5 */
} dsm__number;

typedef struct dsm__element {
  dsm__number number;
  size_t size; /* bytes in the file */
  bool swap;   /* the other byte order */
  hid_t type;  /* as in the file; owned */
} dsm__element;

typedef struct dsm__pick {
  uint64_t row; /* in the file */
  size_t place; /* in the caller's batch */
} dsm__pick;

struct dsm_dataset {
  char *path, *name;
  dsm_dataset_info info;
  int fd;
  uint64_t file_bytes;
  hid_t file, dataset; /* -1 when closed */
  dsm__element element;
  int rank, n_axis, c_axis; /* c_axis: -1 when there is none */
  uint64_t dims[DSM_MAX_RANK], chunk[DSM_MAX_RANK];
  char letters[DSM_MAX_RANK + 1];
  size_t before, after, row_elements, row_bytes;
  size_t outer, channels, inner;
  dsm__source source;
  uint64_t offset;    /* of contiguous data in the file */
  uint64_t slab_rows; /* rows a slab */
  bool short_rows;    /* DSM__SOURCE_ROWS: single rows come out of slabs */
  size_t cache_bytes;
  dsm__slab_cache *cache; /* made by the first read */
  /* working memory of reads, taken when first needed */
  unsigned char *raw;
  float *values;
  dsm__pick *pick;
  size_t picks, raw_bytes;
  uint64_t slabs_read; /* for tests and reports */
};

/* dataset_open.c */
/** Opens d->path: sets fd, file_bytes and file, each also when a later step fails. Under the HDF5 lock. */
dsm_status dsm__file_open(dsm_dataset *d);

/* dataset_trust.c: each refuses what should not be read. Under the HDF5 lock. */
dsm_status dsm__trust_links(const dsm_dataset *d);
dsm_status dsm__trust_complete(const dsm_dataset *d);
dsm_status dsm__trust_storage(dsm_dataset *d, hid_t properties, char *filters, size_t size);
/** Lists the datasets of the file in `text`, "(none)" if there are none. */
const char *dsm__dataset_names(hid_t file, char *text, size_t size);

/* dataset_type.c */
/** Recognises the element type; fills d->element and d->info.type. Under the lock. */
dsm_status dsm__element_open(dsm_dataset *d);
/** n elements to float32; `raw` is aligned to the element and may be overwritten. Takes the lock for
 * DSM__OTHER only, and then needs room for 4 bytes an element. */
dsm_status dsm__element_decode(const dsm__element *e, unsigned char *raw, size_t n, float *x);
/** True when decoding leaves `raw` alone. */
bool dsm__element_decodes_from_const(const dsm__element *e);

/* dataset_axes.c */
/** Fills d->letters, n_axis, c_axis, info.axes and info.axes_from from `axes`, the labels of the file, or a
 * guess. Under the lock. */
dsm_status dsm__axes_open(dsm_dataset *d, const char *axes);
/** Fills before, after, outer, channels, inner and info.sample. */
void dsm__axes_geometry(dsm_dataset *d);

/* dataset_read.c */
/** Sets slab_rows from the layout and the cache; drops what is cached. */
void dsm__dataset_plan_slabs(dsm_dataset *d);
/** Lets the cache hold at least the slabs of `rows` rows taken in blocks of `block` rows; of DSM__SOURCE_ROWS only if
 * rows are short and the slabs few. */
void dsm__dataset_reserve(dsm_dataset *d, uint64_t rows, uint64_t block);

/* dataset_finite.c */
/** Fails on the first NaN or infinity among n samples x, which are rows row[...] of the range. */
dsm_status dsm__dataset_check_finite(const dsm_dataset *d, const uint64_t *row, size_t n, const float *x);

#endif
