/** @file memory.h
 *  Checked, aligned allocation, and an arena: memory handed out piece by piece and released all at once. */
#ifndef DSMPI_MEMORY_H
#define DSMPI_MEMORY_H

#include "dsmpi/status.h"

enum { DSM_ALIGNMENT = 64 /* bytes: a cache line, and the widest SIMD register */ };

/** Allocates `count` zeroed elements of `size` bytes, aligned to DSM_ALIGNMENT. Release with free().
 *  `*memory` becomes NULL when count is 0.
 *  @return DSM_OK; DSM_NO_MEMORY, naming the bytes asked for, also when count * size overflows. */
dsm_status dsm_alloc(size_t count, size_t size, void **memory);
/** dsm_alloc with the type taken from the pointer:  float *x;  DSM_TRY(DSM_ALLOC(n, &x)); */
#define DSM_ALLOC(count, pointer) dsm_alloc((count), sizeof **(pointer), (void **)(pointer))

typedef struct dsm_arena dsm_arena;
/** Creates an arena that grows in blocks of at least `block` bytes. Owned by the caller. */
dsm_status dsm_arena_create(size_t block, dsm_arena **arena);
/** Releases the arena and all that came from it; accepts NULL and sets the handle to NULL. */
void dsm_arena_destroy(dsm_arena **arena);
/** Zeroed memory, aligned to 16 bytes, valid until reset or destroy; NULL when there is no memory. */
void *dsm_arena_alloc(dsm_arena *arena, size_t bytes);
/** Copy of a string (printf-style) in the arena; NULL when there is no memory. */
char *dsm_arena_print(dsm_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Forgets everything handed out, keeps the blocks. Debug builds fill them with NAN, so that a late reader
 *  is seen. */
void dsm_arena_reset(dsm_arena *arena);
/** Bytes handed out since creation or reset. */
size_t dsm_arena_used(const dsm_arena *arena);

#endif
