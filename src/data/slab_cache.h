/** @file slab_cache.h
 *  The least recently used slabs (runs of rows, as stored in the file) within a bound of memory. */
#ifndef DSMPI_SLAB_CACHE_H
#define DSMPI_SLAB_CACHE_H

#include <stdint.h>
#include "dsmpi/status.h"

typedef struct dsm__slab_cache dsm__slab_cache;

enum { DSM__SLAB_OVERHEAD = 128 /* bytes of bookkeeping a slab, at most */ };

/** Room for as many slabs of `slab_bytes` as fit in `bytes`, at least one and at most `slabs`. Their memory
 * is taken when first needed. */
dsm_status dsm__slab_cache_create(size_t slab_bytes, size_t bytes, uint64_t slabs, dsm__slab_cache **cache);
void dsm__slab_cache_destroy(dsm__slab_cache **cache);
/** Memory of slab `index`, borrowed until the next call. When `*filled` is false, the memory is new (the
 * least recently used slab gave way) and the caller fills it, or takes it back with dsm__slab_cache_forget.
 */
dsm_status dsm__slab_cache_get(dsm__slab_cache *cache, uint64_t index, bool *filled, unsigned char **bytes);
/** Forgets the slab that the last dsm__slab_cache_get returned. */
void dsm__slab_cache_forget(dsm__slab_cache *cache);
size_t dsm__slab_cache_capacity(const dsm__slab_cache *cache);

#endif
