#include "dsmpi/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dsm_status dsm_alloc(size_t count, size_t size, void **memory) {
  size_t bytes;
  *memory = NULL;
  if (count == 0 || size == 0) return DSM_OK;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - DSM_ALIGNMENT)
    DSM_FAIL(DSM_NO_MEMORY, "%zu elements of %zu bytes are more than any memory can hold", count, size);
  if (posix_memalign(memory, DSM_ALIGNMENT, bytes) != 0) {
    *memory = NULL;
    DSM_FAIL(DSM_NO_MEMORY,
             "no memory for %zu bytes (%zu elements of %zu); use more nodes or a smaller train.micro_batch",
             bytes, count, size);
  }
  memset(*memory, 0, bytes);
  return DSM_OK;
}

/* A chain of blocks. `current` is the one being filled; those behind it are empty (left from before a reset).
 *
 *   first: [#########..] -> [######.....] -> current: [###........] -> [...........] -> NULL
 */
enum { ARENA_ALIGNMENT = 16 };

typedef struct block {
  struct block *next;
  size_t capacity, used;
  _Alignas(DSM_ALIGNMENT) unsigned char bytes[];
} block;

struct dsm_arena {
  block *first, *current;
  size_t block_bytes, used;
};

static block *block_create(size_t capacity) {
  void *memory = NULL;
  if (capacity > PTRDIFF_MAX - sizeof(block)) return NULL;
  if (posix_memalign(&memory, DSM_ALIGNMENT, sizeof(block) + capacity) != 0) return NULL;
  block *b = memory;
  *b = (block){.capacity = capacity};
  return b;
}

dsm_status dsm_arena_create(size_t block_bytes, dsm_arena **arena) {
  DSM_TRY(DSM_ALLOC(1, arena));
  if (block_bytes > SIZE_MAX - ARENA_ALIGNMENT) block_bytes = SIZE_MAX - ARENA_ALIGNMENT;
  block_bytes = (block_bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
  (*arena)->block_bytes = block_bytes;
  block *b = block_create(block_bytes);
  if (!b) {
    dsm_arena_destroy(arena);
    DSM_FAIL(DSM_NO_MEMORY, "no memory for an arena of %zu bytes", block_bytes);
  }
  (*arena)->first = (*arena)->current = b;
  return DSM_OK;
}

void dsm_arena_destroy(dsm_arena **arena) {
  if (!arena || !*arena) return;
  for (block *b = (*arena)->first, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(*arena);
  *arena = NULL;
}

void *dsm_arena_alloc(dsm_arena *arena, size_t bytes) {
  if (bytes > PTRDIFF_MAX - ARENA_ALIGNMENT) return NULL;
  bytes = (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
  block *b = arena->current;
  if (bytes > b->capacity - b->used) {
    /* An empty block that is too small stays behind the new one, for later and smaller requests. */
    if (!b->next || b->next->capacity < bytes) {
      block *fresh = block_create(bytes > arena->block_bytes ? bytes : arena->block_bytes);
      if (!fresh) return NULL;
      fresh->next = b->next;
      b->next = fresh;
    }
    b = arena->current = b->next;
  }
  void *memory = b->bytes + b->used;
  b->used += bytes;
  arena->used += bytes;
  return memset(memory, 0, bytes);
}

char *dsm_arena_print(dsm_arena *arena, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  char *text = length < 0 ? NULL : dsm_arena_alloc(arena, (size_t)length + 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  va_end(arguments);
  return text;
}

void dsm_arena_reset(dsm_arena *arena) {
  for (block *b = arena->first; b; b = b->next) {
#ifndef NDEBUG
    memset(b->bytes, 0xff, b->used); /* all ones is a NAN, in float and in double */
#endif
    b->used = 0;
  }
  arena->current = arena->first;
  arena->used = 0;
}

size_t dsm_arena_used(const dsm_arena *arena) {
  return arena->used;
}
