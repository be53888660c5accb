/* A hash table with chains, and a doubly linked list in order of use; both are indices into one array of
 * entries. */
#include "slab_cache.h"

#include <stdlib.h>

#include "dsmpi/memory.h"

#define NONE    UINT32_MAX
#define NO_SLAB UINT64_MAX

typedef struct entry {
  uint64_t index;
  unsigned char *bytes;
  uint32_t newer, older; /* list of use */
  uint32_t next;         /* in the same bucket */
} entry;

struct dsm__slab_cache {
  size_t slab_bytes;
  uint32_t capacity, used, buckets; /* buckets: a power of two */
  uint32_t newest, oldest;
  entry *entry;
  uint32_t *bucket;
};

dsm_status dsm__slab_cache_create(size_t slab_bytes, size_t bytes, uint64_t slabs, dsm__slab_cache **cache) {
  dsm_status status = DSM_OK;
  dsm__slab_cache *c = NULL;
  uint64_t capacity = bytes / (slab_bytes + DSM__SLAB_OVERHEAD);
  if (capacity > slabs) capacity = slabs;
  if (capacity < 1) capacity = 1;
  if (capacity > 1u << 30) capacity = 1u << 30;
  DSM_TRY(DSM_ALLOC(1, &c));
  c->slab_bytes = slab_bytes;
  c->capacity = (uint32_t)capacity;
  c->newest = c->oldest = NONE;
  for (c->buckets = 1; c->buckets < c->capacity;) c->buckets *= 2;
  DSM_TRY_DONE(DSM_ALLOC(c->capacity, &c->entry));
  DSM_TRY_DONE(DSM_ALLOC(c->buckets, &c->bucket));
  for (uint32_t b = 0; b < c->buckets; b++) c->bucket[b] = NONE;
  *cache = c;
  c = NULL;
done:
  dsm__slab_cache_destroy(&c);
  return status;
}

void dsm__slab_cache_destroy(dsm__slab_cache **cache) {
  dsm__slab_cache *c = *cache;
  if (!c) return;
  for (uint32_t i = 0; i < c->used; i++) free(c->entry[i].bytes);
  free(c->entry);
  free(c->bucket);
  free(c);
  *cache = NULL;
}

static uint32_t *bucket_of(dsm__slab_cache *c, uint64_t index) {
  return &c->bucket[(index * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (c->buckets - 1)];
}

static void unlink_use(dsm__slab_cache *c, uint32_t i) {
  entry *e = &c->entry[i];
  if (e->newer != NONE)
    c->entry[e->newer].older = e->older;
  else
    c->newest = e->older;
  if (e->older != NONE)
    c->entry[e->older].newer = e->newer;
  else
    c->oldest = e->newer;
}

static void link_newest(dsm__slab_cache *c, uint32_t i) {
  entry *e = &c->entry[i];
  e->newer = NONE;
  e->older = c->newest;
  if (c->newest != NONE)
    c->entry[c->newest].newer = i;
  else
    c->oldest = i;
  c->newest = i;
}

static void unlink_bucket(dsm__slab_cache *c, uint32_t i) {
  if (c->entry[i].index == NO_SLAB) return;
  uint32_t *link = bucket_of(c, c->entry[i].index);
  while (*link != i) link = &c->entry[*link].next;
  *link = c->entry[i].next;
  c->entry[i].index = NO_SLAB;
}

dsm_status dsm__slab_cache_get(dsm__slab_cache *c, uint64_t index, bool *filled, unsigned char **bytes) {
  uint32_t *bucket = bucket_of(c, index), i = *bucket;
  while (i != NONE && c->entry[i].index != index) i = c->entry[i].next;
  *filled = i != NONE;
  if (i != NONE) {
    unlink_use(c, i);
  } else {
    if (c->used < c->capacity) {
      i = c->used;
      DSM_TRY(DSM_ALLOC(c->slab_bytes, &c->entry[i].bytes));
      c->used++;
    } else {
      i = c->oldest;
      unlink_use(c, i);
      unlink_bucket(c, i);
    }
    c->entry[i].index = index;
    c->entry[i].next = *bucket;
    *bucket = i;
  }
  link_newest(c, i);
  *bytes = c->entry[i].bytes;
  return DSM_OK;
}

void dsm__slab_cache_forget(dsm__slab_cache *c) {
  if (c->newest != NONE) unlink_bucket(c, c->newest);
}

size_t dsm__slab_cache_capacity(const dsm__slab_cache *c) {
  return c->capacity;
}
